//! The group *hash*: values that are fields with a string each.

use core::marker::PhantomData;

use crate::command::list::word_if;
use crate::command::{And, Command, Encode, KeyAnd, Many, ManyPairs, Plain, Scan, Spec, table};
use crate::resp::{Args, Bytes, Entries, Items, Pairs, Reply, Status, ToArg, ToArgs, ToPairs};

/// The value of a field; `None` where there is none.
/// <https://redis.io/commands/hget/>
pub fn hget<K: ToArg, F: ToArg>(key: K, field: F) -> Plain<(K, F), Option<Bytes>> {
    Plain::new(&table::HGET, (key, field))
}

/// Sets fields, `hset("node:7", [("temp", 21.5)])`; answers how many of them are new.
/// <https://redis.io/commands/hset/>
pub fn hset<K: ToArg, P: ToPairs>(key: K, fields: P) -> KeyAnd<K, ManyPairs<P>, u64> {
    Plain::new(&table::HSET, And((key,), ManyPairs(fields)))
}

/// Sets fields, as [`hset`] does, which replaces it.
/// <https://redis.io/commands/hmset/>
pub fn hmset<K: ToArg, P: ToPairs>(key: K, fields: P) -> KeyAnd<K, ManyPairs<P>, Status> {
    Plain::new(&table::HMSET, And((key,), ManyPairs(fields)))
}

/// Sets a field where it has no value; answers whether it did.
/// <https://redis.io/commands/hsetnx/>
pub fn hsetnx<K: ToArg, F: ToArg, V: ToArg>(key: K, field: F, value: V) -> Plain<(K, F, V), bool> {
    Plain::new(&table::HSETNX, (key, field, value))
}

/// The values of several fields, in their order; `None` for one that has none.
/// <https://redis.io/commands/hmget/>
pub fn hmget<K: ToArg, F: ToArgs>(key: K, fields: F) -> KeyAnd<K, Many<F>, Items<Option<Bytes>>> {
    Plain::new(&table::HMGET, And((key,), Many(fields)))
}

/// All fields with their values: a map in RESP3, a flat array in RESP2, the same to the caller.
/// <https://redis.io/commands/hgetall/>
pub fn hgetall<K: ToArg>(key: K) -> Plain<(K,), Entries<Bytes, Bytes>> {
    Plain::new(&table::HGETALL, (key,))
}

/// The names of all fields.
/// <https://redis.io/commands/hkeys/>
pub fn hkeys<K: ToArg>(key: K) -> Plain<(K,), Items<Bytes>> {
    Plain::new(&table::HKEYS, (key,))
}

/// The values of all fields.
/// <https://redis.io/commands/hvals/>
pub fn hvals<K: ToArg>(key: K) -> Plain<(K,), Items<Bytes>> {
    Plain::new(&table::HVALS, (key,))
}

/// How many fields there are.
/// <https://redis.io/commands/hlen/>
pub fn hlen<K: ToArg>(key: K) -> Plain<(K,), u64> {
    Plain::new(&table::HLEN, (key,))
}

/// The length of a field's value in bytes; 0 where there is none.
/// <https://redis.io/commands/hstrlen/>
pub fn hstrlen<K: ToArg, F: ToArg>(key: K, field: F) -> Plain<(K, F), u64> {
    Plain::new(&table::HSTRLEN, (key, field))
}

/// Whether a field has a value.
/// <https://redis.io/commands/hexists/>
pub fn hexists<K: ToArg, F: ToArg>(key: K, field: F) -> Plain<(K, F), bool> {
    Plain::new(&table::HEXISTS, (key, field))
}

/// Deletes fields, one or several; answers how many there were.
/// <https://redis.io/commands/hdel/>
pub fn hdel<K: ToArg, F: ToArgs>(key: K, fields: F) -> KeyAnd<K, Many<F>, u64> {
    Plain::new(&table::HDEL, And((key,), Many(fields)))
}

/// Adds to the number in a field, or to 0; answers the sum.
/// <https://redis.io/commands/hincrby/>
pub fn hincrby<K: ToArg, F: ToArg>(key: K, field: F, amount: i64) -> Plain<(K, F, i64), i64> {
    Plain::new(&table::HINCRBY, (key, field, amount))
}

