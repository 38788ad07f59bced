//! What this store does not do yet. Each method goes from here to the file of its noun.

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::model::channel::{Channel, ChannelPatch};
use crate::model::group::{Ban, Group, GroupPatch, Invite, Member, MemberPatch, Role};
use crate::model::id::{ChannelId, GroupId, UserId};
use crate::store::scylla::ScyllaStore;
use crate::store::{
    Activity, BanStore, ChannelPlace, ChannelStore, GroupHead, GroupStore, InviteStore, Joining,
    MemberStore, Opening, OpeningQuota, Redemption, StoreError,
};

fn missing<T>() -> Result<T, StoreError> {
    Err(StoreError::Failed("this store does not do that yet".into()))
}

#[async_trait]
impl GroupStore for ScyllaStore {
    async fn insert_group(
        &self,
        _group: &Group,
        _roles: &[Role],
        _channels: &[Channel],
        _members: &[Member],
    ) -> Result<(), StoreError> {
        missing()
    }
    async fn find_groups(&self, _group_ids: &[GroupId]) -> Result<Vec<GroupHead>, StoreError> {
        missing()
    }
    async fn find_official_group(&self) -> Result<Option<Group>, StoreError> {
        missing()
    }
    async fn update_group(
        &self,
        _group_id: GroupId,
        _patch: &GroupPatch,
    ) -> Result<Option<Group>, StoreError> {
        missing()
    }
    async fn delete_group(&self, _group_id: GroupId) -> Result<bool, StoreError> {
        missing()
    }
}

#[async_trait]
impl MemberStore for ScyllaStore {
    async fn insert_member(&self, _member: &Member) -> Result<Joining, StoreError> {
        missing()
    }
    async fn delete_member(
        &self,
        _group_id: GroupId,
        _user_id: UserId,
    ) -> Result<Option<Member>, StoreError> {
        missing()
    }
    async fn find_member(
        &self,
        _group_id: GroupId,
        _user_id: UserId,
    ) -> Result<Option<Member>, StoreError> {
        missing()
    }
    async fn update_member(
        &self,
        _group_id: GroupId,
        _user_id: UserId,
        _patch: &MemberPatch,
    ) -> Result<Option<Member>, StoreError> {
        missing()
    }
    async fn list_members(
        &self,
        _group_id: GroupId,
        _prefix: Option<&str>,
        _after: UserId,
        _limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        missing()
    }
    async fn filter_members(
        &self,
        _group_id: GroupId,
        _user_ids: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        missing()
    }
    async fn count_members(
        &self,
        _group_ids: &[GroupId],
    ) -> Result<Vec<(GroupId, u64)>, StoreError> {
        missing()
    }
    async fn list_memberships(&self, _user_id: UserId) -> Result<Vec<Member>, StoreError> {
        missing()
    }
}

#[async_trait]
impl BanStore for ScyllaStore {
    async fn insert_ban(&self, _ban: &Ban) -> Result<(), StoreError> {
        missing()
    }
    async fn delete_ban(&self, _group_id: GroupId, _user_id: UserId) -> Result<bool, StoreError> {
        missing()
    }
    async fn find_ban(
        &self,
        _group_id: GroupId,
        _user_id: UserId,
    ) -> Result<Option<Ban>, StoreError> {
        missing()
    }
    async fn list_bans(
        &self,
        _group_id: GroupId,
        _after: UserId,
        _limit: usize,
    ) -> Result<Vec<Ban>, StoreError> {
        missing()
    }
}

#[async_trait]
impl InviteStore for ScyllaStore {
    async fn insert_invite(&self, _invite: &Invite) -> Result<(), StoreError> {
        missing()
    }
    async fn find_invite(&self, _code: &str) -> Result<Option<Invite>, StoreError> {
        missing()
    }
    async fn list_invites(
        &self,
        _group_id: GroupId,
        _creator: Option<UserId>,
        _now_ms: UnixMs,
        _limit: usize,
    ) -> Result<Vec<Invite>, StoreError> {
        missing()
    }
    async fn delete_invite(&self, _code: &str) -> Result<bool, StoreError> {
        missing()
    }
    async fn redeem_invite(
        &self,
        _code: &str,
        _member: &Member,
        _now_ms: UnixMs,
    ) -> Result<Redemption, StoreError> {
        missing()
    }
}

#[async_trait]
impl ChannelStore for ScyllaStore {
    async fn insert_channel(&self, _channel: &Channel) -> Result<bool, StoreError> {
        missing()
    }
    async fn find_channel(&self, _channel_id: ChannelId) -> Result<Option<Channel>, StoreError> {
        missing()
    }
    async fn find_channels(&self, _channel_ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError> {
        missing()
    }
    async fn list_channels(&self, _group_ids: &[GroupId]) -> Result<Vec<Channel>, StoreError> {
        missing()
    }
    async fn update_channel(
        &self,
        _channel_id: ChannelId,
        _patch: &ChannelPatch,
    ) -> Result<Option<Channel>, StoreError> {
        missing()
    }
    async fn delete_channel(&self, _channel_id: ChannelId) -> Result<bool, StoreError> {
        missing()
    }
    async fn open_direct_channel(
        &self,
        _candidate: &Channel,
        _quota: OpeningQuota,
    ) -> Result<Opening, StoreError> {
        missing()
    }
    async fn list_direct_channels(
        &self,
        _user_id: UserId,
        _limit: usize,
    ) -> Result<Vec<Channel>, StoreError> {
        missing()
    }
    async fn list_activity(
        &self,
        _reader: UserId,
        _channels: &[ChannelPlace],
    ) -> Result<Vec<Activity>, StoreError> {
        missing()
    }
}
