//! The built-in server against `redis-cli`, `redis-benchmark` and plain sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use host_tests::demo::DemoServer;
use host_tests::redis::{self, RedisServer};

/// A client that writes bytes and expects bytes.
struct Wire(TcpStream);

impl Wire {
    fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("the server listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout above zero");
        Self(stream)
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("the server accepts bytes");
    }

    #[track_caller]
    fn expect(&mut self, expected: &[u8]) {
        let mut got = vec![0; expected.len()];
        if let Err(error) = self.0.read_exact(&mut got) {
            panic!("{error} instead of {}", expected.escape_ascii());
        }
        assert_eq!(
            got.escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
    }

    /// An inline request and its whole reply.
    #[track_caller]
    fn ask(&mut self, request: &str, reply: &str) {
        self.send(format!("{request}\r\n").as_bytes());
        self.expect(reply.replace('\n', "\r\n").as_bytes());
    }

    /// What comes until the server closes.
    fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        self.0
            .read_to_end(&mut rest)
            .expect("the server closes in order");
        rest.escape_ascii().to_string()
    }
}

/// Runs a program of `redis-tools` against the server.
fn tool(program: &str, server: &DemoServer, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(program);
    command
        .args(["-h", "127.0.0.1", "-p", &server.addr().port().to_string()])
        .args(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("{program} is not installed: apt-get install redis-tools")
        }
        child => child.expect("the program can be run"),
    };
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(input.as_bytes())
        .expect("it reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("the program ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "{program} {args:?}: {errors}"
    );
    output
}

#[track_caller]
fn cli(server: &DemoServer, args: &[&str], expected: &str) {
    let output = tool("redis-cli", server, args, "");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        expected,
        "{args:?}"
    );
}

/// Runs the test on the built-in server and on a real one: they answer alike.
fn on_both(test: fn(SocketAddr)) {
    test(DemoServer::start().addr());
    test(RedisServer::start().addr());
}

#[test]
fn redis_cli_one_shot() {
    let server = DemoServer::start();
    cli(&server, &["PING"], "PONG\n");
    cli(&server, &["SET", "k", "a b\r\nc"], "OK\n");
    cli(&server, &["GET", "k"], "a b\r\nc\n");
    cli(&server, &["-3", "HSET", "h", "f", "v"], "1\n");
    cli(&server, &["-3", "HGETALL", "h"], "f v\n");
    cli(
        &server,
        &["--no-raw", "-3", "HGETALL", "h"],
        "1# \"f\" => \"v\"\n",
    );
    cli(&server, &["--no-raw", "GET", "none"], "(nil)\n");
    cli(&server, &["--no-raw", "-3", "INCR", "n"], "(integer) 1\n");
    cli(&server, &["-n", "3", "DBSIZE"], "0\n");
    cli(
        &server,
        &["GET", "h"],
        "WRONGTYPE Operation against a key holding the wrong kind of value\n\n",
    );
    cli(
        &server,
        &["FOO", "a", "b"],
        "ERR unknown command 'FOO', with args beginning with: 'a' 'b' \n\n",
    );
    let info = tool("redis-cli", &server, &["INFO"], "").stdout;
    let info = String::from_utf8_lossy(&info);
    assert!(
        info.contains("server:respool built-in demo server, in memory, not Redis"),
        "{info}"
    );
    assert!(!info.contains("redis_version"), "{info}");
}

#[test]
fn redis_cli_reads_commands_from_its_input() {
    let server = DemoServer::start();
    let commands = "SET k \"a\\x00b\"\nSTRLEN k\nMULTI\nINCR n\nGET k\nEXEC\nSELECT 4\nGET n\n";
    let output = tool("redis-cli", &server, &["--no-raw"], commands);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "OK\n(integer) 3\nOK\nQUEUED\nQUEUED\n1) (integer) 1\n2) \"a\\x00b\"\nOK\n(nil)\n"
    );
}

