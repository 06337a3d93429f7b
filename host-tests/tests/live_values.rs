//! Values and replies of every size through small windows, and pipelines of any length, on a real
//! server: in both worlds, over both transports, in both protocols.

use host_tests::live::{Clients, commands_processed};
use host_tests::redis::RedisServer;
use host_tests::scenarios;
use respool::command::*;
use respool::config::SkipBudget;
use respool::error::Code;
use respool::{Command, ErrorKind, Reached};

/// Bytes of every kind, none like its neighbours, in no short period.
fn bytes(len: usize) -> Vec<u8> {
    (0..len as u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

/// Whether the server's value is this one, by `redis-cli` and without the client that is tested.
fn holds(server: &RedisServer, key: &str, value: &[u8]) -> bool {
    // redis-cli may not show bytes as they are: their digest says as much.
    let script = "return redis.sha1hex(redis.call('GET', KEYS[1]))";
    let theirs = server.cli(&["EVAL", script, "1", key]);
    server.cli(&["DEL", "reference"]);
    for piece in value.chunks(4 << 20) {
        let head = format!(
            "*3\r\n$6\r\nAPPEND\r\n$9\r\nreference\r\n${}\r\n",
            piece.len()
        );
        server.record(&[head.as_bytes(), piece, b"\r\n"].concat());
    }
    let ours = match value {
        [] => "da39a3ee5e6b4b0d3255bfef95601890afd80709".into(),
        _ => server.cli(&["EVAL", script, "1", "reference"]),
    };
    theirs == ours && server.cli(&["STRLEN", key]) == value.len().to_string()
}

scenarios! {
    /// Values go from the caller's memory through a window of 256 bytes, and come back in pieces.
    fn values_of_every_size(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        let odd = b"\r\n\0\xff$5\r\nhello\r\n-ERR\r\n".to_vec();
        let sizes = [0, 1, 2, 63, 64, 200, 224, 225, 255, 256, 257, 511, 512, 513, 100_000];
        for value in sizes.map(bytes).into_iter().chain([odd]) {
            go!(lease.call(set("value", &value[..]))).unwrap();
            assert!(holds(at.server, "value", &value), "{} bytes", value.len());
            let mut back = Vec::new();
            while back.len() < value.len() {
                let from = back.len() as i64;
                let piece = go!(lease.call(getrange("value", from, from + 199))).unwrap();
                back.extend_from_slice(piece);
            }
            assert!(back == value, "{} bytes", value.len());
        }
        drop(lease);
        let stats = pool.stats();
        assert_eq!((stats.opened, stats.closed), (1, 0));
    }

    /// 10 MB through 256 bytes, alone and among others.
    fn a_value_of_ten_megabytes(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        let value = bytes(10_000_000);
        go!(lease.call(set("large", &value[..]))).unwrap();
        let (before, length, after) =
            go!(lease.call((incr("n"), append("large", &value[..1000]), incr("n")))).unwrap();
        assert_eq!((before, length, after), (1, 10_001_000, 2));
        assert!(holds(at.server, "large", &[&value[..], &value[..1000]].concat()));
        let tail = go!(lease.call(getrange("large", -100, -1))).unwrap();
        assert_eq!(tail, &value[900..1000]);
    }

    /// A reply that the window does not hold: the error gives its size, and the connection goes on.
    fn a_reply_too_large_is_skipped(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        for size in [300, 60_000] {
            go!(lease.call(set("large", &bytes(size)[..]))).unwrap();
            let error = go!(lease.call(get("large"))).unwrap_err();
            let needed = format!("${size}\r\n").len() + size + 2;
            let kind = ErrorKind::ReplyTooLarge { needed: needed as u32, window: 256 };
            assert_eq!((error.kind(), error.reached()), (kind, Reached::Answered));
            let text = format!("reply of {needed} bytes does not fit the window of 256 bytes");
            assert!(error.to_string().starts_with(&text), "{error}");
            assert_eq!(go!(lease.call(ping_with("in step"))).unwrap(), b"in step");
        }
        // One of several: all are answered, none is kept.
        let error = go!(lease.call((incr("n"), get("large"), incr("n")))).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ReplyTooLarge { .. }));
        assert_eq!(go!(lease.call(get("n"))).unwrap(), Some(&b"2"[..]));
        drop(lease);
        let stats = pool.stats();
        assert_eq!((stats.opened, stats.closed, stats.lost), (1, 0, 0));
    }

    /// What would take too long to skip costs the connection, and no more.
    fn a_reply_over_the_budget_reopens(at) {
        let budget = SkipBudget { bytes: 10_000, ..SkipBudget::DEFAULT };
        let pool = open::<1, 256, 256>(at.config.skip_budget(budget));
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(set("large", &bytes(20_000)[..]))).unwrap();
        let error = go!(lease.call(get("large"))).unwrap_err();
        let kind = ErrorKind::ReplyTooLarge { needed: 20_010, window: 256 };
        assert_eq!((error.kind(), error.reached()), (kind, Reached::Answered));
        assert_eq!(go!(lease.call(ping_with("again"))).unwrap(), b"again");
        drop(lease);
        let stats = pool.stats();
        assert_eq!((stats.opened, stats.closed), (2, 1));
        assert_eq!(stats.sent, stats.answered + stats.skipped + stats.lost);
        Clients::wait_for(at.server, 1);
    }

    /// 10 000 commands, many windows of them, without an allocation in the client.
    fn a_long_pipeline(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        let mut pipeline = lease.pipeline((0..10_000).map(|n| incrby("sum", n)));
        let (mut sum, mut n) = (0, 0);
        while let Some(reply) = go!(pipeline.next()) {
            sum += n;
            n += 1;
            assert_eq!(reply.unwrap(), sum);
        }
        assert_eq!((n, sum), (10_000, 49_995_000));
        drop(lease);
        assert_eq!(at.server.cli(&["GET", "sum"]), "49995000");
        let processed = commands_processed(at.server);
        assert_eq!(processed["incrby"], 10_000);
        let stats = pool.stats();
        assert_eq!((stats.opened, stats.lost, stats.skipped), (1, 0, 0));
    }

    /// Members that fail, that are larger than the window, and whose replies are.
    fn a_pipeline_with_odd_members(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(set("text", "x"))).unwrap();
        let large = bytes(30_000);
        let value = |n: usize| match n {
            500 => &large[..],
            501 => &large[..250],
            _ => b"7",
        };
        // Command n sets a key and tells what was there before; 100 and 700 fail.
        let keys: Vec<String> = (0..1000).map(|n| match n {
            100 | 700 => "hash".into(),
            _ => format!("k{}", n % 500),
        }).collect();
        go!(lease.call(hset("hash", [("f", "v")]))).unwrap();
        let commands = keys.iter().enumerate().map(|(n, key)| getset(key.as_str(), value(n)));
        let mut pipeline = lease.pipeline(commands);
        let mut n = 0;
        while let Some(reply) = go!(pipeline.next()) {
            match (n, reply) {
                (100 | 700, reply) => assert_eq!(reply.unwrap_err().code(), Some(Code::WrongType)),
                // Nothing was there: the first round, and k100, whose first one failed.
                (..500 | 600, reply) => assert_eq!(reply.unwrap(), None, "{n}"),
                (_, reply) => assert_eq!(reply.unwrap(), Some(&b"7"[..]), "{n}"),
            }
            n += 1;
        }
        assert_eq!(n, 1000);
        assert!(holds(at.server, "k0", &large) && holds(at.server, "k1", &large[..250]));

        // Now their replies are too large; those around them are not.
        let mut pipeline = lease.pipeline((0..500).map(|n| get(("k", n))));
        let mut n = 0;
        while let Some(reply) = go!(pipeline.next()) {
            match n {
                0 | 1 => {
                    let error = reply.unwrap_err();
                    assert!(matches!(error.kind(), ErrorKind::ReplyTooLarge { .. }), "{error}");
                }
                _ => assert_eq!(reply.unwrap(), Some(&b"7"[..]), "{n}"),
            }
            n += 1;
        }
        assert_eq!(n, 500);
        assert_eq!(go!(lease.call(ping_with("in step"))).unwrap(), b"in step");
        drop(lease);
        let stats = pool.stats();
        assert_eq!((stats.opened, stats.lost, stats.skipped), (1, 0, 0));
        assert_eq!(stats.sent, stats.answered);
    }

    /// Left half-way, what is still to come is skipped, or the connection opened anew.
    fn a_pipeline_left_half_way(at) {
        let pool = open::<1, 256, 256>(at.config);
        for taken in 0..12 {
            let mut lease = go!(pool.get()).unwrap();
            go!(lease.call(set("n", 0))).unwrap();
            let mut pipeline = lease.pipeline((0..1000).map(|_| incr("n")));
            for n in 1..=taken {
                assert_eq!(go!(pipeline.next()).unwrap().unwrap(), n);
            }
            assert_eq!(go!(lease.call(ping_with("in step"))).unwrap(), b"in step");
            drop(lease);
            let n: Option<i64> = go!(pool.call(get("n").reply())).unwrap();
            assert!((taken..50).contains(&n.unwrap()), "{n:?} after {taken}");
        }
        let stats = pool.stats();
        assert!(stats.skipped > 0);
        assert_eq!(stats.sent, stats.answered + stats.skipped + stats.lost);
    }

    /// Arrays of any length that fit, and one that does not.
    fn aggregates_and_the_window(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        for n in 0..40 {
            go!(lease.call(set(("a:", n), n))).unwrap();
        }
        let some: Vec<String> = go!(lease.call(keys("a:1?").reply())).unwrap();
        assert_eq!(some.len(), 10);
        let error = go!(lease.call(keys("a:*"))).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ReplyTooLarge { .. }), "{error}");
        assert_eq!(error.reached(), Reached::Answered);
        let some: Vec<String> = go!(lease.call(keys("a:2?").reply())).unwrap();
        assert_eq!(some.len(), 10);
        drop(lease);
        assert_eq!(pool.stats().opened, 1);
    }
}
