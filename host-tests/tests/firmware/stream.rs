//! What a node wrote, seen by `redis-cli`, beside what it says that it did.

use std::thread::sleep;
use std::time::{Duration, Instant};

use host_tests::chaos::{Chaos, Plan};
use host_tests::qemu::{Ended, Qemu, Running, elf};
use host_tests::redis::{Builder, RedisServer};

/// Longer than anything here takes, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A node that does everything often, and gives up soon.
pub fn node() -> Qemu {
    impatient().set("beat", 200).set("look", 100)
}

/// One that leaves its connections to the telemetry, after the first turn of the other tasks.
pub fn calm() -> Qemu {
    impatient().set("beat", 600_000).set("look", 600_000)
}

/// One that gives up soon.
pub fn impatient() -> Qemu {
    Qemu::new(elf())
        .set("mode", "node")
        .set("name", "n")
        .set("timeout", 400)
        .set("backoff", 300)
        .set("pause", 100)
}

/// A server that has on disk what it has answered.
pub fn durable() -> Builder {
    RedisServer::builder()
        .arg("--appendonly", "yes")
        .arg("--appendfsync", "always")
}

/// Such a server behind a proxy that does no harm until it is told to.
pub fn behind_a_proxy() -> (RedisServer, Chaos) {
    let redis = durable().unixsocket().start();
    let chaos = Chaos::planned(&redis.unix_path(), |_| Plan::default());
    (redis, chaos)
}

/// Lets this happen to the server or on the way there, and waits until the node has sent an entry
/// that it cannot know the fate of.
pub fn bring_in_doubt(node: &Running, what_happens: impl FnOnce()) {
    let doubts = || {
        let lines = node.log().into_iter().map(|line| line.text);
        let in_doubt = |text: &String| {
            text.starts_with("telemetry: Error") && text.contains("reached: MaybeSent")
        };
        lines.filter(in_doubt).count()
    };
    let before = doubts();
    what_happens();
    wait_until("an entry in doubt", || doubts() > before);
}

/// Waits until it is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not in {PATIENCE:?}");
        sleep(Duration::from_millis(5));
    }
}

/// How often the server ran a command, by any client.
pub fn calls(redis: &RedisServer, command: &str) -> u64 {
    let stats = redis.cli(&["INFO", "commandstats"]);
    let line = format!("cmdstat_{command}:calls=");
    let mut calls = stats.lines().filter_map(|l| l.strip_prefix(&line));
    calls
        .next()
        .map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

/// The entries of the node's stream, in their order.
pub struct Stream(pub Vec<Entry>);

#[derive(Debug)]
pub struct Entry {
    pub boot: u64,
    pub seq: u64,
    /// Microseconds since the start of the node.
    pub at: u64,
    pub value: u64,
    pub dropped: u64,
}

impl Stream {
    pub fn of(redis: &RedisServer) -> Self {
        let text = redis.cli(&["XRANGE", "node:n:telemetry", "-", "+"]);
        let lines: Vec<_> = text.lines().collect();
        let entries = lines.chunks_exact(7).map(|lines| {
            let [id, "at", at, "value", value, "dropped", dropped] = lines else {
                panic!("{lines:?}");
            };
            let (boot, seq) = id.split_once('-').unwrap();
            let [boot, seq, at, value, dropped] =
                [boot, seq, at, value, dropped].map(|number| number.parse().unwrap());
            Entry {
                boot,
                seq,
                at,
                value,
                dropped,
            }
        });
        Self(entries.collect())
    }

    /// The last one of those that are there by now.
    pub fn last(redis: &RedisServer) -> Entry {
        Self::of(redis).0.pop().expect("an entry")
    }

    /// Asserts that of the `entries` samples of a node that has ended each is there once, but for
    /// those that it counted as dropped, and that it counted right all the time.
    pub fn expect_of(&self, ended: &Ended, entries: u64) {
        let counted = |what| count(ended, what);
        let mut at = 0;
        for (entry, place) in self.0.iter().zip(1..) {
            assert_eq!(
                entry.seq,
                place + entry.dropped,
                "some are missing, or there twice: {entry:?}"
            );
            assert_eq!(
                entry.value,
                200 + entry.seq % 100,
                "not its own value: {entry:?}"
            );
            assert!(entry.at >= at, "an old sample: {entry:?}");
            at = entry.at;
        }
        let there = self.0.len() as u64;
        assert_eq!(counted("written"), there);
        assert_eq!(there + counted("dropped"), entries);
    }
}

/// What the node counted at its end: `written`, `repeated`, `dropped`, or an error by its name.
pub fn count(ended: &Ended, what: &str) -> u64 {
    let tally = ended.log.iter().find(|line| line.text.starts_with("Tally"));
    let text = &tally.expect("a node that ended by itself").text;
    let (_, rest) = text.split_once(&format!(" {what}: ")).expect("a count");
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    digits.unwrap().parse().unwrap()
}
