//! What a node wrote, seen by `redis-cli`, beside what it says that it did.

use std::time::Duration;

use host_tests::qemu::{Ended, Qemu, elf};
use host_tests::redis::{Builder, RedisServer};

/// Longer than anything here takes, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A node that does everything often, and gives up soon.
pub fn node() -> Qemu {
    calm().set("beat", 200).set("look", 100)
}

/// The same with all connections for telemetry, nearly all the time.
pub fn calm() -> Qemu {
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
