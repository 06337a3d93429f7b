//! Records streams of replies from a real server.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use host_tests::redis::{RedisServer, free_port};

use crate::recipes::{RECIPES, encoded};

/// A stream of replies, by the name of its file without the ending.
pub type Stream = (String, Vec<u8>);

/// A situation in which servers answer with errors that need more than a command.
type Trouble = (&'static str, fn(Protocol) -> Vec<u8>);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Resp2,
    Resp3,
}

const TROUBLES: [Trouble; 8] = [
    ("login", login),
    ("unsaved", unsaved),
    ("loading", loading),
    ("busy", busy),
    ("cluster", cluster),
    ("broken", broken),
    ("crowded", crowded),
    ("unblocked", unblocked),
];

/// Records all streams.
pub fn all() -> Vec<Stream> {
    // Most of the time is spent in waiting for servers.
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (protocol, ending) in [(Protocol::Resp2, 2), (Protocol::Resp3, 3)] {
            threads.push(scope.spawn(move || -> Vec<Stream> {
                let wanted = |only_resp3: bool| !only_resp3 || protocol == Protocol::Resp3;
                let recipes = RECIPES.iter().filter(|recipe| wanted(recipe.only_resp3));
                recipes
                    .map(|recipe| {
                        let mut bytes = protocol.hello();
                        recipe
                            .commands()
                            .for_each(|words| bytes.extend(encoded(&words)));
                        let replies = RedisServer::start().record(&bytes);
                        (format!("{}-{ending}", recipe.name), replies)
                    })
                    .collect()
            }));
            for (name, record) in TROUBLES {
                threads.push(
                    scope.spawn(move || vec![(format!("{name}-{ending}"), record(protocol))]),
                );
            }
        }
        let streams = threads.into_iter().map(|thread| thread.join().unwrap());
        streams.flatten().collect()
    })
}

impl Protocol {
    fn hello(self) -> Vec<u8> {
        match self {
            Self::Resp2 => Vec::new(),
            Self::Resp3 => command("HELLO 3"),
        }
    }

    /// A command, in this protocol.
    fn says(self, text: &str) -> Vec<u8> {
        [self.hello(), command(text)].concat()
    }
}

fn command(text: &str) -> Vec<u8> {
    let words: Vec<_> = text.split_whitespace().map(Vec::from).collect();
    encoded(&words)
}

/// Before AUTH, and too much before AUTH.
fn login(protocol: Protocol) -> Vec<u8> {
    let server = RedisServer::builder().requirepass("secret").start();
    let hello = match protocol {
        Protocol::Resp2 => command("AUTH secret"),
        Protocol::Resp3 => command("HELLO 3 AUTH default secret"),
    };
    let mut replies = server.record(&[command("GET k"), command("HELLO 3"), hello].concat());
    replies.extend(server.raw(b"*20\r\n"));
    replies.extend(server.raw(b"*1\r\n$20000\r\n"));
    replies
}

/// A server that cannot save: where its file should be stands a folder.
fn unsaved(protocol: Protocol) -> Vec<u8> {
    let server = RedisServer::start();
    let folder = server.unix_path().with_file_name("dump.rdb");
    fs::create_dir(&folder).unwrap();
    server.cli(&["CONFIG", "SET", "save", "3600 1"]);
    server.cli(&["BGSAVE"]);
    until(|| {
        server
            .cli(&["INFO", "persistence"])
            .contains("rdb_last_bgsave_status:err")
    });
    let replies = server.record(&protocol.says("SET k v"));
    // Otherwise the server would not end by itself where it is asked to.
    server.cli(&["CONFIG", "SET", "save", ""]);
    replies
}

fn loading(protocol: Protocol) -> Vec<u8> {
    let server = RedisServer::start();
    server.cli(&["DEBUG", "POPULATE", "500"]);
    server.cli(&["CONFIG", "SET", "key-load-delay", "4000"]);
    server.cli(&[
        "CONFIG",
        "SET",
        "loading-process-events-interval-bytes",
        "1024",
    ]);
    let mut other = TcpStream::connect(server.addr()).unwrap();
    other.write_all(&command("DEBUG RELOAD")).unwrap();
    until(|| server.cli(&["GET", "k"]).starts_with("LOADING"));
    // Redis 8.10 on a busy machine closes some connections that are opened while it loads.
    let mut replies = Vec::new();
    until(|| {
        replies = server.raw(&protocol.says("GET k"));
        !replies.is_empty()
    });
    replies
}

