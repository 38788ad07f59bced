//! The remote control of one [`Connection`](super::connection::Connection): ends it from anywhere, and
//! knows what waits for its peer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use super::close_reason::{CloseReason, FirstReason};
use super::frames::server_frame_bytes;
use super::meters::Meters;
use super::settings::{ACK_BYTES_QUEUED_MAX, ACKS_QUEUED_MAX};
use super::tally::Taken;

/// See the module.
pub struct Link {
    reason: FirstReason,
    /// Of whoever waits to read.
    pub(super) reader: AtomicWaker,
    pub(super) writer: AtomicWaker,
    websocket: AtomicBool,
    requested: AtomicBool,
    /// Pushes for the peer that the kernel has not taken.
    pushes_queued: AtomicU32,
    push_bytes_queued: AtomicU64,
    /// Likewise acks; while there are too many, nothing is read.
    acks_queued: AtomicU32,
    ack_bytes_queued: AtomicU64,
    room: Notify,
    /// Only its one reader adds to it.
    received: AtomicU64,
    /// Likewise its one writer.
    sent: AtomicU64,
    common: Arc<Common>,
}

/// What all links of an edge have in common.
pub struct Common {
    pub meters: Meters,
    pub bounds: Bounds,
}

/// How long and how large things may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub write_stall: Duration,
    pub payload_bytes_max: usize,
}

/// What waits for one peer, with the push that was just counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    pub pushes: u32,
    pub push_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BytesMoved {
    pub received: u64,
    pub sent: u64,
}

impl Link {
    pub fn new(common: Arc<Common>) -> Arc<Self> {
        Arc::new(Self {
            reason: FirstReason::default(),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            websocket: AtomicBool::new(false),
            requested: AtomicBool::new(false),
            pushes_queued: AtomicU32::new(0),
            push_bytes_queued: AtomicU64::new(0),
            acks_queued: AtomicU32::new(0),
            ack_bytes_queued: AtomicU64::new(0),
            room: Notify::new(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            common,
        })
    }

    pub(super) fn meters(&self) -> &Meters {
        &self.common.meters
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.common.bounds
    }

    /// Fails all reads and writes from now on; the first reason stays.
    pub fn close(&self, reason: CloseReason) {
        if self.reason.set(reason) {
            self.reader.wake();
            self.writer.wake();
        }
    }

    pub fn close_reason(&self) -> Option<CloseReason> {
        self.reason.get()
    }

    /// What comes and goes from now on are frames.
    pub(super) fn becomes_websocket(&self) {
        self.websocket.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_websocket(&self) -> bool {
        self.websocket.load(Ordering::Relaxed)
    }

    pub(super) fn received(&self, bytes: usize) {
        add_alone(&self.received, bytes);
        self.meters().received(self.is_websocket(), bytes);
    }

    pub(super) fn sent(&self, bytes: usize) {
        add_alone(&self.sent, bytes);
        self.meters().sent(self.is_websocket(), bytes);
    }

    pub(super) fn bytes_moved(&self) -> BytesMoved {
        BytesMoved {
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
        }
    }

    /// Remembers that one whole request head has arrived.
    pub fn note_request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    pub fn has_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// Counts a push with a packet of so many bytes, which is about to be queued.
    pub fn queue_push(&self, packet_bytes: usize) -> Queued {
        let frame_bytes = server_frame_bytes(packet_bytes) as u64;
        Queued {
            pushes: self.pushes_queued.fetch_add(1, Ordering::Relaxed) + 1,
            push_bytes: self.push_bytes_queued.fetch_add(frame_bytes, Ordering::Relaxed)
                + frame_bytes,
        }
    }

    /// Counts an ack that is about to be queued.
    pub fn queue_ack(&self, packet_bytes: usize) {
        let frame_bytes = server_frame_bytes(packet_bytes) as u64;
        self.acks_queued.fetch_add(1, Ordering::SeqCst);
        self.ack_bytes_queued.fetch_add(frame_bytes, Ordering::Relaxed);
    }

    /// Whether the client takes the answers to what it asks.
    pub(super) fn may_read(&self) -> bool {
        self.acks_queued.load(Ordering::SeqCst) <= ACKS_QUEUED_MAX
    }

    /// Whether more acks should be made.
    pub fn has_room(&self) -> bool {
        self.ack_bytes_queued.load(Ordering::SeqCst) <= ACK_BYTES_QUEUED_MAX
    }

    /// Told when there [is room](Self::has_room) again.
    pub fn room(&self) -> &Notify {
        &self.room
    }

    /// Never below zero: what was queued for polling and goes out here was not counted here.
    pub(super) fn taken(&self, Taken { pushes, push_bytes, acks, ack_bytes }: Taken) {
        if pushes > 0 {
            subtract_count(&self.pushes_queued, pushes);
        }
        if push_bytes > 0 {
            subtract(&self.push_bytes_queued, push_bytes);
        }
        if acks > 0 && subtract_count(&self.acks_queued, acks) > ACKS_QUEUED_MAX && self.may_read()
        {
            self.reader.wake();
        }
        if ack_bytes > 0 && subtract(&self.ack_bytes_queued, ack_bytes) > ACK_BYTES_QUEUED_MAX {
            self.room.notify_waiters();
        }
    }

    pub(super) fn failure(&self) -> Option<io::Error> {
        self.close_reason().map(|reason| io::Error::other(reason.as_str()))
    }
}

/// Adds to what nobody else adds to at the same time, which costs no more than a plain addition.
fn add_alone(counter: &AtomicU64, bytes: usize) {
    counter.store(counter.load(Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
}

/// Like [`subtract`].
fn subtract_count(counter: &AtomicU32, count: u32) -> u32 {
    let rest = |queued: u32| Some(queued.saturating_sub(count));
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, rest).unwrap_or_default()
}

/// Never below zero; returns what was there.
pub(super) fn subtract(counter: &AtomicU64, bytes: u64) -> u64 {
    let rest = |queued: u64| Some(queued.saturating_sub(bytes));
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, rest).unwrap_or_default()
}
