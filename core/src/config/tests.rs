//! The settings and their builders.

extern crate std;

use super::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

const SECRET: &str = "SECRETSECRET";

fn revealed(config: &Config<'_>) -> Option<Vec<u8>> {
    let mut got = None;
    config
        .password
        .as_ref()?
        .reveal(&mut |bytes| got = Some(bytes.to_vec()));
    got
}

#[test]
fn the_defaults_are_as_documented() {
    const CONFIG: Config<'static> = Config::new();
    let config = CONFIG;
    let five = Some(Duration::from_secs(5));
    assert_eq!(config.address.to_string(), "localhost:6379");
    assert_eq!(
        (config.db, config.username, config.client_name),
        (0, None, None)
    );
    assert!(config.password.is_none());
    assert_eq!(config.protocol, Protocol::Resp3);
    assert_eq!((config.connect_timeout, config.pool_timeout), (five, five));
    assert_eq!(config.call_timeout, five);
    assert_eq!(config.keepalive, Some(Keepalive::DEFAULT));
    assert_eq!((config.retry, config.retries), (Retry::WhenSafe, 3));
    assert!(!config.retry_on_timeout);
    assert_eq!(config.retry_for, Duration::from_secs(10));
    let (base, cap) = (Duration::from_millis(100), Duration::from_secs(10));
    assert_eq!(config.backoff, Backoff { base, cap });
    assert_eq!(config.seed, 0);
    assert_eq!(config.health_check_interval, Some(Duration::from_secs(30)));
    assert_eq!((config.max_idle, config.max_lifetime), (None, None));
    assert_eq!((config.limits.depth, config.limits.bulk), (8, 536_870_912));
    assert_eq!(
        (config.limits.elements, config.limits.line),
        (2_147_483_647, u32::MAX)
    );
    assert_eq!(
        (config.skip_budget.replies, config.skip_budget.bytes),
        (64, 65_536)
    );
}

