//! What was asked and how it ended, as those who asked know it: what must hold follows from that.

use std::collections::{BTreeMap, BTreeSet};

use vibetalk::model::id::{ChannelId, GroupId, MessageId};

/// By person, and group.
type Membership = (usize, usize);

#[derive(Default)]
pub struct Ledger {
    /// Commands that have begun; each has the number that it was.
    pub begun: usize,
    /// Messages that were acked, by what they say.
    pub acked: BTreeMap<String, (ChannelId, MessageId)>,
    pub authors: BTreeMap<String, usize>,
    /// Of which somebody tried to delete them.
    pub doomed: BTreeSet<String>,
    /// Which somebody tried to delete.
    pub doomed_channels: BTreeSet<ChannelId>,
    /// Of which the deletion was acked.
    pub deleted: BTreeSet<String>,
    /// Who may be invisible.
    pub hidden: BTreeSet<usize>,
    joining: BTreeMap<Membership, Joining>,
    unbanning: BTreeMap<Membership, Joining>,
    /// Who is banned for certain, likewise.
    banned: BTreeMap<Membership, usize>,
    /// Who is out for certain, and how many commands had begun by then: what is sent later is not for them.
    out: BTreeMap<Membership, usize>,
}

/// Likewise of unbanning.
#[derive(Default)]
struct Joining {
    under_way: usize,
    /// When the last ended.
    ended: usize,
}

impl Ledger {
    pub fn joining(&mut self, membership: Membership) {
        self.out.remove(&membership);
        self.joining.entry(membership).or_default().under_way += 1;
    }

    pub fn joining_ended(&mut self, membership: Membership) {
        let joining = self.joining.entry(membership).or_default();
        joining.under_way -= 1;
        joining.ended = self.begun;
    }

    /// A removal that began as number `begun` was acked. One that began before the last joining ended may
    /// have come before it.
    pub fn removed(&mut self, membership: Membership, begun: usize) {
        let joining = self.joining.entry(membership).or_default();
        if joining.under_way == 0 && joining.ended < begun {
            self.out.insert(membership, self.begun);
        }
    }

    pub fn unbanning(&mut self, membership: Membership) {
        self.banned.remove(&membership);
        self.unbanning.entry(membership).or_default().under_way += 1;
    }

    pub fn unbanning_ended(&mut self, membership: Membership) {
        let unbanning = self.unbanning.entry(membership).or_default();
        unbanning.under_way -= 1;
        unbanning.ended = self.begun;
    }

    /// A ban that began as number `begun` was acked.
    pub fn banned(&mut self, membership: Membership, begun: usize) {
        let unbanning = self.unbanning.entry(membership).or_default();
        if unbanning.under_way == 0 && unbanning.ended < begun {
            self.banned.insert(membership, self.begun);
        }
    }

    /// Whether command `number` began after this person was banned, and they still are.
    pub fn is_after_ban(&self, membership: Membership, number: usize) -> bool {
        self.banned.get(&membership).is_some_and(|since| number > *since)
    }

    /// Whether command `number` began after this person was out of the group, and they still are.
    pub fn is_after_removal(&self, membership: Membership, number: usize) -> bool {
        self.out.get(&membership).is_some_and(|since| number > *since)
    }
}

/// A group of the simulation: its owner is the person with its index.
pub struct Group {
    pub id: GroupId,
    pub code: String,
    pub channels: Vec<ChannelId>,
}
