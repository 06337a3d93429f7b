//! The pool under threads and tasks: whose turn it is, how long it waits, and what waiting costs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use host_tests::live::{self, Clients, tcp};
use host_tests::process::cpu_time;
use host_tests::redis::RedisServer;
use host_tests::scenarios;
use respool::command::*;
use respool::error::{Blame, PoolError};
use respool::{Command, ErrorKind, Reached};

scenarios! {
    /// Nothing is opened before it is used, and what was given back last is lent first.
    fn connections_are_opened_when_they_are_needed(at) {
        let pool = open::<3, 256, 256>(at.config);
        assert_eq!(Clients::of(at.server).count(), 0);
        let (mut one, mut two) = (go!(pool.get()).unwrap(), go!(pool.get()).unwrap());
        let first = go!(one.call(client_id())).unwrap();
        let second = go!(two.call(client_id())).unwrap();
        assert_eq!(Clients::of(at.server).count(), 2);
        drop(one);
        drop(two);
        assert_eq!(go!(pool.call(client_id())).unwrap(), second);
        let (mut two, mut one) = (go!(pool.get()).unwrap(), go!(pool.get()).unwrap());
        assert_eq!(go!(two.call(client_id())).unwrap(), second);
        assert_eq!(go!(one.call(client_id())).unwrap(), first);
        drop((one, two));
        pool.disconnect_all();
        Clients::wait_for(at.server, 0);
        assert_ne!(go!(pool.call(client_id())).unwrap(), second);
        assert_eq!(pool.stats().opened, 3);
    }

    /// All are lent: at once an error, or after the time of the settings, in words.
    fn a_busy_pool(at) {
        let limit = Duration::from_millis(200);
        let pool = open::<2, 256, 256>(at.config.pool_timeout(limit));
        let leases = (go!(pool.get()).unwrap(), go!(pool.get()).unwrap());
        let error = pool.try_get().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pool(PoolError::Busy { connections: 2 }));
        assert_eq!(error.to_string(), "pool is busy: all 2 connections are in use (not sent)");
        let begin = Instant::now();
        let error = go!(pool.call(ping())).unwrap_err();
        let waited = begin.elapsed();
        assert_eq!(error.kind(), ErrorKind::Pool(PoolError::WaitTimedOut { after_ms: 200 }));
        let text = "gave up waiting for a connection after 200 ms (not sent)";
        assert_eq!(error.to_string(), text);
        assert_eq!((error.reached(), error.blame()), (Reached::NotSent, Blame::Pool));
        assert!((limit..limit + Duration::from_secs(2)).contains(&waited), "{waited:?}");
        assert_eq!((pool.stats().waits, pool.stats().wait_timeouts), (1, 1));
        drop(leases);
        go!(pool.call(ping())).unwrap();
    }

    /// A closed pool says so, and the server sees nobody any more.
    fn a_closed_pool(at) {
        let pool = open::<2, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(ping())).unwrap();
        go!(pool.call(ping())).unwrap();
        let error = go!(pool.close(Duration::from_millis(20))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pool(PoolError::StillLent { connections: 1 }));
        Clients::wait_for(at.server, 1);
        go!(lease.call(ping())).unwrap();
        let error = go!(pool.call(ping())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pool(PoolError::Closed));
        assert_eq!(error.to_string(), "the pool is closed (not sent)");
        drop(lease);
        go!(pool.close(Duration::ZERO)).unwrap();
        Clients::wait_for(at.server, 0);
        assert_eq!((pool.stats().open, pool.stats().closed), (0, 2));
    }
}

/// A thread that waits is parked: it uses no processor.
#[test]
fn waiting_costs_nothing() {
    let server = RedisServer::start();
    let pool = live::threads::<1, 256, 256>(tcp(&server));
    let lease = pool.get().unwrap();
    let waiting = Duration::from_millis(1500);
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let (begin, before) = (Instant::now(), cpu_time("thread-self"));
                    pool.call(ping()).unwrap();
                    (begin.elapsed(), cpu_time("thread-self") - before)
                })
            })
            .collect();
        while pool.stats().waits < 8 {
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(waiting);
        drop(lease);
        for waiter in waiters {
            let (waited, used) = waiter.join().unwrap();
            assert!(waited >= waiting, "{waited:?}");
            assert!(used <= Duration::from_millis(50), "{used:?} of {waited:?}");
        }
    });
}

