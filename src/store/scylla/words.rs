//! The keys under which people are found by name; `model::search` makes them.
//!
//! They are noted after the name itself has changed, by whoever changed it, and are looked at beside the name as it is
//! by then. So one that is noted too many is harmless, and whoever takes an old one away looks afterwards
//! whether it is of the current name again.

use crate::model::account::User;
use crate::model::id::UserId;
use crate::model::name::folded_username;
use crate::model::search::word_keys;
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::statement::statements;

statements! {
    note_user: write "INSERT INTO ks.user_words (first, word, user_id, username_folded) VALUES (?, ?, ?, ?)";
    forget_user: write "DELETE FROM ks.user_words WHERE first = ? AND word = ? AND user_id = ?";
}

/// Racing changes of one name are looked at so often; beyond, a search may miss somebody by their newest name.
pub const LOOKS_MAX: usize = 3;

/// The part of the partition key: what everything in a search begins with.
pub fn first_character(key: &str) -> &str {
    let end = key.char_indices().nth(1).map_or(key.len(), |(index, _)| index);
    &key[..end]
}

/// Notes the keys of a person's display name in place of those of `before`.
pub async fn note_words(
    store: &ScyllaStore,
    user: &User,
    before: &[String],
) -> Result<(), StoreError> {
    let (mut user, mut before) = (user.clone(), before.to_vec());
    for _ in 0..LOOKS_MAX {
        let keys = word_keys(&user.display_name);
        store.insert_words(&user, &keys).await?;
        before.retain(|key| !keys.contains(key));
        if before.is_empty() {
            return Ok(());
        }
        store.forget_words(user.id, &before).await?;
        match store.find_user(user.id).await? {
            Some(now) if now.display_name != user.display_name => {
                before = keys;
                user = now;
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

impl ScyllaStore {
    async fn insert_words(&self, user: &User, keys: &[String]) -> Result<(), StoreError> {
        let (note, username) = (&self.cql().words.note_user, folded_username(&user.username));
        let insert = |key: &String| {
            let values = (first_character(key).to_owned(), key.clone(), user.id, username.clone());
            self.db().write(note, values)
        };
        for_all(keys, insert).await.map(drop)
    }

    pub(super) async fn forget_words(
        &self,
        user_id: UserId,
        keys: &[String],
    ) -> Result<(), StoreError> {
        let forget = &self.cql().words.forget_user;
        let delete = |key: &String| {
            self.db().write(forget, (first_character(key).to_owned(), key.clone(), user_id))
        };
        for_all(keys, delete).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_first_character() {
        for (key, first) in [("ada", "a"), ("é", "é"), ("🎉 x", "🎉"), ("", "")] {
            assert_eq!(first_character(key), first);
        }
    }
}
