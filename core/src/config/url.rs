//! `redis://user:password@host:port/db?name=value` into settings.
//!
//! Decoded text lives in a scratch that the caller lends. The rule for errors: they quote nothing of
//! the URL. One forgotten or superfluous character moves the borders between the parts, and then a
//! piece of the password stands wherever one looks: `user:12345` is a host and a port.

use super::{Address, Config, DEFAULT_HOST, DEFAULT_PORT, Keepalive, Protocol, Retry};
use super::{UrlError, UrlFault, UrlPart};
use core::str::FromStr;
use core::time::Duration;

pub(super) fn parse<'c>(url: &'c str, scratch: &'c mut [u8]) -> Result<Config<'c>, UrlError> {
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(UrlError::new(UrlPart::Url, UrlFault::Blank));
    }
    let (scheme, rest) = scheme(url)?;
    let parser = Parser {
        config: Config::new(),
        scratch,
        seen: 0,
        path_db: None,
    };
    parser
        .after_scheme(scheme, rest)
        .map_err(|error| error.under(scheme))
}

/// The scheme by our spelling of it, and what follows.
fn scheme(url: &str) -> Result<(&'static str, &str), UrlError> {
    const SCHEMES: [&str; 5] = ["redis", "valkey", UNIX, "rediss", "valkeys"];
    const AFTER: &[u8] = b"://";
    let mut places = url.as_bytes().windows(AFTER.len());
    let (scheme, rest) = places
        .position(|place| place == AFTER)
        .and_then(|place| cut_out(url, place, AFTER.len()))
        .ok_or(UrlError::new(UrlPart::Url, UrlFault::NoScheme))?;
    let Some(known) = SCHEMES
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(scheme))
    else {
        return Err(UrlError::new(UrlPart::Scheme, UrlFault::UnknownScheme));
    };
    match known {
        "rediss" | "valkeys" => Err(UrlError::new(UrlPart::Scheme, UrlFault::NoTls).under(known)),
        _ => Ok((known, rest)),
    }
}

struct Parser<'c> {
    config: Config<'c>,
    /// What is still free of the lent scratch.
    scratch: &'c mut [u8],
    /// A bit for each of `PARAMETERS` that was given.
    seen: u32,
    /// The database that stands in the path.
    path_db: Option<u32>,
}