/// First come, first served, by threads.
#[test]
fn threads_take_turns() {
    let server = RedisServer::start();
    let pool = live::threads::<1, 256, 256>(tcp(&server));
    let lease = pool.get().unwrap();
    let order = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for n in 0..16u32 {
            let order = &order;
            scope.spawn(move || {
                let mut lease = pool.get().unwrap();
                order.lock().unwrap().push(n);
                lease.call(ping()).unwrap();
            });
            // The next one comes once this one stands in line.
            while pool.stats().waits <= n {
                thread::sleep(Duration::from_millis(1));
            }
        }
        drop(lease);
    });
    assert_eq!(*order.lock().unwrap(), (0..16).collect::<Vec<_>>());
}

/// First come, first served, by tasks; those who go while they wait hold up nobody.
#[tokio::test]
async fn tasks_take_turns() {
    let server = RedisServer::start();
    let pool = live::tasks::<1, 256, 256>(tcp(&server));
    let lease = pool.get().await.unwrap();
    let order: &'static Mutex<Vec<u32>> = Box::leak(Box::default());
    let mut tasks = Vec::new();
    for n in 0..16u32 {
        tasks.push(tokio::spawn(async move {
            let mut lease = pool.get().await.unwrap();
            order.lock().unwrap().push(n);
            lease.call(ping()).await.unwrap();
        }));
        while pool.stats().waits <= n {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    for gone in [0, 3, 4, 15] {
        tasks[gone].abort();
    }
    // Aborted tasks are dropped by the runtime when it comes to them.
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(lease);
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.is_err(), [0, 3, 4, 15].contains(&n));
    }
    let expected: Vec<u32> = (0..16).filter(|n| ![0, 3, 4, 15].contains(n)).collect();
    assert_eq!(*order.lock().unwrap(), expected);
}

/// The queue has places for 64; the next one is told at once.
#[test]
fn a_full_queue() {
    let server = RedisServer::start();
    let pool = live::threads::<1, 256, 256>(tcp(&server));
    let lease = pool.get().unwrap();
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for _ in 0..70 {
            let tell = tell.clone();
            scope.spawn(move || tell.send(pool.call(ping())));
        }
        for _ in 64..70 {
            let error = told.recv().unwrap().unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::Pool(PoolError::QueueFull { waiting: 64 })
            );
            assert_eq!(
                error.to_string(),
                "pool is busy: all 64 places in the queue are taken (not sent)"
            );
        }
        drop(lease);
        for _ in 0..64 {
            told.recv().unwrap().unwrap();
        }
    });
    assert_eq!(pool.stats().opened, 1);
}

/// Sixteen threads on three connections: at most three at work at once, all come to their turn.
#[test]
fn never_more_than_there_are() {
    let server = RedisServer::start();
    let pool = live::threads::<3, 256, 256>(tcp(&server));
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for worker in 0..16 {
            let (now, most) = (&now, &most);
            scope.spawn(move || {
                for n in 0..50 {
                    let mut lease = pool.get().unwrap();
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    lease.call(set(("turn:", worker), n)).unwrap();
                    let back = lease.call(get(("turn:", worker)).reply::<i32>()).unwrap();
                    assert_eq!(back, n);
                    now.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(most.into_inner(), 3);
    assert_eq!(Clients::of(&server).count(), 3);
    assert_eq!(pool.stats().opened, 3);
}

/// Tasks on many threads share a pool, with arguments that they borrow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_on_many_threads() {
    let server = RedisServer::start();
    let pool = live::tasks::<3, 256, 256>(tcp(&server));
    let tasks: Vec<_> = (0..16)
        .map(|worker: i32| {
            tokio::spawn(async move {
                let name = format!("worker {worker}");
                let key = ("k:", name.as_str());
                for n in 0..50 {
                    pool.call(set(key, n)).await.unwrap();
                    let back: Option<i32> = pool.call(get(key).reply()).await.unwrap();
                    assert_eq!(back, Some(n));
                    let mut lease = pool.get().await.unwrap();
                    let borrowed = lease.call(get(key).text()).await.unwrap();
                    assert_eq!(borrowed, Some(n.to_string().as_str()));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(Clients::of(&server).count(), 3);
    let stats = pool.stats();
    assert_eq!((stats.opened, stats.sent), (3, stats.answered));
}
