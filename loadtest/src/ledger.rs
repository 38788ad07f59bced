//! Who got what: one bit per message and receiver, so that lost and doubled deliveries are counted, not guessed.

/// Deliveries to one group's receivers.
pub struct Ledger {
    /// By receiver: one bit per message of its group.
    seen: Vec<Vec<u64>>,
    pub duplicates: u64,
}

impl Ledger {
    pub fn new(receivers: usize, messages: u64) -> Self {
        let words = usize::try_from(messages.div_ceil(64)).expect("a plan fits into memory");
        Self { seen: vec![vec![0; words]; receivers], duplicates: 0 }
    }

    /// Notes a delivery; false if it is a repetition or a message that was never sent.
    pub fn record(&mut self, receiver: usize, message: u64) -> bool {
        let Some(word) = self.seen[receiver].get_mut((message / 64) as usize) else { return false };
        let bit = 1 << (message % 64);
        let first = *word & bit == 0;
        *word |= bit;
        self.duplicates += u64::from(!first);
        first
    }

    /// How many receivers did not get `message`.
    pub fn missing(&self, message: u64) -> u64 {
        let has = |seen: &&Vec<u64>| seen[(message / 64) as usize] >> (message % 64) & 1 == 1;
        (self.seen.len() - self.seen.iter().filter(has).count()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_and_doubled_deliveries_are_told_apart() {
        let mut ledger = Ledger::new(2, 65);
        assert!(ledger.record(0, 64));
        assert!(!ledger.record(0, 64), "a repetition");
        assert!(!ledger.record(1, 1_000), "never sent");
        assert_eq!((ledger.duplicates, ledger.missing(64), ledger.missing(0)), (1, 1, 2));
    }
}
