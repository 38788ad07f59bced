//! Statements: written down beside what uses them, prepared once when the store is opened.

use futures_util::future::try_join_all;
use scylla::client::execution_profile::ExecutionProfileHandle;
use scylla::errors::PrepareError;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::unprepared;

use crate::store::scylla::connection::DatabaseConnection;

/// What a statement does, which decides how it may be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// May be asked of two replicas.
    Read,
    /// Comes to the same however often it is repeated: every plain write here does.
    Write,
    /// A conditional write, which only [`Database::decide`](super::database::Database::decide) carries out.
    Decide,
}

pub struct CqlStatement {
    pub prepared: PreparedStatement,
    pub kind: Kind,
}

impl CqlStatement {
    /// `text` says `ks.` for the keyspace: statements name it, because a connection that uses one makes other statements of
    /// the same texts.
    pub async fn prepare(
        connection: &DatabaseConnection,
        keyspace: &str,
        kind: Kind,
        text: &str,
    ) -> Result<Self, PrepareError> {
        let text = with_keyspace(text, keyspace);
        let mut statement = unprepared::Statement::new(text);
        let profile: &ExecutionProfileHandle = match kind {
            Kind::Read => &connection.profiles.read,
            Kind::Write => &connection.profiles.write,
            Kind::Decide => &connection.profiles.conditional,
        };
        statement.set_execution_profile_handle(Some(profile.clone()));
        statement.set_is_idempotent(kind != Kind::Decide);
        let prepared = connection.session.prepare(statement).await?;
        Ok(Self { prepared, kind })
    }
}

pub fn with_keyspace(text: &str, keyspace: &str) -> String {
    text.replace(" ks.", &format!(" {keyspace}."))
}

/// The statements of one file: `name: read "SELECT …";` and likewise `write` and `decide`.
macro_rules! statements {
    ($($name:ident: $kind:ident $text:expr;)+) => {
        /// The statements of this file.
        pub struct Statements {
            $($name: $crate::store::scylla::statement::CqlStatement,)+
        }

        impl Statements {
            pub async fn prepare(
                connection: &$crate::store::scylla::connection::DatabaseConnection,
                keyspace: &str,
            ) -> Result<Self, scylla::errors::PrepareError> {
                use $crate::store::scylla::statement::{Kind, prepare_all};
                let texts = [$((statements!(@kind $kind), $text)),+];
                let mut prepared = prepare_all(connection, keyspace, &texts).await?.into_iter();
                Ok(Self { $($name: prepared.next().expect("as many as there are texts"),)+ })
            }
        }
    };
    (@kind read) => { Kind::Read };
    (@kind write) => { Kind::Write };
    (@kind decide) => { Kind::Decide };
}
pub(super) use statements;

/// In the order of `texts`.
pub async fn prepare_all(
    connection: &DatabaseConnection,
    keyspace: &str,
    texts: &[(Kind, &str)],
) -> Result<Vec<CqlStatement>, PrepareError> {
    let prepare = |&(kind, text)| CqlStatement::prepare(connection, keyspace, kind, text);
    try_join_all(texts.iter().map(prepare)).await
}
