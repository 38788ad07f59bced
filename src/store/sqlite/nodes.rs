//! Leases of node ids. A database of this kind has one node, which needs none; these are for what runs several nodes on
//! one database in one process, as tests do.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::clock::UnixMs;
use crate::model::id::NodeId;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::statement::{Ms, execute, list};
use crate::store::{KnownNode, NodeLease, NodeStore, NodeTaking, StoreError, free_node_id};

/// SQLite's integers have a sign.
fn holder_column(holder: u64) -> i64 {
    holder.cast_signed()
}

fn known(row: &Row<'_>) -> rusqlite::Result<KnownNode> {
    let number: u16 = row.get(0)?;
    let node = NodeId::new(number)
        .ok_or(rusqlite::Error::IntegralValueOutOfRange(0, i64::from(number)))?;
    let holder: Option<i64> = row.get(2)?;
    let (Ms(from_ms), Ms(until_ms)) = (row.get(3)?, row.get(4)?);
    let holder = holder.map(i64::cast_unsigned);
    Ok(KnownNode { node, name: row.get(1)?, holder, from_ms, until_ms })
}

fn take(conn: &Connection, taking: &NodeTaking) -> rusqlite::Result<Option<NodeLease>> {
    let sql = "SELECT node_id, name, holder, from_ms, until_ms FROM nodes ORDER BY node_id";
    let known = list(conn, sql, [], known)?;
    let Some(lease) = free_node_id(&known, taking) else { return Ok(None) };
    execute(
        conn,
        "INSERT INTO nodes (node_id, name, holder, from_ms, until_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET name = excluded.name, holder = excluded.holder,
             from_ms = excluded.from_ms, until_ms = excluded.until_ms",
        params![
            lease.node.get(),
            taking.name,
            holder_column(lease.holder),
            Ms(lease.from_ms),
            Ms(lease.until_ms)
        ],
    )?;
    Ok(Some(lease))
}

#[async_trait]
impl NodeStore for SqliteStore {
    async fn take_node_id(&self, taking: &NodeTaking) -> Result<Option<NodeLease>, StoreError> {
        let taking = taking.clone();
        self.write("take_node_id", 128, move |conn| Ok(take(conn, &taking)?)).await
    }

    async fn renew_node_id(
        &self,
        lease: &NodeLease,
        now_ms: UnixMs,
        until_ms: UnixMs,
    ) -> Result<bool, StoreError> {
        let (node, holder) = (lease.node.get(), holder_column(lease.holder));
        self.write("renew_node_id", 32, move |conn| {
            let sql = "UPDATE nodes SET until_ms = max(until_ms, ?4)
                       WHERE node_id = ?1 AND holder = ?2 AND until_ms > ?3";
            Ok(execute(conn, sql, params![node, holder, Ms(now_ms), Ms(until_ms)])? == 1)
        })
        .await
    }

    async fn give_back_node_id(
        &self,
        lease: &NodeLease,
        unused_from_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let (node, holder) = (lease.node.get(), holder_column(lease.holder));
        self.write("give_back_node_id", 32, move |conn| {
            let sql = "UPDATE nodes SET holder = NULL, until_ms = min(until_ms, ?3)
                       WHERE node_id = ?1 AND holder = ?2";
            execute(conn, sql, params![node, holder, Ms(unused_from_ms)])?;
            Ok(())
        })
        .await
    }
}
