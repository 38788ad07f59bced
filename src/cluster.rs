//! What makes a process one of several nodes: what it is called, where the others reach it, and under which number it
//! makes ids, for as long as it may.

pub mod identity;
pub mod lease;
