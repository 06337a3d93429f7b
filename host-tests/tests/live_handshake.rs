//! Everything that can go wrong before the first command: each has an error of its own that says
//! that nothing was sent, who has to act, and what is wrong. In both worlds.

use std::time::{Duration, Instant};

use host_tests::live::{self, Peer, old_server, silent, talker, tcp, unix};
use host_tests::redis::{RedisServer, free_port};
use respool::command::{get, ping, set};
use respool::config::Protocol;
use respool::error::{Blame, Code, Fault, Io, Refusal};
use respool::{Command, Config, Error, ErrorKind, Reached};

/// The same call in both worlds, tried once.
fn both(config: Config<'static>, mut check: impl FnMut(Result<Option<String>, Error>)) {
    let config = config.retries(0);
    check(live::threads::<1, 256, 256>(config).call(get("k").reply()));
    let pool = live::tasks::<1, 256, 256>(config);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    check(runtime.block_on(pool.call(get("k").reply())));
}

/// Both worlds fail alike, before anything was sent, and with these words.
fn fails(config: Config<'static>, kind: ErrorKind, blame: Blame, text: &str) {
    both(config, |result| {
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.reached(), Reached::NotSent, "{error}");
        assert_eq!(error.blame(), blame, "{error}");
    });
}

fn refused(config: Config<'static>, refusal: Refusal, text: &str) {
    fails(config, ErrorKind::Handshake(refusal), Blame::Server, text);
}

fn in_both_protocols(config: Config<'static>, check: impl Fn(Config<'static>)) {
    check(config);
    check(config.protocol(Protocol::Resp2));
}

#[test]
fn logins() {
    let server = RedisServer::builder()
        .requirepass("secret")
        .user_acl("app on >wonder ~* +@all")
        .user_acl("off >wonder ~* +@all")
        .start();
    server.cli(&["SET", "k", "v"]);
    in_both_protocols(tcp(&server), |config| {
        let wrong =
            "the server refused the login: WRONGPASS (wrong username or password) (not sent)";
        refused(config.password("no"), Refusal::WrongPassword, wrong);
        refused(config.password(""), Refusal::WrongPassword, wrong);
        refused(
            config.username("nobody").password("secret"),
            Refusal::WrongPassword,
            wrong,
        );
        refused(
            config.username("off").password("wonder"),
            Refusal::WrongPassword,
            wrong,
        );
        let needed = "the server refused the login: NOAUTH (it wants a password) (not sent)";
        refused(config, Refusal::PasswordNeeded, needed);
        refused(
            config.db(1).client_name("x"),
            Refusal::PasswordNeeded,
            needed,
        );
        for good in [
            config.password("secret"),
            config.username("app").password("wonder"),
        ] {
            both(good, |result| {
                assert_eq!(result.unwrap().as_deref(), Some("v"))
            });
        }
    });
}

#[test]
fn a_password_where_none_is_set() {
    let server = RedisServer::start();
    in_both_protocols(tcp(&server), |config| {
        // Redis 7 takes any password of a user that has none by HELLO and by `AUTH user password`;
        // `AUTH password` is told apart.
        let text =
            "the server refused the login: WRONGPASS (wrong username or password) (not sent)";
        match config.protocol {
            Protocol::Resp2 => refused(config.password("x"), Refusal::WrongPassword, text),
            _ => both(config.password("x"), |result| {
                assert_eq!(result.unwrap(), None)
            }),
        }
    });
}

#[test]
fn users_who_may_not() {
    let server = RedisServer::builder()
        .user_acl("plain on >p ~* +@all -select")
        .user_acl("mute on >p ~* +@all -client")
        .user_acl("blind on >p ~* +@all -get")
        .start();
    in_both_protocols(tcp(&server), |config| {
        let text = "the server refused the login: NOPERM (the user may not do this) (not sent)";
        let plain = config.username("plain").password("p");
        refused(plain.db(1), Refusal::NoPermission, text);
        both(plain, |result| assert_eq!(result.unwrap(), None));
        // A name is a courtesy.
        let mute = config.username("mute").password("p").client_name("x");
        both(mute, |result| assert_eq!(result.unwrap(), None));
        // That is no matter of the login.
        both(config.username("blind").password("p"), |result| {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Server(Code::NoPerm));
            assert_eq!(error.to_string(), "the server answered NOPERM (answered)");
        });
    });
}

