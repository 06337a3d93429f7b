//! The seats: taking one, giving it back, closing.

use core::cell::RefCell;
use core::mem;
use core::task::Waker;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;
use heapless::Vec;

use super::line::{Line, Number};
use super::ticket::{AllBack, Ticket};
use crate::error::PoolError;
use crate::planted::{self, Fault};

/// Up to `N` items that are used by one taker at a time, and up to `W` who wait in line for one.
///
/// An item is owned by whoever took it. Forgetting or dropping it instead of giving it back loses
/// its seat and nothing else.
///
/// `X` is whatever else the owner wants to keep under the same lock, such as counters.
pub(crate) struct Seats<M: RawMutex, T, const N: usize, const W: usize, X = ()> {
    shared: Mutex<M, Shared<T, N, W, X>>,
}

/// How things stand at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Counts {
    /// Items that there are, taken or not.
    pub(crate) seats: u16,
    /// Items that nobody has taken; those in line may be entitled to them.
    pub(crate) idle: u16,
    /// Those who stand in line.
    pub(crate) waiting: u16,
    /// No item is given out any more.
    pub(crate) closed: bool,
}

/// No foreign code runs while `state` is borrowed: items and wakers are only moved there (never
/// cloned, dropped or woken), and the closure given to [`Seats::with`] borrows only `extra`. So a
/// waker that calls back into the pool, from wherever it is woken or dropped, finds `state` free.
struct Shared<T, const N: usize, const W: usize, X> {
    state: RefCell<State<T, N, W>>,
    extra: RefCell<X>,
}

struct State<T, const N: usize, const W: usize> {
    /// Last in, first out: the item that was in use last is the likeliest to be of use now.
    idle: Vec<T, N>,
    line: Line<W>,
    seats: u16,
    closed: bool,
    /// Who waits for all items to be back.
    all_back: Option<Left>,
    /// How often a waker was left there.
    left: u32,
}

/// The waker of one who waits, and what it knows it by: wakers of one task need not be equal.
struct Left {
    mark: u32,
    waker: Waker,
}

/// Where a ticket stands.
pub(super) enum Standing {
    /// It was not polled yet.
    Outside,
    /// It waits.
    InLine(Number),
    /// It had its answer.
    Answered,
}

/// What a poll came to.
pub(super) enum Step<R> {
    /// The answer.
    Done(R),
    /// There is nothing yet, and the waker that was left will be woken.
    Wait,
    /// There is nothing yet, and no waker was left: come back with a clone of it.
    LeaveWaker,
}

impl<M: RawMutex, T, const N: usize, const W: usize, X> Seats<M, T, N, W, X> {
    /// Seats for these items. The last of them is the first to be taken; what is over `N` is
    /// dropped.
    pub(crate) fn new(items: impl IntoIterator<Item = T>) -> Self
    where
        X: Default,
    {
        // What is counted here is told in `u16`; checked when compiled, never when run.
        const { assert!(N <= u16::MAX as usize && W <= u16::MAX as usize) };
        let mut idle = Vec::new();
        for item in items.into_iter().take(N) {
            // There is room for N.
            let _ = idle.push(item);
        }
        let seats = idle.len() as u16;
        let state = State {
            idle,
            line: Line::new(),
            seats,
            closed: false,
            all_back: None,
            left: 0,
        };
        let extra = RefCell::new(X::default());
        Self {
            shared: Mutex::new(Shared {
                state: RefCell::new(state),
                extra,
            }),
        }
    }

    /// Takes an idle item at once. Nobody who waits in line is passed by.
    ///
    /// # Errors
    /// `Busy` if all idle items, if any, belong to those in line; `Closed`.
    pub(crate) fn try_take(&self) -> Result<T, PoolError> {
        self.locked(State::try_take).unwrap_or(Err(Self::UNREACHED))
    }

