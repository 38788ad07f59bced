//! What a chat is made of. Pure: no I/O, no clock, no Socket.IO.

pub mod account;
pub mod address;
pub mod channel;
pub mod event;
pub mod group;
pub mod id;
mod invisible;
pub mod message;
pub mod name;
pub mod password;
pub mod permission;
pub mod presence;
pub mod rate;
pub mod read_state;
pub mod search;
pub mod secret;
pub mod settings;
pub mod text;
pub mod time;
pub mod time_budget;
pub mod window;
