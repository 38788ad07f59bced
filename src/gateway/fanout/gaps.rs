//! Where the fan-out says that something may have been missed, and who opens sessions anew hears it.

use tokio::sync::watch;

/// Counts gaps; clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Gaps(watch::Sender<u64>);

impl Gaps {
    pub fn raise(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Changes with each gap from now on.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
