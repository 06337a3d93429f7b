//! Time for the scripted wire: it passes when the test says so.

extern crate std;

use core::cell::RefCell;
use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Wake;
use std::vec::Vec;

use crate::time::{Clock, Duration, Instant, Timer};

/// More than any test needs while the clock stands still: it goes on for ever, without a call of
/// the wire.
const MOST_LOOKS: u32 = 4_000_000;

/// A clock that stands still until the test moves it; its clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct TestClock(Rc<RefCell<Hands>>);

/// A future waits, nobody will ever wake it, and no time that passes changes that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck;

#[derive(Debug, Default)]
struct Hands {
    now: Instant,
    /// How often somebody looked since it was moved.
    looks: u32,
    sleepers: Vec<(Instant, Waker)>,
}

/// A waker that remembers being woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl TestClock {
    /// A clock at its start.
    pub fn new() -> Self {
        Self::default()
    }

    /// Time passes, and those who sleep until then wake.
    pub fn advance(&self, span: Duration) {
        let mut hands = self.0.borrow_mut();
        hands.now = hands.now.after(span);
        if !span.is_zero() {
            hands.looks = 0;
        }
        let now = hands.now;
        let (due, later) = core::mem::take(&mut hands.sleepers)
            .into_iter()
            .partition::<Vec<_>, _>(|(at, _)| *at <= now);
        hands.sleepers = later;
        drop(hands);
        for (_, waker) in due {
            waker.wake();
        }
    }

    /// Milliseconds pass.
    pub fn advance_ms(&self, millis: u64) {
        self.advance(Duration::from_millis(millis));
    }

    /// The moment that somebody sleeps until; the first, where there are several.
    ///
    /// A sleeper that was dropped counts until then.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.0.borrow().sleepers.iter().map(|(at, _)| *at).min()
    }

    /// Jumps to the [next deadline](Self::next_deadline); false where nobody sleeps.
    pub fn jump(&self) -> bool {
        let next = self.next_deadline();
        if let Some(next) = next {
            self.advance(next.since(self.now()));
        }
        next.is_some()
    }

    /// Runs `future` to its end. Whenever it waits for nothing but time, that has come.
    ///
    /// Several tasks are one future, joined.
    ///
    /// # Errors
    /// [`Stuck`] instead of waiting for ever.
    pub fn run<F: Future>(&self, future: F) -> Result<F::Output, Stuck> {
        let mut future = pin!(future);
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(flag.clone());
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            while !flag.0.swap(false, Ordering::Relaxed) {
                if !self.jump() {
                    return Err(Stuck);
                }
            }
        }
    }

    /// Wakes `waker` at that moment.
    pub(super) fn wake_at(&self, at: Instant, waker: &Waker) {
        let mut hands = self.0.borrow_mut();
        let is_known = |(until, left): &(Instant, Waker)| *until == at && left.will_wake(waker);
        if !hands.sleepers.iter().any(is_known) {
            hands.sleepers.push((at, waker.clone()));
        }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        let mut hands = self.0.borrow_mut();
        hands.looks += 1;
        if hands.looks == MOST_LOOKS {
            panic!("it looks at the clock for ever");
        }
        hands.now
    }
}

impl Timer for TestClock {
    async fn sleep_until(&self, at: Instant) {
        poll_fn(|context| {
            if self.now() >= at {
                return Poll::Ready(());
            }
            self.wake_at(at, context.waker());
            Poll::Pending
        })
        .await;
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it waits for something that will never come")
    }
}

impl core::error::Error for Stuck {}
