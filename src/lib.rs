//! VibeTalk: a Socket.IO-compatible group chat server. `docs/architecture.md` is the long form of this page.
//!
//! # Code map
//!
//! Requests go down this list, and dependencies with them; `tests/it/structure.rs` checks the direction.
//!
//! - [`app`]: the composition root, the only module that knows which store and bus run. [`config`],
//!   [`lifecycle`], [`telemetry`] and [`clock`] are what it hands to all others; each part declares its settings
//!   with [`section`]; [`watchdog`] watches the runtime from outside.
//! - [`edge`]: everything before Socket.IO. Accepts connections, upgrades to WebSocket, signs session ids,
//!   closes exactly one connection.
//! - [`gateway`]: Socket.IO. Handshake to session, [`gateway`]'s dispatch as the one way in, its fan-out as
//!   the one way out.
//! - [`http`]: the same commands as a REST API; health, metrics, OpenAPI.
//! - [`cluster`]: which node this is, and the lease of its id.
//! - [`chat`]: the commands. Each parses, authorises, stores, publishes, returns.
//! - [`store`] and [`bus`]: ports, whose documentation states the guarantees; below them what implements them.
//! - [`model`]: pure. Ids, people, groups, permissions, messages, presence; no input or output.
//!
//! # Invariants
//!
//! A change that breaks one of these is wrong even if all tests pass.
//!
//! 1. Only the fan-out emits: all members of a channel see one path and one order.
//! 2. Nothing is published that is not stored first. Typing and presence are never stored.
//! 3. An `ok` ack means durable. A send may be repeated with its nonce, and is stored once.
//! 4. Live delivery is at most once per connection; completeness comes from the store. Every gap is detected
//!    and ends in a sync, never in silence.
//! 5. Every inbound event is acked exactly once, or its socket is closed; events of a socket run in order.
//! 6. Every queue has a bound and every wait a deadline. Tasks are spawned by [`lifecycle`] only.
//! 7. A critical task that ends stops the node. Losing the store or the bus does not: it is reported as
//!    degraded, and readiness is about this node alone.
//! 8. An Engine.IO session id is a secret: no other user and no log line ever sees a whole one.

pub mod app;
pub mod bus;
pub mod chat;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod edge;
pub mod gateway;
pub mod http;
pub mod lifecycle;
pub mod model;
pub mod section;
pub mod store;
pub mod telemetry;
pub mod watchdog;
