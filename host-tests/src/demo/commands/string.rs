//! Strings, and numbers kept in them.

use super::super::store::Value;
use super::{Call, Failure, integer};

pub(super) fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let value = call.store.db(call.session.db).string(key, call.now)?;
    call.out.value(value.map(|value| value.as_slice()));
    Ok(())
}

/// What `SET` is asked for beside key and value.
#[derive(Default)]
struct Options {
    only_new: bool,
    only_old: bool,
    keep_ttl: bool,
    answer_old: bool,
    expires: Option<i64>,
}

impl Options {
    fn parse(mut words: &[&[u8]], now: i64) -> Result<Self, Failure> {
        let mut options = Self::default();
        while let [word, rest @ ..] = words {
            words = rest;
            // The unit in milliseconds, and from when it counts.
            let (unit, from) = match word.to_ascii_uppercase().as_slice() {
                b"NX" if !options.only_old => {
                    options.only_new = true;
                    continue;
                }
                b"XX" if !options.only_new => {
                    options.only_old = true;
                    continue;
                }
                b"KEEPTTL" if options.expires.is_none() => {
                    options.keep_ttl = true;
                    continue;
                }
                b"GET" => {
                    options.answer_old = true;
                    continue;
                }
                b"EX" => (1000, now),
                b"PX" => (1, now),
                b"EXAT" => (1000, 0),
                b"PXAT" => (1, 0),
                _ => return Err(Failure::SYNTAX),
            };
            let [span, rest @ ..] = words else {
                return Err(Failure::SYNTAX);
            };
            words = rest;
            if options.keep_ttl || options.expires.is_some() {
                return Err(Failure::SYNTAX);
            }
            options.expires = Some(moment(span, unit, from, "set")?);
        }
        Ok(options)
    }
}

/// When `span` units after `from` is.
fn moment(span: &[u8], unit: i64, from: i64, command: &str) -> Result<i64, Failure> {
    let span = integer(span)?;
    let at = span
        .checked_mul(unit)
        .and_then(|span| span.checked_add(from));
    match at {
        Some(at) if span > 0 => Ok(at),
        _ => Err(Failure::with(&[
            b"invalid expire time in '",
            command.as_bytes(),
            b"' command",
        ])),
    }
}

pub(super) fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key, value, options @ ..] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let options = Options::parse(options, call.now)?;
    let db = call.store.db(call.session.db);
    let old = match options.answer_old {
        true => db.string(key, call.now)?.cloned(),
        false => None,
    };
    let (exists, expiry) = match db.get(key, call.now) {
        Some(entry) => (true, entry.expires),
        None => (false, None),
    };
    let set = if exists {
        !options.only_new
    } else {
        !options.only_old
    };
    if set {
        let expires = if options.keep_ttl {
            expiry
        } else {
            options.expires
        };
        // A moment that has passed: as if it had been there until now.
        match expires {
            Some(at) if at <= call.now => drop(db.remove(key)),
            _ => db.insert(key, Value::String(value.to_vec()), expires),
        }
    }
    match (options.answer_old, set) {
        (true, _) => call.out.value(old.as_deref()),
        (false, true) => call.out.ok(),
        (false, false) => call.out.value(None),
    }
    Ok(())
}

pub(super) fn setex(call: &mut Call<'_>) -> Result<(), Failure> {
    set_for(call, 1000, "setex")
}

pub(super) fn psetex(call: &mut Call<'_>) -> Result<(), Failure> {
    set_for(call, 1, "psetex")
}

fn set_for(call: &mut Call<'_>, unit: i64, command: &str) -> Result<(), Failure> {
    let [_, key, span, value] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let at = moment(span, unit, call.now, command)?;
    call.db()
        .insert(key, Value::String(value.to_vec()), Some(at));
    call.out.ok();
    Ok(())
}

pub(super) fn setnx(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key, value] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    let db = call.db();
    let is_new = db.get(key, now).is_none();
    if is_new {
        db.insert(key, Value::String(value.to_vec()), None);
    }
    call.out.integer(i64::from(is_new));
    Ok(())
}

pub(super) fn getdel(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    let db = call.db();
    let old = db.string(key, now)?.map(std::mem::take);
    db.remove(key);
    call.out.value(old.as_deref());
    Ok(())
}

pub(super) fn getset(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key, value] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    let db = call.db();
    let old = db.string(key, now)?.map(std::mem::take);
    db.insert(key, Value::String(value.to_vec()), None);
    call.out.value(old.as_deref());
    Ok(())
}

pub(super) fn append(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key, more] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    let db = call.db();
    let len = match db.string(key, now)? {
        Some(value) => {
            value.extend_from_slice(more);
            let len = value.len();
            db.touch(key);
            len
        }
        None => {
            db.insert(key, Value::String(more.to_vec()), None);
            more.len()
        }
    };
    call.out.count(len);
    Ok(())
}

pub(super) fn strlen(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    let len = call.db().string(key, now)?.map_or(0, |value| value.len());
    call.out.count(len);
    Ok(())
}

pub(super) fn incr(call: &mut Call<'_>) -> Result<(), Failure> {
    add(call, 1)
}

pub(super) fn decr(call: &mut Call<'_>) -> Result<(), Failure> {
    add(call, -1)
}

pub(super) fn incrby(call: &mut Call<'_>) -> Result<(), Failure> {
    let [.., by] = call.args else {
        return Err(Failure::SYNTAX);
    };
    add(call, integer(by)?)
}

pub(super) fn decrby(call: &mut Call<'_>) -> Result<(), Failure> {
    let [.., by] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let by = integer(by)?
        .checked_neg()
        .ok_or(Failure::err("decrement would overflow"))?;
    add(call, by)
}

fn add(call: &mut Call<'_>, by: i64) -> Result<(), Failure> {
    let [_, key, ..] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    let db = call.db();
    let sum = match db.string(key, now)? {
        None => {
            db.insert(key, Value::String(by.to_string().into_bytes()), None);
            by
        }
        Some(value) => {
            let sum = integer(value)?.checked_add(by);
            let sum = sum.ok_or(Failure::err("increment or decrement would overflow"))?;
            *value = sum.to_string().into_bytes();
            db.touch(key);
            sum
        }
    };
    call.out.integer(sum);
    Ok(())
}

pub(super) fn mget(call: &mut Call<'_>) -> Result<(), Failure> {
    let keys = call.args.get(1..).unwrap_or_default();
    call.out.array(keys.len());
    for key in keys {
        // A value of another type is no string, and so null.
        let value = call
            .store
            .db(call.session.db)
            .string(key, call.now)
            .unwrap_or(None);
        call.out.value(value.map(|value| value.as_slice()));
    }
    Ok(())
}

pub(super) fn mset(call: &mut Call<'_>) -> Result<(), Failure> {
    let (pairs, rest) = call.args.get(1..).unwrap_or_default().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Failure::wrong_number("mset"));
    }
    for [key, value] in pairs {
        call.db().insert(key, Value::String(value.to_vec()), None);
    }
    call.out.ok();
    Ok(())
}