#[test]
fn databases_that_are_not_there() {
    let server = RedisServer::builder().databases(4).unixsocket().start();
    for address in [tcp(&server), unix(&server)] {
        in_both_protocols(address, |config| {
            let text = "the server refused the login: no such database (not sent)";
            refused(config.db(4), Refusal::BadDatabase, text);
            refused(config.db(u32::MAX), Refusal::BadDatabase, text);
            both(config.db(3), |result| assert_eq!(result.unwrap(), None));
        });
    }
}

#[test]
fn a_server_that_is_full() {
    let server = RedisServer::builder()
        .unixsocket()
        .arg("--maxclients", "1")
        .start();
    let first = live::threads::<1, 256, 256>(tcp(&server));
    let lease = first.get().unwrap();
    first_call(lease);
    for address in [tcp(&server), unix(&server)] {
        in_both_protocols(address, |config| {
            let text = "the server refused the login: max number of clients reached (not sent)";
            refused(
                config.password("long".repeat(2000).leak()),
                Refusal::TooManyClients,
                text,
            );
            for _ in 0..10 {
                refused(config, Refusal::TooManyClients, text);
            }
        });
    }
    // The pool of the one who is in goes on.
    first.call(ping()).unwrap();
}

fn first_call(mut lease: impl std::ops::DerefMut<Target = respool::Client<'static, Link>>) {
    lease.call(ping()).unwrap();
}

type Link = respool::io::Blocking<respool::host::Socket>;

#[test]
fn protected_mode() {
    let peer = talker(
        "-DENIED Redis is running in protected mode because protected mode is enabled\r\n",
        false,
    );
    let text = "the server refused the login: DENIED (not sent)";
    let kind = ErrorKind::Handshake(Refusal::Other(Code::Denied));
    fails(peer.config(), kind, Blame::Server, text);
}

