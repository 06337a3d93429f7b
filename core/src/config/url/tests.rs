extern crate std;

use super::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// Parses with a scratch of the length that always suffices, and hands the result to `look`.
fn with<T>(url: &str, look: impl FnOnce(Result<Config<'_>, UrlError>) -> T) -> T {
    let mut scratch = std::vec![0; url.len()];
    look(Config::from_url(url, &mut scratch))
}

/// One line that shows what a URL says about address, database and login.
fn summary(url: &str) -> String {
    with(url, |result| {
        let config = result.unwrap_or_else(|error| panic!("{url}: {error}"));
        let mut password = String::from("-");
        if let Some(p) = config.password {
            p.reveal(&mut |bytes| password = format!("'{}'", bytes.escape_ascii()));
        }
        format!(
            "{} {} {} {password}",
            config.address,
            config.db,
            config.username.unwrap_or("-")
        )
    })
}

fn message(url: &str) -> String {
    with(url, |result| match result {
        Ok(config) => panic!("{url} gave {config:?}"),
        Err(error) => error.to_string(),
    })
}

#[test]
fn address_database_and_login() {
    for (url, expected) in [
        ("redis://", "localhost:6379 0 - -"),
        ("redis:///", "localhost:6379 0 - -"),
        ("redis:///3", "localhost:6379 3 - -"),
        ("valkey://host", "host:6379 0 - -"),
        ("REDIS://host", "host:6379 0 - -"),
        ("redis://host:7/", "host:7 0 - -"),
        ("redis://host:65535/2", "host:65535 2 - -"),
        ("redis://host/4294967295", "host:6379 4294967295 - -"),
        ("redis://host?db=2", "host:6379 2 - -"),
        ("redis://host/2?db=2", "host:6379 2 - -"),
        ("redis://host?", "host:6379 0 - -"),
        ("redis://host/1?&db=1&", "host:6379 1 - -"),
        ("redis://user:pass@host:1/1", "host:1 1 user 'pass'"),
        ("redis://:secret@host", "host:6379 0 - 'secret'"),
        ("redis://:secret@", "localhost:6379 0 - 'secret'"),
        ("redis://user:@host", "host:6379 0 user ''"),
        ("redis://:@host", "host:6379 0 - -"),
        ("redis://@host", "host:6379 0 - -"),
        ("redis://u:a:b@c@host", "host:6379 0 u 'a:b@c'"),
        (
            "redis://u%3A:p%2F%3f%23%40%25@h%6Fst",
            "host:6379 0 u: 'p/?#@%'",
        ),
        ("redis://:%ff%00@host", "host:6379 0 - '\\xff\\x00'"),
        ("redis://us%C3%A9r:p@host", "host:6379 0 us\u{e9}r 'p'"),
        ("redis://[::1]", "[::1]:6379 0 - -"),
        ("redis://u:p@[2001:db8::7]:7/1", "[2001:db8::7]:7 1 u 'p'"),
        ("redis://[fe80::1%25eth0]:7", "[fe80::1%eth0]:7 0 - -"),
        ("redis://[::ffff:10.0.0.1]", "[::ffff:10.0.0.1]:6379 0 - -"),
        ("unix:///run/redis.sock", "/run/redis.sock 0 - -"),
        ("unix:///run/a%20b%40.sock?db=1", "/run/a b@.sock 1 - -"),
        ("unix://u:p@/redis.sock", "/redis.sock 0 u 'p'"),
        ("unix://:p@/redis.sock", "/redis.sock 0 - 'p'"),
    ] {
        assert_eq!(summary(url), expected, "{url}");
    }
}

#[test]
fn parameters() {
    fn change(query: &str) -> String {
        with(&format!("redis://h?{query}"), |result| {
            format!("{:?}", result.unwrap())
        })
    }
    let ms = Duration::from_millis;
    let c = Config::new().host("h");
    let quick = Keepalive {
        idle: ms(90_000),
        ..Keepalive::DEFAULT
    };
    let mut tight = c;
    tight.limits.depth = 3;
    tight.limits.bulk = 4096;
    tight.limits.elements = 9;
    for (query, expected) in [
        ("db=3", c.db(3)),
        ("client_name=n%2D7", c.client_name("n-7")),
        ("client_name=a=b", c.client_name("a=b")),
        ("protocol=2", c.protocol(Protocol::Resp2)),
        ("protocol=3", c.protocol(Protocol::Resp3)),
        ("connect_timeout=2s", c.connect_timeout(ms(2000))),
        ("connect_timeout=none", c.no_connect_timeout()),
        ("call_timeout=500ms", c.call_timeout(ms(500))),
        ("call_timeout=1.5m", c.call_timeout(ms(90_000))),
        ("call_timeout=None", c.no_call_timeout()),
        ("pool_timeout=0.25", c.pool_timeout(ms(250))),
        ("pool_timeout=off", c.no_pool_timeout()),
        ("keepalive=90", c.keepalive(quick)),
        ("keepalive=off", c.no_keepalive()),
        ("retry_on_timeout=yes", c.retry_on_timeout(true)),
        ("retry_on_timeout=True", c.retry_on_timeout(true)),
        ("retry_on_timeout=1", c.retry_on_timeout(true)),
        ("retry_on_timeout=no", c),
        ("retry_on_timeout=false", c),
        ("retry_on_timeout=0", c),
        ("retry=never", c.retry(Retry::Never)),
        ("retry=unsent", c.retry(Retry::WhenUnsent)),
        ("retry=safe", c.retry(Retry::WhenSafe)),
        ("retry=always", c.retry(Retry::Always)),
        ("retries=0", c.retries(0)),
        (
            "health_check_interval=1m",
            c.health_check_interval(ms(60_000)),
        ),
        ("health_check_interval=off", c.no_health_check()),
        ("max_idle=90", c.max_idle(ms(90_000))),
        ("max_lifetime=90s", c.max_lifetime(ms(90_000))),
        ("depth=3&bulk=4096&elements=9", tight),
    ] {
        assert_eq!(change(query), format!("{expected:?}"), "{query}");
    }
}

#[test]
fn durations() {
    let nanos = |text| timeout(text).map(|d| d.unwrap().as_nanos());
    for (text, expected) in [
        ("1", 1_000_000_000),
        ("0.5", 500_000_000),
        (".5s", 500_000_000),
        ("5.", 5_000_000_000),
        ("1.25ms", 1_250_000),
        ("0.000000001", 1),
        ("0.10000000019", 100_000_000),
        ("307445734m", 18_446_744_040_000_000_000),
        ("4294967295s", 4_294_967_295_000_000_000),
        ("4294967295.999999999", 4_294_967_295_999_999_999),
    ] {
        assert_eq!(nanos(text), Ok(expected), "{text}");
    }
    for text in [
        "", "s", ".", ".s", "1.2.3", "-1", "+1", "1e3", "1h", "1 s", "fast", "1S", "٣",
    ] {
        assert_eq!(nanos(text), Err(UrlFault::NotADuration), "{text}");
    }
    for text in [
        "0",
        "0s",
        "0.0",
        "0.0000000001",
        "4294967296",
        "99999999999999999999",
        "307445735m",
    ] {
        assert_eq!(nanos(text), Err(UrlFault::OutOfRange), "{text}");
    }
}

#[test]
fn a_bad_url_names_the_part() {
    for (url, expected) in [
        ("", "URL: the URL has no scheme"),
        ("localhost:6379", "URL: the URL has no scheme"),
        ("redis:/localhost", "URL: the URL has no scheme"),
        ("http://host", "URL: the scheme is none of redis://"),
        ("://host", "URL: the scheme is none of redis://"),
        (
            "rediss://host",
            "rediss://...: the scheme asks for TLS, which is not there yet",
        ),
        (
            "valkeys://u:p@host",
            "valkeys://...: the scheme asks for TLS, which is not there yet",
        ),
        (
            "redis://host\n",
            "URL: the URL has a space or a control character",
        ),
        (
            "redis://u:p w@host",
            "URL: the URL has a space or a control character",
        ),
        ("redis://host/0#top", "redis://...: the URL has a #"),
        (
            "redis://u:p/w@host",
            "redis://...: the URL has an @ behind the host",
        ),
        (
            "redis://u:p?w@host",
            "redis://...: the URL has an @ behind the host",
        ),
        (
            "redis://host?client_name=a@b",
            "redis://...: the URL has an @ behind the host",
        ),
        (
            "unix:///run/a@b",
            "unix://...: the URL has an @ behind the host",
        ),
        (
            "redis://localhost:63x9",
            "redis://...: the port is not a number",
        ),
        (
            "valkey://u:p@h:63x9/0",
            "valkey://...: the port is not a number",
        ),
        ("redis://h:", "redis://...: the port is empty"),
        ("redis://h:0", "redis://...: the port is out of range"),
        ("redis://h:65536", "redis://...: the port is out of range"),
        ("redis://h:655360", "redis://...: the port is out of range"),
        ("redis://h:+7", "redis://...: the port is not a number"),
        ("redis://h:-1", "redis://...: the port is not a number"),
        ("redis://h:secret", "redis://...: the port is not a number"),
        ("redis://:6379", "redis://...: the host is empty"),
        ("redis://:secret", "redis://...: the host is empty"),
        ("redis://u:p@:6379", "redis://...: the host is empty"),
        (
            "redis://::1:6379",
            "redis://...: the host has more than one colon",
        ),
        (
            "redis://[::1",
            "redis://...: the host is not an IPv6 address in brackets",
        ),
        (
            "redis://[::1]6379",
            "redis://...: the host is not an IPv6 address in brackets",
        ),
        (
            "redis://[host]",
            "redis://...: the host is not an IPv6 address in brackets",
        ),
        (
            "redis://[]",
            "redis://...: the host is not an IPv6 address in brackets",
        ),
        (
            "redis://ho]st",
            "redis://...: the host is not an IPv6 address in brackets",
        ),
        (
            "redis://ho%zzst",
            "redis://...: the host has a broken % escape",
        ),
        (
            "redis://[fe80::1%20eth0]",
            "redis://...: the host is not an IPv6 address in brackets",
        ),
        (
            "redis://[fe80::1%eth0]",
            "redis://...: the host has a broken % escape",
        ),
        ("redis://%ff", "redis://...: the host is not UTF-8"),
        ("redis://user@host", "redis://...: the user has no password"),
        (
            "redis://u%2:p@host",
            "redis://...: the user has a broken % escape",
        ),
        ("redis://%ff:p@host", "redis://...: the user is not UTF-8"),
        (
            "redis://u:p%zz@host",
            "redis://...: the password has a broken % escape",
        ),
        (
            "redis://u:p%2@host",
            "redis://...: the password has a broken % escape",
        ),
        (
            "redis://u:%+1@host",
            "redis://...: the password has a broken % escape",
        ),
        (
            "redis://u:%@host",
            "redis://...: the password has a broken % escape",
        ),
        ("redis://h/1x", "redis://...: the database is not a number"),
        ("redis://h/1/2", "redis://...: the database is not a number"),
        (
            "redis://h/zero",
            "redis://...: the database is not a number",
        ),
        (
            "redis://h/4294967296",
            "redis://...: the database is out of range",
        ),
        ("redis://h/1?db=2", "redis://...: the db is given twice"),
        ("redis://h/0?db=2", "redis://...: the db is given twice"),
        ("redis://h?db=2&db=2", "redis://...: the db is given twice"),
        ("redis://h?db=one", "redis://...: the db is not a number"),
        ("redis://h?db=", "redis://...: the db is empty"),
        ("redis://h?db", "redis://...: the db is empty"),
        (
            "redis://h?timout=1",
            "redis://...: parameter 1 is not known",
        ),
        ("redis://h?DB=1", "redis://...: parameter 1 is not known"),
        (
            "redis://h?password=secret",
            "redis://...: parameter 1 is not known",
        ),
        (
            "redis://h?max_connections_per_node_of_it=1",
            "redis://...: parameter 1 is not known",
        ),
        ("redis://h?word", "redis://...: parameter 1 is not known"),
        ("redis://h?w/rd=1", "redis://...: parameter 1 is not known"),
        ("redis://h?=1", "redis://...: parameter 1 is not known"),
        (
            "redis://h?db=1&&protocol=2&DB=1",
            "redis://...: parameter 3 is not known",
        ),
        (
            "redis://h?call_timeout=fast",
            "redis://...: the call_timeout is not a duration",
        ),
        (
            "redis://h?call_timeout=0",
            "redis://...: the call_timeout is out of range",
        ),
        (
            "redis://h?keepalive=0.5",
            "redis://...: the keepalive is out of range",
        ),
        (
            "redis://h?protocol=4",
            "redis://...: the protocol is neither 2 nor 3",
        ),
        (
            "redis://h?retry=often",
            "redis://...: the retry is none of never, unsent, safe, always",
        ),
        (
            "redis://h?retry_on_timeout=maybe",
            "redis://...: the retry_on_timeout is neither true nor false",
        ),
        (
            "redis://h?depth=256",
            "redis://...: the depth is out of range",
        ),
        (
            "redis://h?client_name=%ff",
            "redis://...: the client_name is not UTF-8",
        ),
        (
            "redis://h?client_name=%f",
            "redis://...: the client_name has a broken % escape",
        ),
        ("unix://", "unix://...: the path is empty"),
        ("unix://u:p@", "unix://...: the path is empty"),
        (
            "unix://run/redis.sock",
            "unix://...: the host is one too many",
        ),
        (
            "unix:///run/%zz",
            "unix://...: the path has a broken % escape",
        ),
        ("unix:///run/%ff", "unix://...: the path is not UTF-8"),
    ] {
        let got = message(url);
        // A longer message goes on with advice, behind a colon.
        let whole = got == expected
            || got
                .strip_prefix(expected)
                .is_some_and(|s| s.starts_with([':', ',']));
        assert!(whole, "{url}: {got}");
    }
}

#[test]
fn part_and_fault_can_be_matched_on() {
    let error = Config::from_url("redis://h?call_timeout=x", &mut []).unwrap_err();
    assert_eq!(
        (error.part(), error.fault()),
        (UrlPart::Value("call_timeout"), UrlFault::NotADuration)
    );
}

#[test]
fn every_parameter_has_a_bit_of_its_own_and_is_understood() {
    let all = PARAMETERS.iter().fold(0, |all, name| {
        assert_eq!(bit(name).count_ones(), 1);
        all | bit(name)
    });
    assert_eq!(all.count_ones() as usize, PARAMETERS.len());
    for name in PARAMETERS {
        let value = match name {
            "protocol" => "2",
            "retry" => "never",
            _ => "1",
        };
        summary(&format!("redis://h?{name}={value}"));
    }
}

#[test]
fn only_what_is_escaped_takes_scratch() {
    // 1 byte for the user, 2 for the password, 4 for the name.
    let url = "redis://%75:p%70@host?client_name=n%61me";
    for room in 0..=url.len() {
        let mut scratch = std::vec![0; room];
        let result = Config::from_url(url, &mut scratch);
        if room < 7 {
            assert_eq!(
                result.unwrap_err().fault(),
                UrlFault::ScratchTooSmall,
                "{room}"
            );
        } else {
            let config = result.unwrap();
            assert_eq!(
                (config.username, config.client_name),
                (Some("u"), Some("name"))
            );
        }
    }
    assert!(Config::from_url("redis://u:p@host/1?client_name=n", &mut []).is_ok());
}

/// Fails if three letters of the secret in a row stand in what a result prints.
fn assert_silent(url: &str) -> bool {
    with(url, |result| {
        let printed = match &result {
            Ok(config) => format!("{config:?}{config:#?}{}", config.address),
            Err(error) => format!("{error}{error:?}{error:#?}"),
        };
        for piece in SECRET.as_bytes().windows(3) {
            let piece = core::str::from_utf8(piece).unwrap();
            assert!(!printed.contains(piece), "{url} shows {piece}: {printed}");
        }
        result.is_ok()
    })
}

const SECRET: &str = "SECRETSECRET";

#[test]
fn a_password_of_digits_is_no_port_that_is_shown() {
    for digits in ["0", "1x", "65536", "99999"] {
        for url in [
            format!("redis://user:{digits}"),
            format!("redis://user/{digits}9999999999"),
            format!("redis://user?db={digits}9999999999"),
        ] {
            let (shown, debug) = (message(&url), with(&url, |result| format!("{result:?}")));
            for text in [shown, debug] {
                assert!(!text.contains(digits), "{url} shows it: {text}");
            }
        }
    }
}

/// Every URL that is one slip of the finger away.
fn slips(url: &str) -> Vec<String> {
    let mut slips = Vec::new();
    for at in 0..=url.len() {
        let (before, after) = url.split_at(at);
        for inserted in "/:@?#%[]&= .x7\n\u{e9}".chars() {
            slips.push(format!("{before}{inserted}{after}"));
            if let Some(after) = after.get(1..) {
                slips.push(format!("{before}{inserted}{after}"));
            }
        }
        slips.push(before.into());
        if let Some(after) = after.get(1..) {
            slips.push(format!("{before}{after}"));
        }
    }
    slips
}

#[test]
fn no_slip_makes_a_secret_show() {
    let mut counts = [0, 0];
    for base in [
        "redis://user:SECRETSECRET@host:6379/0?call_timeout=1s",
        "valkey://:SECRETSECRET@[::1]:6379?db=1&client_name=n%2D7",
        "redis://user:SECRETSECRET@host",
        "unix://user:SECRETSECRET@/run/redis.sock?db=1",
    ] {
        assert!(assert_silent(base));
        for url in slips(base) {
            // Cut inside the password, or with its `@` gone, `user:` and its start remain: that is
            // what must not show. Nothing is excused here.
            counts[usize::from(assert_silent(&url))] += 1;
        }
    }
    // The loop saw both ends: URLs that still parse, and errors.
    assert!(counts.iter().all(|&n| n > 500), "{counts:?}");
}

#[test]
fn no_malformed_url_makes_a_secret_show() {
    for url in [
        "SECRETSECRET",
        "user:SECRETSECRET@host",
        "//user:SECRETSECRET@host",
        "redis:user:SECRETSECRET@host",
        "user:SECRETSECRET://host",
        "user:SECRETSECRET@redis://host",
        "http://user:SECRETSECRET@host",
        "rediss://user:SECRETSECRET@host",
        "redis://user:SECRETSECRET",
        "redis://:SECRETSECRET",
        "redis://user:SECRETSECRET/0",
        "redis://user:SECRETSECREThost:6379/0",
        "redis://user:12/SECRETSECREThost:6379",
        "redis://user:12?SECRETSECREThost:6379/0",
        "redis://user:SECRET/SECRET@host",
        "redis://user:SECRET?SECRET@host",
        "redis://user:SECRET#SECRET@host",
        "redis://user:12/SECRETSECRET@host",
        "redis://user:12?SECRETSECRET@host",
        "redis://user:12?db=SECRETSECRET@host",
        "redis://user:12?client_name=SECRETSECRET@host",
        "redis://user:SECRET@SECRET@host:x",
        "redis://user:SECRET@/SECRET@host",
        "redis://user:SECRETSECRET%@host",
        "redis://user:SECRETSECRET%zz@host",
        "redis://user:SECRETSECRET@host:63x9",
        "redis://user:SECRETSECRET@host?call_timeout=fast",
        // Found by fuzzing: one mark too many in the user, and no `@`.
        "redis://WWb,?db=x:SECRETSECRET",
        "redis://user:1?db=SECRETSECRET",
        "redis://user:1?retry=SECRETSECRET",
        "redis://user:1?SECRETSECRET=1",
        "SECRETSECRET://host",
        "redis://user:SECRETSECRET@host/x?SECRET",
        "redis://h?password",
        "unix://user:SECRETSECRET/run/redis.sock",
        "unix://user:SECRET/SECRET@/run/redis.sock",
        "unix:///user:SECRETSECRET@/run/redis.sock",
    ] {
        assert_silent(url);
    }
}
