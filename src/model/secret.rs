//! What must not be seen: it is neither printed nor compared in a time that tells of it.

use std::fmt;

use subtle::ConstantTimeEq;

/// 256 bits, as HMAC-SHA256 wants (RFC 7518 §3.2).
#[derive(Clone, Copy)]
pub struct Secret([u8; 32]);

impl Secret {
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For whoever works with it.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new([77; 32]);
        assert_eq!(format!("{secret:?} {:?}", Some(secret)), "Secret(..) Some(Secret(..))");
        assert_ne!(secret, Secret::new([78; 32]));
    }
}
