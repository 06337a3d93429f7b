//! The sensor node, while the server goes away and comes back: what it wrote is there once.

use std::thread::sleep;
use std::time::Duration;

use host_tests::redis::RedisServer;

use crate::stream::{PATIENCE, Stream, calm, count, durable, node};

#[test]
fn a_healthy_server_has_it_all() {
    let redis = durable().start();
    let node = calm().redis(redis.port());
    let node = node.set("entries", 40).set("interval", 25).set("beat", 400);
    let ended = node.start().unwrap().wait();
    let ttl: i64 = redis.cli(&["PTTL", "node:n:alive"]).parse().unwrap();
    ended.expect(0);
    let stream = Stream::of(&redis);
    stream.expect_of(&ended, 40);
    assert_eq!(
        (count(&ended, "dropped"), count(&ended, "repeated")),
        (0, 0)
    );
    assert!(stream.0.iter().all(|entry| entry.boot == 1));
    assert!((1..=1200).contains(&ttl), "it expires after three: {ttl}");
    // A beat may have been on its way at the end.
    let beats: u64 = redis.cli(&["GET", "node:n:beats"]).parse().unwrap();
    let counted = count(&ended, "beats");
    assert!(
        (counted..=counted + 1).contains(&beats),
        "{counted}, {beats}"
    );
    assert!(beats >= 2);
    sleep(Duration::from_millis(1200));
    assert_eq!(redis.cli(&["EXISTS", "node:n:alive"]), "0");
}

#[test]
fn each_start_has_a_larger_number() {
    let redis = durable().start();
    for _ in 0..2 {
        let node = node().redis(redis.port());
        let ended = node
            .set("entries", 3)
            .set("interval", 20)
            .start()
            .unwrap()
            .wait();
        ended.expect(0);
    }
    let ids: Vec<_> = Stream::of(&redis)
        .0
        .iter()
        .map(|e| (e.boot, e.seq))
        .collect();
    assert_eq!(ids, [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]);
}

#[test]
fn a_server_that_forgot_the_number_is_asked_again() {
    let redis = durable().start();
    redis.cli(&["XADD", "node:n:telemetry", "4-9", "at", "0"]);
    let node = node().redis(redis.port());
    let node = node.set("entries", 10).set("interval", 20);
    let ended = node.start().unwrap().wait();
    ended.expect(0);
    redis.cli(&["XDEL", "node:n:telemetry", "4-9"]);
    let stream = Stream::of(&redis);
    stream.expect_of(&ended, 10);
    assert!(stream.0.iter().all(|entry| entry.boot == 5));
    assert_eq!(count(&ended, "repeated"), 0);
}

#[test]
fn it_survives_a_server_that_is_killed_and_started_again() {
    let mut redis = durable().start();
    let node = node().redis(redis.port());
    let node = node.set("entries", 100).set("interval", 40);
    let node = node.start().unwrap();
    for seq in [20, 60] {
        node.wait_for(&format!("telemetry: 1-{seq}"), PATIENCE);
        redis.kill();
        sleep(Duration::from_millis(400));
        redis.restart();
    }
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 100);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
}

#[test]
fn it_survives_its_connections_being_killed() {
    let redis = durable().start();
    let node = node().redis(redis.port());
    let node = node.set("entries", 150).set("interval", 15);
    let node = node.start().unwrap();
    node.wait_for("telemetry: 1-10", PATIENCE);
    let mut killed = 0;
    for _ in 0..30 {
        let count = redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        killed += count.parse::<u32>().unwrap();
        sleep(Duration::from_millis(40));
    }
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 150);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
    assert!(killed >= 10, "{killed}");
}

#[test]
fn it_survives_a_server_that_pauses() {
    let redis = durable().start();
    let node = node().redis(redis.port());
    let node = node.set("entries", 120).set("interval", 50);
    let node = node.start().unwrap();
    for (seq, what) in [(10, "WRITE"), (70, "ALL")] {
        node.wait_for(&format!("telemetry: 1-{seq}"), PATIENCE);
        redis.cli(&["CLIENT", "PAUSE", "1200", what]);
    }
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 120);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
    assert!(count(&ended, "timed_out") > 0);
}

