//! What is told to a log: each thing once, in order, and nothing of what was sent.

extern crate std;

use std::cell::RefCell;
use std::format;
use std::string::String;
use std::sync::Once;
use std::vec::Vec;

use super::*;
use crate::command::{Command, get, incr, ping, set};
use crate::io::scripted::{At, Wrong};
use crate::time::Duration;
use embedded_io::ErrorKind as Kind;

std::thread_local! {
    static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A logger is one for the whole program: each thread keeps its own lines.
struct Lines;

impl log::Log for Lines {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}", record.level(), record.args());
        TOLD.with_borrow_mut(|told| told.push(line));
    }

    fn flush(&self) {}
}

/// What was told since it was last asked.
fn told() -> Vec<String> {
    TOLD.take()
}

fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        log::set_logger(&Lines).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    told();
}

#[test]
fn each_event_is_told_where_it_happens() {
    listen();
    let world = World::<true>::new();
    world.server.store().password = Some("secret");
    let mut resources = Resources::new();
    let config = Config::new()
        .password("secret")
        .backoff(Duration::from_millis(9), Duration::from_millis(9))
        .pool_timeout(Duration::from_millis(5));
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    let clock = &world.clock;

    world
        .wire
        .fail(At::Open(1), Wrong::Error(Kind::ConnectionRefused));
    clock
        .run(pool.call(set("private", "private")))
        .unwrap()
        .unwrap();
    assert_eq!(
        told(),
        [
            "WARN cannot connect: refused (not sent)",
            "DEBUG trying again to open it",
            "DEBUG opened",
        ]
    );

    world.wire.reset_counts();
    world
        .wire
        .fail(At::Read(1), Wrong::Error(Kind::ConnectionReset));
    clock
        .run(pool.call(get("private").reply::<()>()))
        .unwrap()
        .unwrap();
    assert_eq!(
        told(),
        ["DEBUG trying again", "DEBUG closed: Broken", "DEBUG opened"]
    );

    clock.advance_ms(30_000);
    clock.run(pool.call(ping())).unwrap().unwrap();
    assert_eq!(told(), ["DEBUG asking whether the server is there"]);

    let lease = pool.try_get().unwrap();
    assert!(clock.run(pool.get()).unwrap().is_err());
    drop(lease);
    assert_eq!(
        told(),
        [
            "TRACE all connections are in use",
            "WARN gave up waiting for a connection",
        ]
    );

    world.server.store().silent = true;
    assert!(!drop_at(20, pool.call(incr("n"))).is_ready());
    world.server.store().silent = false;
    clock.run(pool.call(incr("n"))).unwrap().unwrap();
    assert_eq!(
        told(),
        [
            "DEBUG skipping late replies",
            "WARN timed out",
            "DEBUG closed: TimedOut",
            "DEBUG opened",
        ]
    );
}
