//! What the tasks of the node share: its connections, its settings, and the room on the server.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use host_tests::redis::RedisServer;

use crate::stream::{PATIENCE, Stream, calls, count, node, wait_until};

/// Three tasks want to call at once, while the server is away for a moment.
#[test]
fn three_tasks_share_two_connections() {
    let redis = RedisServer::start();
    let node = node().redis(redis.port()).set("timeout", 20_000);
    let node = node.set("entries", 60).set("interval", 50);
    let node = node.start().unwrap();
    let mut seen = BTreeSet::new();
    for seq in [5, 25] {
        node.wait_for(&format!("telemetry: 1-{seq}"), PATIENCE);
        redis.pause();
        sleep(Duration::from_millis(500));
        redis.resume();
        wait_until("two connections", || connections(&redis).len() == 2);
        seen.extend(connections(&redis));
    }
    node.wait_for("telemetry: 1-50", PATIENCE);
    seen.extend(connections(&redis));
    assert_eq!(seen.len(), 2, "the same two all the time");
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 60);
    assert!(count(&ended, "beats") > 0 && calls(&redis, "get") > 0);
}

/// The server trims whole nodes of its tree, here of ten entries each.
#[test]
fn the_stream_is_kept_about_as_long_as_it_should_be() {
    let redis = RedisServer::builder()
        .arg("--stream-node-max-entries", "10")
        .start();
    let node = node().redis(redis.port()).set("keep", 20);
    let node = node.set("entries", 96).set("interval", 30);
    let ended = node.start().unwrap().wait();
    ended.expect(0);
    let written = count(&ended, "written");
    let kept = Stream::of(&redis).0.len() as u64;
    assert!(written > 30 && !written.is_multiple_of(10), "{written}");
    assert_eq!(kept, 20 + written % 10, "of {written}");
}

#[test]
fn a_configuration_that_changes_is_applied() {
    let redis = RedisServer::start();
    let node = node().redis(redis.port()).set("interval", 300);
    let node = node.start().unwrap();
    // What it says, and then some samples that are taken with that: the milliseconds between them.
    let pause_after = |text: &str| {
        node.wait_for(text, PATIENCE);
        let from = Stream::last(&redis).seq + 1;
        node.wait_for(&format!("telemetry: 1-{}", from + 9), PATIENCE);
        let samples = &Stream::of(&redis).0[from as usize..];
        let pauses = samples.windows(2).map(|two| (two[1].at - two[0].at) / 1000);
        let mut pauses: Vec<_> = pauses.collect();
        pauses.sort();
        pauses[pauses.len() / 2]
    };
    let key = "node:n:interval";
    assert!((200..=400).contains(&pause_after("telemetry: 1-1")));
    redis.cli(&["SET", key, "20"]);
    assert!((10..=100).contains(&pause_after("configuration: a sample each 20 ms")));
    redis.cli(&["DEL", key]);
    assert!((200..=400).contains(&pause_after("configuration: a sample each 300 ms again")));
    node.kill().expect_no_loss();
}

/// Not at each look, which is every 100 ms.
#[test]
fn a_mistake_in_the_configuration_is_said_once() {
    let redis = RedisServer::start();
    let node = node().redis(redis.port()).start().unwrap();
    let key = "node:n:interval";
    let mistakes: [(&[&str], &str); 5] = [
        (&["SET", key, "fast"], "is not a number of ms"),
        (&["SET", key, "9"], "9 ms is out of range"),
        (&["LPUSH", key, "250"], "is not a number of ms"),
        (&["SET", key, "86400001"], "86400001 ms is out of range"),
        (&["SET", key, "4294967296"], "4294967296 ms is out of range"),
    ];
    let said = || {
        let lines = node.log().into_iter();
        let lines = lines.filter(|line| line.text.starts_with("configuration: "));
        lines.map(|line| line.text).collect::<Vec<_>>()
    };
    for (place, (mistake, says)) in mistakes.iter().enumerate() {
        redis.cli(&["DEL", key]);
        wait_until("the default", || said().len() == 2 * place || place == 0);
        redis.cli(mistake);
        wait_until(says, || said().last().is_some_and(|w| w.contains(says)));
        let looks = calls(&redis, "get");
        wait_until("more looks", || calls(&redis, "get") >= looks + 3);
        assert_eq!(said().len(), 2 * place + 1, "{:?}", said());
    }
    node.kill().expect_no_loss();
}

/// The connections of the node, by the server's numbers for them.
fn connections(redis: &RedisServer) -> Vec<String> {
    let list = redis.cli(&["CLIENT", "LIST", "TYPE", "normal"]);
    let ours = list.lines().filter(|line| line.contains(" name=n "));
    ours.filter_map(|line| line.split(' ').next())
        .map(String::from)
        .collect()
}
