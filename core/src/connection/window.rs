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
        if self.start >= len.max(1) || self.is_full() {
            move_up(self.bytes, self.start, 0, len);
            self.start = 0;
            self.end = len;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window of ten bytes, of which those from `start` to `end` are in use, after it made room.
    fn made_room(start: usize, end: usize) -> (usize, usize) {
        let mut bytes = *b"0123456789";
        let mut window = Window::new(&mut bytes);
        assert!(window.fill(end) && window.consume(start));
        let filled: heapless::Vec<u8, 10> = window.filled().iter().copied().collect();
        window.make_room();
        assert_eq!(window.filled(), filled);
        (window.start, window.spare().len())
    }

    #[test]
    fn bytes_are_moved_where_that_costs_less_than_was_consumed_or_where_nothing_else_helps() {
        assert_eq!(made_room(0, 6), (0, 4));
        assert_eq!(made_room(2, 6), (2, 4));
        assert_eq!(made_room(3, 6), (0, 7));
        assert_eq!(made_room(4, 6), (0, 8));
        // Full: there is no other room.
        assert_eq!(made_room(1, 10), (0, 1));
        assert_eq!(made_room(0, 10), (0, 0));
    }

    #[test]
    fn no_more_is_taken_or_freed_than_there_is() {
        let mut bytes = *b"0123456789";
        let mut window = Window::new(&mut bytes);
        assert!(!window.fill(11) && window.is_empty());
        assert!(window.fill(10) && window.is_full());
        assert!(!window.fill(1));
        assert!(!window.consume(11));
        assert!(window.consume(4));
        assert_eq!(window.filled(), b"456789");
        window.truncate(2);
        assert_eq!(window.filled(), b"45");
        window.truncate(3);
        assert_eq!(window.filled(), b"45");
        // What is empty begins at the front again.
        assert!(window.consume(2));
        assert_eq!(window.spare().len(), 10);
    }
}
