//! The main job as a user runs it: exit status, table, and that it sees a server that lies.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use host_tests::demo::DemoServer;
use host_tests::redis::{self, RedisServer};
use rustix::process::{Pid, Signal, kill_process};

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_host-tests"))
        .args(arguments)
        .env_remove("RESPOOL_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the job starts")
}

/// What became of a run.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    table: String,
    errors: String,
}

impl Ran {
    fn of(child: Child) -> Self {
        let output: Output = child.wait_with_output().expect("the job ends");
        Self {
            code: output.status.code(),
            table: String::from_utf8(output.stdout).expect("text"),
            errors: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// The row of this name.
    fn row(&self, name: &str) -> &str {
        let mut rows = self.table.lines();
        rows.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .unwrap_or_else(|| panic!("no row {name}: {self:?}"))
            .trim()
    }

    /// The number that the row begins with.
    fn number(&self, name: &str) -> u64 {
        let digits = self.row(name).chars().filter(|char| *char != ' ');
        let digits: String = digits.take_while(char::is_ascii_digit).collect();
        digits
            .parse()
            .unwrap_or_else(|_| panic!("{name}: {self:?}"))
    }

    fn assert_all_right(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!(self.errors, "");
        assert_eq!((self.number("wrong"), self.number("errors")), (0, 0));
        assert!(self.number("operations") > 100, "{self:?}");
        assert!(self.number("ops/s") > 0, "{self:?}");
        let latency = self.row("latency");
        let points = ["p50 ", "p90 ", "p99 ", "p99.9 ", "max "];
        assert!(
            points.iter().all(|point| latency.contains(point)),
            "{latency}"
        );
    }
}

fn run(arguments: &[&str]) -> Ran {
    Ran::of(start(arguments))
}

#[test]
fn the_demo_server_is_the_default_and_says_that_it_is_not_redis() {
    let ran = run(&["--seconds", "1"]);
    ran.assert_all_right();
    assert!(
        ran.row("server")
            .starts_with("built-in demo server, in memory, not Redis (")
    );
    assert!(ran.row("workers").starts_with("8 on 4 connections"));
    assert!(ran.row("connections").starts_with("4 opened, "));
    assert!(ran.row("connections").ends_with(" 4 closed"));
}

#[test]
fn a_real_server_is_named_and_its_password_is_not() {
    let server = RedisServer::builder().requirepass("hunter2").start();
    let ran = run(&[
        "--seconds",
        "1",
        "--url",
        &server.url(),
        "--workers",
        "3",
        "--connections",
        "2",
    ]);
    ran.assert_all_right();
    let named = format!("{} {} ", redis::product(), redis::version());
    assert!(ran.row("server").starts_with(&named), "{ran:?}");
    assert!(ran.row("server").contains(&server.addr().to_string()));
    assert!(!ran.table.contains("hunter2"));
    assert!(ran.row("connections").starts_with("2 opened, "));
    assert_eq!(server.cli(&["DBSIZE"]), "0");
    // What the job counts, the server counted too.
    let stats = server.cli(&["INFO", "commandstats"]);
    let incrs = ran.row("operations").rsplit_once("INCR ").unwrap().1;
    let incrs = incrs.replace([' ', ')'], "");
    assert!(
        stats.contains(&format!("cmdstat_incr:calls={incrs},")),
        "{stats}"
    );
}

#[test]
fn pipelines_over_a_unix_socket_keep_their_replies_apart() {
    let server = RedisServer::builder().without_tcp().start();
    let ran = run(&[
        "--seconds",
        "1",
        "--url",
        &server.url(),
        "--pipeline",
        "500",
    ]);
    ran.assert_all_right();
    assert!(ran.row("workers").contains("pipelines of 500"));
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

#[test]
fn a_login_that_is_refused_is_one_sentence() {
    let server = RedisServer::builder().requirepass("right").start();
    let url = format!("redis://:hunter2@{}", server.addr());
    let ran = run(&["--url", &url]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.table, "");
    assert_eq!(ran.errors.lines().count(), 1);
    assert!(ran.errors.contains("WRONGPASS"), "{ran:?}");
    assert!(!ran.errors.contains("hunter2"));
}

#[test]
fn nobody_at_the_address_is_one_sentence() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("redis://{}", port.local_addr().unwrap());
    drop(port);
    let ran = run(&["--url", &url]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.errors.lines().count(), 1);
    assert!(ran.errors.contains("cannot connect: refused"), "{ran:?}");
}

#[test]
fn usage_is_exit_status_2_and_never_quotes_a_password() {
    for (arguments, said) in [
        (&["--connections", "0"][..], "0 is not in 1..=64"),
        (&["--connections", "65"], "65 is not in 1..=64"),
        (&["--workers=-1"], "--workers"),
        (&["--seconds", "soon"], "soon"),
        (&["--pipeline", "0"], "0 is not in 1..=10000"),
        (&["nonsense"], "nonsense"),
        (
            &["redis://:hunter2@localhost"],
            "a URL needs --url before it",
        ),
        (&["--url", ""], "has no scheme"),
        (
            &["--url", "redis://:hunter2@localhost:63x9"],
            "the port is not a number",
        ),
        (&["--url", "rediss://:hunter2@localhost"], "TLS"),
        (
            &["--url", "redis://localhost?retry_on_timeout=yes"],
            "twice",
        ),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.errors.contains(said), "{arguments:?}: {ran:?}");
        assert!(!ran.errors.contains("hunter2"), "{arguments:?}: {ran:?}");
    }
    for (flag, said) in [
        ("--help", "--connections <COUNT>"),
        ("--version", "respool-job "),
    ] {
        let ran = run(&[flag]);
        assert_eq!(ran.code, Some(0));
        assert!(ran.table.contains(said), "{ran:?}");
    }
}

#[test]
fn ctrl_c_ends_it_with_the_table() {
    let child = start(&["--seconds", "600"]);
    let pid = Pid::from_child(&child);
    thread::sleep(Duration::from_millis(700));
    let begin = Instant::now();
    kill_process(pid, Signal::INT).unwrap();
    Ran::of(child).assert_all_right();
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_restarted_server_costs_errors_and_nothing_else() {
    for pipeline in ["1", "20"] {
        let mut server = RedisServer::start();
        let child = start(&[
            "--seconds",
            "3",
            "--url",
            // By itself, the pool would wait for the server to be back.
            &format!("{}?retries=0", server.url()),
            "--pipeline",
            pipeline,
        ]);
        thread::sleep(Duration::from_millis(800));
        server.kill();
        thread::sleep(Duration::from_millis(300));
        server.restart();
        let ran = Ran::of(child);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.number("wrong"), 0, "{ran:?}");
        assert!(
            ran.table.contains("cannot connect: refused (not sent)"),
            "{ran:?}"
        );
        assert_eq!(ran.number("forgotten"), 8, "{ran:?}");
        // They went on: the new server was used, and was left clean.
        assert!(
            !server
                .cli(&["INFO", "commandstats"])
                .contains("incr:calls=0")
        );
        assert_eq!(server.cli(&["DBSIZE"]), "0");
    }
}

#[test]
fn a_server_that_hangs_does_not_hold_it() {
    let server = RedisServer::start();
    for timeouts in [
        "call_timeout=200ms&connect_timeout=200ms",
        "call_timeout=none&pool_timeout=none",
    ] {
        let begin = Instant::now();
        let child = start(&[
            "--seconds",
            "2",
            "--url",
            &format!("{}?{timeouts}", server.url()),
        ]);
        thread::sleep(Duration::from_millis(700));
        server.pause();
        let ran = Ran::of(child);
        server.resume();
        assert!(begin.elapsed() < Duration::from_secs(12), "{timeouts}");
        assert_eq!((ran.code, ran.number("wrong")), (Some(0), 0), "{ran:?}");
        match timeouts.contains("none") {
            true => assert_eq!(ran.number("late"), 8, "{ran:?}"),
            false => assert!(ran.table.contains("no complete answer within the timeout")),
        }
    }
}

#[test]
fn the_value_of_another_worker_is_a_wrong_reply() {
    let demo = DemoServer::start();
    for pipeline in ["1", "20"] {
        // Rare enough that most of what is checked is right.
        let liar = between(demo.addr(), |count, way, bytes| {
            let worker_0 = bytes.windows(9).position(|bytes| bytes == b"worker 0 ");
            if let (Way::Back, Some(at), 0) = (way, worker_0, count % 100) {
                bytes[at + 7] = b'1';
            }
            Fate::Pass
        });
        let ran = run(&[
            "--seconds",
            "1",
            "--pipeline",
            pipeline,
            "--url",
            &format!("redis://{liar}"),
        ]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.number("wrong") > 0, "{ran:?}");
        assert_eq!(ran.number("errors"), 0, "{ran:?}");
        let lines: Vec<&str> = ran.table.lines().map(str::trim).collect();
        let at = lines
            .iter()
            .position(|line| line.starts_with("expected "))
            .unwrap();
        assert!(lines[at - 1].starts_with("GET respool:"), "{ran:?}");
        assert!(lines[at].contains(" worker 0 number "), "{ran:?}");
        assert!(lines[at + 1].starts_with("got ") && lines[at + 1].contains(" worker 1 number "));
        // No more than a few are shown.
        assert!(
            lines
                .iter()
                .filter(|line| line.starts_with("expected "))
                .count()
                <= 5
        );
    }
}

#[test]
fn a_write_that_may_have_been_applied_makes_nothing_wrong() {
    let demo = DemoServer::start();
    for pipeline in ["1", "20"] {
        // Connections break often, before the command reaches the server and after it was run.
        let cutter = between(demo.addr(), |count, way, _| match (way, count % 50) {
            (Way::There, 20) | (Way::Back, 41) => Fate::Cut,
            _ => Fate::Pass,
        });
        let ran = run(&[
            "--seconds",
            "2",
            "--pipeline",
            pipeline,
            "--url",
            &format!("redis://{cutter}"),
        ]);
        assert_eq!((ran.code, ran.number("wrong")), (Some(0), 0), "{ran:?}");
        assert!(ran.number("errors") > 0, "{ran:?}");
        assert!(ran.table.contains("(may have been applied)"), "{ran:?}");
    }
}

#[test]
fn a_server_that_answers_nothing_right_is_no_success() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let ran = run(&["--seconds", "1", "--url", &url]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.errors.lines().count(), 1, "{ran:?}");
}

/// In which direction bytes go.
#[derive(Clone, Copy)]
enum Way {
    There,
    Back,
}

/// What is done with them.
#[derive(PartialEq)]
enum Fate {
    Pass,
    Cut,
}

/// A server that is another one, but for what `meddle` does to the bytes in between. It is told the
/// how-manieth piece that is, of all connections and both ways.
fn between(
    server: SocketAddr,
    meddle: impl Fn(u64, Way, &mut [u8]) -> Fate + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let meddle = Arc::new(meddle);
    let count = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(server) else {
                return;
            };
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            for ((mut from, mut to), way) in [((client, server), Way::There), (back, Way::Back)] {
                let (meddle, count) = (meddle.clone(), count.clone());
                let _ = (from.set_nodelay(true), to.set_nodelay(true));
                thread::spawn(move || {
                    let mut bytes = [0; 4096];
                    while let Ok(length @ 1..) = from.read(&mut bytes) {
                        let piece = &mut bytes[..length];
                        let fate = meddle(count.fetch_add(1, Ordering::Relaxed), way, piece);
                        if fate == Fate::Cut || to.write_all(piece).is_err() {
                            break;
                        }
                    }
                    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                });
            }
        }
    });
    addr
}
