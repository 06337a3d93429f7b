//! Waiting on a host thread: the thread sleeps until it is woken or the time is over.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};
use std::time::Instant;

use crate::time::Duration;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What `future` gives, or `None` where it takes longer than `limit`.
pub(crate) fn parked<F: Future>(limit: Option<Duration>, future: F) -> Option<F::Output> {
    let begin = Instant::now();
    let mut future = pin!(future);
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        match limit {
            None => thread::park(),
            Some(limit) => match limit.checked_sub(begin.elapsed()) {
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                _ => return None,
            },
        }
    }
}
