//! Time for the scripted wire: it passes when the test says so.

extern crate std;

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::rc::Rc;
use std::vec::Vec;

use crate::time::{Clock, Duration, Instant, Timer};

/// A clock that stands still until the test moves it.
#[derive(Clone, Default)]
pub(crate) struct TestClock(Rc<RefCell<Hands>>);

#[derive(Default)]
struct Hands {
    now: Instant,
    sleepers: Vec<(Instant, Waker)>,
}

impl TestClock {
    /// Time passes, and those who sleep until then wake.
    pub(crate) fn advance(&self, span: Duration) {
        let mut hands = self.0.borrow_mut();
        hands.now = hands.now.after(span);
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
    pub(crate) fn advance_ms(&self, millis: u64) {
        self.advance(Duration::from_millis(millis));
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        self.0.borrow().now
    }
}

impl Timer for TestClock {
    async fn sleep_until(&self, at: Instant) {
        poll_fn(|context| {
            let mut hands = self.0.borrow_mut();
            if hands.now >= at {
                return Poll::Ready(());
            }
            let waker = context.waker();
            if !hands
                .sleepers
                .iter()
                .any(|(until, left)| *until == at && left.will_wake(waker))
            {
                hands.sleepers.push((at, waker.clone()));
            }
            Poll::Pending
        })
        .await;
    }
}
