//! What the threads do, and what has to come of it in whatever order they do it.
//!
//! That everybody gets to the end is a property of all of them: a lost wake-up leaves somebody
//! asleep when all others are done, which both runtimes report. So is that no two hold one
//! connection: see [`Spot`](crate::Spot).

use core::future::{Future, pending};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex};

use respool::command::ping;
use respool::error::PoolError;
use respool::time::Duration;

use crate::Runtime;
use crate::world::{BlockingWorld, World, pool_error};

/// How long a pool waits for its end; there is no clock, so it is for ever.
const LIMIT: Duration = Duration::from_secs(1);

/// Three tasks, two seats: each gets one.
pub fn three_on_two<R: Runtime>() {
    let world = World::<R, 2>::new();
    let others = [(); 2].map(|()| {
        let world = world.clone();
        R::spawn(move || R::block_on(use_once(&world)))
    });
    R::block_on(use_once(&world));
    for join in others {
        join();
    }
    world.check_all_free();
}

/// Three tasks, one seat, which each of them gets.
pub fn three_on_one<R: Runtime>() {
    let world = World::<R, 1>::new();
    let others = [(); 2].map(|()| {
        let world = world.clone();
        R::spawn(move || R::block_on(use_once(&world)))
    });
    R::block_on(use_once(&world));
    for join in others {
        join();
    }
    world.check_all_free();
}

/// The first in line is cancelled while the seat comes back, before it was called or after: the
/// next one gets it all the same.
pub fn cancelled_in_line<R: Runtime>() {
    cancelled::<R>(|first| drop(first));
}

/// The same, but the first one looks once more before it goes: it may just have got a seat.
pub fn cancelled_after_a_look<R: Runtime>() {
    cancelled::<R>(|mut first| {
        let _ = poll_once(first.as_mut());
    });
}

fn cancelled<R: Runtime>(cancel: fn(Held)) {
    let world = World::<R, 1>::new();
    let lease = world.try_get().expect("nobody else is there");
    let first = {
        let world = world.clone();
        held(async move { use_once(&world).await })
    };
    let canceller = R::spawn(move || cancel(first));
    let second = {
        let world = world.clone();
        R::spawn(move || R::block_on(use_once(&world)))
    };
    drop(lease);
    canceller();
    second();
    world.check_all_free();
}

/// Two stand in line, a third one comes along: first come, first served, and the third one is
/// never served before those who waited.
pub fn first_come_first_served<R: Runtime>() {
    let world = World::<R, 1>::new();
    let served = Arc::new(Mutex::new(Vec::new()));
    let lease = world.try_get().expect("nobody else is there");
    let waiters = [0, 1].map(|name| {
        let mut waiter = {
            let (world, served) = (world.clone(), served.clone());
            Box::pin(async move {
                let lease = world.get().await.expect("a seat comes");
                served.lock().expect("no panic").push(name);
                drop(lease);
            })
        };
        assert!(poll_once(waiter.as_mut()).is_pending());
        R::spawn(move || R::block_on(waiter))
    });
    let newcomer = {
        let (world, served) = (world.clone(), served.clone());
        R::spawn(move || {
            if let Ok(lease) = world.try_get() {
                served.lock().expect("no panic").push(2);
                drop(lease);
            }
        })
    };
    drop(lease);
    for join in waiters {
        join();
    }
    newcomer();
    let served = served.lock().expect("no panic");
    assert!(matches!(served[..], [0, 1] | [0, 1, 2]), "{served:?}");
    world.check_all_free();
}

/// The pool is closed while one waits for it and its connection comes back: who waits gets the
/// connection or is told, and the end of the pool is the end of the connection.
pub fn closed_while_one_waits<R: Runtime>() {
    let world = World::<R, 1>::new();
    let lease = lent(&world);
    let waiter = {
        let world = world.clone();
        R::spawn(move || {
            let result = R::block_on(async {
                let mut lease = world.get().await?;
                lease.call(ping()).await
            });
            assert!(matches!(pool_error(result), None | Some(PoolError::Closed)));
        })
    };
    let giver = R::spawn(move || drop(lease));
    assert_eq!(R::block_on(world.close(LIMIT)), Ok(()));
    assert_eq!(world.stats().open, 0);
    waiter();
    giver();
    check_closed(&world);
}

/// All who wait when the pool is closed are told, though no connection comes back.
pub fn closed_under_a_line<R: Runtime>() {
    let world = World::<R, 1>::new();
    let lease = lent(&world);
    let waiters = [(); 2].map(|()| {
        let world = world.clone();
        R::spawn(move || {
            let result = R::block_on(world.get());
            assert_eq!(pool_error(result), Some(PoolError::Closed));
        })
    });
    let mut close = Box::pin(world.close(LIMIT));
    assert!(poll_once(close.as_mut()).is_pending());
    for join in waiters {
        join();
    }
    drop(lease);
    assert!(poll_once(close.as_mut()).is_ready());
    drop(close);
    check_closed(&world);
}