/// The commands reach the server's socket, but no answer comes: the node cannot know. The server
/// runs them when it goes on.
#[test]
fn what_was_in_doubt_is_there_once() {
    let redis = durable().start();
    let node = calm().redis(redis.port());
    let node = node.set("entries", 80).set("interval", 50);
    let node = node.start().unwrap();
    for seq in [10, 50] {
        node.wait_for(&format!("telemetry: 1-{seq}"), PATIENCE);
        redis.pause();
        sleep(Duration::from_millis(900));
        redis.resume();
    }
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 80);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
    assert!(count(&ended, "repeated") > 0, "{ended:?}");
}

#[test]
fn it_survives_a_link_that_is_down_for_3_s() {
    let redis = durable().start();
    let node = node().redis(redis.port());
    let node = node.set("entries", 60).set("interval", 100);
    let node = node.start().unwrap();
    node.wait_for("telemetry: 1-5", PATIENCE);
    node.set_link(false);
    sleep(Duration::from_secs(3));
    node.set_link(true);
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 60);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
    assert!(count(&ended, "timed_out") + count(&ended, "unreachable") > 0);
}

/// The end of the old connections never reaches the node: to it they look open.
#[test]
fn it_survives_connections_that_are_half_open() {
    let mut redis = durable().start();
    let node = node().redis(redis.port());
    let node = node.set("entries", 60).set("interval", 60);
    let node = node.start().unwrap();
    node.wait_for("telemetry: 1-5", PATIENCE);
    node.set_link(false);
    redis.restart();
    node.set_link(true);
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 60);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
}

#[test]
fn what_does_not_fit_is_dropped_and_counted() {
    let mut redis = durable().start();
    let node = node().redis(redis.port());
    let node = node.set("entries", 300).set("interval", 10);
    let node = node.start().unwrap();
    node.wait_for("telemetry: 1-20", PATIENCE);
    redis.kill();
    sleep(Duration::from_millis(1800));
    redis.restart();
    let ended = node.wait();
    ended.expect(0);
    let stream = Stream::of(&redis);
    stream.expect_of(&ended, 300);
    let dropped = count(&ended, "dropped");
    assert!((60..=250).contains(&dropped), "{dropped}");
}

#[test]
fn a_configuration_that_changes_is_applied() {
    let redis = durable().start();
    let interval = |value| redis.cli(&["SET", "node:n:interval", value]);
    let node = node().redis(redis.port());
    let node = node.set("entries", 50).set("interval", 300);
    let node = node.start().unwrap();
    node.wait_for("telemetry: 1-4", PATIENCE);
    interval("nonsense");
    node.wait_for("WrongValue", PATIENCE);
    interval("1");
    node.wait_for("configuration: 1 ms is out of range", PATIENCE);
    interval("20");
    node.wait_for("configuration: a sample each 20 ms", PATIENCE);
    let ended = node.wait();
    ended.expect(0);
    let stream = Stream::of(&redis);
    stream.expect_of(&ended, 50);
    let pause = |at: usize| (stream.0[at + 1].at - stream.0[at].at) / 1000;
    assert!((200..=400).contains(&pause(1)), "{} ms", pause(1));
    let mut last: Vec<_> = (30..49).map(pause).collect();
    last.sort();
    assert!((10..=100).contains(&last[9]), "{last:?} ms");
}

/// For the tests of this file a server must keep what it has answered.
#[test]
fn the_server_of_these_tests_keeps_what_it_has() {
    let mut redis: RedisServer = durable().start();
    redis.cli(&["SET", "k", "v"]);
    redis.restart();
    assert_eq!(redis.cli(&["GET", "k"]), "v");
}
