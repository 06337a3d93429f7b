//! The sensor node, while the server goes away and comes back: what it wrote is there once.

use std::thread::sleep;
use std::time::Duration;

use host_tests::chaos::Hush;
use host_tests::redis::RedisServer;

use crate::stream::{
    PATIENCE, Stream, behind_a_proxy, bring_in_doubt, calm, count, durable, impatient, node,
};

#[test]
fn a_healthy_server_has_it_all() {
    let redis = durable().start();
    let node = impatient().redis(redis.port()).set("beat", 400);
    let node = node.set("entries", 40).set("interval", 25);
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
fn it_survives_a_server_that_is_killed_and_started_again() {
    let (mut redis, chaos) = behind_a_proxy();
    let node = calm().redis(chaos.port());
    let node = node.set("entries", 50).set("interval", 100);
    let node = node.start().unwrap();
    for seq in [10, 25] {
        node.wait_for(&format!("telemetry: 1-{seq}"), PATIENCE);
        bring_in_doubt(&node, || chaos.hush(Hush::Replies));
        redis.kill();
        chaos.hush(Hush::Nothing);
        sleep(Duration::from_millis(400));
        redis.restart();
    }
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 50);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
    assert!(count(&ended, "doubted") >= 2, "{ended:?}");
    assert!(count(&ended, "repeated") >= 2, "both were there: {ended:?}");
}

#[test]
fn it_survives_its_connections_being_killed() {
    let redis = durable().start();
    let node = node().redis(redis.port());
    let node = node.set("entries", 60).set("interval", 60);
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
    Stream::of(&redis).expect_of(&ended, 60);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
    assert!(killed >= 10, "{killed}");
}

#[test]
fn it_survives_a_server_that_pauses() {
    let redis = durable().start();
    let node = calm().redis(redis.port());
    let node = node.set("entries", 60).set("interval", 100);
    let node = node.start().unwrap();
    for (seq, what) in [(10, "WRITE"), (40, "ALL")] {
        node.wait_for(&format!("telemetry: 1-{seq}"), PATIENCE);
        bring_in_doubt(&node, || {
            redis.cli(&["CLIENT", "PAUSE", "3000", what]);
        });
    }
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 60);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
    assert!(count(&ended, "doubted") >= 2, "{ended:?}");
    assert!(count(&ended, "timed_out") >= 2, "{ended:?}");
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
    let (redis, chaos) = behind_a_proxy();
    let node = calm().redis(chaos.port());
    let node = node.set("entries", 60).set("interval", 120);
    let node = node.start().unwrap();
    node.wait_for("telemetry: 1-5", PATIENCE);
    bring_in_doubt(&node, || chaos.hush(Hush::Replies));
    node.set_link(false);
    chaos.hush(Hush::Nothing);
    node.wait_for("link_up = false", PATIENCE);
    sleep(Duration::from_secs(3));
    node.set_link(true);
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 60);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
    assert!(count(&ended, "repeated") > 0, "it was there: {ended:?}");
    assert!(count(&ended, "unreachable") > 0);
}

/// The peer of the old connections is gone without a word: what is sent to it vanishes, and no end
/// comes from it. It answers new ones.
#[test]
fn it_survives_connections_that_are_half_open() {
    let (redis, chaos) = behind_a_proxy();
    let node = calm().redis(chaos.port());
    let node = node.set("entries", 60).set("interval", 60);
    let node = node.start().unwrap();
    for seq in [5, 30] {
        node.wait_for(&format!("telemetry: 1-{seq}"), PATIENCE);
        chaos.abandon();
    }
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 60);
    assert_eq!(count(&ended, "dropped"), 0, "there was room enough");
    assert!(count(&ended, "doubted") >= 2, "{ended:?}");
    assert_eq!(count(&ended, "broken"), 0, "nobody told it: {ended:?}");
    assert!(chaos.counts().silences >= 2);
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

/// For the tests of this file a server must keep what it has answered.
#[test]
fn the_server_of_these_tests_keeps_what_it_has() {
    let mut redis: RedisServer = durable().start();
    redis.cli(&["SET", "k", "v"]);
    redis.restart();
    assert_eq!(redis.cli(&["GET", "k"]), "v");
}
