//! Connections that break: what is told, what is tried again, and how often the server ran it.

use std::thread;
use std::time::{Duration, Instant};

use host_tests::live::{self, Clients, commands_processed, silent, tcp};
use host_tests::redis::RedisServer;
use host_tests::scenarios;
use respool::command::*;
use respool::config::Retry;
use respool::error::{Blame, Io};
use respool::{Command, Config, ErrorKind, Reached};

fn kill_clients(server: &RedisServer) {
    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
}

fn counter(server: &RedisServer) -> i64 {
    server.cli(&["GET", "n"]).parse().unwrap_or(0)
}

scenarios! {
    /// The pool sees that the server closed it, or else a read is sent once more on a new
    /// connection; the caller notices nothing.
    fn a_killed_connection_and_a_read(at) {
        let pool = open::<1, 256, 256>(at.config);
        go!(pool.call(set("k", "v"))).unwrap();
        for _ in 0..20 {
            kill_clients(at.server);
            let value: Option<String> = go!(pool.call(get("k").reply())).unwrap();
            assert_eq!(value.as_deref(), Some("v"));
        }
        let stats = pool.stats();
        assert_eq!((stats.opened, stats.closed), (21, 20));
        assert_eq!(stats.sent, stats.answered + stats.skipped + stats.lost);
        Clients::wait_for(at.server, 1);
    }

    /// A write is applied once, or an error says that it may have been; never twice.
    fn a_killed_connection_and_a_write(at) {
        let pool = open::<1, 256, 256>(at.config);
        go!(pool.call(set("n", 0))).unwrap();
        for _ in 0..20 {
            kill_clients(at.server);
            let before = counter(at.server);
            let result = go!(pool.call(incr("n")));
            let applied = counter(at.server) - before;
            match result {
                Ok(n) => assert_eq!((applied, n), (1, before + 1)),
                Err(error) => {
                    assert!(matches!(error.kind(), ErrorKind::Transport(_)), "{error}");
                    assert_eq!(error.reached(), Reached::MaybeSent);
                    assert_eq!(error.blame(), Blame::Network);
                    assert_eq!(applied, 0, "the server had closed before");
                    let text = error.to_string();
                    assert!(text.starts_with("the connection broke after the command was sent ("));
                    assert!(text.ends_with("): it may have been applied"), "{text}");
                }
            }
            // And the pool goes on.
            go!(pool.call(incr("n"))).unwrap();
        }
        let stats = pool.stats();
        assert_eq!(stats.opened, stats.open + stats.closed);
        assert_eq!(stats.sent, stats.answered + stats.skipped + stats.lost);
    }

    /// The server has run it, and its answer is lost: a write is not sent again, a read is.
    fn an_answer_that_is_lost(at) {
        let server = live::swallower(at.server, "INCR");
        let pool = open::<1, 256, 256>(server.config().protocol(at.config.protocol));
        let error = go!(pool.call(incr("n"))).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Transport(_)), "{error}");
        assert_eq!(error.reached(), Reached::MaybeSent);
        assert_eq!(counter(at.server), 1);
        assert_eq!(go!(pool.call(incr("n"))).unwrap(), 2);
        assert_eq!(pool.stats().retries, 0);

        // Two in one, of which one writes.
        let server = live::swallower(at.server, "INCR");
        let pool = open::<1, 256, 256>(server.config().protocol(at.config.protocol));
        let error = go!(pool.call((exists("n"), incr("n")))).unwrap_err();
        assert_eq!(error.reached(), Reached::MaybeSent);
        assert_eq!(counter(at.server), 3);

        let server = live::swallower(at.server, "GET");
        let pool = open::<1, 256, 256>(server.config().protocol(at.config.protocol));
        let n: Option<i64> = go!(pool.call(get("n").reply())).unwrap();
        assert_eq!((n, pool.stats().retries, pool.stats().lost), (Some(3), 1, 1));
    }

    /// Several commands at once are tried again only where all of them read.
    fn a_killed_connection_and_a_tuple(at) {
        let pool = open::<1, 256, 256>(at.config);
        go!(pool.call(set("k", "v"))).unwrap();
        kill_clients(at.server);
        let (k, n) = go!(pool.call((
            get("k").reply::<Option<String>>(),
            get("n").reply::<Option<i64>>(),
        ))).unwrap();
        assert_eq!((k.as_deref(), n), (Some("v"), None));
        kill_clients(at.server);
        let result = go!(pool.call((get("k").reply::<Option<String>>(), incr("n"))));
        let applied = counter(at.server);
        assert_eq!(applied, i64::from(result.is_ok()));
    }

    /// A pipeline is tried at most once: after the error there is nothing more.
    fn a_killed_connection_and_a_pipeline(at) {
        let pool = open::<1, 256, 256>(at.config);
        let mut lease = go!(pool.get()).unwrap();
        let mut pipeline = lease.pipeline((0..1000).map(|_| incr("n")));
        for n in 1..=10 {
            assert_eq!(go!(pipeline.next()).unwrap().unwrap(), n);
        }
        kill_clients(at.server);
        let mut seen = 10;
        let error = loop {
            match go!(pipeline.next()).unwrap() {
                Ok(n) => assert_eq!(n, seen + 1),
                Err(error) => break error,
            }
            seen += 1;
        };
        assert!(matches!(error.kind(), ErrorKind::Transport(_)), "{error}");
        assert!(go!(pipeline.next()).is_none());
        assert_eq!(counter(at.server), seen, "what was answered is what was run");
        assert_eq!(go!(lease.call(incr("n"))).unwrap(), seen + 1);
    }

    /// The server hangs up on the idle; readers notice nothing of it.
    fn an_idle_connection(at: RedisServer::builder().args(["--timeout", "1", "--hz", "100"])) {
        let (reader, writer) = (open::<1, 256, 256>(at.config), open::<1, 256, 256>(at.config));
        go!(reader.call(set("k", "v"))).unwrap();
        go!(writer.call(ping())).unwrap();
        Clients::wait_for(at.server, 0);
        let value: Option<String> = go!(reader.call(get("k").reply())).unwrap();
        assert_eq!(value.as_deref(), Some("v"));
        // That the server closed it is seen before anything is sent, so a write is safe, too.
        assert_eq!(go!(writer.call(incr("n"))).unwrap(), 1);
        assert_eq!(counter(at.server), 1);
        assert_eq!(writer.stats().retries, 0);
        assert_eq!(go!(writer.call(incr("m"))).unwrap(), 1);
    }

    /// A server that takes commands and answers none for longer than the timeout: an INCR may have
    /// been applied, and was, once.
    fn a_paused_server(at) {
        let config = at.config.call_timeout(Duration::from_millis(150));
        let pool = open::<1, 256, 256>(config);
        go!(pool.call(ping())).unwrap();
        at.server.pause();
        let error = go!(pool.call(incr("n"))).unwrap_err();
        assert_eq!((error.kind(), error.reached()), (ErrorKind::TimedOut, Reached::MaybeSent));
        assert_eq!(
            error.to_string(),
            "no complete answer within the timeout: the command may have been applied"
        );
        at.server.resume();
        Clients::wait_for(at.server, 0);
        assert_eq!(counter(at.server), 1);
        assert_eq!((pool.stats().timeouts, pool.stats().retries), (1, 0));
        // Nothing of the late answer is left for the next one.
        assert_eq!(go!(pool.call(ping_with("next").reply::<String>())).unwrap(), "next");
    }

    /// The same with `Retry::Always` and `retry_on_timeout`, which say what they risk: here it is
    /// applied twice.
    fn a_paused_server_and_the_risk(at) {
        let config = at.config.call_timeout(Duration::from_millis(400))
            .retry(Retry::Always)
            .retry_on_timeout(true);
        let pool = open::<1, 256, 256>(config);
        go!(pool.call(ping())).unwrap();
        at.server.pause();
        // After the first try has timed out; the second one dials meanwhile.
        let resumed = live::resume_later(at.server, Duration::from_millis(600));
        assert_eq!(go!(pool.call(incr("n"))).unwrap(), 2);
        resumed.join().unwrap();
        assert_eq!(counter(at.server), 2);
        assert_eq!((pool.stats().timeouts, pool.stats().retries), (1, 1));
    }

    /// Nobody reads what is written: the deadline covers the writing, too.
    fn a_write_that_gets_nowhere(at) {
        let config = at.config.call_timeout(Duration::from_millis(150));
        let pool = open::<1, 256, 256>(config);
        go!(pool.call(ping())).unwrap();
        at.server.pause();
        let begin = Instant::now();
        let large = vec![b'x'; 32 << 20];
        let error = go!(pool.call(set("k", &large[..]))).unwrap_err();
        assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
        assert_eq!((error.kind(), error.reached()), (ErrorKind::TimedOut, Reached::MaybeSent));
        at.server.resume();
        assert_eq!(go!(pool.call(exists("k"))).unwrap(), 0, "half a command is none");
    }
}

