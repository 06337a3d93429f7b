//! Single calls, tuples, transactions by hand, hashes, scans and untyped commands on a real server:
//! in both worlds, over both transports, in both protocols.

use std::collections::{BTreeSet, HashMap};

use host_tests::scenarios;
use respool::command::*;
use respool::error::{Code, CommandFault, Type};
use respool::resp::Value;
use respool::{Command, ErrorKind, Reached};

scenarios! {
    /// A reply stands in the window of its lease until the next call.
    fn borrowed_replies(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        let none: Option<&[u8]> = go!(lease.call(get("name"))).unwrap();
        assert_eq!(none, None);
        go!(lease.call(set("name", "Zoë"))).unwrap();
        let name: Option<&[u8]> = go!(lease.call(get("name"))).unwrap();
        assert_eq!(name, Some("Zoë".as_bytes()));
        let name: Option<&str> = go!(lease.call(get("name").text())).unwrap();
        assert_eq!(name, Some("Zoë"));
        assert_eq!(at.server.cli(&["GET", "name"]), "Zoë");
        go!(lease.call(set("name", &b"\xff"[..]))).unwrap();
        let error = go!(lease.call(get("name").text())).unwrap_err();
        assert_eq!(error.to_string(), "the reply does not fit: not UTF-8 (answered)");
        assert_eq!(go!(lease.call(get("name"))).unwrap(), Some(&b"\xff"[..]));
    }

    /// One line without a lease: what comes back is owned.
    fn owned_replies(at) {
        let pool = open::<2, 256, 256>(at.config);
        go!(pool.call(mset([("a", 1), ("b", 2)]))).unwrap();
        let a: Option<i64> = go!(pool.call(get("a").reply())).unwrap();
        let both: Vec<Option<String>> = go!(pool.call(mget(["a", "b"]).reply())).unwrap();
        assert_eq!((a, both), (Some(1), vec![Some("1".into()), Some("2".into())]));
        let (n, bad) = go!(pool.call((incr("a"), incr("b").reply::<Vec<i64>>().outcome()))).unwrap();
        assert_eq!(n, 2);
        assert!(matches!(bad.unwrap_err().kind(), ErrorKind::WrongType { .. }));
        assert_eq!(go!(pool.call(incr("b"))).unwrap(), 4);
    }

    /// Several commands, one round trip, each reply of its own type.
    fn tuples(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        let (hits, (), name, ttl) = go!(lease.call((
            incr("hits"),
            set("name", "x").ex(100),
            get("name").text(),
            ttl("name"),
        ))).unwrap();
        assert_eq!((hits, name), (1, Some("x")));
        assert!((99..=100).contains(&ttl));
    }

    /// A failed member fails its tuple, or only itself, and the connection stays in step.
    fn tuples_with_a_failing_member(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(set("text", "x"))).unwrap();
        let all = go!(lease.call((incr("n"), incr("text"), incr("n"))));
        let error = all.unwrap_err();
        assert_eq!(error.code(), Some(Code::Err));
        assert_eq!(error.reached(), Reached::Answered);
        assert_eq!(error.to_string(), "the server answered ERR (answered)");
        // All three were run, and all three were answered.
        assert_eq!(go!(lease.call(get("n"))).unwrap(), Some(&b"2"[..]));
        let (before, failed, after) =
            go!(lease.call((incr("n"), incr("text").outcome(), incr("n")))).unwrap();
        assert_eq!((before, after), (3, 4));
        assert_eq!(failed.unwrap_err().code(), Some(Code::Err));
        assert_eq!(go!(lease.call(ping_with("in step"))).unwrap(), b"in step");
        drop(lease);
        assert_eq!(pool.stats().opened, 1);
    }

    /// The server's own words can be read until the next call.
    fn error_texts(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(hset("h", [("f", "v")]))).unwrap();
        let error = go!(lease.call(incr("h"))).unwrap_err();
        assert_eq!(error.code(), Some(Code::WrongType));
        let text = lease.error_text().unwrap();
        assert!(text.starts_with("WRONGTYPE Operation against a key"), "{text}");
        go!(lease.call(ping())).unwrap();
        assert_eq!(lease.error_text(), None);
    }

    /// Asked for a type that the reply is not, the call fails and the connection does not.
    fn wrong_types(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        let error = go!(lease.call(ping().reply::<Vec<String>>())).unwrap_err();
        let kind = ErrorKind::WrongType { expected: Type::Array, got: Type::String };
        assert_eq!(error.kind(), kind);
        assert_eq!(error.to_string(), "the reply is a string, asked for was an array (answered)");
        go!(lease.call(ping())).unwrap();
    }

    fn hashes(at) {
        let pool = open::<1, 512, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        let new = go!(lease.call(hset("h", [("temp", "21.5"), ("rssi", "-61")]))).unwrap();
        let old = go!(lease.call(hset("h", [("temp", 22.5)]))).unwrap();
        assert_eq!((new, old), (2, 0));
        let mut seen = Vec::new();
        for field in go!(lease.call(hgetall("h"))).unwrap() {
            let (name, value) = field.unwrap();
            seen.push((name.to_vec(), value.to_vec()));
        }
        assert_eq!(seen, [(b"temp".to_vec(), b"22.5".to_vec()), (b"rssi".into(), b"-61".into())]);
        let texts = go!(lease.call(hgetall("h").text())).unwrap();
        assert_eq!(texts.map(Result::unwrap).collect::<Vec<_>>(), [("temp", "22.5"), ("rssi", "-61")]);
        let map: HashMap<String, f64> = go!(lease.call(hgetall("h").reply())).unwrap();
        assert_eq!(map, HashMap::from([("temp".into(), 22.5), ("rssi".into(), -61.0)]));
        let empty: HashMap<String, String> = go!(lease.call(hgetall("none").reply())).unwrap();
        assert!(empty.is_empty());
        let two = go!(lease.call(hmget("h", ["rssi", "none"]))).unwrap();
        assert_eq!(two.map(Result::unwrap).collect::<Vec<_>>(), [Some(&b"-61"[..]), None]);
        let pairs = go!(lease.call(hrandfield("h").count(5).withvalues())).unwrap();
        assert_eq!(pairs.map(Result::unwrap).count(), 2);
        assert_eq!(go!(lease.call(hincrby("h", "rssi", -4))).unwrap(), -65);
        assert_eq!(go!(lease.call(hdel("h", ["temp", "rssi", "none"]))).unwrap(), 2);
        assert_eq!(at.server.cli(&["EXISTS", "h"]), "0");
    }

    /// Every key is seen, though no window holds all of them.
    fn scans(at) {
        let pool = open::<1, 512, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        for n in 0..300 {
            go!(lease.call(set(("scan:", n), n))).unwrap();
        }
        go!(lease.call(set("other", 1))).unwrap();
        let (mut seen, mut cursor, mut calls) = (BTreeSet::new(), 0, 0);
        loop {
            let (next, keys) = go!(lease.call(scan(cursor).matching("scan:*").text())).unwrap();
            seen.extend(keys.map(|key| key.unwrap().to_string()));
            calls += 1;
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, (0..300).map(|n| format!("scan:{n}")).collect());
        assert!(calls > 10, "{calls} calls");
        for n in 0..200 {
            go!(lease.call(hset("h", [(("f", n), n)]))).unwrap();
        }
        // Small hashes come whole, whatever COUNT says: these values make it a large one.
        let long = "x".repeat(65);
        go!(lease.call(hset("h", [("long", long.as_str())]))).unwrap();
        let mut sum = 0;
        loop {
            let (next, fields) = go!(lease.call(hscan("h", cursor).count(5).text())).unwrap();
            sum += fields.filter_map(|field| field.unwrap().1.parse::<u32>().ok()).sum::<u32>();
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(sum, (0..200).sum());
    }

    fn counters_and_expiry(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        assert_eq!(go!(lease.call(incr("n"))).unwrap(), 1);
        assert_eq!(go!(lease.call(incrby("n", i64::MAX - 1))).unwrap(), i64::MAX);
        assert_eq!(go!(lease.call(incr("n"))).unwrap_err().code(), Some(Code::Err));
        assert_eq!(go!(lease.call(decrby("m", 5))).unwrap(), -5);
        assert_eq!(go!(lease.call(incrbyfloat("f", 0.1))).unwrap(), 0.1);
        assert_eq!(go!(lease.call(incrbyfloat("f", 1e15))).unwrap(), 1e15 + 0.1);
        assert_eq!(go!(lease.call(ttl("n"))).unwrap(), -1);
        assert_eq!(go!(lease.call(ttl("none"))).unwrap(), -2);
        assert!(go!(lease.call(expire("n", 1000))).unwrap());
        assert!(!go!(lease.call(expire("n", 500).gt())).unwrap());
        assert!((999..=1000).contains(&go!(lease.call(ttl("n"))).unwrap()));
        assert!(go!(lease.call(persist("n"))).unwrap());
        assert!(!go!(lease.call(set("n", 1).nx())).unwrap());
        assert!(go!(lease.call(set("p", 1).nx().px(60_000))).unwrap());
        assert!((59_000..=60_000).contains(&go!(lease.call(pttl("p"))).unwrap()));
        assert_eq!(go!(lease.call(set("p", 2).get())).unwrap(), Some(&b"1"[..]));
        assert!(go!(lease.call(pexpire("p", -1))).unwrap());
        assert_eq!(go!(lease.call(exists(["n", "p"]))).unwrap(), 1);
    }

    /// A key is put together from pieces on its way out.
    fn keys_in_pieces(at) {
        let pool = open::<1, 256, 256>(at.config);
        let (node, room) = (7, String::from("cellar"));
        go!(pool.call(set(("node:", node, ":", room.as_str()), -40i32))).unwrap();
        assert_eq!(at.server.cli(&["GET", "node:7:cellar"]), "-40");
        assert_eq!(at.server.cli(&["KEYS", "*"]), "node:7:cellar");
    }

    /// Commands that have no type of their own.
    fn raw_commands(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        let pushed = go!(lease.call(raw("RPUSH").arg("l").args(["a", "b"]).reply::<i64>())).unwrap();
        let list: Vec<String> =
            go!(lease.call(raw("LRANGE").arg("l").arg(0).arg(-1).reply())).unwrap();
        assert_eq!((pushed, list), (2, vec!["a".into(), "b".into()]));
        let score = go!(lease.call(raw("ZADD").arg("z").arg("INCR").arg(1.5).arg("m").reply::<f64>()));
        assert_eq!(score.unwrap(), 1.5);
        let script = "return {1, {'two', false}, redis.error_reply('THREE')}";
        let nested = go!(lease.call(raw("EVAL").arg(script).arg(0).reply::<Value>())).unwrap();
        let inner = Value::Array(vec![Value::String(b"two".into()), Value::Null]);
        let all = vec![Value::Integer(1), inner, Value::Error("ERR THREE".into())];
        assert_eq!(nested, Value::Array(all));
        let error = go!(lease.call(raw("NOPE").reply::<()>())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server(Code::Err));
        for refused in ["QUIT", "monitor", "subscribe", "HELLO", "reset", ""] {
            let error = go!(lease.call(raw(refused).reply::<()>())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Command(CommandFault::Refused), "{refused}");
            assert_eq!(error.reached(), Reached::NotSent);
        }
        go!(lease.call(ping())).unwrap();
    }

    /// WATCH, MULTI and EXEC on one lease.
    fn transactions_by_hand(at) {
        let pool = open::<2, 256, 256>(at.config);
        go!(pool.call(set("n", 5))).unwrap();
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(watch("n"))).unwrap();
        let n: Option<i64> = go!(lease.call(get("n").reply())).unwrap();
        go!(lease.call(multi())).unwrap();
        let queued = go!(lease.call(raw("SET").arg("n").arg(n.unwrap() * 2).reply::<String>()));
        assert_eq!(queued.unwrap(), "QUEUED");
        go!(lease.call(incr("m").reply::<String>())).unwrap();
        let done = go!(lease.call(exec().reply::<Option<(String, i64)>>())).unwrap();
        assert_eq!(done, Some(("OK".into(), 1)));
        assert_eq!(at.server.cli(&["GET", "n"]), "10");

        // Another one is faster: nothing is run.
        go!(lease.call(watch(["n", "m"]))).unwrap();
        go!(pool.call(incr("n"))).unwrap();
        go!(lease.call((multi(), raw("SET").arg("n").arg(0)))).unwrap();
        assert!(go!(lease.call(exec())).unwrap().is_none());
        assert_eq!(at.server.cli(&["GET", "n"]), "11");

        // A command that cannot be queued drops the whole.
        go!(lease.call(multi())).unwrap();
        go!(lease.call(raw("SET").arg("n"))).unwrap_err();
        let error = go!(lease.call(exec())).unwrap_err();
        assert_eq!(error.code(), Some(Code::ExecAbort));
        assert_eq!(go!(lease.call(exec())).unwrap_err().code(), Some(Code::Err));

        // The session is as it was, for the next one too.
        assert_eq!(go!(lease.call(incr("m"))).unwrap(), 2);
        drop(lease);
        assert_eq!(pool.stats().opened, 2);
    }

    /// The address of a lease's connection in the server's eyes, and the database it looks at.
    fn commands_of_the_server(at) {
        let pool = open::<1, 4096, 256>(at.config.db(3));
        let mut lease = go!(pool.get()).unwrap();
        let id = go!(lease.call(client_id())).unwrap();
        let line = go!(lease.call(client_info().text())).unwrap();
        assert!(line.contains(&format!("id={id} ")) && line.contains(" db=3 "), "{line}");
        let resp = if at.config.protocol == respool::config::Protocol::Resp3 { 3 } else { 2 };
        assert!(line.contains(&format!("resp={resp}")), "{line}");
        let version = go!(lease.call(raw("INFO").arg("server").reply::<String>())).unwrap();
        assert!(version.contains("redis_version:"));
    }
}
