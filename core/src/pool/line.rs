//! The line of waiters, in the order in which they came.

use core::mem;
use core::task::Waker;
use heapless::Vec;

/// Up to `W` waiters, first come first.
///
/// A waker is foreign code: cloning, waking and dropping it may call back into the pool. So no
/// method here does any of the three. A waker comes in by value and goes out by value, and its
/// fate is the caller's, outside the lock.
pub(super) struct Line<const W: usize> {
    places: Vec<Place, W>,
    next: Number,
}

struct Place {
    number: Number,
    /// `None` once called, until the waiter is polled again and finds that it must wait on.
    waker: Option<Waker>,
}

/// What a waiter is known by while it stands in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(u32);

impl<const W: usize> Line<W> {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            next: Number(0),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.places.is_full()
    }

    /// How many stand before this waiter; `None` if it does not stand in line.
    pub(super) fn position(&self, number: Number) -> Option<usize> {
        self.places.iter().position(|place| place.number == number)
    }

    /// Joins at the end and moves the waker out of `waker`; `None` if the line is full.
    pub(super) fn join(&mut self, waker: &mut Option<Waker>) -> Option<Number> {
        if self.is_full() {
            return None;
        }
        // Numbers wrap. One that came 2^32 tickets ago may still be in use by a patient waiter, but
        // of so many in a row, one is free.
        for _ in 0..W {
            let number = self.next;
            self.next = number.following();
            if self.position(number).is_none() {
                let waker = waker.take();
                self.places.push(Place { number, waker }).ok()?;
                return Some(number);
            }
        }
        None
    }

    /// True if calling the waiter at this position wakes the same task as `waker` does.
    pub(super) fn would_wake(&self, position: usize, waker: &Waker) -> bool {
        let left = self
            .places
            .get(position)
            .and_then(|place| place.waker.as_ref());
        left.is_some_and(|left| left.will_wake(waker))
    }

    /// Puts `waker` in the place of the one that was left there, and the old one into `waker`.
    pub(super) fn refresh(&mut self, position: usize, waker: &mut Option<Waker>) {
        if let Some(place) = self.places.get_mut(position) {
            mem::swap(&mut place.waker, waker);
        }
    }

    /// The waker of the waiter at this position, for the caller to wake; `None` if it was called
    /// already, or if nobody stands there.
    pub(super) fn call(&mut self, position: usize) -> Option<Waker> {
        self.places.get_mut(position)?.waker.take()
    }

    /// Takes a waiter out of the line; what it left there is for the caller to drop.
    pub(super) fn leave(&mut self, number: Number) -> Option<Waker> {
        self.position(number)?;
        // Everybody behind moves up by one place, the last one first. (`Vec::remove` can panic.)
        let mut carried = self.places.pop()?;
        for place in self.places.iter_mut().rev() {
            if carried.number == number {
                break;
            }
            mem::swap(place, &mut carried);
        }
        carried.waker
    }

    /// Takes the last waiter out of the line: `None` if the line is empty, `Some(None)` if that
    /// waiter was called already.
    pub(super) fn dismiss(&mut self) -> Option<Option<Waker>> {
        self.places.pop().map(|place| place.waker)
    }
}

impl Number {
    const fn following(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined<const W: usize>(line: &mut Line<W>) -> Option<Number> {
        line.join(&mut Some(Waker::noop().clone()))
    }

    #[test]
    fn leaving_keeps_the_order_of_the_others() {
        for leaves in 0..4 {
            let mut line = Line::<4>::new();
            let mut numbers: std::vec::Vec<_> = (0..4).map_while(|_| joined(&mut line)).collect();
            assert_eq!(numbers.len(), 4);
            assert_eq!(joined(&mut line), None);
            let gone = numbers.remove(leaves);
            assert!(line.leave(gone).is_some());
            assert!(line.leave(gone).is_none());
            let positions: std::vec::Vec<_> = numbers.iter().map(|n| line.position(*n)).collect();
            assert_eq!(positions, [Some(0), Some(1), Some(2)]);
            assert_eq!(line.position(gone), None);
        }
    }

    #[test]
    fn numbers_wrap_and_pass_over_those_in_use() {
        let mut line = Line::<3>::new();
        assert_eq!(joined(&mut line), Some(Number(0)));
        line.next = Number(u32::MAX);
        assert_eq!(joined(&mut line), Some(Number(u32::MAX)));
        assert_eq!(joined(&mut line), Some(Number(1)));
        assert_eq!(line.position(Number(1)), Some(2));
    }

    extern crate std;
}