    /// A future of an item, first come, first served. It takes its place in line when it is first
    /// polled and leaves it when dropped.
    pub(crate) fn ticket(&self) -> Ticket<'_, M, T, N, W, X> {
        Ticket::new(self)
    }

    /// Gives back an item that was taken from here, and calls the waiter that may now take one.
    pub(crate) fn give_back(&self, item: T) {
        let given = self.shared.lock(|shared| shared.give_back(item));
        given.wake();
    }

    /// The same if `fits` says so, else the item is the caller's again. What `fits` is told of what
    /// is kept under the lock holds still when the item is back. It may do as in [`Seats::with`].
    pub(crate) fn give_back_if(
        &self,
        mut item: T,
        fits: impl FnOnce(&mut X, &mut T) -> bool,
    ) -> Option<T> {
        let given = self.shared.lock(|shared| {
            let fits = match shared.extra.try_borrow_mut() {
                Ok(mut extra) => fits(&mut extra, &mut item),
                Err(_) => false,
            };
            if fits {
                Ok(shared.give_back(item))
            } else {
                Err(item)
            }
        });
        given.map(Given::wake).err()
    }

    /// Gives nothing out any more: those in line are woken and told `Closed`, and so is everybody
    /// who comes later. Items that are taken may be given back as ever.
    pub(crate) fn close(&self) {
        let _ = self.locked(|state| state.closed = true);
        // One at a time, so that the wakers of a long line need no room on the stack. No more than
        // `W` stand there, and nobody joins the line of a closed pool.
        for _ in 0..W {
            match self.locked(|state| state.line.dismiss()) {
                Some(Some(waker)) => wake(waker),
                _ => break,
            }
        }
    }

    /// Takes the idle item that was given back longest ago, whoever waits in line and even if
    /// closed: for the pool's own upkeep, which gives it back soon.
    ///
    /// As many times as items are idle, each of them had its turn, whatever is taken and given back
    /// meanwhile: what comes back lies above those that had none yet.
    pub(crate) fn take_idle(&self) -> Option<T> {
        self.locked(State::take_bottom).flatten()
    }

    /// Waits until all items are back, for an orderly end after [`Seats::close`].
    ///
    /// One waits at a time. A second one wakes and replaces the first, which replaces it in turn:
    /// both get there, but by polling each other awake.
    pub(crate) fn all_back(&self) -> AllBack<'_, M, T, N, W, X> {
        AllBack::new(self)
    }

    /// How things stand.
    pub(crate) fn counts(&self) -> Counts {
        self.locked(|state| state.counts()).unwrap_or(Counts {
            seats: N as u16,
            idle: 0,
            waiting: 0,
            closed: false,
        })
    }

    /// Works on what the owner keeps under the lock. Keep it short: interrupts may be off.
    ///
    /// The closure may use the seats, but not `with`: from within itself, `with` does nothing and
    /// gives `R::default()`.
    pub(crate) fn with<R: Default>(&self, work: impl FnOnce(&mut X) -> R) -> R {
        self.shared
            .lock(|shared| match shared.extra.try_borrow_mut() {
                Ok(mut extra) => work(&mut extra),
                Err(_) => R::default(),
            })
    }

    /// One poll of a ticket. `spare` brings the waker to leave in line, if one was asked for, and
    /// carries away the waker that is left over.
    pub(super) fn step(
        &self,
        standing: &mut Standing,
        waker: &Waker,
        spare: &mut Option<Waker>,
    ) -> Step<Result<T, PoolError>> {
        self.locked(|state| state.step(standing, waker, spare))
            .unwrap_or(Step::Done(Err(Self::UNREACHED)))
    }

    /// Takes a waiter out of the line; the seat that it may have been called for goes to the next.
    pub(super) fn leave(&self, number: Number) {
        let called = self.locked(|state| (state.line.leave(number), state.call_entitled()));
        if let Some((left, next)) = called {
            wake(next);
            drop(left);
        }
    }

    /// One poll of the wait for all items, which knows by `mark` the waker that it left last.
    /// `spare` as in [`Seats::step`]; `replaced` carries away the waker of another one that waits,
    /// which has to be woken.
    pub(super) fn step_all_back(
        &self,
        mark: &mut Option<u32>,
        waker: &Waker,
        spare: &mut Option<Waker>,
        replaced: &mut Option<Waker>,
    ) -> Step<()> {
        self.locked(|state| state.step_all_back(mark, waker, spare, replaced))
            .unwrap_or(Step::Done(()))
    }

    /// What a taker would be told if the state were borrowed already; see [`Shared`] for why it
    /// never is.
    const UNREACHED: PoolError = PoolError::Busy {
        connections: N as u16,
    };

    fn locked<R>(&self, work: impl FnOnce(&mut State<T, N, W>) -> R) -> Option<R> {
        self.shared
            .lock(|shared| Some(work(&mut *shared.state.try_borrow_mut().ok()?)))
    }
}

/// What came of giving an item back, to be seen to now that the lock is not held.
struct Given<T> {
    waiter: Option<Waker>,
    closer: Option<Waker>,
    /// An item too many, which never came from here. It is dropped.
    _surplus: Option<T>,
}

