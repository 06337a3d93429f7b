//! Check-out: waiting, giving up, closing.

extern crate std;

use core::time::Duration;
use std::boxed::Box;
use std::println;
use std::vec::Vec;

use super::*;
use crate::command::{Command, get, incr, ping};
use crate::error::{Error, ErrorKind, PoolError};

fn pool_error<T>(result: Result<T, Error>) -> Option<PoolError> {
    match result.err()?.kind() {
        ErrorKind::Pool(error) => Some(error),
        other => panic!("{other:?}"),
    }
}

/// A task: a future, and a flag that says that it was woken.
struct Task<'t> {
    future: Option<Pin<Box<dyn Future<Output = usize> + 't>>>,
    flag: Arc<Flag>,
}

impl<'t> Task<'t> {
    fn new(future: impl Future<Output = usize> + 't) -> Self {
        let flag = Arc::new(Flag::default());
        flag.clone().wake();
        Self {
            future: Some(Box::pin(future)),
            flag,
        }
    }

    /// One poll, if it was woken.
    fn turn(&mut self) -> Option<usize> {
        let future = self.future.as_mut()?;
        if !self.flag.take() {
            return None;
        }
        let waker = Waker::from(self.flag.clone());
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(name) => {
                self.future = None;
                Some(name)
            }
            Poll::Pending => None,
        }
    }
}

/// Polls whoever was woken, until nobody is; says who came to an end, in order.
fn turns(tasks: &mut [Task<'_>]) -> Vec<usize> {
    let mut ended = Vec::new();
    loop {
        let before = ended.len();
        let woken = tasks
            .iter()
            .any(|task| task.future.is_some() && task.flag.0.load(Ordering::Relaxed));
        for task in tasks.iter_mut() {
            ended.extend(task.turn());
        }
        if !woken && ended.len() == before {
            return ended;
        }
    }
}

/// `waiters` wait for one of two seats, of which `given_back` come back; one waiter is cancelled,
/// before or after it was called. Then the other seats come back.
fn one_waiter_cancelled(waiters: usize, cancelled: usize, given_back: usize, called: bool) {
    let world = World::<true>::new();
    let mut resources = Resources::<2>::new();
    let wires = [world.wire.clone(), world.another_wire()];
    let pool = TestPool::<_, 2>::new(&mut resources, wires, Config::new());
    let mut leases = std::vec![pool.try_get().unwrap(), pool.try_get().unwrap()];
    let pool = &pool;
    let mut tasks: Vec<_> = (0..waiters)
        .map(|name| {
            Task::new(async move {
                let mut lease = pool.get().await.unwrap();
                assert_eq!(lease.call(get("k").reply()).await, Ok(owned("k")));
                name
            })
        })
        .collect();
    assert_eq!(turns(&mut tasks), [], "nothing is free");
    let give_back = |leases: &mut Vec<_>| leases.truncate(2 - given_back);
    if called {
        give_back(&mut leases);
    }
    tasks[cancelled].future = None;
    if !called {
        give_back(&mut leases);
    }
    let mut ended = turns(&mut tasks);
    if given_back == 0 {
        assert_eq!(ended, []);
    }
    drop(leases);
    ended.extend(turns(&mut tasks));
    let expected: Vec<_> = (0..waiters).filter(|name| *name != cancelled).collect();
    assert_eq!(
        ended, expected,
        "{cancelled} of {waiters}, {given_back} back, called: {called}"
    );
    assert!(pool.try_get().is_ok());
    check_stats(pool);
}

#[test]
fn a_cancelled_waiter_takes_nobodys_turn_with_it() {
    let mut runs = 0;
    for waiters in 1..=6 {
        for cancelled in 0..waiters {
            for given_back in 0..=2 {
                for called in [false, true] {
                    one_waiter_cancelled(waiters, cancelled, given_back, called);
                    runs += 1;
                }
            }
        }
    }
    println!("{runs} waiters cancelled");
    assert_eq!(runs, 126);
}

#[test]
fn a_wait_ends_at_its_deadline_and_leaves_the_queue() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let config = Config::new().pool_timeout(Duration::from_millis(300));
    let pool = TestPool::<_, 1, 2>::new(&mut resources, [world.wire.clone()], config);
    let lease = pool.try_get().unwrap();
    let mut first = pin!(pool.get());
    assert!(matches!(poll(first.as_mut(), 10), Polled::Stuck));
    world.clock.advance_ms(299);
    assert!(matches!(poll(first.as_mut(), 10), Polled::Stuck));
    let mut second = pin!(pool.get());
    assert!(matches!(poll(second.as_mut(), 10), Polled::Stuck));
    assert_eq!(
        pool_error(run(pool.get())),
        Some(PoolError::QueueFull { waiting: 2 })
    );
    world.clock.advance_ms(1);
    let waited = pool_error(poll(first.as_mut(), 10).ready());
    assert_eq!(waited, Some(PoolError::WaitTimedOut { after_ms: 300 }));
    // Its place is free, and the one behind it is first.
    drop(lease);
    assert!(poll(second.as_mut(), 10).ready().is_ok());
    assert_eq!(pool.stats().wait_timeouts, 1);
}

#[test]
fn a_free_connection_is_not_for_those_who_come_after_a_waiter() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
    let lease = pool.try_get().unwrap();
    let busy = Some(PoolError::Busy { connections: 1 });
    assert_eq!(pool_error(pool.try_get()), busy);
    let mut waiter = pin!(pool.get());
    assert!(matches!(poll(waiter.as_mut(), 10), Polled::Stuck));
    drop(lease);
    assert_eq!(pool_error(pool.try_get()), busy, "it is the waiter's");
    let lease = poll(waiter.as_mut(), 10).ready().unwrap();
    drop(lease);
    assert!(pool.try_get().is_ok());
}