/// A script that does not end: one that can be killed, and one that cannot.
fn busy(protocol: Protocol) -> Vec<u8> {
    let server = RedisServer::builder().arg("--lua-time-limit", "10").start();
    let mut replies = Vec::new();
    for script in [
        "while true do end",
        "redis.call('set','k','v') while true do end",
    ] {
        let mut other = TcpStream::connect(server.addr()).unwrap();
        let words = ["EVAL", script, "0"].map(|word| word.into());
        other.write_all(&encoded(&words)).unwrap();
        until(|| server.cli(&["GET", "k"]).starts_with("BUSY"));
        replies.extend(server.raw(&protocol.says("GET k")));
        replies.extend(server.raw(&protocol.says("SCRIPT KILL")));
        // What a killed script answers.
        if replies.ends_with(b"+OK\r\n") {
            replies.extend(line(&mut other));
        }
    }
    replies
}

fn cluster(protocol: Protocol) -> Vec<u8> {
    let node = || {
        let bus = free_port().unwrap().to_string();
        let settings = RedisServer::builder().arg("--cluster-enabled", "yes");
        let settings = settings.arg("--cluster-require-full-coverage", "no");
        (settings.arg("--cluster-port", &bus).start(), bus)
    };
    let ((server, _), (other, bus)) = (node(), node());
    let mut replies = server.record(&protocol.says("GET k"));
    server.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    server.cli(&[
        "CLUSTER",
        "MEET",
        "127.0.0.1",
        &other.port().to_string(),
        &bus,
    ]);
    let its_id = other.cli(&["CLUSTER", "MYID"]);
    until(|| {
        server
            .cli(&["CLUSTER", "INFO"])
            .contains("cluster_state:ok")
            && server.cli(&["CLUSTER", "NODES"]).contains(&its_id)
    });
    server.cli(&["SET", "{k}1", "v"]);
    let slot = server.cli(&["CLUSTER", "KEYSLOT", "k"]);
    server.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &its_id]);
    replies.extend(server.record(&protocol.says("MGET a b")));
    replies.extend(server.record(&protocol.says("GET {k}none")));
    replies.extend(server.record(&protocol.says("MGET {k}1 {k}none")));
    server.cli(&["DEL", "{k}1"]);
    server.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &its_id]);
    replies.extend(server.record(&protocol.says("GET k")));
    replies.extend(server.record(&protocol.says("SELECT 1")));
    replies
}

/// What a server says before it closes a connection that speaks no RESP.
fn broken(protocol: Protocol) -> Vec<u8> {
    let server = RedisServer::start();
    let mut replies = Vec::new();
    for bytes in [
        &b"*1\r\n$-9\r\n"[..],
        b"*1\r\n:3\r\n",
        b"*x\r\n",
        b"*1\r\n$999999999999\r\n",
    ] {
        replies.extend(server.raw(&[&protocol.hello(), bytes].concat()));
    }
    replies
}

fn crowded(_: Protocol) -> Vec<u8> {
    let server = RedisServer::builder().arg("--maxclients", "1").start();
    let mut first = TcpStream::connect(server.addr()).unwrap();
    first.write_all(&command("PING")).unwrap();
    [line(&mut first), server.raw(b"")].concat()
}

fn unblocked(protocol: Protocol) -> Vec<u8> {
    let server = RedisServer::start();
    let mut waiting = TcpStream::connect(server.addr()).unwrap();
    waiting.write_all(&command("CLIENT ID")).unwrap();
    let mut replies = line(&mut waiting);
    let id = String::from_utf8(replies[1..].trim_ascii_end().to_vec()).unwrap();
    // The error is the same in both protocols; its greeting is in the other streams.
    let blocks = match protocol {
        Protocol::Resp2 => "BLPOP q 0",
        Protocol::Resp3 => "XREAD BLOCK 0 STREAMS q $",
    };
    waiting.write_all(&command(blocks)).unwrap();
    until(|| server.cli(&["CLIENT", "UNBLOCK", &id, "ERROR"]) == "1");
    replies.extend(line(&mut waiting));
    replies
}

/// The next line.
fn line(stream: &mut TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        line.extend(byte);
    }
    line
}

fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(
            Instant::now() < deadline,
            "what was waited for did not come"
        );
        sleep(Duration::from_millis(5));
    }
}

/// For a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
