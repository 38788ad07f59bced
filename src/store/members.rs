//! Who is in which group.

use async_trait::async_trait;

use crate::model::group::{Member, MemberPatch};
use crate::model::id::{GroupId, UserId};
use crate::store::StoreError;

/// A search leaves nobody out while at most so many names of the installation begin with what is looked for.
pub const NAMES_SEARCHED_MIN: usize = 2_000;

/// Of more, at least so many members are looked at, one after the other: a search has to end, also where nearly everybody
/// has such a name but hardly anybody of the group.
pub const MEMBERS_SEARCHED_MIN: usize = 5_000;

/// # The official group
///
/// Everybody who has an account is a member of it, since they have it, unless they are banned from it. Nothing is
/// stored for that: rows are of those alone who have a nickname or roles there. So nothing has to be filled in,
/// and nobody can be missing. Each answer comes from partitions whose keys are known:
///
/// - [`find_member`](Self::find_member), [`list_memberships`](Self::list_memberships) and
///   [`filter_members`](Self::filter_members): the account, the ban and the row of each person, by their ids.
/// - [`list_members`](Self::list_members): accounts in the order of their ids, which is that of their making, so
///   that they can be kept in a partition for each [`Bucket`](crate::model::id::Bucket) of ids; the bans and the
///   rows of the group in the same range of ids. With a prefix: people by their names, and rows by nicknames.
///   Somebody who registered a moment ago may be missing.
/// - [`count_members`](Self::count_members): a count that registrations and bans keep, as about as counts are.
///
/// Nobody joins it, and nobody leaves it but by a ban.
///
/// # Crowds
///
/// The members of a group may lie in one partition, in which conditions are decided one after the other: some hundred
/// joins a second. Of more who join at once some are refused within a second ([`StoreError::Busy`]), rather than
/// to keep each other waiting until all give up. They come back, which is what `retryAfterMs` is for.
#[async_trait]
pub trait MemberStore: Send + Sync {
    /// Makes somebody a member, unless they are banned. In the official group nothing is stored, and the
    /// answer is [`Joining::Already`] or [`Joining::Banned`].
    ///
    /// Steps: a look for a ban, the member, the person's list of groups, one more look for a ban, which takes
    /// the membership back. Whoever is a member already gets their list completed.
    async fn insert_member(&self, member: &Member) -> Result<Joining, StoreError>;

    /// Returns the member who was removed; from the official group nobody is. Steps: the member, then the person's list of groups; a repetition
    /// does the rest, and finds nobody.
    async fn delete_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError>;

    async fn find_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError>;

    /// Returns the member after the change; never makes somebody a member who has left meanwhile. In the
    /// official group a row that is written while its person is being banned may stay: it counts for nothing,
    /// and the end of the ban takes it away.
    async fn update_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
        patch: &MemberPatch,
    ) -> Result<Option<Member>, StoreError>;

    /// Members after `after` by user id; with `prefix` those whose user name begins with it, or whose
    /// display name or nickname does from one of its words on, without case.
    ///
    /// If more than [`NAMES_SEARCHED_MIN`] names begin with the prefix, those among the first [`MEMBERS_SEARCHED_MIN`]
    /// members after `after`, or more: a page that is not full need not be the last one.
    async fn list_members(
        &self,
        group_id: GroupId,
        prefix: Option<&str>,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError>;

    /// Who of `user_ids` (at most 1,000) is a member.
    async fn filter_members(
        &self,
        group_id: GroupId,
        user_ids: &[UserId],
    ) -> Result<Vec<UserId>, StoreError>;

    /// How many members those of `group_ids` (at most
    /// [`GROUPS_PER_READ_MAX`](crate::store::GROUPS_PER_READ_MAX)) have that exist, in any order. About: it may lag
    /// behind joins and departures at other nodes for some seconds. What this one did is counted from its answer on,
    /// unless thousands do so at once.
    async fn count_members(&self, group_ids: &[GroupId])
    -> Result<Vec<(GroupId, u64)>, StoreError>;

    /// A person's memberships, by group id. Steps: the person's list of groups, then each membership by its key,
    /// all at the same time: who is no member of a group ([`find_member`](Self::find_member)) is never listed in
    /// it, whatever a crash has left in the list. While somebody joins it may be missing.
    async fn list_memberships(&self, user_id: UserId) -> Result<Vec<Member>, StoreError>;
}

/// What making somebody a member came to; but for [`New`](Self::New) nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    New,
    Already,
    Banned,
    NoGroup,
}
