//! The pool under threads that park while they wait.

use core::future::Future;
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};
use core::task::{Poll, Waker};
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};
use std::vec::Vec;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;

use super::{Item, poll, poll_with, std};
use crate::error::PoolError;
use crate::pool::Seats;
use crate::pool::seats::Counts;

/// A waker that unparks the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match poll_with(&mut future, &waker) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn eight_threads_on_three_seats_never_meet_and_all_get_on() {
    const THREADS: usize = 8;
    const TAKES: usize = 100_000;
    let in_use: [AtomicBool; 3] = Default::default();
    let seats: Seats<CriticalSectionRawMutex, &AtomicBool, 3, THREADS, usize> = Seats::new(&in_use);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let seats = &seats;
            scope.spawn(move || {
                for round in 0..TAKES / THREADS {
                    if (round + thread) % 7 == 0 {
                        // One that gives up, called or not.
                        let mut ticket = seats.ticket();
                        match poll(&mut ticket, &Arc::default()) {
                            Poll::Ready(item) => seats.give_back(item.unwrap()),
                            Poll::Pending => thread::yield_now(),
                        }
                    }
                    let item = match seats.try_take() {
                        Ok(item) => item,
                        Err(_) => block_on(seats.ticket()).unwrap(),
                    };
                    assert!(!item.swap(true, SeqCst), "two on one seat");
                    seats.with(|takes| *takes += 1);
                    item.store(false, SeqCst);
                    seats.give_back(item);
                }
            });
        }
        block_on(seats.all_back());
    });
    assert_eq!(seats.with(|takes| *takes), TAKES);
    assert_eq!(
        seats.counts(),
        Counts {
            seats: 3,
            idle: 3,
            waiting: 0,
            closed: false
        }
    );
}

#[test]
fn the_end_of_a_pool_reaches_parked_threads() {
    let seats: Seats<CriticalSectionRawMutex, Item, 2, 4> = Seats::new([Item(0), Item(1)]);
    let (a, b) = (seats.try_take().unwrap(), seats.try_take().unwrap());
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| block_on(seats.ticket())))
            .collect();
        while seats.counts().waiting < 4 {
            thread::yield_now();
        }
        seats.close();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(PoolError::Closed));
        }
        let closer = scope.spawn(|| block_on(seats.all_back()));
        seats.give_back(a);
        seats.give_back(b);
        closer.join().unwrap();
    });
}

#[test]
fn futures_are_send_and_may_be_moved() {
    fn check<T: Send + Unpin>(_: T) {}
    let seats: Seats<CriticalSectionRawMutex, Item, 2, 4> = Seats::new([]);
    check(seats.ticket());
    check(seats.all_back());
}
