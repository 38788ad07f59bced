//! The keys under which members are found by their nicknames. As with names of people (`words.rs`) one that is noted
//! too many is harmless: whoever is found by it is looked at.

use crate::model::group::Member;
use crate::model::id::{GroupId, UserId};
use crate::model::search::word_keys;
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::statement::{CqlStatement, statements};
use crate::store::scylla::words::{LOOKS_MAX, first_character};

statements! {
    note: write "INSERT INTO ks.member_words (group_id, first, word, user_id) VALUES (?, ?, ?, ?)";
    forget: write "DELETE FROM ks.member_words WHERE group_id = ? AND first = ? AND word = ? AND user_id = ?";
}

/// Whose nickname it is.
type Key = (GroupId, UserId);

/// None without a nickname.
pub(super) fn keys_of(nickname: Option<&str>) -> Vec<String> {
    nickname.map(word_keys).unwrap_or_default()
}

impl ScyllaStore {
    /// Notes the keys of somebody's nickname in place of those of `before`, after it has changed.
    pub(super) async fn note_nickname(
        &self,
        key: Key,
        nickname: Option<&str>,
        before: Option<&str>,
    ) -> Result<(), StoreError> {
        let (mut keys, mut before) = (keys_of(nickname), keys_of(before));
        for _ in 0..LOOKS_MAX {
            self.each_word(&self.cql().member_words.note, key, &keys).await?;
            before.retain(|word| !keys.contains(word));
            if before.is_empty() {
                return Ok(());
            }
            self.forget_nickname(key, &before).await?;
            // Somebody may have changed it meanwhile, back to what was just forgotten.
            let row = self.member_row(key.0, key.1).await?;
            let now = keys_of(row.as_ref().and_then(|member: &Member| member.nickname.as_deref()));
            before = std::mem::replace(&mut keys, now);
            if keys == before {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) async fn forget_nickname(
        &self,
        key: Key,
        words: &[String],
    ) -> Result<(), StoreError> {
        self.each_word(&self.cql().member_words.forget, key, words).await
    }

    async fn each_word(
        &self,
        statement: &CqlStatement,
        (group_id, user_id): Key,
        words: &[String],
    ) -> Result<(), StoreError> {
        let write = |word: &String| {
            let values = (group_id, first_character(word).to_owned(), word.clone(), user_id);
            self.db().write(statement, values)
        };
        for_all(words, write).await.map(drop)
    }
}