#[test]
fn nobody_there() {
    let refused = Config::new().host("127.0.0.1").port(free_port().unwrap());
    let kind = ErrorKind::Connect;
    fails(
        refused,
        kind(Io::Refused),
        Blame::Network,
        "cannot connect: refused (not sent)",
    );
    fails(
        Config::new().host("no-such-host.invalid"),
        kind(Io::NoAddress),
        Blame::Network,
        "cannot connect: the name has no address (not sent)",
    );
    fails(
        Config::new().unix("/no/such/redis.sock"),
        kind(Io::NotFound),
        Blame::Network,
        "cannot connect: not found (not sent)",
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("left-behind.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let path = live::leaked(path.to_str().unwrap());
    let text = "cannot connect: refused (not sent)";
    fails(
        Config::new().unix(path),
        kind(Io::Refused),
        Blame::Network,
        text,
    );
    let long = "/tmp/".to_string() + &"x".repeat(200);
    both(Config::new().unix(live::leaked(&long)), |result| {
        assert!(matches!(result.unwrap_err().kind(), ErrorKind::Connect(_)));
    });
}

#[test]
fn a_listener_that_never_answers() {
    let peer = silent();
    let config = peer.config().connect_timeout(Duration::from_millis(300));
    let begin = Instant::now();
    let text = "cannot connect: timed out (not sent)";
    fails(
        config,
        ErrorKind::Connect(Io::TimedOut),
        Blame::Network,
        text,
    );
    let elapsed = begin.elapsed();
    // Twice, and each for the time of the settings: not for the read timeout of 5 s.
    let range = Duration::from_millis(600)..Duration::from_secs(4);
    assert!(range.contains(&elapsed), "{elapsed:?}");
    assert_eq!(peer.accepted(), 2);
    assert!(peer.heard().contains("HELLO"), "{}", peer.heard());
}

#[test]
fn a_listener_that_dribbles() {
    // Each byte is news, and all of them are too late.
    let peer = Peer::dribbler("+OK\r\n%7\r\n", Duration::from_millis(100));
    let config = peer.config().connect_timeout(Duration::from_millis(350));
    let begin = Instant::now();
    let text = "cannot connect: timed out (not sent)";
    fails(
        config,
        ErrorKind::Connect(Io::TimedOut),
        Blame::Network,
        text,
    );
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_listener_that_closes_at_once() {
    let peer = talker("", false);
    both(peer.config(), |result| {
        let error = result.unwrap_err();
        // Whether the end or the reset of the connection is seen first is a race.
        let kinds = [Io::Closed, Io::Reset, Io::NotConnected].map(ErrorKind::Connect);
        assert!(kinds.contains(&error.kind()), "{error}");
        assert_eq!(
            (error.reached(), error.blame()),
            (Reached::NotSent, Blame::Network)
        );
        assert!(error.to_string().starts_with("cannot connect: "), "{error}");
    });
}

#[test]
fn a_web_server() {
    for stays in [true, false] {
        let peer = talker(
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
            stays,
        );
        let text = "the peer broke the protocol: no RESP type begins like this (not sent)";
        let kind = ErrorKind::Protocol(Fault::UnknownType(b'H'));
        fails(peer.config(), kind, Blame::Peer, text);
    }
}

#[test]
fn servers_from_before_resp3() {
    for refusal in [
        "-ERR unknown command 'HELLO'",
        "-ERR unknown command `HELLO`, with args beginning with: `3`, ",
        "-NOPROTO unsupported protocol version",
    ] {
        let peer = old_server(refusal);
        let good = peer
            .config()
            .password("secret")
            .db(6)
            .client_name("old-timer");
        both(good, |result| {
            assert_eq!(result.unwrap().as_deref(), Some("6"))
        });
        let heard = peer.heard();
        // Once for each world: HELLO, and then what RESP2 has in its place.
        for (words, times) in [
            ("HELLO 3 AUTH default secret\n", 2),
            ("\nAUTH secret\n", 2),
            ("CLIENT SETNAME old-timer\n", 4),
            ("SELECT 6\n", 4),
            ("GET k\n", 2),
        ] {
            assert_eq!(heard.matches(words).count(), times, "{words}: {heard}");
        }
        let wrong =
            "the server refused the login: WRONGPASS (wrong username or password) (not sent)";
        refused(peer.config().password("no"), Refusal::WrongPassword, wrong);
        let needed = "the server refused the login: NOAUTH (it wants a password) (not sent)";
        refused(peer.config().db(1), Refusal::PasswordNeeded, needed);
    }
}

#[test]
fn resp2_by_url() {
    let server = RedisServer::start();
    let url = format!("{}?protocol=2", server.url());
    let pool = respool::host::pool::<1>(&url).unwrap();
    pool.call(set("k", "v")).unwrap();
    assert_eq!(live::Clients::of(&server).column("resp"), ["2"]);
    assert!(!live::commands_processed(&server).contains_key("hello"));
    let peer = old_server("-ERR not asked");
    let config = peer.config().protocol(Protocol::Resp2).password("secret");
    both(config, |result| {
        assert_eq!(result.unwrap().as_deref(), Some("0"))
    });
    assert!(!peer.heard().contains("HELLO"), "{}", peer.heard());
}

#[test]
fn a_server_that_is_loading() {
    let server = RedisServer::builder()
        .args(["--rdbcompression", "no"])
        .start();
    server.cli(&["DEBUG", "POPULATE", "2000", "k", "1000"]);
    server.cli(&[
        "CONFIG",
        "SET",
        "loading-process-events-interval-bytes",
        "1024",
    ]);
    server.cli(&["CONFIG", "SET", "key-load-delay", "1000"]);
    let pool = live::threads::<2, 256, 256>(tcp(&server).db(1));
    pool.call(ping()).unwrap();
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| server.cli(&["DEBUG", "RELOAD"]));
        let latest = Instant::now() + Duration::from_secs(10);
        let error = loop {
            match pool.call(get("k").reply::<Option<String>>()) {
                Err(error) => break error,
                Ok(_) => assert!(Instant::now() < latest, "never seen loading"),
            }
        };
        assert_eq!(error.kind(), ErrorKind::Server(Code::Loading));
        assert_eq!(
            (error.reached(), error.blame()),
            (Reached::Answered, Blame::Server)
        );
        assert_eq!(error.to_string(), "the server answered LOADING (answered)");
        assert_eq!(reload.join().unwrap(), "OK");
    });
    pool.call(get("k").reply::<Option<String>>()).unwrap();
    assert!(pool.stats().retries > 0);
}