#[test]
fn a_closed_pool_refuses_and_waits_for_what_is_lent() {
    let world = World::<true>::new();
    let mut resources = Resources::<2>::new();
    let other = world.another_wire();
    let wires = [world.wire.clone(), other.clone()];
    let pool = TestPool::<_, 2>::new(&mut resources, wires, Config::new());
    let mut leases = std::vec![pool.try_get().unwrap(), pool.try_get().unwrap()];
    for lease in &mut leases {
        run(lease.call(ping())).unwrap();
    }
    let mut waiter = pin!(pool.get());
    assert!(matches!(poll(waiter.as_mut(), 10), Polled::Stuck));
    leases.truncate(1);
    let mut close = pin!(pool.close(Duration::from_millis(100)));
    assert_eq!(poll(close.as_mut(), 10), Polled::Stuck);
    assert_eq!(
        pool_error(poll(waiter.as_mut(), 10).ready()),
        Some(PoolError::Closed)
    );
    assert_eq!(pool_error(pool.try_get()), Some(PoolError::Closed));
    assert_eq!(pool_error(run(pool.get())), Some(PoolError::Closed));
    // What is idle is closed, what is lent is not.
    assert!(!world.wire.is_open() && other.is_open());
    // The lease goes on working.
    assert_eq!(run(leases[0].call(get("k").reply())), Ok(owned("k")));
    leases.clear();
    assert_eq!(poll(close.as_mut(), 10), Polled::Ready(Ok(())));
    assert_eq!(pool.stats().open, 0);
    assert!(!world.wire.is_open() && !other.is_open());
    check_stats(&pool);
}

#[test]
fn closing_gives_up_at_its_limit_and_the_rest_is_closed_when_it_comes() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
    let mut lease = pool.try_get().unwrap();
    run(lease.call(ping())).unwrap();
    let mut close = pin!(pool.close(Duration::from_millis(100)));
    assert_eq!(poll(close.as_mut(), 10), Polled::Stuck);
    world.clock.advance_ms(100);
    let result = poll(close.as_mut(), 10).ready();
    assert_eq!(
        pool_error(result),
        Some(PoolError::StillLent { connections: 1 })
    );
    assert!(world.wire.is_open());
    drop(lease);
    assert!(!world.wire.is_open());
    assert_eq!(run(pool.close(Duration::ZERO)), Ok(()));
    check_stats(&pool);
}

#[test]
fn a_leased_connection_is_disconnected_when_it_comes_back() {
    let world = World::<true>::new();
    let mut resources = Resources::<2>::new();
    let other = world.another_wire();
    let wires = [other.clone(), world.wire.clone()];
    let pool = TestPool::<_, 2>::new(&mut resources, wires, Config::new());
    let (mut lease, mut idle) = (pool.try_get().unwrap(), pool.try_get().unwrap());
    run(lease.call(incr("n"))).unwrap();
    run(idle.call(incr("n"))).unwrap();
    drop(idle);
    pool.disconnect_all();
    assert!(world.wire.is_open() && !other.is_open());
    assert_eq!(run(lease.call(incr("n"))), Ok(3));
    drop(lease);
    assert!(!world.wire.is_open());
    assert_eq!(pool.stats().open, 0);
    // That was all of it: later ones stay open.
    run(pool.call(incr("n"))).unwrap();
    run(pool.call(incr("n"))).unwrap();
    assert_eq!(pool.stats().open, 1);
    check_stats(&pool);
}

#[test]
fn idle_connections_are_disconnected_and_leased_ones_are_not() {
    let world = World::<true>::new();
    let mut resources = Resources::<2>::new();
    let other = world.another_wire();
    let wires = [other.clone(), world.wire.clone()];
    let pool = TestPool::<_, 2>::new(&mut resources, wires, Config::new());
    let (mut lease, mut idle) = (pool.try_get().unwrap(), pool.try_get().unwrap());
    run(lease.call(incr("n"))).unwrap();
    run(idle.call(incr("n"))).unwrap();
    drop(idle);
    pool.disconnect_idle();
    assert!(world.wire.is_open() && !other.is_open());
    drop(lease);
    assert!(world.wire.is_open());
    assert_eq!(run(pool.call(incr("n"))), Ok(3));
    assert_eq!(world.wire.counts().opens, 1);
    check_stats(&pool);
}

#[test]
fn the_connection_used_last_is_lent_first() {
    let world = World::<true>::new();
    let mut resources = Resources::<2>::new();
    let wires = [world.another_wire(), world.wire.clone()];
    let pool = TestPool::<_, 2>::new(&mut resources, wires, Config::new());
    for _ in 0..5 {
        run(pool.call(ping())).unwrap();
    }
    let stats = pool.stats();
    assert_eq!((stats.opened, stats.reused), (1, 4));
}

#[test]
fn a_pool_whose_close_was_dropped_is_closed_all_the_same() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
    let mut lease = pool.try_get().unwrap();
    run(lease.call(ping())).unwrap();
    assert_eq!(
        drop_at(5, pool.close(Duration::from_secs(1))),
        Polled::Stuck
    );
    assert_eq!(pool_error(pool.try_get()), Some(PoolError::Closed));
    drop(lease);
    assert!(!world.wire.is_open());
}