#[test]
fn redis_benchmark_runs() {
    let server = DemoServer::start();
    for extra in [&["-P", "16"][..], &[], &["-P", "16", "-r", "1000"]] {
        let args = [&["-t", "set,get,incr", "-n", "4000", "--csv"], extra].concat();
        let output = tool("redis-benchmark", &server, &args, "");
        let table = String::from_utf8_lossy(&output.stdout);
        let rows: Vec<Vec<&str>> = table
            .lines()
            .skip(1)
            .map(|row| row.split(',').map(|cell| cell.trim_matches('"')).collect())
            .collect();
        let names: Vec<_> = rows.iter().map(|row| row[0]).collect();
        assert_eq!(names, ["SET", "GET", "INCR"], "{table}");
        for row in rows {
            let per_second: f64 = row[1].parse().expect("operations per second");
            assert!(per_second > 0.0, "{table}");
        }
    }
    let mut wire = Wire::open(server.addr());
    wire.ask("GET counter:__rand_int__", "$4\n8000\n");
}

#[test]
fn values_hold_any_byte() {
    let server = DemoServer::start();
    let mut wire = Wire::open(server.addr());
    let value: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    wire.send(b"*3\r\n$3\r\nSET\r\n$4\r\n\r\n\0*\r\n$3000000\r\n");
    wire.send(&value);
    wire.send(b"\r\n*2\r\n$3\r\nGET\r\n$4\r\n\r\n\0*\r\n");
    wire.expect(b"+OK\r\n$3000000\r\n");
    wire.expect(&value);
    wire.expect(b"\r\n");
    wire.ask("keys *", "*1\n$4\n\n\0*\n");
}

#[test]
fn a_request_may_come_in_single_bytes_and_two_at_once() {
    let server = DemoServer::start();
    let mut wire = Wire::open(server.addr());
    wire.0.set_nodelay(true).expect("a socket option");
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n\0\xff\r\n" {
        wire.send(&[*byte]);
        sleep(Duration::from_millis(1));
    }
    wire.expect(b"+OK\r\n");
    wire.send(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n*2\r\n$4\r\nECHO");
    wire.expect(b"$4\r\n\r\n\0\xff\r\n+PONG\r\n");
    wire.send(b"\r\n$1\r\nx\r\n");
    wire.expect(b"$1\r\nx\r\n");
}

#[test]
fn garbage_gets_the_error_of_the_protocol_and_a_close() {
    let server = DemoServer::start();
    for (garbage, error) in [
        (
            &b"*1\r\n:5\r\n"[..],
            "Protocol error: expected '$', got ':'",
        ),
        (b"*x\r\n", "Protocol error: invalid multibulk length"),
        (b"*1\r\n$-5\r\n", "Protocol error: invalid bulk length"),
        (b"\"x\r\n", "Protocol error: unbalanced quotes in request"),
        (&[b'x'; 70_000], "Protocol error: too big inline request"),
    ] {
        let mut wire = Wire::open(server.addr());
        wire.send(b"PING\r\n");
        wire.send(garbage);
        wire.send(b"PING\r\n");
        assert_eq!(
            wire.rest(),
            format!("+PONG\\r\\n-ERR {error}\\r\\n").replace('\'', "\\'")
        );
    }
    // A request that no window holds is skipped, and the connection goes on.
    let mut wire = Wire::open(server.addr());
    wire.send(b"*2\r\n$4\r\nECHO\r\n$50000000\r\n");
    wire.send(&vec![b'x'; 50_000_000]);
    wire.send(b"\r\nPING\r\n");
    wire.expect(b"-ERR request larger than the window of the server\r\n+PONG\r\n");
    // Clients that go in the middle of something harm nobody.
    let mut gone = Wire::open(server.addr());
    gone.send(b"*2\r\n$4\r\nECHO\r\n$2");
    gone.0.shutdown(Shutdown::Both).expect("an open socket");
    wire.ask("PING", "+PONG\n");
    wire.ask("QUIT", "+OK\n");
    assert_eq!(wire.rest(), "");
}

