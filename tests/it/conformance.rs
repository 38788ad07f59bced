//! What the ports promise, checked on every implementation.

mod bus;
mod store;