/// The server dies and comes back: errors that are about the network, and then everything as
/// before.
#[test]
fn a_server_that_is_restarted() {
    let mut server = RedisServer::start();
    let pool = live::threads::<2, 256, 256>(tcp(&server));
    pool.call(set("k", "v")).unwrap();
    server.kill();
    // The first try went into a dead socket, the second one found nobody.
    let error = pool.call(get("k").reply::<Option<String>>()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect(Io::Refused));
    let error = pool.call(incr("n")).unwrap_err();
    assert_eq!(
        (error.kind(), error.reached()),
        (ErrorKind::Connect(Io::Refused), Reached::NotSent)
    );
    assert_eq!(error.to_string(), "cannot connect: refused (not sent)");
    server.restart();
    assert_eq!(pool.call(incr("n")).unwrap(), 1);
    assert_eq!(pool.call(get("k").reply::<Option<String>>()).unwrap(), None);
    let stats = pool.stats();
    assert_eq!(stats.opened, stats.open + stats.closed);
    assert_eq!(stats.sent, stats.answered + stats.skipped + stats.lost);
    assert_eq!(Clients::of(&server).count(), stats.open as usize);
}

/// Eight threads count while their connections are killed all the time: the server's sum lies
/// between what was answered, and that and what may have been applied.
#[test]
fn counters_under_fire() {
    let server = RedisServer::start();
    let pool = live::threads::<4, 256, 256>(tcp(&server));
    let (mut sure, mut unsure) = (0, 0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let (mut sure, mut unsure) = (0, 0);
                    for _ in 0..3000 {
                        match pool.call(incr("n")) {
                            Ok(_) => sure += 1,
                            Err(error) if error.reached() == Reached::MaybeSent => unsure += 1,
                            Err(error) => assert_eq!(error.reached(), Reached::NotSent, "{error}"),
                        }
                    }
                    (sure, unsure)
                })
            })
            .collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            kill_clients(&server);
        }
        for worker in workers {
            let counts = worker.join().unwrap();
            sure += counts.0;
            unsure += counts.1;
        }
    });
    let applied = counter(&server);
    println!(
        "{sure} answered, {unsure} unsure, {applied} applied, {:?}",
        pool.stats()
    );
    assert!((sure..=sure + unsure).contains(&applied));
    assert_eq!(commands_processed(&server)["incr"] as i64, applied);
    // Those that were killed last are found dead, and opened again.
    let mut leases: Vec<_> = (0..4).map(|_| pool.get().unwrap()).collect();
    for lease in &mut leases {
        lease.call(get("n")).unwrap();
    }
    drop(leases);
    let stats = pool.stats();
    assert!(stats.closed > 0);
    assert_eq!((stats.open, stats.opened), (4, 4 + stats.closed));
    assert_eq!(stats.sent, stats.answered + stats.skipped + stats.lost);
    Clients::wait_for(&server, 4);
}

/// All threads are told by the same words when nobody answers, each within its time.
#[test]
fn call_timeouts_are_those_of_the_settings() {
    let server = RedisServer::start();
    let config: Config<'static> = tcp(&server);
    for limit in [50, 250, 1000].map(Duration::from_millis) {
        let pool = live::threads::<1, 256, 256>(config.call_timeout(limit));
        pool.call(ping()).unwrap();
        server.pause();
        let begin = Instant::now();
        let error = pool.call(get("k").reply::<Option<String>>()).unwrap_err();
        let elapsed = begin.elapsed();
        server.resume();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(
            (limit..limit + Duration::from_secs(2)).contains(&elapsed),
            "{elapsed:?} for {limit:?}"
        );
    }
    let peer = silent();
    let error =
        live::threads::<1, 256, 256>(peer.config().connect_timeout(Duration::from_millis(50)))
            .call(ping())
            .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect(Io::TimedOut));
}