impl<'c> Parser<'c> {
    fn after_scheme(mut self, scheme: &str, rest: &'c str) -> Result<Config<'c>, UrlError> {
        if rest.contains('#') {
            return Err(UrlError::new(UrlPart::Url, UrlFault::Fragment));
        }
        let (before_query, query) = cut(rest, b'?').unwrap_or((rest, ""));
        let (authority, path) = memchr::memchr(b'/', before_query.as_bytes())
            .and_then(|slash| before_query.split_at_checked(slash))
            .unwrap_or((before_query, ""));
        // With `pa/ss` or `pa?ss` for a password its `@` stands here, and what we take for host,
        // path and query are pieces of the password.
        if path.contains('@') || query.contains('@') {
            return Err(UrlError::new(UrlPart::Url, UrlFault::StrayAt));
        }
        let (login, host) = memchr::memrchr(b'@', authority.as_bytes())
            .and_then(|at| cut_out(authority, at, 1))
            .unwrap_or(("", authority));
        if scheme == UNIX {
            self.unix(host, path)?;
        } else {
            self.tcp(host)?;
            self.database(path)?;
        }
        self.login(login)?;
        let (mut pairs, mut place) = (query, 0u16);
        while !pairs.is_empty() {
            let (pair, others) = cut(pairs, b'&').unwrap_or((pairs, ""));
            if !pair.is_empty() {
                place = place.saturating_add(1);
                self.parameter(pair, place)?;
            }
            pairs = others;
        }
        Ok(self.config)
    }

    fn login(&mut self, login: &'c str) -> Result<(), UrlError> {
        let (user, password) = match cut(login, b':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        if !user.is_empty() {
            if password.is_none() {
                return Err(UrlError::new(UrlPart::Username, UrlFault::NoPassword));
            }
            self.config.username = Some(self.text(UrlPart::Username, user)?);
        }
        // `user:@` is a user whose password is empty, `:@` is nobody.
        if let Some(password) = password.filter(|p| !(p.is_empty() && user.is_empty())) {
            let password = self.bytes(UrlPart::Password, password)?;
            self.config = self.config.password_bytes(password);
        }
        Ok(())
    }

    fn unix(&mut self, host: &str, path: &'c str) -> Result<(), UrlError> {
        if !host.is_empty() {
            return Err(UrlError::new(UrlPart::Host, UrlFault::HostInUnix));
        }
        if path.is_empty() {
            return Err(UrlError::new(UrlPart::Path, UrlFault::Empty));
        }
        self.config.address = Address::Unix(self.text(UrlPart::Path, path)?);
        Ok(())
    }

    fn tcp(&mut self, authority: &'c str) -> Result<(), UrlError> {
        let wrong = |fault| UrlError::new(UrlPart::Host, fault);
        let (host, port) = if let Some(inner) = authority.strip_prefix('[') {
            let (host, after) = cut(inner, b']').ok_or(wrong(UrlFault::Brackets))?;
            let port = match after.strip_prefix(':') {
                None if !after.is_empty() => return Err(wrong(UrlFault::Brackets)),
                port => port,
            };
            // A zone (`fe80::1%25eth0`) may be any word, but nothing else is escaped.
            let (address, zone) = cut(host, b'%').unwrap_or((host, "25"));
            let is_zone = match zone.as_bytes() {
                [high, low, ..] => escaped(*high, *low).is_none_or(|byte| byte == b'%'),
                _ => true,
            };
            let is_ipv6 = |b: u8| b.is_ascii_hexdigit() || b == b':' || b == b'.';
            if !address.contains(':') || !address.bytes().all(is_ipv6) || !is_zone {
                return Err(wrong(UrlFault::Brackets));
            }
            (host, port)
        } else {
            let (host, port) = match cut(authority, b':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            if port.is_some_and(|port| port.contains(':')) {
                return Err(wrong(UrlFault::Colons));
            }
            if host.contains(['[', ']']) {
                return Err(wrong(UrlFault::Brackets));
            }
            if host.is_empty() && port.is_some() {
                return Err(wrong(UrlFault::Empty));
            }
            (host, port)
        };
        let port = match port {
            None => DEFAULT_PORT,
            Some(text) => match number(text) {
                Ok(0) => return Err(UrlError::new(UrlPart::Port, UrlFault::OutOfRange)),
                Ok(port) => port,
                Err(fault) => return Err(UrlError::new(UrlPart::Port, fault)),
            },
        };
        let host = if host.is_empty() {
            DEFAULT_HOST
        } else {
            self.text(UrlPart::Host, host)?
        };
        self.config.address = Address::Tcp { host, port };
        Ok(())
    }

    fn database(&mut self, path: &str) -> Result<(), UrlError> {
        let text = path.strip_prefix('/').unwrap_or(path);
        if !text.is_empty() {
            self.config.db =
                number(text).map_err(|fault| UrlError::new(UrlPart::Database, fault))?;
            self.path_db = Some(self.config.db);
        }
        Ok(())
    }

    fn parameter(&mut self, pair: &'c str, place: u16) -> Result<(), UrlError> {
        let (name, value) = cut(pair, b'=').unwrap_or((pair, ""));
        let Some(name) = PARAMETERS.into_iter().find(|known| *known == name) else {
            return Err(UrlError::new(UrlPart::Parameter(place), UrlFault::Unknown));
        };
        let part = UrlPart::Value(name);
        if self.is_given(name) {
            return Err(UrlError::new(part, UrlFault::Twice));
        }
        self.seen |= bit(name);
        let value = self.text(part, value)?;
        if value.is_empty() {
            return Err(UrlError::new(part, UrlFault::Empty));
        }
        self.set(name, value)
            .map_err(|fault| UrlError::new(part, fault))
    }

    fn set(&mut self, name: &str, value: &'c str) -> Result<(), UrlFault> {
        match name {
            "db" => {
                self.config.db = number(value)?;
                if self.path_db.is_some_and(|db| db != self.config.db) {
                    return Err(UrlFault::Twice);
                }
            }
            "client_name" => self.config.client_name = Some(value),
            "protocol" => {
                self.config.protocol = match value {
                    "2" => Protocol::Resp2,
                    "3" => Protocol::Resp3,
                    _ => return Err(UrlFault::NotAProtocol),
                }
            }
            "connect_timeout" => self.config.connect_timeout = timeout(value)?,
            "call_timeout" => self.config.call_timeout = timeout(value)?,
            "pool_timeout" => self.config.pool_timeout = timeout(value)?,
            "keepalive" => {
                self.config.keepalive = match timeout(value)? {
                    Some(idle) if idle.as_secs() == 0 => return Err(UrlFault::OutOfRange),
                    Some(idle) => Some(Keepalive {
                        idle,
                        ..Keepalive::DEFAULT
                    }),
                    None => None,
                }
            }
            "retry" => {
                self.config.retry = match value {
                    "never" => Retry::Never,
                    "unsent" => Retry::WhenUnsent,
                    "safe" => Retry::WhenSafe,
                    "always" => Retry::Always,
                    _ => return Err(UrlFault::NotARetry),
                }
            }
            "retry_on_timeout" => self.config.retry_on_timeout = boolean(value)?,
            "retries" => self.config.retries = number(value)?,
            "health_check_interval" => self.config.health_check_interval = timeout(value)?,
            "max_idle" => self.config.max_idle = timeout(value)?,
            "max_lifetime" => self.config.max_lifetime = timeout(value)?,
            "depth" => self.config.limits.depth = number(value)?,
            "bulk" => self.config.limits.bulk = number(value)?,
            "elements" => self.config.limits.elements = number(value)?,
            _ => return Err(UrlFault::Unknown),
        }
        Ok(())
    }

    fn is_given(&self, name: &str) -> bool {
        self.seen & bit(name) != 0
    }

    fn text(&mut self, part: UrlPart, raw: &'c str) -> Result<&'c str, UrlError> {
        let bytes = self.bytes(part, raw)?;
        core::str::from_utf8(bytes).map_err(|_| UrlError::new(part, UrlFault::NotUtf8))
    }

    /// Decodes `%` escapes: into the scratch where there are any.
    fn bytes(&mut self, part: UrlPart, raw: &'c str) -> Result<&'c [u8], UrlError> {
        if !raw.contains('%') {
            return Ok(raw.as_bytes());
        }
        let mut length: usize = 0;
        for byte in Unescape(raw.as_bytes()) {
            byte.ok_or(UrlError::new(part, UrlFault::BrokenEscape))?;
            length = length.saturating_add(1);
        }
        let free = core::mem::take(&mut self.scratch);
        let (decoded, free) = free
            .split_at_mut_checked(length)
            .ok_or(UrlError::new(UrlPart::Url, UrlFault::ScratchTooSmall))?;
        self.scratch = free;
        for (slot, byte) in decoded.iter_mut().zip(Unescape(raw.as_bytes()).flatten()) {
            *slot = byte;
        }
        Ok(decoded)
    }
}

/// What stands before and behind the first `at`. `str::split_once` says the same, but its searcher
/// holds checks that end in a panic, and the compiler cannot see that they never fail.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    cut_out(text, memchr::memchr(at, text.as_bytes())?, 1)
}

/// What stands before and behind the `len` bytes at `place`.
fn cut_out(text: &str, place: usize, len: usize) -> Option<(&str, &str)> {
    let (before, rest) = text.split_at_checked(place)?;
    Some((before, rest.get(len..)?))
}

/// Bytes with their escapes undone; `None` stands for a broken one.
struct Unescape<'u>(&'u [u8]);

impl Iterator for Unescape<'_> {
    type Item = Option<u8>;

