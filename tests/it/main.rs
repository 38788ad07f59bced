//! Integration tests: whole parts of the node over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod edge;
