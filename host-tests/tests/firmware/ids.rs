//! The ids of a node's entries, when the server has lost the count of starts, or somebody else writes
//! to the stream.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use host_tests::chaos::Hush;
use host_tests::redis::RedisServer;

use crate::stream::{
    PATIENCE, Stream, behind_a_proxy, bring_in_doubt, calls, calm, count, durable, node, wait_until,
};

#[test]
fn each_start_has_a_larger_number() {
    let redis = durable().start();
    for _ in 0..2 {
        three(redis.port());
    }
    let ids: Vec<_> = Stream::of(&redis)
        .0
        .iter()
        .map(|e| (e.boot, e.seq))
        .collect();
    assert_eq!(ids, [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]);
}

#[test]
fn a_count_that_is_lost_goes_on_behind_the_stream() {
    let redis = durable().start();
    three(redis.port());
    for (lost, boot) in [("0", 2), ("-7", 3), ("1", 4)] {
        redis.cli(&["SET", "node:n:boot", lost]);
        three(redis.port());
        assert_eq!(Stream::last(&redis).boot, boot, "{lost}");
    }
    assert_eq!(Stream::of(&redis).0.len(), 12);
    assert_eq!(calls(&redis, "eval"), 4, "a start asks once");
}

/// Also with one that is too large for a number of the server's scripts.
#[test]
fn a_stream_with_ids_by_the_time_of_day_costs_no_more() {
    for id in ["*", "9007199254740993-7"] {
        let redis = durable().start();
        let id = redis.cli(&["XADD", "node:n:telemetry", id, "by", "somebody"]);
        redis.cli(&["XDEL", "node:n:telemetry", &id]);
        three(redis.port());
        let (millis, _) = id.split_once('-').unwrap();
        let millis: u64 = millis.parse().unwrap();
        let boots: Vec<_> = Stream::of(&redis).0.iter().map(|e| e.boot).collect();
        assert_eq!(boots, [millis + 1; 3]);
        assert_eq!(calls(&redis, "eval"), 1);
        assert_eq!(redis.cli(&["GET", "node:n:boot"]), (millis + 1).to_string());
    }
}

/// The server has lost its count, but has the entry of an earlier start that would have the same id
/// as the one that never arrived.
#[test]
fn a_first_entry_in_doubt_is_not_taken_for_that_of_an_earlier_start() {
    let (redis, chaos) = behind_a_proxy();
    three(redis.port());
    redis.cli(&["DEL", "node:n:boot"]);
    redis.cli(&["CONFIG", "RESETSTAT"]);
    let node = calm().redis(chaos.port());
    // The first one long after the start, so that nothing else is under way by then.
    let node = node.set("entries", 2).set("interval", 3000);
    let node = node.start().unwrap();
    node.wait_for("this is start", PATIENCE);
    let had_their_turn = || calls(&redis, "get") > 0 && calls(&redis, "set") > 0;
    wait_until("the other tasks", had_their_turn);
    bring_in_doubt(&node, || chaos.hush(Hush::Everything));
    assert_eq!(Stream::of(&redis).0.len(), 3, "it is the first one");
    chaos.hush(Hush::Nothing);
    let ended = node.wait();
    ended.expect(0);
    let mut stream = Stream::of(&redis);
    assert_eq!(stream.0.len(), 5);
    stream.0.drain(..3);
    stream.expect_of(&ended, 2);
}

/// An entry never arrived, and before it is sent again, somebody else takes its id.
#[test]
fn an_entry_in_doubt_is_not_taken_for_that_of_somebody_else() {
    for text in ["short".to_string(), "larger than the window ".repeat(20)] {
        let (redis, chaos) = behind_a_proxy();
        let node = calm().redis(chaos.port());
        let node = node.set("entries", 20).set("interval", 100);
        let node = node.start().unwrap();
        node.wait_for("telemetry: 1-5", PATIENCE);
        bring_in_doubt(&node, || chaos.hush(Hush::Everything));
        let id = format!("1-{}", Stream::last(&redis).seq + 1);
        redis.cli(&["XADD", "node:n:telemetry", &id, "by", &text]);
        chaos.hush(Hush::Nothing);
        let ended = node.wait();
        ended.expect(0);
        assert_eq!(redis.cli(&["XDEL", "node:n:telemetry", &id]), "1");
        let stream = Stream::of(&redis);
        stream.expect_of(&ended, 20);
        assert!(count(&ended, "doubted") > 0, "{ended:?}");
        assert_eq!(stream.0.last().map(|entry| entry.boot), Some(2));
    }
}

/// An entry is behind somebody else's ids again and again. The node asks for another number no more
/// often than once a pause, and writes the entry in the end.
#[test]
fn somebody_who_writes_all_the_time_does_not_make_it_ask_all_the_time() {
    let redis = durable().start();
    let node = calm().redis(redis.port()).set("pause", 200);
    let node = node.set("entries", 6).set("interval", 500);
    let node = node.start().unwrap();
    node.wait_for("telemetry: 1-1", PATIENCE);
    let redis = &redis;
    thread::scope(|scope| {
        let (began, before) = (Instant::now(), calls(redis, "eval"));
        let (writing, is_over) = mpsc::channel();
        scope.spawn(move || write_all_the_time(redis, &is_over));
        let mut questions = 0;
        wait_until("some questions", || {
            questions = calls(redis, "eval") - before;
            questions >= 5
        });
        let pauses = began.elapsed().as_millis() / 200;
        drop(writing);
        assert!(
            u128::from(questions) <= pauses + 1,
            "{questions} in {pauses} pauses"
        );
    });
    let ended = node.wait();
    ended.expect(0);
    Stream::of(redis).expect_of(&ended, 6);
}

/// Moves the last id of the stream, as entries with larger and larger ids would, until the other end
/// is dropped.
fn write_all_the_time(redis: &RedisServer, is_over: &Receiver<()>) {
    let mut id = 1000;
    while is_over.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
        id += 1000;
        redis.record(format!("XSETID node:n:telemetry {id}-0\r\n").as_bytes());
    }
}

/// A node that writes three entries.
fn three(port: u16) {
    let node = node().redis(port).set("entries", 3).set("interval", 20);
    node.start().unwrap().wait().expect(0);
}
