//! What a connection stands on, of a size that is known when it is compiled.

use core::fmt;

/// The memory of one connection: a reply window of `RX` bytes, a command window of `TX` bytes, and
/// one word for each level that replies may be nested.
///
/// Replies are decoded in the reply window, so a reply that shall be borrowed or owned as a whole
/// has to fit. Commands may be larger than their window.
pub struct Memory<const RX: usize, const TX: usize, const DEPTH: usize = 8> {
    pub(super) rx: [u8; RX],
    pub(super) tx: [u8; TX],
    pub(super) levels: [u32; DEPTH],
}

impl<const RX: usize, const TX: usize, const DEPTH: usize> Memory<RX, TX, DEPTH> {
    /// Zeroed memory, for a `static` or a local.
    pub const fn new() -> Self {
        const {
            assert!(RX >= 64, "a reply window needs at least 64 bytes");
            assert!(TX >= 64, "a command window needs at least 64 bytes");
        }
        Self {
            rx: [0; RX],
            tx: [0; TX],
            levels: [0; DEPTH],
        }
    }
}

impl<const RX: usize, const TX: usize, const DEPTH: usize> fmt::Debug for Memory<RX, TX, DEPTH> {
    /// Sizes only: a password may have passed through.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory<{RX}, {TX}, {DEPTH}>")
    }
}

impl<const RX: usize, const TX: usize, const DEPTH: usize> Default for Memory<RX, TX, DEPTH> {
    fn default() -> Self {
        Self::new()
    }
}