impl<T> Given<T> {
    fn wake(self) {
        wake(self.waiter.filter(|_| !planted::is(Fault::LostWaker)));
        wake(self.closer);
    }
}

impl<T, const N: usize, const W: usize, X> Shared<T, N, W, X> {
    fn give_back(&self, item: T) -> Given<T> {
        let (mut waiter, mut closer) = (None, None);
        let surplus = match self.state.try_borrow_mut() {
            Ok(mut state) => {
                let surplus = state.idle.push(item).err();
                if surplus.is_none() {
                    (waiter, closer) = (state.call_entitled(), state.call_all_back());
                }
                surplus
            }
            Err(_) => Some(item),
        };
        Given {
            waiter,
            closer,
            _surplus: surplus,
        }
    }
}

impl<T, const N: usize, const W: usize> State<T, N, W> {
    fn try_take(&mut self) -> Result<T, PoolError> {
        if self.closed {
            return Err(PoolError::Closed);
        }
        let busy = PoolError::Busy {
            connections: self.seats,
        };
        if self.line.len() < self.idle.len() {
            self.idle.pop().ok_or(busy)
        } else {
            Err(busy)
        }
    }

    fn step(
        &mut self,
        standing: &mut Standing,
        waker: &Waker,
        spare: &mut Option<Waker>,
    ) -> Step<Result<T, PoolError>> {
        if self.closed {
            *standing = Standing::Answered;
            return Step::Done(Err(PoolError::Closed));
        }
        let number = match *standing {
            Standing::InLine(number) => Some(number),
            Standing::Outside | Standing::Answered => None,
        };
        let place = number.and_then(|number| self.line.position(number));
        if place.unwrap_or(self.line.len()) < self.idle.len()
            && let Some(item) = self.idle.pop()
        {
            *spare = number.and_then(|number| self.line.leave(number));
            *standing = Standing::Answered;
            return Step::Done(Ok(item));
        }
        match place {
            Some(place) if self.line.would_wake(place, waker) => return Step::Wait,
            None if self.line.is_full() => {
                *standing = Standing::Answered;
                return Step::Done(Err(PoolError::QueueFull { waiting: W as u16 }));
            }
            _ if spare.is_none() => return Step::LeaveWaker,
            Some(place) => self.line.refresh(place, spare),
            None => {
                if let Some(number) = self.line.join(spare) {
                    *standing = Standing::InLine(number);
                }
            }
        }
        Step::Wait
    }

    fn step_all_back(
        &mut self,
        mark: &mut Option<u32>,
        waker: &Waker,
        spare: &mut Option<Waker>,
        replaced: &mut Option<Waker>,
    ) -> Step<()> {
        if self.is_all_back() {
            return Step::Done(());
        }
        let left = self.all_back.as_ref();
        if left.is_some_and(|left| left.waker.will_wake(waker)) {
            return Step::Wait;
        }
        let own = left.is_some_and(|left| *mark == Some(left.mark));
        let Some(waker) = spare.take() else {
            return Step::LeaveWaker;
        };
        self.left = self.left.wrapping_add(1);
        *mark = Some(self.left);
        let before = self.all_back.replace(Left {
            mark: self.left,
            waker,
        });
        let over = if own { spare } else { replaced };
        *over = before.map(|left| left.waker);
        Step::Wait
    }

    /// The waker of the last one in line that is entitled to an idle item: all before it were
    /// called when they became entitled.
    fn call_entitled(&mut self) -> Option<Waker> {
        self.line.call(self.idle.len().checked_sub(1)?)
    }

    fn take_bottom(&mut self) -> Option<T> {
        // Each item moves down by one, the last one first. (`Vec::remove` can panic.)
        let mut carried = self.idle.pop()?;
        for item in self.idle.iter_mut().rev() {
            mem::swap(item, &mut carried);
        }
        Some(carried)
    }

    fn call_all_back(&mut self) -> Option<Waker> {
        if self.is_all_back() {
            self.all_back.take().map(|left| left.waker)
        } else {
            None
        }
    }

    fn is_all_back(&self) -> bool {
        self.idle.len() >= usize::from(self.seats)
    }

    fn counts(&self) -> Counts {
        Counts {
            seats: self.seats,
            idle: self.idle.len() as u16,
            waiting: self.line.len() as u16,
            closed: self.closed,
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