    fn next(&mut self) -> Option<Option<u8>> {
        let (byte, rest) = match self.0 {
            [b'%', high, low, rest @ ..] => (escaped(*high, *low), rest),
            [b'%', rest @ ..] => (None, rest),
            [byte, rest @ ..] => (Some(*byte), rest),
            [] => return None,
        };
        self.0 = rest;
        Some(byte)
    }
}

fn escaped(high: u8, low: u8) -> Option<u8> {
    let digit = |b| {
        char::from(b)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(high)? << 4 | digit(low)?)
}

/// Digits only: `from_str` would also take a sign.
fn number<T: FromStr>(text: &str) -> Result<T, UrlFault> {
    if text.is_empty() {
        return Err(UrlFault::Empty);
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(UrlFault::NotANumber);
    }
    text.parse().map_err(|_| UrlFault::OutOfRange)
}

/// A duration, or `None` for `none` and `off`.
fn timeout(text: &str) -> Result<Option<Duration>, UrlFault> {
    if text.eq_ignore_ascii_case("none") || text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let figure = text.strip_suffix(unit).unwrap_or(text);
    let (whole, fraction) = cut(figure, b'.').unwrap_or((figure, ""));
    let unit_nanos: u64 = match unit {
        "ms" => 1_000_000,
        "" | "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        _ => return Err(UrlFault::NotADuration),
    };
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(UrlFault::NotADuration);
    }
    let whole: u32 = if whole.is_empty() { 0 } else { number(whole)? };
    let mut nanos = u64::from(whole)
        .checked_mul(unit_nanos)
        .ok_or(UrlFault::OutOfRange)?;
    let mut place = unit_nanos;
    for digit in fraction.bytes() {
        place /= 10;
        nanos = nanos.saturating_add(u64::from(digit.wrapping_sub(b'0')).saturating_mul(place));
    }
    // Zero would fail at once, and means "for ever" elsewhere.
    if nanos == 0 {
        Err(UrlFault::OutOfRange)
    } else {
        Ok(Some(Duration::from_nanos(nanos)))
    }
}

fn boolean(text: &str) -> Result<bool, UrlFault> {
    let is_any_of = |words: [&str; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match (
        is_any_of(["true", "yes", "1"]),
        is_any_of(["false", "no", "0"]),
    ) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(UrlFault::NotABoolean),
    }
}

/// The bit of a parameter in `Parser::seen`.
fn bit(name: &str) -> u32 {
    let bits = (0..).map_while(|shift| 1u32.checked_shl(shift));
    bits.zip(PARAMETERS)
        .find(|(_, known)| *known == name)
        .map_or(0, |(bit, _)| bit)
}

const UNIX: &str = "unix";

const PARAMETERS: [&str; 16] = [
    "db",
    "client_name",
    "protocol",
    "connect_timeout",
    "call_timeout",
    "pool_timeout",
    "keepalive",
    "retry",
    "retry_on_timeout",
    "retries",
    "health_check_interval",
    "max_idle",
    "max_lifetime",
    "depth",
    "bulk",
    "elements",
];

#[cfg(test)]
mod tests;
