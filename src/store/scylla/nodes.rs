//! Leases of node ids: one partition with a row for each that was ever taken. A change of a row is carried out if
//! nobody has changed it since it was read.

use async_trait::async_trait;
use scylla::DeserializeRow;

use crate::clock::UnixMs;
use crate::model::id::NodeId;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::errors::failed;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::Ms;
use crate::store::{KnownNode, NodeLease, NodeStore, NodeTaking, StoreError, free_node_id};

statements! {
    list: read "SELECT node_id, version, name, holder, from_ms, until_ms FROM ks.nodes WHERE scope = 0";
    find: read "SELECT node_id, version, name, holder, from_ms, until_ms FROM ks.nodes
                WHERE scope = 0 AND node_id = ?";
    insert: decide "INSERT INTO ks.nodes (scope, name, holder, from_ms, until_ms, version, node_id)
                    VALUES (0, ?, ?, ?, ?, 1, ?) IF NOT EXISTS";
    take: decide "UPDATE ks.nodes SET name = ?, holder = ?, from_ms = ?, until_ms = ?, version = ?
                  WHERE scope = 0 AND node_id = ? IF version = ?";
    renew: decide "UPDATE ks.nodes SET until_ms = ?, version = ? WHERE scope = 0 AND node_id = ? IF version = ?";
    give_back: decide "UPDATE ks.nodes SET holder = null, until_ms = ?, version = ?
                       WHERE scope = 0 AND node_id = ? IF version = ?";
}

#[derive(DeserializeRow)]
struct NodeRow {
    node_id: i32,
    version: i32,
    name: String,
    holder: Option<i64>,
    from_ms: Ms,
    until_ms: Ms,
}

impl NodeRow {
    fn known(&self) -> Result<KnownNode, StoreError> {
        let node = u16::try_from(self.node_id).ok().and_then(NodeId::new);
        Ok(KnownNode {
            node: node.ok_or_else(|| failed(format!("there is no node id {}", self.node_id)))?,
            name: self.name.clone(),
            holder: self.holder.map(i64::cast_unsigned),
            from_ms: self.from_ms.0,
            until_ms: self.until_ms.0,
        })
    }

    fn is_held_by(&self, lease: &NodeLease) -> bool {
        self.holder == Some(lease.holder.cast_signed())
    }
}

impl ScyllaStore {
    /// False if somebody was faster.
    async fn take(
        &self,
        taking: &NodeTaking,
        lease: &NodeLease,
        rows: &[NodeRow],
    ) -> Result<bool, StoreError> {
        let cql = &self.cql().nodes;
        let (node, holder) = (i32::from(lease.node.get()), lease.holder.cast_signed());
        let (from, until) = (Ms(lease.from_ms), Ms(lease.until_ms));
        let decision = match rows.iter().find(|row| row.node_id == node) {
            None => {
                self.db().decide(&cql.insert, (&taking.name, holder, from, until, node)).await?
            }
            Some(NodeRow { version, .. }) => {
                let values =
                    (&taking.name, holder, from, until, version.wrapping_add(1), node, version);
                self.db().decide(&cql.take, values).await?
            }
        };
        Ok(decision.applied())
    }

    async fn find_node(&self, node: NodeId) -> Result<Option<NodeRow>, StoreError> {
        self.db().row(&self.cql().nodes.find, (i32::from(node.get()),)).await
    }
}

#[async_trait]
impl NodeStore for ScyllaStore {
    async fn take_node_id(&self, taking: &NodeTaking) -> Result<Option<NodeLease>, StoreError> {
        self.call("take_node_id", async {
            let _turn = self.turn("nodes").await;
            loop {
                let rows: Vec<NodeRow> = self.db().rows(&self.cql().nodes.list, ()).await?;
                let known = rows.iter().map(NodeRow::known).collect::<Result<Vec<_>, _>>()?;
                let Some(lease) = free_node_id(&known, taking) else { return Ok(None) };
                if self.take(taking, &lease, &rows).await? {
                    return Ok(Some(lease));
                }
            }
        })
        .await
    }

    async fn renew_node_id(
        &self,
        lease: &NodeLease,
        now_ms: UnixMs,
        until_ms: UnixMs,
    ) -> Result<bool, StoreError> {
        self.call("renew_node_id", async {
            loop {
                let row = self.find_node(lease.node).await?;
                let Some(row) = row.filter(|row| row.is_held_by(lease) && row.until_ms.0 > now_ms)
                else {
                    return Ok(false);
                };
                let until = Ms(until_ms.max(row.until_ms.0));
                let values = (until, row.version.wrapping_add(1), row.node_id, row.version);
                if self.db().decide(&self.cql().nodes.renew, values).await?.applied() {
                    return Ok(true);
                }
            }
        })
        .await
    }

    async fn give_back_node_id(
        &self,
        lease: &NodeLease,
        unused_from_ms: UnixMs,
    ) -> Result<(), StoreError> {
        self.call("give_back_node_id", async {
            loop {
                let row = self.find_node(lease.node).await?;
                let Some(row) = row.filter(|row| row.is_held_by(lease)) else { return Ok(()) };
                let until = Ms(unused_from_ms.min(row.until_ms.0));
                let values = (until, row.version.wrapping_add(1), row.node_id, row.version);
                if self.db().decide(&self.cql().nodes.give_back, values).await?.applied() {
                    return Ok(());
                }
            }
        })
        .await
    }
}