/// Two connections come back while the pool is closed by one who does not wait for them: they are
/// closed all the same.
pub fn closed_and_not_waited_for<R: Runtime>() {
    let world = World::<R, 2>::new();
    let givers = [lent(&world), lent(&world)].map(|lease| R::spawn(move || drop(lease)));
    {
        let mut close = pin!(world.close(LIMIT));
        let _ = poll_once(close.as_mut());
    }
    for join in givers {
        join();
    }
    check_closed(&world);
}

/// The same in the blocking world, where without an operating system nobody can wait.
pub fn closed_by_one_who_cannot_wait<R: Runtime>() {
    let world = BlockingWorld::<R, 2>::new();
    let givers = [(); 2].map(|()| {
        let world = world.clone();
        let lease = held(async move {
            let mut lease = world.try_get().expect("a seat is free");
            lease.call(ping()).expect("the peer answers");
            pending::<()>().await;
        });
        R::spawn(move || drop(lease))
    });
    match pool_error(world.close(LIMIT)) {
        None | Some(PoolError::StillLent { connections: 1 | 2 }) => {}
        other => panic!("{other:?}"),
    }
    for join in givers {
        join();
    }
    assert_eq!(world.open(), 0, "a connection outlived its pool");
    assert_eq!(world.close(LIMIT), Ok(()));
    world.check_stats();
}

/// All connections are to be closed while one comes back and another borrower has a short look at
/// it: it is closed in the end.
pub fn disconnected_while_one_comes_back<R: Runtime>() {
    let world = World::<R, 1>::new();
    let lease = lent(&world);
    let giver = R::spawn(move || drop(lease));
    let looker = {
        let world = world.clone();
        R::spawn(move || drop(R::block_on(world.get())))
    };
    world.disconnect_all();
    giver();
    looker();
    assert_eq!(world.open(), 0, "a connection was overlooked");
    world.check_all_free();
}

/// The same with two that come back.
pub fn disconnected_while_two_come_back<R: Runtime>() {
    let world = World::<R, 2>::new();
    let givers = [lent(&world), lent(&world)].map(|lease| R::spawn(move || drop(lease)));
    world.disconnect_all();
    for join in givers {
        join();
    }
    assert_eq!(world.open(), 0, "a connection was overlooked");
    world.check_all_free();
}

/// Upkeep borrows the only connection for a moment, and whoever came in that moment is served.
pub fn upkeep_and_two_borrowers<R: Runtime>() {
    let world = World::<R, 1>::new();
    R::block_on(use_once(&world));
    let others = [(); 2].map(|()| {
        let world = world.clone();
        R::spawn(move || R::block_on(use_once(&world)))
    });
    world.disconnect_idle();
    for join in others {
        join();
    }
    world.check_all_free();
}

/// Four workers, two seats: each borrows three times and does with it what `choose` says, which
/// gives a number below its argument. Somebody gives up, somebody else closes all connections; in
/// the end, the pool is closed.
pub fn whatever_comes<R: Runtime>(choose: fn(usize) -> usize) {
    let world = World::<R, 2>::new();
    let workers = [(); 4].map(|()| {
        let world = world.clone();
        R::spawn(move || {
            for _ in 0..3 {
                match choose(8) {
                    0 => drop(world.try_get()),
                    1 => world.disconnect_idle(),
                    2 => world.disconnect_all(),
                    3 => {
                        let _ = poll_once(pin!(use_once(&world)));
                    }
                    4 => drop(R::block_on(world.get())),
                    _ => R::block_on(use_once(&world)),
                }
            }
        })
    });
    for join in workers {
        join();
    }
    world.check_all_free();
    assert_eq!(R::block_on(world.close(LIMIT)), Ok(()));
    check_closed(&world);
}

/// One borrows and gives back.
async fn use_once<R: Runtime, const N: usize>(world: &World<R, N>) {
    let mut lease = world.get().await.expect("a seat comes");
    lease.call(ping()).await.expect("the peer answers");
}

/// Something to be dropped, in any thread.
type Held = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection that was opened and is lent until this is dropped.
fn lent<R: Runtime, const N: usize>(world: &Arc<World<R, N>>) -> Held {
    let world = world.clone();
    held(async move {
        let mut lease = world.get().await.expect("a seat is free");
        lease.call(ping()).await.expect("the peer answers");
        pending::<()>().await;
    })
}

fn held(future: impl Future<Output = ()> + Send + 'static) -> Held {
    let mut future: Held = Box::pin(future);
    assert!(poll_once(future.as_mut()).is_pending());
    future
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn check_closed<R: Runtime, const N: usize>(world: &World<R, N>) {
    assert_eq!(world.open(), 0, "a connection outlived its pool");
    assert_eq!(pool_error(world.try_get()), Some(PoolError::Closed));
    assert_eq!(
        pool_error(R::block_on(world.get())),
        Some(PoolError::Closed)
    );
    assert_eq!(R::block_on(world.close(LIMIT)), Ok(()), "a seat was lost");
    world.check_stats();
}
