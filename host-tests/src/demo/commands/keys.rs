//! Keys of any type: what is there, and for how long.

use super::super::store::Value;
use super::{Call, Failure, integer, is};

pub(super) fn del(call: &mut Call<'_>) -> Result<(), Failure> {
    count(call, |call, key| {
        let now = call.now;
        let db = call.db();
        db.get(key, now).is_some() && db.remove(key).is_some()
    })
}

pub(super) fn exists(call: &mut Call<'_>) -> Result<(), Failure> {
    count(call, |call, key| {
        let now = call.now;
        call.db().get(key, now).is_some()
    })
}

/// Answers for how many of the keys `counts` is true.
fn count(
    call: &mut Call<'_>,
    counts: impl Fn(&mut Call<'_>, &[u8]) -> bool,
) -> Result<(), Failure> {
    let keys = call.args.get(1..).unwrap_or_default();
    let found = keys.iter().filter(|key| counts(call, key)).count();
    call.out.count(found);
    Ok(())
}

pub(super) fn expire(call: &mut Call<'_>) -> Result<(), Failure> {
    expire_in(call, 1000, "invalid expire time in 'expire' command")
}

pub(super) fn pexpire(call: &mut Call<'_>) -> Result<(), Failure> {
    expire_in(call, 1, "invalid expire time in 'pexpire' command")
}

fn expire_in(call: &mut Call<'_>, unit: i64, invalid: &'static str) -> Result<(), Failure> {
    let [_, key, span, options @ ..] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let span = integer(span)?;
    let at = span
        .checked_mul(unit)
        .and_then(|span| span.checked_add(call.now));
    let at = at.ok_or(Failure::err(invalid))?;
    let [mut nx, mut xx, mut gt, mut lt] = [false; 4];
    for option in options {
        match option.to_ascii_uppercase().as_slice() {
            b"NX" => nx = true,
            b"XX" => xx = true,
            b"GT" => gt = true,
            b"LT" => lt = true,
            _ => return Err(Failure::with(&[b"Unsupported option ", option])),
        }
    }
    if nx && (xx || gt || lt) {
        let text = "NX and XX, GT or LT options at the same time are not compatible";
        return Err(Failure::err(text));
    }
    if gt && lt {
        return Err(Failure::err(
            "GT and LT options at the same time are not compatible",
        ));
    }
    let now = call.now;
    let db = call.db();
    let set = match db.get(key, now) {
        None => false,
        // No expiry counts as one that never comes.
        Some(entry) => match entry.expires {
            None => !xx && !gt,
            Some(old) => !(nx || gt && at <= old || lt && at >= old),
        },
    };
    if set {
        if at <= now {
            db.remove(key);
        } else if let Some(entry) = db.get(key, now) {
            entry.expires = Some(at);
            db.touch(key);
        }
    }
    call.out.integer(i64::from(set));
    Ok(())
}

pub(super) fn ttl(call: &mut Call<'_>) -> Result<(), Failure> {
    let left = milliseconds_left(call)?;
    call.out
        .integer(if left < 0 { left } else { (left + 500) / 1000 });
    Ok(())
}

pub(super) fn pttl(call: &mut Call<'_>) -> Result<(), Failure> {
    let left = milliseconds_left(call)?;
    call.out.integer(left);
    Ok(())
}

/// -2 without a key, -1 without an expiry.
fn milliseconds_left(call: &mut Call<'_>) -> Result<i64, Failure> {
    let [_, key] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    Ok(match call.db().get(key, now) {
        None => -2,
        Some(entry) => entry.expires.map_or(-1, |at| at - now),
    })
}

pub(super) fn persist(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    let db = call.db();
    let had = db
        .get(key, now)
        .is_some_and(|entry| entry.expires.take().is_some());
    if had {
        db.touch(key);
    }
    call.out.integer(i64::from(had));
    Ok(())
}

pub(super) fn kind(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    let kind: &[u8] = match call.db().get(key, now).map(|entry| &entry.value) {
        None => b"none",
        Some(Value::String(_)) => b"string",
        Some(Value::Hash(_)) => b"hash",
    };
    call.out.write(|replies| replies.simple(kind));
    Ok(())
}

pub(super) fn keys(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, pattern] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let keys = call.store.db(call.session.db).keys(call.now);
    let found: Vec<_> = keys.filter(|key| matches(pattern, key)).collect();
    call.out.array(found.len());
    for key in found {
        call.out.bulk(key);
    }
    Ok(())
}

pub(super) fn dbsize(call: &mut Call<'_>) -> Result<(), Failure> {
    let now = call.now;
    let size = call.db().keys(now).len();
    call.out.count(size);
    Ok(())
}

pub(super) fn flushdb(call: &mut Call<'_>) -> Result<(), Failure> {
    check_flush(call)?;
    call.db().flush();
    call.out.ok();
    Ok(())
}

pub(super) fn flushall(call: &mut Call<'_>) -> Result<(), Failure> {
    check_flush(call)?;
    call.store.flush();
    call.out.ok();
    Ok(())
}

fn check_flush(call: &Call<'_>) -> Result<(), Failure> {
    match call.args {
        [_] => Ok(()),
        [_, how] if is(how, "SYNC") || is(how, "ASYNC") => Ok(()),
        _ => Err(Failure::SYNTAX),
    }
}

/// `*`, `?` and `\` as in a Redis pattern; classes in brackets are not known.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when a star must take one byte more.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match (pattern, text) {
            ([], []) => return true,
            ([b'*', rest @ ..], _) => {
                retry = Some((rest, text));
                Some((rest, text))
            }
            ([b'?', rest @ ..], [_, tail @ ..]) => Some((rest, tail)),
            ([b'\\', byte, rest @ ..], [first, tail @ ..]) if byte == first => Some((rest, tail)),
            ([byte, rest @ ..], [first, tail @ ..]) if byte == first => Some((rest, tail)),
            _ => None,
        };
        (pattern, text) = match (step, retry) {
            (Some(next), _) => next,
            (None, Some((after, [_, tail @ ..]))) => {
                retry = Some((after, tail));
                (after, tail)
            }
            (None, _) => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("a*b*c", "a-b-b-c", true),
            ("?", "", false),
            ("?b", "ab", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("abc", "ab", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
