//! The official group, which everybody is a member of.

use crate::chat::{Chat, ChatError};

impl Chat {
    /// Makes the official group if there is none, and adds everybody who is not in it.
    pub async fn ensure_official_group(&self) -> Result<(), ChatError> {
        todo!()
    }
    /// Makes somebody an operator, who may run the official group.
    pub async fn promote(&self, username: &str) -> Result<(), ChatError> {
        todo!()
    }
}
