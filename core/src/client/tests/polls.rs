//! Polls that an executor may make as it likes: too many of them, and with another waker each time.

extern crate std;

use core::time::Duration;

use super::*;
use crate::command::{Command, Request, get, incr, ping};
use crate::io::scripted::Pace;

/// One poll with a waker of its own.
fn poll_once<F: Future>(future: Pin<&mut F>) -> (Poll<F::Output>, Arc<Flag>) {
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(flag.clone());
    let polled = future.poll(&mut Context::from_waker(&waker));
    (polled, flag)
}

#[test]
fn a_call_polled_without_cause_does_nothing_twice() {
    for pace in [Pace::FAST, Pace::slow(1), Pace::slow(7).buffered()] {
        let world = World::<true>::new();
        world.wire.set_pace(pace);
        world.server.store().silent = true;
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        let mut call = pin!(pool.call(incr("n")));
        // The login has no answer yet, whoever asks.
        for _ in 0..500 {
            assert!(poll_once(call.as_mut()).0.is_pending());
        }
        let login = world.wire.counts().out;
        assert!(login > 0);
        for _ in 0..500 {
            assert!(poll_once(call.as_mut()).0.is_pending());
        }
        assert_eq!(world.wire.counts().out, login);
        world.wire.say(b"%0\r\n+OK\r\n+OK\r\n");
        for _ in 0..500 {
            assert!(poll_once(call.as_mut()).0.is_pending());
        }
        assert_eq!(world.server.seen("INCR n"), 1);
        world.wire.say(b":1\r\n");
        let mut polled = Poll::Pending;
        for _ in 0..10 {
            polled = poll_once(call.as_mut()).0;
            if polled.is_ready() {
                break;
            }
        }
        assert_eq!(polled, Poll::Ready(Ok(1)));
        assert_eq!(world.server.seen("INCR n"), 1);
    }
}

#[test]
fn the_waker_of_the_last_poll_is_woken_whatever_a_call_waits_for() {
    // For an answer.
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(pool.call(ping())).unwrap();
    world.server.store().silent = true;
    let mut call = pin!(pool.call(incr("n")));
    let (_, first) = poll_once(call.as_mut());
    let (_, last) = poll_once(call.as_mut());
    world.wire.say(b":1\r\n");
    assert!(last.take() && !first.take());
    assert_eq!(poll_once(call.as_mut()).0, Poll::Ready(Ok(1)));

    // For a connection.
    world.server.store().silent = false;
    let lease = pool.try_get().unwrap();
    let mut call = pin!(pool.call(get("k").reply()));
    let (_, first) = poll_once(call.as_mut());
    let (_, last) = poll_once(call.as_mut());
    drop(lease);
    assert!(last.take() && !first.take());
    assert_eq!(poll_once(call.as_mut()).0, Poll::Ready(Ok(owned("k"))));

    // For the end of its time.
    world.server.store().silent = true;
    let mut call = pin!(pool.call(incr("n").timeout(Duration::from_millis(50))));
    let _ = poll_once(call.as_mut());
    let (_, last) = poll_once(call.as_mut());
    world.clock.advance_ms(50);
    assert!(last.take());
    assert!(matches!(poll_once(call).0, Poll::Ready(Err(_))));
}
