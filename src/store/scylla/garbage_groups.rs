//! Deletes what was in a deleted group: first what is found by its rows, then these.

use scylla::DeserializeRow;

use crate::model::id::{ChannelId, GroupId, UserId};
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::member_words::keys_of;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::rows;

/// Members that are read at a time.
const MEMBERS_AT_A_TIME: usize = 1000;

statements! {
    channels: read "SELECT channel_id FROM ks.groups WHERE group_id = ?";
    people: read "SELECT user_id, nickname FROM ks.members WHERE group_id = ? AND user_id > ? LIMIT ?";
    invites: read "SELECT code FROM ks.invites_by_group WHERE group_id = ?";
    leave: write "DELETE FROM ks.groups_by_user WHERE user_id = ? AND group_id = ?";
    members: write "DELETE FROM ks.members WHERE group_id = ?";
    bans: write "DELETE FROM ks.bans WHERE group_id = ?";
    invite_list: write "DELETE FROM ks.invites_by_group WHERE group_id = ?";
    activity: write "DELETE FROM ks.group_activity WHERE group_id = ?";
    group: write "DELETE FROM ks.groups WHERE group_id = ?";
}

#[derive(DeserializeRow)]
struct LeftMember {
    user_id: UserId,
    nickname: Option<String>,
}

impl ScyllaStore {
    pub(super) async fn delete_contents_of_group(
        &self,
        group_id: GroupId,
    ) -> Result<(), StoreError> {
        let cql = &self.cql().garbage_groups;
        let channels: Vec<Option<ChannelId>> = self.db().column(&cql.channels, (group_id,)).await?;
        for channel_id in channels.into_iter().flatten() {
            self.delete_contents_of_channel(channel_id).await?;
        }
        self.delete_member_entries(group_id).await?;
        let codes: Vec<String> = self.db().column(&cql.invites, (group_id,)).await?;
        let delete = |code: String| async move { self.delete_invite_of(group_id, &code).await };
        for_all(codes, delete).await?;
        // The group last: by its rows the channels are found.
        for of_group in [&cql.members, &cql.bans, &cql.invite_list, &cql.activity, &cql.group] {
            self.db().write(of_group, (group_id,)).await?;
        }
        Ok(())
    }

    async fn delete_member_entries(&self, group_id: GroupId) -> Result<(), StoreError> {
        let (cql, mut after) = (&self.cql().garbage_groups, UserId::ZERO);
        let delete = |member: LeftMember| async move {
            self.db().write(&cql.leave, (member.user_id, group_id)).await?;
            let words = keys_of(member.nickname.as_deref());
            self.forget_nickname((group_id, member.user_id), &words).await
        };
        loop {
            let values = (group_id, after, rows(MEMBERS_AT_A_TIME));
            let some: Vec<LeftMember> = self.db().rows(&cql.people, values).await?;
            let Some(last) = some.last() else { return Ok(()) };
            after = last.user_id;
            for_all(some, delete).await?;
        }
    }
}
