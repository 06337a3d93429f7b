//! The two futures: of an item, and of all items being back. Both are hand-written, hold nothing
//! but a reference and a number, and may be moved between polls. So they serve an async task as
//! well as a thread that polls them with a waker that unparks it.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::RawMutex;

use super::seats::{Seats, Standing, Step};
use crate::error::PoolError;

/// A future of an item: see [`Seats::ticket`].
///
/// It takes its place in line at its first poll, not when it is made: one that is never polled
/// holds up nobody. A poll with another waker replaces the waker that was left before.
///
/// # Errors
/// `QueueFull` at the first poll, if no item is free for it and all places in line are taken;
/// `Closed`.
///
/// # Cancel safety
/// Dropping it, called or not, takes it out of the line and calls the next one. Forgetting it in
/// line keeps one seat from all who come later. After its answer it is `Pending` for ever, stands
/// nowhere and leaves no waker.
#[must_use = "a future does nothing unless polled"]
pub(crate) struct Ticket<'s, M: RawMutex, T, const N: usize, const W: usize, X = ()> {
    seats: &'s Seats<M, T, N, W, X>,
    standing: Standing,
}

/// A future of the moment when all items are back: see [`Seats::all_back`].
///
/// # Cancel safety
/// Dropping it loses nothing. The waker that it left may be woken once more.
#[must_use = "a future does nothing unless polled"]
pub(crate) struct AllBack<'s, M: RawMutex, T, const N: usize, const W: usize, X = ()> {
    seats: &'s Seats<M, T, N, W, X>,
    /// What it knows the waker by that it left last.
    mark: Option<u32>,
}

impl<'s, M: RawMutex, T, const N: usize, const W: usize, X> Ticket<'s, M, T, N, W, X> {
    pub(super) const fn new(seats: &'s Seats<M, T, N, W, X>) -> Self {
        Self {
            seats,
            standing: Standing::Outside,
        }
    }
}

impl<'s, M: RawMutex, T, const N: usize, const W: usize, X> AllBack<'s, M, T, N, W, X> {
    pub(super) const fn new(seats: &'s Seats<M, T, N, W, X>) -> Self {
        Self { seats, mark: None }
    }
}

impl<M: RawMutex, T, const N: usize, const W: usize, X> Future for Ticket<'_, M, T, N, W, X> {
    type Output = Result<T, PoolError>;

    // Apart, so that room for one more item is not part of the stack of all that waits for it.
    #[inline(never)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { seats, standing } = self.get_mut();
        if matches!(standing, Standing::Answered) {
            return Poll::Pending;
        }
        // A waker is cloned and dropped here, outside the lock, and cloned only if one is missing.
        // Twice round at most: with a spare one at hand, nothing more is asked for.
        let mut spare = None;
        for _ in 0..2 {
            match seats.step(standing, cx.waker(), &mut spare) {
                Step::Done(answer) => return Poll::Ready(answer),
                Step::Wait => break,
                Step::LeaveWaker => spare = Some(cx.waker().clone()),
            }
        }
        Poll::Pending
    }
}

impl<M: RawMutex, T, const N: usize, const W: usize, X> Drop for Ticket<'_, M, T, N, W, X> {
    fn drop(&mut self) {
        if let Standing::InLine(number) = self.standing {
            self.seats.leave(number);
        }
    }
}

impl<M: RawMutex, T, const N: usize, const W: usize, X> Future for AllBack<'_, M, T, N, W, X> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { seats, mark } = self.get_mut();
        let (mut spare, mut replaced) = (None, None);
        for _ in 0..2 {
            match seats.step_all_back(mark, cx.waker(), &mut spare, &mut replaced) {
                Step::Done(()) => return Poll::Ready(()),
                Step::LeaveWaker => spare = Some(cx.waker().clone()),
                Step::Wait => break,
            }
        }
        // It was left by somebody else, who must not sleep on without it. One's own is only
        // dropped: woken, it would have this polled for ever where its task's wakers differ.
        if let Some(replaced) = replaced {
            replaced.wake();
        }
        Poll::Pending
    }
}