#[test]
fn strings() {
    on_both(|server| {
        let mut w = Wire::open(server);
        w.ask("SET k v", "+OK\n");
        w.ask("SET k w NX", "$-1\n");
        w.ask("SET k w XX GET", "$1\nv\n");
        w.ask("SET none w XX", "$-1\n");
        w.ask("SET k v EX 100", "+OK\n");
        w.ask("TTL k", ":100\n");
        w.ask("SET k v KEEPTTL", "+OK\n");
        w.ask("TTL k", ":100\n");
        w.ask("SET k v EXAT 1", "+OK\n");
        w.ask("GET k", "$-1\n");
        w.ask("SET k v PXAT 99999999999999", "+OK\n");
        w.ask(
            "SET k v EX 0",
            "-ERR invalid expire time in 'set' command\n",
        );
        w.ask(
            "SET k v EX x",
            "-ERR value is not an integer or out of range\n",
        );
        w.ask(
            "SET k v EX 9223372036854775807",
            "-ERR invalid expire time in 'set' command\n",
        );
        for bad in [
            "NX XX",
            "EX",
            "EX 1 PX 1",
            "KEEPTTL EX 1",
            "EX 1 KEEPTTL",
            "WHAT",
        ] {
            w.ask(&format!("SET k v {bad}"), "-ERR syntax error\n");
        }
        w.ask("SET", "-ERR wrong number of arguments for 'set' command\n");
        w.ask("SETEX k 10 v", "+OK\n");
        w.ask(
            "PSETEX k 0 v",
            "-ERR invalid expire time in 'psetex' command\n",
        );
        w.ask("PSETEX short 30 v", "+OK\n");
        w.ask("SETNX k x", ":0\n");
        w.ask("SETNX k2 x", ":1\n");
        w.ask("GETSET k2 y", "$1\nx\n");
        w.ask("GETDEL k2", "$1\ny\n");
        w.ask("GETDEL k2", "$-1\n");
        w.ask("APPEND a 12", ":2\n");
        w.ask("APPEND a 34", ":4\n");
        w.ask("STRLEN a", ":4\n");
        w.ask("INCR a", ":1235\n");
        w.ask("DECRBY a 35", ":1200\n");
        w.ask("INCRBY a -200", ":1000\n");
        w.ask("DECR a", ":999\n");
        w.ask(
            "INCRBY a 9223372036854775807",
            "-ERR increment or decrement would overflow\n",
        );
        w.ask(
            "DECRBY a -9223372036854775808",
            "-ERR decrement would overflow\n",
        );
        w.ask("INCR k", "-ERR value is not an integer or out of range\n");
        w.ask("HSET h f v", ":1\n");
        w.ask("MSET x 1 y 2", "+OK\n");
        w.ask(
            "MSET x 1 y",
            "-ERR wrong number of arguments for 'mset' command\n",
        );
        w.ask("MGET x none h y", "*4\n$1\n1\n$-1\n$-1\n$1\n2\n");
        w.ask(
            "APPEND h x",
            "-WRONGTYPE Operation against a key holding the wrong kind of value\n",
        );
        sleep(Duration::from_millis(40));
        w.ask("GET short", "$-1\n");
    });
}

