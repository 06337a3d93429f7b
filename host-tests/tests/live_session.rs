//! What one borrower does to a session, and what the next one and the server see of it: in both
//! worlds, over both transports, in both protocols.

use std::time::Duration;

use host_tests::live::{Clients, commands_processed};
use host_tests::redis;
use host_tests::scenarios;
use respool::command::*;
use respool::config::Protocol;
use respool::error::Code;
use respool::{Command, ErrorKind, Reached};

scenarios! {
    /// Since 7.2, Redis gives no reply at all to a login that it refuses while the reply to a
    /// command before it has not left: what follows is answered too early. The call that did this
    /// is never answered with another's reply, and the next one is not touched.
    fn a_login_that_is_refused_behind_another_command(at) {
        let pool = open::<1, 256, 256>(at.config.call_timeout(Duration::from_millis(300)));
        go!(pool.call(set("k", "mine"))).unwrap();
        let login = raw("AUTH").arg("nobody").arg("wrong").reply::<String>();
        let error = go!(pool.call((ping(), login, get("k").reply::<Option<String>>()))).unwrap_err();
        let forgets = redis::product() == "Redis" && redis::version() != "7.0.15";
        match forgets {
            true => assert_eq!((error.kind(), error.reached()), (ErrorKind::TimedOut, Reached::MaybeSent)),
            false => assert_eq!(error.code(), Some(Code::WrongPass)),
        }
        for _ in 0..3 {
            let value = go!(pool.call(get("k").reply::<Option<String>>())).unwrap();
            assert_eq!(value.as_deref(), Some("mine"));
        }
        assert_eq!(pool.stats().closed, u32::from(forgets));
    }

    /// SELECT, WATCH, MULTI and an untyped command: the next borrower sees nothing of them.
    fn a_session_is_put_in_order(at) {
        let pool = open::<1, 512, 256>(at.config.db(2).client_name("tidy"));
        go!(pool.call(set("where", "two"))).unwrap();
        at.server.cli(&["-n", "5", "SET", "where", "five"]);
        let where_am_i = || get("where").reply::<Option<String>>();

        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(select(5))).unwrap();
        assert_eq!(go!(lease.call(get("where").text())).unwrap(), Some("five"));
        assert_eq!(Clients::of(at.server).column("db"), ["5"]);
        drop(lease);
        assert_eq!(go!(pool.call(where_am_i())).unwrap().as_deref(), Some("two"));
        assert_eq!(Clients::of(at.server).column("db"), ["2"]);

        // Queued, and never run.
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(multi())).unwrap();
        let queued = go!(lease.call(set("where", "lost").reply::<String>())).unwrap();
        assert_eq!(queued, "QUEUED");
        assert_eq!(Clients::of(at.server).column("multi"), ["1"]);
        drop(lease);
        assert_eq!(go!(pool.call(where_am_i())).unwrap().as_deref(), Some("two"));
        let no_transaction = match redis::product().as_str() {
            "Valkey" => "0",
            _ => "-1",
        };
        assert_eq!(Clients::of(at.server).column("multi"), [no_transaction]);

        // Watched, and changed by another: the next one's transaction runs all the same.
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(watch("where"))).unwrap();
        drop(lease);
        at.server.cli(&["-n", "2", "SET", "where", "other"]);
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(multi())).unwrap();
        let done = go!(lease.call(exec().reply::<Option<Vec<i64>>>())).unwrap();
        assert_eq!(done, Some(vec![]));
        // After EXEC and UNWATCH there is nothing to undo.
        go!(lease.call((watch("a"), unwatch()))).unwrap();
        drop(lease);

        let ran = commands_processed(at.server);
        assert_eq!((ran["discard"], ran["unwatch"]), (1, 2), "{ran:?}");
        assert_eq!(ran.get("reset"), None);

        // Nobody knows what an untyped command did: all begins again, without a new connection.
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(raw("SELECT").arg(7))).unwrap();
        drop(lease);
        assert_eq!(go!(pool.call(where_am_i())).unwrap().as_deref(), Some("other"));
        let clients = Clients::of(at.server);
        assert_eq!((clients.column("db"), clients.column("name")), (vec!["2"], vec!["tidy"]));
        let resp = match at.config.protocol {
            Protocol::Resp2 => "2",
            _ => "3",
        };
        assert_eq!(clients.column("resp"), [resp]);
        assert_eq!(commands_processed(at.server)["reset"], 1);
        assert_eq!(pool.stats().opened, 1);
    }

    /// What outlives RESET goes with its connection.
    fn what_outlives_reset(at) {
        let pool = open::<1, 512, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(client_no_evict(true))).unwrap();
        assert!(Clients::of(at.server).column("flags").concat().contains('e'));
        drop(lease);
        go!(pool.call(ping())).unwrap();
        assert!(!Clients::wait_for(at.server, 1).column("flags").concat().contains('e'));
        assert_eq!(pool.stats().opened, 2);
        // An untyped CLIENT may have done the same.
        let mut lease = go!(pool.get()).unwrap();
        go!(lease.call(raw("CLIENT").args(["NO-EVICT", "ON"]))).unwrap();
        drop(lease);
        go!(pool.call(ping())).unwrap();
        assert!(!Clients::wait_for(at.server, 1).column("flags").concat().contains('e'));
        assert_eq!(pool.stats().opened, 3);
    }

    /// Each connection has a name; a server of 7.0 does not know SETINFO, which harms nothing.
    fn names(at) {
        let pool = open::<2, 256, 256>(at.config.client_name("node-7"));
        let mut one = go!(pool.get()).unwrap();
        let mut two = go!(pool.get()).unwrap();
        assert_eq!(go!(one.call(client_getname())).unwrap(), Some(&b"node-7"[..]));
        go!(two.call(ping())).unwrap();
        let clients = Clients::of(at.server);
        assert_eq!(clients.column("name"), ["node-7", "node-7"]);
        let info = at.server.cli(&["CLIENT", "LIST"]);
        if info.contains("lib-name=") {
            assert_eq!(info.matches("lib-name=respool").count(), 2);
        }
        // A name that the server refuses is left out.
        drop((one, two));
        let pool = open::<1, 256, 256>(at.config.client_name("two words"));
        assert_eq!(go!(pool.call(client_getname().reply::<Option<String>>())).unwrap(), None);
    }

    /// A connection starts in the database of the settings, also from a URL.
    fn databases(at) {
        let address = at.config.address;
        let scheme = match address {
            respool::config::Address::Unix(_) => "unix",
            _ => "redis",
        };
        let protocol = if at.config.protocol == Protocol::Resp2 { 2 } else { 3 };
        let url = format!("{scheme}://{address}?db=4&protocol={protocol}&client_name=by%20url");
        let url: &'static str = host_tests::live::leaked(&url);
        let scratch: &'static mut [u8] = vec![0; url.len()].leak();
        let config = respool::Config::from_url(url, scratch).unwrap();
        let pool = open::<1, 256, 256>(config);
        go!(pool.call(set("k", "four"))).unwrap();
        assert_eq!(at.server.cli(&["-n", "4", "GET", "k"]), "four");
        assert_eq!(at.server.cli(&["GET", "k"]), "");
        assert_eq!(Clients::of(at.server).column("resp"), [protocol.to_string()]);
    }

    /// The connection breaks after WATCH: the lease says so until it is dropped, and does not hide it.
    fn a_lost_session_is_told(at) {
        let pool = open::<1, 256, 256>(at.config);
        for (change, name) in [("WATCH", "WATCH"), ("SELECT", "SELECT"), ("MULTI", "MULTI")] {
            let mut lease = go!(pool.get()).unwrap();
            match change {
                "WATCH" => go!(lease.call(watch("k"))).unwrap(),
                "SELECT" => go!(lease.call(select(1))).unwrap(),
                _ => go!(lease.call(multi())).unwrap(),
            }
            at.server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
            let first = go!(lease.call(get("k").reply::<Option<String>>())).unwrap_err();
            let next = go!(lease.call(get("k").reply::<Option<String>>())).unwrap_err();
            assert!(matches!(first.kind(), ErrorKind::Transport(_)), "{first}");
            assert!(matches!(next.kind(), ErrorKind::SessionLost(_)), "{next}");
            assert_eq!(next.reached(), Reached::NotSent);
            let text = format!("the session was lost: the connection broke after {name} (not sent)");
            assert_eq!(next.to_string(), text);
            drop(lease);
            go!(pool.call(ping())).unwrap();
        }
    }

    /// Invalidations come between replies and never count as any.
    fn pushes_are_no_replies(at) {
        // In RESP2 they need a connection of their own.
        if at.config.protocol == Protocol::Resp3 {
            let pool = open::<1, 256, 256>(at.config);
            let mut lease = go!(pool.get()).unwrap();
            go!(lease.call(client_tracking(true).bcast())).unwrap();
            for n in 0..200 {
                // Our own writes are told to us too, before or after their reply.
                let (sum, was, now) = go!(lease.call((
                    incr("n"),
                    set("text", n).get().reply::<Option<i64>>(),
                    get("n").reply::<i64>(),
                ))).unwrap();
                assert_eq!((sum, was, now), (n + 1, (n > 0).then(|| n - 1), n + 1));
                if n % 50 == 0 {
                    at.server.cli(&["MSET", "a", "1", "b", "2", "c", "3"]);
                    assert_eq!(go!(lease.call(ping_with("in step"))).unwrap(), b"in step");
                }
            }
            let mut pipeline = lease.pipeline((0..100).map(|_| incr("n")));
            let mut n = 200;
            while let Some(reply) = go!(pipeline.next()) {
                n += 1;
                assert_eq!(reply.unwrap(), n);
            }
            assert_eq!(n, 300);
            drop(lease);
            go!(pool.call(ping())).unwrap();
            let stats = pool.stats();
            assert_eq!((stats.opened, stats.lost), (1, 0));
            assert!(stats.pushes > 200, "{stats:?}");
            assert_eq!(stats.sent, stats.answered);
            assert!(!Clients::of(at.server).column("flags").concat().contains('t'));
        }
    }

    /// Pushes that arrive while nobody borrows the connection harm nobody.
    fn pushes_to_an_idle_connection(at) {
        if at.config.protocol == Protocol::Resp3 {
            let pool = open::<1, 256, 256>(at.config);
            let mut lease = go!(pool.get()).unwrap();
            go!(lease.call(client_tracking(true).bcast())).unwrap();
            for n in 0..50 {
                at.server.cli(&["SET", &format!("a key of some length {n}"), "x"]);
            }
            assert_eq!(go!(lease.call(ping_with("in step"))).unwrap(), b"in step");
            drop(lease);
            assert_eq!(go!(pool.call(get("a key of some length 7").reply::<String>())).unwrap(), "x");
            assert_eq!((pool.stats().opened, pool.stats().pushes), (1, 50));
        }
    }
}