/// Adds to the number with a fraction in a field, or to 0; answers the sum, which is a string in
/// both protocols.
/// <https://redis.io/commands/hincrbyfloat/>
pub fn hincrbyfloat<K: ToArg, F: ToArg>(key: K, field: F, amount: f64) -> Plain<(K, F, f64), f64> {
    Plain::new(&table::HINCRBYFLOAT, (key, field, amount))
}

/// A field at random; `None` where there is no hash. See [`HRandField`] for several, and for their
/// values.
/// <https://redis.io/commands/hrandfield/>
pub fn hrandfield<K: ToArg>(key: K) -> HRandField<K> {
    HRandField {
        key,
        count: None,
        values: false,
        reply: PhantomData,
    }
}

/// Some fields with their values, and the cursor to go on with, 0 at the end. Start at 0; see
/// [`Scan`] for the options (`kind` is not one of `HSCAN`, and is not there).
/// <https://redis.io/commands/hscan/>
pub fn hscan<K: ToArg>(key: K, cursor: u64) -> Scan<(K,), (), (u64, Entries<Bytes, Bytes>)> {
    Scan::new(&table::HSCAN, (key,), cursor)
}

/// `HRANDFIELD`: see [`hrandfield`].
#[derive(Clone, Copy, Debug)]
pub struct HRandField<K, R = Option<Bytes>> {
    key: K,
    count: Option<i64>,
    values: bool,
    reply: PhantomData<fn() -> R>,
}

impl<K, R> HRandField<K, R> {
    /// Answers up to so many different fields; where negative, exactly so many, which may repeat.
    pub fn count(self, count: i64) -> HRandField<K, Items<Bytes>> {
        HRandField {
            key: self.key,
            count: Some(count),
            values: false,
            reply: PhantomData,
        }
    }
}

impl<K> HRandField<K, Items<Bytes>> {
    /// Answers the fields with their values: an array of pairs in RESP3, a flat array in RESP2, the
    /// same to the caller.
    pub fn withvalues(self) -> HRandField<K, Pairs<Bytes, Bytes>> {
        HRandField {
            key: self.key,
            count: self.count,
            values: true,
            reply: PhantomData,
        }
    }
}

impl<K: ToArg, R> Encode for HRandField<K, R> {
    fn spec(&self) -> &'static Spec {
        &table::HRANDFIELD
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.key);
        if let Some(count) = self.count {
            args.int(count);
        }
        word_if(args, self.values, "WITHVALUES");
    }
}

impl<K: ToArg, R: Reply> Command for HRandField<K, R> {
    type Reply = R;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        cases! { cases, k:
            hget(k, "f") => "HGET k f";
            hset(k, [("temp", "21.5")]) => "HSET k temp 21.5";
            hset(k, [("a", 1), ("b", 2)].as_slice()) => "HSET k a 1 b 2";
            hmset(k, [("a", 1), ("b", 2)]) => "HMSET k a 1 b 2";
            hsetnx(k, "f", 1) => "HSETNX k f 1";
            hmget(k, ["a", "b"]) => "HMGET k a b";
            hmget(k, "a") => "HMGET k a";
            hgetall(k) => "HGETALL k";
            hkeys(k) => "HKEYS k";
            hvals(k) => "HVALS k";
            hlen(k) => "HLEN k";
            hstrlen(k, "f") => "HSTRLEN k f";
            hexists(k, "f") => "HEXISTS k f";
            hdel(k, "f") => "HDEL k f";
            hdel(k, [k, "g"]) => "HDEL k k g";
            hincrby(k, "f", -1) => "HINCRBY k f -1";
            hincrbyfloat(k, "f", 0.5) => "HINCRBYFLOAT k f 0.5";
            hrandfield(k) => "HRANDFIELD k";
            hrandfield(k).count(-2) => "HRANDFIELD k -2";
            hrandfield(k).count(2).withvalues() => "HRANDFIELD k 2 WITHVALUES";
            hscan(k, 0) => "HSCAN k 0";
            hscan(k, 7).matching("x*").count(100) => "HSCAN k 7 MATCH x* COUNT 100";
        }
    }
}