#[test]
fn keys_and_hashes() {
    on_both(|server| {
        let mut w = Wire::open(server);
        w.ask("MSET a 1 b 2 c 3", "+OK\n");
        w.ask("HSET h f1 v1 f2 v2", ":2\n");
        w.ask(
            "HSET h f1 v3 f3",
            "-ERR wrong number of arguments for 'hset' command\n",
        );
        w.ask("HSET h f1 v3", ":0\n");
        w.ask("HGET h f1", "$2\nv3\n");
        w.ask("HGET h none", "$-1\n");
        w.ask("HGETALL h", "*4\n$2\nf1\n$2\nv3\n$2\nf2\n$2\nv2\n");
        w.ask("HLEN h", ":2\n");
        w.ask(
            "HGET a f",
            "-WRONGTYPE Operation against a key holding the wrong kind of value\n",
        );
        w.ask("TYPE a", "+string\n");
        w.ask("TYPE h", "+hash\n");
        w.ask("TYPE none", "+none\n");
        w.ask("EXISTS a a none h", ":3\n");
        w.ask("DBSIZE", ":4\n");
        w.ask("KEYS a*", "*1\n$1\na\n");
        w.ask("HDEL h f1 f2 f3", ":2\n");
        w.ask("EXISTS h", ":0\n");
        w.ask("TTL none", ":-2\n");
        w.ask("TTL a", ":-1\n");
        w.ask("EXPIRE a 100", ":1\n");
        w.ask("EXPIRE a 50 GT", ":0\n");
        w.ask(
            "EXPIRE a 50 NX GT",
            "-ERR NX and XX, GT or LT options at the same time are not compatible\n",
        );
        w.ask("EXPIRE a 50 LT", ":1\n");
        w.ask("TTL a", ":50\n");
        w.ask("PERSIST a", ":1\n");
        w.ask("PTTL a", ":-1\n");
        w.ask("PEXPIRE a 20", ":1\n");
        w.ask("EXPIRE b -1", ":1\n");
        sleep(Duration::from_millis(30));
        w.ask("KEYS *", "*1\n$1\nc\n");
        w.ask("SELECT 1", "+OK\n");
        w.ask("EXISTS c", ":0\n");
        w.ask("SET d 1", "+OK\n");
        w.ask("FLUSHDB", "+OK\n");
        w.ask("SELECT 0", "+OK\n");
        w.ask("UNLINK c none", ":1\n");
        w.ask("SET c 1", "+OK\n");
        w.ask("FLUSHALL ASYNC", "+OK\n");
        w.ask("DBSIZE", ":0\n");
        w.ask("SELECT 16", "-ERR DB index is out of range\n");
        w.ask("SELECT x", "-ERR value is not an integer or out of range\n");
    });
}

#[test]
fn sessions_and_protocols() {
    let server = DemoServer::start();
    let mut w = Wire::open(server.addr());
    w.ask("HELLO 4", "-NOPROTO unsupported protocol version\n");
    w.ask(
        "HELLO 3 AUTH nobody x",
        "-WRONGPASS invalid username-password pair or user is disabled.\n",
    );
    w.ask("GET none", "$-1\n");
    let version = env!("CARGO_PKG_VERSION");
    w.ask(
        "HELLO 3 AUTH default x SETNAME me",
        &format!(
            "%7\n$6\nserver\n$12\nrespool-demo\n$7\nversion\n${}\n{version}\n$5\nproto\n:3\n\
             $2\nid\n:1\n$4\nmode\n$10\nstandalone\n$4\nrole\n$6\nmaster\n$7\nmodules\n*0\n",
            version.len()
        ),
    );
    w.ask("GET none", "_\n");
    w.ask("HSET h f v", ":1\n");
    w.ask("HGETALL h", "%1\n$1\nf\n$1\nv\n");
    w.ask("CLIENT GETNAME", "$2\nme\n");
    w.ask(
        "CLIENT SETNAME \"a b\"",
        "-ERR Client names cannot contain spaces, newlines or special characters.\n",
    );
    w.ask("CLIENT SETINFO LIB-NAME respool", "+OK\n");
    w.ask("CLIENT ID", ":1\n");
    w.ask(
        "CLIENT FOO",
        "-ERR unknown subcommand 'FOO'. Try CLIENT HELP.\n",
    );
    w.ask("SELECT 5", "+OK\n");
    w.send(b"CLIENT LIST\r\n");
    let addr = w.0.local_addr().expect("a connected socket");
    let line = format!("txt:id=1 addr={addr} name=me db=5\n");
    w.expect(format!("={}\r\n{line}\r\n", line.len()).as_bytes());
    w.ask("RESET", "+RESET\n");
    w.ask("CLIENT GETNAME", "$-1\n");
    w.ask("AUTH default x", "+OK\n");
    w.ask("AUTH x", "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\n");
    w.ask("PING hi", "$2\nhi\n");
    w.ask(
        "CONFIG GET save appendonly",
        "*4\n$4\nsave\n$0\n\n$10\nappendonly\n$2\nno\n",
    );
    w.ask("COMMAND", "*0\n");
}

