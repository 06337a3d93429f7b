//! A fixed buffer that is filled at one end and consumed at the other.

use core::fmt;

use crate::resp::move_up;

/// Lent bytes, of which those from `start` to `end` are in use.
pub(crate) struct Window<'w> {
    bytes: &'w mut [u8],
    start: usize,
    end: usize,
}

impl fmt::Debug for Window<'_> {
    /// How full it is: a password may have passed through.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Window({} of {})", self.filled().len(), self.capacity())
    }
}

impl<'w> Window<'w> {
    pub(crate) fn new(bytes: &'w mut [u8]) -> Self {
        Self {
            bytes,
            start: 0,
            end: 0,
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn is_full(&self) -> bool {
        self.end == self.bytes.len()
    }

    /// The bytes in use.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn filled_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// The bytes behind them.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Takes `n` of the spare bytes into use; false where there are not so many.
    pub(crate) fn fill(&mut self, n: usize) -> bool {
        let end = self.end.saturating_add(n);
        let fits = end <= self.bytes.len();
        if fits {
            self.end = end;
        }
        fits
    }

    /// Frees the first `n` bytes in use; false where there are not so many.
    pub(crate) fn consume(&mut self, n: usize) -> bool {
        let start = self.start.saturating_add(n);
        let fits = start <= self.end;
        if fits {
            self.start = start;
        }
        if self.start == self.end {
            self.clear();
        }
        fits
    }

    /// Keeps the first `n` of the bytes in use.
    pub(crate) fn truncate(&mut self, n: usize) {
        self.end = self.end.min(self.start.saturating_add(n));
    }

    pub(crate) fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Moves the bytes in use to the front, where that costs less than was consumed before, or
    /// where there is no other room: so all moves together cost no more than the bytes themselves.
    pub(crate) fn make_room(&mut self) {
        let len = self.end.saturating_sub(self.start);
        if self.start >= len.max(1) || (self.is_full() && self.start > 0) {
            move_up(self.bytes, self.start, 0, len);
            self.start = 0;
            self.end = len;
        }
    }
}
