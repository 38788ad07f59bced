//! All statements, by the file that they are written in.

use scylla::errors::PrepareError;

use crate::store::scylla::connection::DatabaseConnection;
use crate::store::scylla::{
    accounts, activity, activity_lists, attempts, bans, changes, channels, direct_channels, edits,
    garbage, garbage_channels, garbage_groups, groups, invites, keys, member_counts, member_lists,
    member_search, member_words, members, mentions, messages, nodes, nonces, pins, places,
    reactions, read_states, records, sending, sessions, settings, slow_mode, state, words,
};

macro_rules! files {
    ($($file:ident)+) => {
        pub struct AllStatements {
            $(pub $file: Box<$file::Statements>,)+
        }

        impl AllStatements {
            pub async fn prepare(connection: &DatabaseConnection, keyspace: &str) -> Result<Self, PrepareError> {
                // Boxed: what waits for them all would move all of them about.
                $(let $file = Box::pin(async {
                    $file::Statements::prepare(connection, keyspace).await.map(Box::new)
                });)+
                let ($($file,)+) = futures_util::try_join!($($file),+)?;
                Ok(Self { $($file,)+ })
            }
        }
    };
}

files! {
    accounts
    activity
    activity_lists
    attempts
    bans
    changes
    channels
    direct_channels
    edits
    garbage
    garbage_channels
    garbage_groups
    groups
    invites
    keys
    member_counts
    member_lists
    member_search
    member_words
    members
    mentions
    messages
    nodes
    nonces
    pins
    places
    reactions
    read_states
    records
    sending
    sessions
    settings
    slow_mode
    state
    words
}