/// What has no place in a transaction; Valkey then refuses all of it, Redis goes on.
#[test]
fn a_transaction_in_a_transaction() {
    let real = RedisServer::start();
    for (server, product) in [
        (DemoServer::start().addr(), "Redis"),
        (real.addr(), redis::product().as_str()),
    ] {
        let mut w = Wire::open(server);
        w.ask("MULTI", "+OK\n");
        match product {
            "Valkey" => {
                let no = |name| format!("-ERR Command '{name}' not allowed inside a transaction\n");
                w.ask("MULTI", &no("multi"));
                w.ask("WATCH k", &no("watch"));
                w.ask("SET k v", "+QUEUED\n");
                let aborted = "-EXECABORT Transaction discarded because of previous errors.\n";
                w.ask("EXEC", aborted);
            }
            _ => {
                w.ask("MULTI", "-ERR MULTI calls can not be nested\n");
                w.ask("WATCH k", "-ERR WATCH inside MULTI is not allowed\n");
                w.ask("SET k v", "+QUEUED\n");
                w.ask("EXEC", "*1\n+OK\n");
            }
        }
    }
}

#[test]
fn transactions() {
    on_both(|server| {
        let (mut w, mut other) = (Wire::open(server), Wire::open(server));
        w.ask("EXEC", "-ERR EXEC without MULTI\n");
        w.ask("DISCARD", "-ERR DISCARD without MULTI\n");
        w.ask("MULTI", "+OK\n");
        w.ask("SET k v", "+QUEUED\n");
        other.ask("GET k", "$-1\n");
        w.ask("INCR k", "+QUEUED\n");
        w.ask("GET k", "+QUEUED\n");
        w.ask(
            "EXEC",
            "*3\n+OK\n-ERR value is not an integer or out of range\n$1\nv\n",
        );
        w.ask("MULTI", "+OK\n");
        w.ask("GET", "-ERR wrong number of arguments for 'get' command\n");
        w.ask(
            "EXEC",
            "-EXECABORT Transaction discarded because of previous errors.\n",
        );
        w.ask("MULTI", "+OK\n");
        w.ask("SET k x", "+QUEUED\n");
        w.ask("DISCARD", "+OK\n");
        w.ask("GET k", "$1\nv\n");

        // Each of these touches the watched key; the last two do not.
        for (change, touches) in [
            ("SET w 2", true),
            ("DEL w", true),
            ("EXPIRE w 100", true),
            ("APPEND w x", true),
            ("FLUSHALL", true),
            ("GETDEL w", true),
            ("GET w", false),
            ("SET else 2", false),
        ] {
            w.ask("SET w 1", "+OK\n");
            w.ask("WATCH w", "+OK\n");
            other.send(format!("{change}\r\nECHO .\r\n").as_bytes());
            let mut end = Vec::new();
            while !end.ends_with(b"$1\r\n.\r\n") {
                let mut byte = [0];
                other.0.read_exact(&mut byte).expect("an answer");
                end.push(byte[0]);
            }
            w.ask("MULTI", "+OK\n");
            w.ask("PING", "+QUEUED\n");
            w.ask("EXEC", if touches { "*-1\n" } else { "*1\n+PONG\n" });
        }
        w.ask("SET w 1", "+OK\n");
        w.ask("WATCH w", "+OK\n");
        w.ask("SET w 2", "+OK\n");
        w.ask("UNWATCH", "+OK\n");
        w.ask("MULTI", "+OK\n");
        w.ask("EXEC", "*0\n");
        // A watched key that expires was touched.
        w.ask("SET w 1 PX 20", "+OK\n");
        w.ask("WATCH w", "+OK\n");
        sleep(Duration::from_millis(30));
        w.ask("MULTI", "+OK\n");
        w.ask("EXEC", "*-1\n");
    });
}

#[test]
fn a_dropped_server_is_gone() {
    let server = DemoServer::start();
    let mut wire = Wire::open(server.addr());
    wire.ask("PING", "+PONG\n");
    let addr = server.addr();
    drop(server);
    assert_eq!(wire.rest(), "");
    assert!(TcpStream::connect(addr).is_err());
}
