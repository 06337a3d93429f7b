//! Hashes.

use super::super::store::{Hash, Value};
use super::{Call, Failure};

pub(super) fn hset(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key, pairs @ ..] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let (pairs, rest) = pairs.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Failure::wrong_number("hset"));
    }
    let now = call.now;
    let db = call.db();
    if db.hash(key, now)?.is_none() {
        db.insert(key, Value::Hash(Hash::new()), None);
    }
    let mut new = 0;
    if let Some(hash) = db.hash(key, now)? {
        for [field, value] in pairs {
            new += usize::from(hash.insert(field.to_vec(), value.to_vec()).is_none());
        }
    }
    db.touch(key);
    call.out.count(new);
    Ok(())
}

pub(super) fn hget(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key, field] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let hash = call.store.db(call.session.db).hash(key, call.now)?;
    let value = hash.and_then(|hash| hash.get(*field));
    call.out.value(value.map(Vec::as_slice));
    Ok(())
}

pub(super) fn hdel(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key, fields @ ..] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    let db = call.db();
    let mut removed = 0;
    if let Some(hash) = db.hash(key, now)? {
        for field in fields {
            removed += usize::from(hash.remove(*field).is_some());
        }
        if hash.is_empty() {
            db.remove(key);
        } else if removed > 0 {
            db.touch(key);
        }
    }
    call.out.count(removed);
    Ok(())
}

pub(super) fn hgetall(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let hash = call.store.db(call.session.db).hash(key, call.now)?;
    call.out.map(hash.as_ref().map_or(0, |hash| hash.len()));
    for (field, value) in hash.into_iter().flatten() {
        call.out.bulk(field);
        call.out.bulk(value);
    }
    Ok(())
}

pub(super) fn hlen(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, key] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let now = call.now;
    let len = call.db().hash(key, now)?.map_or(0, |hash| hash.len());
    call.out.count(len);
    Ok(())
}
