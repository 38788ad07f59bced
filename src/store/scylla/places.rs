//! Whose a channel is: of a group, or of two to ten people. It never changes, so it is remembered.

use std::sync::Arc;

use moka::sync::Cache;

use crate::model::id::{ChannelId, GroupId, UserId};
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::errors::failed;
use crate::store::scylla::statement::statements;

/// Channels that are remembered: some 100 bytes each.
const REMEMBERED_MAX: u64 = 100_000;

statements! {
    find: read "SELECT group_id, recipients FROM ks.channel_places WHERE channel_id = ?";
}

pub type Places = Cache<ChannelId, Arc<ChannelOwner>>;

#[derive(Debug, PartialEq, Eq)]
pub enum ChannelOwner {
    Group(GroupId),
    /// Sorted.
    Direct(Vec<UserId>),
}

pub fn remembered() -> Places {
    Cache::new(REMEMBERED_MAX)
}

impl ScyllaStore {
    /// Also of a channel that was deleted a moment ago.
    pub(super) async fn place_of(
        &self,
        channel_id: ChannelId,
    ) -> Result<Option<Arc<ChannelOwner>>, StoreError> {
        if let Some(place) = self.0.places.get(&channel_id) {
            return Ok(Some(place));
        }
        type PlaceRow = (Option<GroupId>, Option<Vec<UserId>>);
        let row: Option<PlaceRow> = self.db().row(&self.cql().places.find, (channel_id,)).await?;
        let place = match row {
            None => return Ok(None),
            Some((Some(group_id), _)) => ChannelOwner::Group(group_id),
            Some((None, Some(recipients))) => ChannelOwner::Direct(recipients),
            Some((None, None)) => return Err(failed(format!("channel {channel_id} is nobody's"))),
        };
        let place = Arc::new(place);
        self.0.places.insert(channel_id, place.clone());
        Ok(Some(place))
    }
}
