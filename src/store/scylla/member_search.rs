//! Members by the start of a name, or of one of its words.
//!
//! From the names of the whole installation while not too many of them begin so: only their ids are kept, and looked for
//! in the group in order. Otherwise members are looked at one after the other until the page is full, which is
//! soon, because so many have such a name. In a group where hardly anybody does it ends after some thousand.

use crate::model::account::User;
use crate::model::group::Member;
use crate::model::id::{GroupId, UserId};
use crate::model::name::folded_username;
use crate::model::search;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::member_lists::KnownGroup;
use crate::store::scylla::member_words::keys_of;
use crate::store::scylla::statement::{CqlStatement, statements};
use crate::store::scylla::value::{prefix_end, rows};
use crate::store::scylla::words::first_character;
use crate::store::{MEMBERS_SEARCHED_MIN, NAMES_SEARCHED_MIN, StoreError};

/// Entries of the lists of names that are read at most: 160 kB of ids. Where more begin with the same, one of
/// fifty people in a million does.
const NAMES_MAX: usize = 20_000;
const _: () = assert!(NAMES_MAX >= NAMES_SEARCHED_MIN);
/// Members that are looked up at a time.
const MEMBERS_AT_A_TIME: usize = 500;

statements! {
    names: read "SELECT user_id FROM ks.user_names
                 WHERE first = ? AND username_folded >= ? AND username_folded < ? LIMIT ?";
    words: read "SELECT user_id FROM ks.user_words WHERE first = ? AND word >= ? AND word < ? LIMIT ?";
    nicknames: read "SELECT user_id FROM ks.member_words
                     WHERE group_id = ? AND first = ? AND word >= ? AND word < ? LIMIT ?";
}

/// What is looked for, in the forms in which names are kept.
struct Query {
    username: String,
    word: String,
}

impl Query {
    fn new(prefix: &str) -> Self {
        Self { username: folded_username(prefix), word: search::key(prefix) }
    }

    /// By the names as they are now: those under which somebody was found may be old.
    fn matches(&self, member: &Member, user: Option<&User>) -> bool {
        let begins = |keys: Vec<String>| keys.iter().any(|key| key.starts_with(&self.word));
        begins(keys_of(member.nickname.as_deref()))
            || user.is_some_and(|user| {
                folded_username(&user.username).starts_with(&self.username)
                    || begins(search::word_keys(&user.display_name))
            })
    }
}

/// The ids after one of them, as long as there are not too many names.
struct Ids {
    after: UserId,
    ids: Vec<UserId>,
    names: usize,
}

impl Ids {
    fn add(&mut self, found: Vec<UserId>) {
        self.names += found.len();
        self.ids.extend(found.into_iter().filter(|user_id| *user_id > self.after));
    }

    /// In order. None if it is not all of them.
    fn all(mut self) -> Option<Vec<UserId>> {
        self.ids.sort_unstable();
        self.ids.dedup();
        (self.names <= NAMES_MAX).then_some(self.ids)
    }
}

impl ScyllaStore {
    pub(super) async fn members_named(
        &self,
        group: KnownGroup,
        prefix: &str,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        let query = Query::new(prefix);
        if query.username.is_empty() || query.word.is_empty() {
            return self.members_page(group, after, limit).await;
        }
        match self.named(group.0, &query, after).await? {
            Some(user_ids) => self.named_among(group, &query, &user_ids, limit).await,
            None => self.named_in_order(group, &query, after, limit).await,
        }
    }

    /// People of the installation with such a name, and people with such a nickname in the group.
    async fn named(
        &self,
        group_id: GroupId,
        query: &Query,
        after: UserId,
    ) -> Result<Option<Vec<UserId>>, StoreError> {
        let cql = &self.cql().member_search;
        let most = rows(NAMES_MAX + 1);
        let range = |key: &str| (first_character(key).to_owned(), key.to_owned(), prefix_end(key));
        let of_all = async |statement: &CqlStatement, key: &str| {
            let (first, from, to) = range(key);
            self.db().column::<UserId>(statement, (first, from, to, most)).await
        };
        let (first, from, to) = range(&query.word);
        let nicknames = (group_id, first, from, to, most);
        let mut ids = Ids { after, ids: Vec::new(), names: 0 };
        ids.add(self.db().column(&cql.nicknames, nicknames).await?);
        ids.add(of_all(&cql.names, &query.username).await?);
        ids.add(of_all(&cql.words, &query.word).await?);
        Ok(ids.all())
    }

    async fn named_among(
        &self,
        group: KnownGroup,
        query: &Query,
        user_ids: &[UserId],
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        let mut found = Vec::new();
        // As a rule everybody who is found is a member of the official group, and a page is enough.
        let mut at_a_time = limit.clamp(1, MEMBERS_AT_A_TIME);
        let mut left = user_ids;
        while !left.is_empty() && found.len() < limit {
            let (some, rest) = left.split_at(at_a_time.min(left.len()));
            let members = self.members_among(group, some).await?;
            found.extend(self.matching(members, query).await?);
            at_a_time = MEMBERS_AT_A_TIME;
            left = rest;
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn named_in_order(
        &self,
        group: KnownGroup,
        query: &Query,
        mut after: UserId,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        while found.len() < limit && looked_at < MEMBERS_SEARCHED_MIN {
            let members = self.members_page(group, after, MEMBERS_AT_A_TIME).await?;
            let Some(last) = members.last() else { break };
            after = last.user_id;
            looked_at += members.len();
            found.extend(self.matching(members, query).await?);
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn matching(
        &self,
        members: Vec<Member>,
        query: &Query,
    ) -> Result<Vec<Member>, StoreError> {
        let matching = |member: Member| async move {
            let user = self.find_user(member.user_id).await?;
            Ok(query.matches(&member, user.as_ref()).then_some(member))
        };
        Ok(for_all(members, matching).await?.into_iter().flatten().collect())
    }
}