#[test]
fn every_builder_sets_its_field_alone() {
    type Change = fn(Config<'static>) -> Config<'static>;
    const T: Duration = Duration::from_millis(1234);
    let k = Keepalive {
        idle: T,
        interval: T,
        count: 77,
    };
    assert_eq!(Config::new().keepalive(k).keepalive, Some(k));
    // Debug shows every field, so it shows which of them changed, and to what.
    let changes: &[(Change, &str)] = &[
        (|c| c.host("h"), "address: Tcp { host: \"h\", port: 6379 }"),
        (
            |c| c.port(7),
            "address: Tcp { host: \"localhost\", port: 7 }",
        ),
        (|c| c.unix("/s"), "address: Unix(\"/s\")"),
        (|c| c.db(3), "db: 3"),
        (|c| c.username("u"), "username: Some(\"u\")"),
        (|c| c.password("p"), "password: Some(***)"),
        (|c| c.password_bytes(b"\xFF"), "password: Some(***)"),
        (|c| c.client_name("n"), "client_name: Some(\"n\")"),
        (|c| c.protocol(Protocol::Resp2), "protocol: Resp2"),
        (|c| c.connect_timeout(T), "connect_timeout: Some(1.234s)"),
        (|c| c.no_connect_timeout(), "connect_timeout: None"),
        (|c| c.call_timeout(T), "call_timeout: Some(1.234s)"),
        (|c| c.no_call_timeout(), "call_timeout: None"),
        (|c| c.retry(Retry::Always), "retry: Always"),
        (|c| c.retries(9), "retries: 9"),
        (|c| c.retry_for(T), "retry_for: 1.234s"),
        (
            |c| c.backoff(T, T),
            "backoff: Backoff { base: 1.234s, cap: 1.234s }",
        ),
        (|c| c.seed(9), "seed: 9"),
        (
            |c| c.health_check_interval(T),
            "health_check_interval: Some(1.234s)",
        ),
        (|c| c.no_health_check(), "health_check_interval: None"),
        (|c| c.max_idle(T), "max_idle: Some(1.234s)"),
        (|c| c.max_lifetime(T), "max_lifetime: Some(1.234s)"),
        (|c| c.pool_timeout(T), "pool_timeout: Some(1.234s)"),
        (|c| c.no_pool_timeout(), "pool_timeout: None"),
        (|c| c.no_keepalive(), "keepalive: None"),
        (|c| c.retry_on_timeout(true), "retry_on_timeout: true"),
        (
            |c| {
                c.limits(Limits {
                    depth: 3,
                    ..Limits::DEFAULT
                })
            },
            "limits: Limits { depth: 3, ",
        ),
        (
            |c| {
                c.skip_budget(SkipBudget {
                    replies: 1,
                    bytes: 2,
                    ..SkipBudget::DEFAULT
                })
            },
            "skip_budget: SkipBudget { replies: 1, bytes: 2, time: 1s }",
        ),
    ];
    for (change, expected) in changes {
        let after = change(Config::new());
        let compact = format!("{after:?}");
        assert!(compact.contains(expected), "{expected} in {compact}");
        let before = fields(&Config::new());
        let changed = fields(&after)
            .into_iter()
            .filter(|field| !before.contains(field));
        assert_eq!(changed.count(), 1, "{expected}");
    }
}

/// What `{:#?}` says of each field: a field begins with a letter behind four spaces.
fn fields(config: &Config<'_>) -> Vec<String> {
    let mut fields = Vec::new();
    for line in format!("{config:#?}").lines() {
        match line.strip_prefix("    ") {
            Some(field) if field.starts_with(char::is_alphabetic) => fields.push(field.into()),
            _ => fields
                .last_mut()
                .map_or((), |field: &mut String| field.push_str(line)),
        }
    }
    assert_eq!(fields.len(), 21);
    fields
}

#[test]
fn host_and_port_come_in_any_order_and_replace_a_unix_path() {
    let tcp = Address::Tcp { host: "h", port: 7 };
    assert_eq!(Config::new().host("h").port(7).address, tcp);
    assert_eq!(Config::new().port(7).host("h").address, tcp);
    assert_eq!(
        Config::new().unix("/s").host("h").address.to_string(),
        "h:6379"
    );
    assert_eq!(
        Config::new().unix("/s").port(7).address.to_string(),
        "localhost:7"
    );
    assert_eq!(Config::new().host("::1").address.to_string(), "[::1]:6379");
    assert_eq!(Config::new().unix("/s").address.to_string(), "/s");
}

#[test]
fn a_password_comes_from_text_bytes_a_function_or_a_closure() {
    fn token(give: &mut dyn FnMut(&[u8])) {
        give(b"token")
    }
    const FIXED: Config<'static> = Config::new().password_from(&token);
    assert_eq!(revealed(&FIXED).as_deref(), Some(&b"token"[..]));

    let local = [0xFF, 0x00];
    let closure = |give: &mut dyn FnMut(&[u8])| give(&local);
    assert_eq!(
        revealed(&Config::new().password_from(&closure)).as_deref(),
        Some(&local[..])
    );

    assert_eq!(
        revealed(&Config::new().password("p")).as_deref(),
        Some(&b"p"[..])
    );
    assert_eq!(
        revealed(&Config::new().password_bytes(&local)).as_deref(),
        Some(&local[..])
    );

    let none = |_: &mut dyn FnMut(&[u8])| {};
    assert_eq!(revealed(&Config::new().password_from(&none)), None);
}

#[test]
fn a_config_is_send_sync_and_copy_whatever_gives_the_password() {
    fn assert<T: Send + Sync + Copy>(_: &T) {}
    let closure = |give: &mut dyn FnMut(&[u8])| give(b"p");
    let config = Config::new().password_from(&closure);
    assert(&config);
    assert(&config.password);
}

#[test]
fn debug_shows_that_there_is_a_password_and_nothing_of_it() {
    let source = |give: &mut dyn FnMut(&[u8])| give(SECRET.as_bytes());
    for config in [
        Config::new().password(SECRET),
        Config::new().password_bytes(SECRET.as_bytes()),
        Config::new().password_from(&source),
    ] {
        // Bytes would print as numbers: 83, 69, 67 are "SEC".
        for text in [format!("{config:?}"), format!("{config:#?}")] {
            assert!(text.contains("***"), "{text}");
            assert!(!text.contains("SEC"), "{text}");
            assert!(
                !text.contains("83, 69") && !text.contains("83,\n"),
                "{text}"
            );
        }
        let password = config.password.unwrap();
        assert_eq!(format!("{password:?} {password:#?}"), "*** ***");
    }
}
