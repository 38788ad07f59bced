//! What ScyllaDB and Cassandra call differently when tables are made; all of it is here.
//!
//! Cassandra is what the tests run; a golden text holds what ScyllaDB is told.

use crate::store::scylla::config::Replication;
use crate::store::scylla::connection::Dialect;

/// `CREATE KEYSPACE`.
pub fn keyspace(name: &str, replication: &Replication, server: Dialect) -> String {
    let replication = replication.to_cql();
    let made = format!("CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {replication}");
    match server {
        // Conditional writes on tablets came after 2025.3.
        Dialect::Scylla => format!("{made} AND tablets = {{'enabled': false}}"),
        Dialect::Cassandra => made,
    }
}

/// Replaces `{state}` and the like in a statement of a migration by the options of such a table.
pub fn expand(statement: &str, server: Dialect) -> String {
    KINDS.iter().fold(statement.to_owned(), |text, (name, kind)| {
        text.replace(&format!("{{{name}}}"), &kind.options(server))
    })
}

const KINDS: &[(&str, TableKind)] = &[
    ("state", TableKind::State),
    ("history", TableKind::History),
    ("passing", TableKind::Passing),
    ("queue", TableKind::Queue),
];

#[derive(Clone, Copy)]
enum TableKind {
    /// Few rows, read often and changed in place.
    State,
    /// Written once, read in ranges, seldom changed or deleted.
    History,
    /// Everything in it expires, in the order in which it was written.
    Passing,
    /// Rows that are taken out soon after they were put in, and put in again by a repetition should one come
    /// back: deleted ones need not be remembered for long.
    Queue,
}

impl TableKind {
    fn options(self, server: Dialect) -> String {
        let compaction = match self {
            Self::State | Self::Queue => "{'class': 'LeveledCompactionStrategy'}",
            Self::History => "{'class': 'SizeTieredCompactionStrategy'}",
            Self::Passing => {
                "{'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'HOURS', \
                 'compaction_window_size': '12'}"
            }
        };
        let deleted = match (self, server) {
            (Self::Queue, _) => "gc_grace_seconds = 3600",
            // Forgotten when a repair has carried them everywhere.
            (_, Dialect::Scylla) => "tombstone_gc = {'mode': 'repair'}",
            // Two days: repairs run nightly.
            (_, Dialect::Cassandra) => "gc_grace_seconds = 172800",
        };
        format!("compaction = {compaction} AND {deleted}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scylla_is_told_what_only_it_knows() {
        let made = keyspace("chat", &Replication::Copies(3), Dialect::Scylla);
        let expected = "CREATE KEYSPACE IF NOT EXISTS chat WITH replication = \
                        {'class': 'NetworkTopologyStrategy', 'replication_factor': 3} \
                        AND tablets = {'enabled': false}";
        assert_eq!(made, expected);
        let text = "CREATE TABLE ks.x (y int PRIMARY KEY) WITH {state}";
        let expected = "CREATE TABLE ks.x (y int PRIMARY KEY) WITH compaction = \
                        {'class': 'LeveledCompactionStrategy'} AND tombstone_gc = {'mode': 'repair'}";
        assert_eq!(expand(text, Dialect::Scylla), expected);
        let queue = expand("{queue}", Dialect::Scylla);
        assert!(queue.ends_with("AND gc_grace_seconds = 3600"), "{queue}");
        let history = expand("{history}", Dialect::Scylla);
        assert!(history.contains("SizeTiered"), "{history}");
    }

    #[test]
    fn cassandra_is_told_nothing_of_it() {
        let made = keyspace("chat", &Replication::Copies(1), Dialect::Cassandra);
        assert!(!made.contains("tablets"), "{made}");
        for (name, _) in KINDS {
            let options = expand(&format!("{{{name}}}"), Dialect::Cassandra);
            assert!(options.contains("gc_grace_seconds") && !options.contains("tombstone_gc"));
        }
    }
}
