//! The group *string*: values that are one string of bytes, or a number.

use core::marker::PhantomData;

use crate::command::list::{number_if, word_if};
use crate::command::{Command, Encode, Many, ManyPairs, Plain, Spec, table};
use crate::error::Error;
use crate::resp::reply::is_null;
use crate::resp::{Any, Args, Bytes, Decoder, Entries, Items, Owned, Reply, Status, Text};
use crate::resp::{ToArg, ToArgs, ToPairs};

/// The value of `key`; `None` where there is none.
/// <https://redis.io/commands/get/>
pub fn get<K: ToArg>(key: K) -> Plain<(K,), Option<Bytes>> {
    Plain::new(&table::GET, (key,))
}

/// Sets `key` to `value`, whatever it held, and takes away its expiry. Options are the methods of
/// [`Set`]: `set("k", "v").ex(60).nx()`.
/// <https://redis.io/commands/set/>
pub fn set<K: ToArg, V: ToArg>(key: K, value: V) -> Set<K, V> {
    Set {
        key,
        value,
        expiry: Expiry::Unsaid,
        when: None,
        get: false,
        reply: PhantomData,
    }
}

/// The value of `key`, which is deleted; `None` where there is none.
/// <https://redis.io/commands/getdel/>
pub fn getdel<K: ToArg>(key: K) -> Plain<(K,), Option<Bytes>> {
    Plain::new(&table::GETDEL, (key,))
}

/// The value of `key`, whose expiry is changed by the methods of [`GetEx`]; `None` where there is
/// none. Without a method it is a `GET`.
/// <https://redis.io/commands/getex/>
pub fn getex<K: ToArg>(key: K) -> GetEx<K> {
    GetEx {
        key,
        expiry: Expiry::Unsaid,
    }
}

/// The value of `key`, which is then `value`; `None` where there was none. `set(key, value).get()`
/// does the same.
/// <https://redis.io/commands/getset/>
pub fn getset<K: ToArg, V: ToArg>(key: K, value: V) -> Plain<(K, V), Option<Bytes>> {
    Plain::new(&table::GETSET, (key, value))
}

/// The bytes of a value from `start` to `end`, both included; negative counts from the end. Empty
/// where there is none.
/// <https://redis.io/commands/getrange/>
pub fn getrange<K: ToArg>(key: K, start: i64, end: i64) -> Plain<(K, i64, i64), Bytes> {
    Plain::new(&table::GETRANGE, (key, start, end))
}

/// The old name of [`getrange`].
/// <https://redis.io/commands/substr/>
pub fn substr<K: ToArg>(key: K, start: i64, end: i64) -> Plain<(K, i64, i64), Bytes> {
    Plain::new(&table::SUBSTR, (key, start, end))
}

/// The length of the value of `key` in bytes; 0 where there is none.
/// <https://redis.io/commands/strlen/>
pub fn strlen<K: ToArg>(key: K) -> Plain<(K,), u64> {
    Plain::new(&table::STRLEN, (key,))
}

/// Adds `value` to the end of what `key` holds; answers the new length.
/// <https://redis.io/commands/append/>
pub fn append<K: ToArg, V: ToArg>(key: K, value: V) -> Plain<(K, V), u64> {
    Plain::new(&table::APPEND, (key, value))
}

/// Writes `value` over what `key` holds from byte `offset` on, filling up with zeros; answers the
/// new length.
/// <https://redis.io/commands/setrange/>
pub fn setrange<K: ToArg, V: ToArg>(key: K, offset: u64, value: V) -> Plain<(K, u64, V), u64> {
    Plain::new(&table::SETRANGE, (key, offset, value))
}

/// Sets `key` where it holds nothing; answers whether it did. `set(key, value).nx()` does the same,
/// and may have an expiry.
/// <https://redis.io/commands/setnx/>
pub fn setnx<K: ToArg, V: ToArg>(key: K, value: V) -> Plain<(K, V), bool> {
    Plain::new(&table::SETNX, (key, value))
}

/// Sets `key` to expire in `seconds`, as `set(key, value).ex(seconds)` does.
/// <https://redis.io/commands/setex/>
pub fn setex<K: ToArg, V: ToArg>(key: K, seconds: u64, value: V) -> Plain<(K, u64, V), Status> {
    Plain::new(&table::SETEX, (key, seconds, value))
}

/// Sets `key` to expire in `millis` milliseconds, as `set(key, value).px(millis)` does.
/// <https://redis.io/commands/psetex/>
pub fn psetex<K: ToArg, V: ToArg>(key: K, millis: u64, value: V) -> Plain<(K, u64, V), Status> {
    Plain::new(&table::PSETEX, (key, millis, value))
}

/// The values of several keys, in their order; `None` for one that holds no string.
/// <https://redis.io/commands/mget/>
pub fn mget<K: ToArgs>(keys: K) -> Plain<Many<K>, Items<Option<Bytes>>> {
    Plain::new(&table::MGET, Many(keys))
}

/// Sets several keys at once: `mset([("a", 1), ("b", 2)])`.
/// <https://redis.io/commands/mset/>
pub fn mset<P: ToPairs>(pairs: P) -> Plain<ManyPairs<P>, Status> {
    Plain::new(&table::MSET, ManyPairs(pairs))
}

/// Sets several keys at once, where none of them holds anything; answers whether it did.
/// <https://redis.io/commands/msetnx/>
pub fn msetnx<P: ToPairs>(pairs: P) -> Plain<ManyPairs<P>, bool> {
    Plain::new(&table::MSETNX, ManyPairs(pairs))
}

/// Adds 1 to the number in `key`, or to 0; answers the sum.
/// <https://redis.io/commands/incr/>
pub fn incr<K: ToArg>(key: K) -> Plain<(K,), i64> {
    Plain::new(&table::INCR, (key,))
}

/// Adds to the number in `key`, or to 0; answers the sum.
/// <https://redis.io/commands/incrby/>
pub fn incrby<K: ToArg>(key: K, amount: i64) -> Plain<(K, i64), i64> {
    Plain::new(&table::INCRBY, (key, amount))
}

/// Adds to the number with a fraction in `key`, or to 0; answers the sum, which is a string in both
/// protocols.
/// <https://redis.io/commands/incrbyfloat/>
pub fn incrbyfloat<K: ToArg>(key: K, amount: f64) -> Plain<(K, f64), f64> {
    Plain::new(&table::INCRBYFLOAT, (key, amount))
}

/// Takes 1 from the number in `key`, or from 0; answers the difference.
/// <https://redis.io/commands/decr/>
pub fn decr<K: ToArg>(key: K) -> Plain<(K,), i64> {
    Plain::new(&table::DECR, (key,))
}

/// Takes from the number in `key`, or from 0; answers the difference.
/// <https://redis.io/commands/decrby/>
pub fn decrby<K: ToArg>(key: K, amount: i64) -> Plain<(K, i64), i64> {
    Plain::new(&table::DECRBY, (key, amount))
}

/// The longest common subsequence of two values; empty where one has none. The methods of [`Lcs`]
/// ask for its length, or for where it stands.
/// <https://redis.io/commands/lcs/>
pub fn lcs<A: ToArg, B: ToArg>(first: A, second: B) -> Lcs<A, B> {
    let what = Wanted::String;
    Lcs {
        first,
        second,
        what,
        min_len: None,
        lengths: false,
        reply: PhantomData,
    }
}

/// `SET`: answers `()`; with `nx` or `xx` whether it was set ([`WasSet`]); with `get` the value
/// before. See [`set`].
///
/// Of the options that exclude each other (`ex`, `px`, `exat`, `pxat`, `keepttl`; `nx`, `xx`) the
/// last call counts.
#[derive(Clone, Copy, Debug)]
pub struct Set<K, V, R = Status> {
    key: K,
    value: V,
    expiry: Expiry,
    when: Option<&'static str>,
    get: bool,
    reply: PhantomData<fn() -> R>,
}

/// What `set(..).nx()` and `.xx()` answer: `true` where the value was set.
#[derive(Clone, Copy, Debug)]
pub enum WasSet {}

/// What `SET` answers when it gets a condition.
pub trait SetReply: Reply {
    /// The reply with the condition.
    type OnCondition: Reply;
}

impl<K, V, R> Set<K, V, R> {
    /// Expires in so many seconds.
    pub fn ex(self, seconds: u64) -> Self {
        Self {
            expiry: Expiry::Time("EX", seconds),
            ..self
        }
    }

    /// Expires in so many milliseconds.
    pub fn px(self, millis: u64) -> Self {
        Self {
            expiry: Expiry::Time("PX", millis),
            ..self
        }
    }

    /// Expires at this unix time in seconds.
    pub fn exat(self, seconds: u64) -> Self {
        Self {
            expiry: Expiry::Time("EXAT", seconds),
            ..self
        }
    }

    /// Expires at this unix time in milliseconds.
    pub fn pxat(self, millis: u64) -> Self {
        Self {
            expiry: Expiry::Time("PXAT", millis),
            ..self
        }
    }

    /// Leaves the expiry of the key as it is.
    pub fn keepttl(self) -> Self {
        Self {
            expiry: Expiry::Word("KEEPTTL"),
            ..self
        }
    }

    /// Answers the value before, `None` where there was none. With a condition that does not tell
    /// whether the value was set, but for `nx`: `None` is yes.
    pub fn get(self) -> Set<K, V, Option<Bytes>> {
        Set {
            get: true,
            ..self.answering()
        }
    }

    fn answering<S>(self) -> Set<K, V, S> {
        let Self {
            key,
            value,
            expiry,
            when,
            get,
            ..
        } = self;
        Set {
            key,
            value,
            expiry,
            when,
            get,
            reply: PhantomData,
        }
    }
}

impl<K, V, R: SetReply> Set<K, V, R> {
    /// Only where the key holds nothing.
    pub fn nx(self) -> Set<K, V, R::OnCondition> {
        Set {
            when: Some("NX"),
            ..self.answering()
        }
    }

    /// Only where the key holds something.
    pub fn xx(self) -> Set<K, V, R::OnCondition> {
        Set {
            when: Some("XX"),
            ..self.answering()
        }
    }
}

impl<K: ToArg, V: ToArg, R> Encode for Set<K, V, R> {
    fn spec(&self) -> &'static Spec {
        &table::SET
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.key).add(&self.value);
        self.expiry.add_to(args);
        if let Some(when) = self.when {
            args.word(when);
        }
        word_if(args, self.get, "GET");
    }
}

impl<K: ToArg, V: ToArg, R: Reply> Command for Set<K, V, R> {
    type Reply = R;
}

impl SetReply for Status {
    type OnCondition = WasSet;
}

impl SetReply for WasSet {
    type OnCondition = WasSet;
}

impl SetReply for Option<Bytes> {
    type OnCondition = Option<Bytes>;
}

impl Reply for WasSet {
    type Out<'r> = bool;

    fn decode(decoder: &mut Decoder<'_>) -> Result<bool, Error> {
        match is_null(decoder)? {
            true => Ok(false),
            false => Status::decode(decoder).map(|()| true),
        }
    }
}

impl Owned for WasSet {
    type Value = bool;

    fn own(decoder: &mut Decoder<'_>) -> Result<bool, Error> {
        Self::decode(decoder)
    }
}

/// `GETEX`: see [`getex`]. The last call counts.
#[derive(Clone, Copy, Debug)]
pub struct GetEx<K> {
    key: K,
    expiry: Expiry,
}

impl<K> GetEx<K> {
    /// Expires in so many seconds.
    pub fn ex(self, seconds: u64) -> Self {
        Self {
            expiry: Expiry::Time("EX", seconds),
            ..self
        }
    }

    /// Expires in so many milliseconds.
    pub fn px(self, millis: u64) -> Self {
        Self {
            expiry: Expiry::Time("PX", millis),
            ..self
        }
    }

    /// Expires at this unix time in seconds.
    pub fn exat(self, seconds: u64) -> Self {
        Self {
            expiry: Expiry::Time("EXAT", seconds),
            ..self
        }
    }

    /// Expires at this unix time in milliseconds.
    pub fn pxat(self, millis: u64) -> Self {
        Self {
            expiry: Expiry::Time("PXAT", millis),
            ..self
        }
    }

    /// Expires no longer.
    pub fn persist(self) -> Self {
        Self {
            expiry: Expiry::Word("PERSIST"),
            ..self
        }
    }
}

impl<K: ToArg> Encode for GetEx<K> {
    fn spec(&self) -> &'static Spec {
        &table::GETEX
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.key);
        self.expiry.add_to(args);
    }
}

impl<K: ToArg> Command for GetEx<K> {
    type Reply = Option<Bytes>;
}

/// What is said of a key's expiry: one thing at most.
#[derive(Clone, Copy, Debug)]
enum Expiry {
    Unsaid,
    Word(&'static str),
    Time(&'static str, u64),
}

impl Expiry {
    fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>) {
        match self {
            Self::Unsaid => {}
            Self::Word(word) => {
                args.word(word);
            }
            Self::Time(word, time) => {
                args.word(word).add(time);
            }
        }
    }
}

/// `LCS`: see [`lcs`].
#[derive(Clone, Copy, Debug)]
pub struct Lcs<A, B, R = Bytes> {
    first: A,
    second: B,
    what: Wanted,
    min_len: Option<u64>,
    lengths: bool,
    reply: PhantomData<fn() -> R>,
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    String,
    Len,
    Idx,
}

impl<A, B> Lcs<A, B> {
    /// Answers only the length.
    pub fn len(self) -> Lcs<A, B, u64> {
        self.answering(Wanted::Len)
    }

    /// Answers where the common pieces stand: the entries `matches`, an array of
    /// `[[from, to], [from, to], length?]` from the last piece to the first, and `len`. A map in
    /// RESP3, a flat array in RESP2.
    pub fn idx(self) -> Lcs<A, B, Entries<Text, Any>> {
        self.answering(Wanted::Idx)
    }

    fn answering<R>(self, what: Wanted) -> Lcs<A, B, R> {
        let Self {
            first,
            second,
            min_len,
            lengths,
            ..
        } = self;
        Lcs {
            first,
            second,
            what,
            min_len,
            lengths,
            reply: PhantomData,
        }
    }
}

impl<A, B> Lcs<A, B, Entries<Text, Any>> {
    /// Leaves out pieces of fewer bytes.
    pub fn minmatchlen(self, bytes: u64) -> Self {
        Self {
            min_len: Some(bytes),
            ..self
        }
    }

    /// Adds the length of each piece.
    pub fn withmatchlen(self) -> Self {
        Self {
            lengths: true,
            ..self
        }
    }
}

impl<A: ToArg, B: ToArg, R> Encode for Lcs<A, B, R> {
    fn spec(&self) -> &'static Spec {
        &table::LCS
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.first).add(&self.second);
        word_if(args, matches!(self.what, Wanted::Len), "LEN");
        word_if(args, matches!(self.what, Wanted::Idx), "IDX");
        number_if(args, "MINMATCHLEN", &self.min_len);
        word_if(args, self.lengths, "WITHMATCHLEN");
    }
}

impl<A: ToArg, B: ToArg, R: Reply> Command for Lcs<A, B, R> {
    type Reply = R;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        cases! { cases, k:
            get(k) => "GET k";
            get(("node:", 7, ":temp")) => "GET node:7:temp";
            get(b"k") => "GET k";
            set(k, "v") => "SET k v";
            set(k, 1).ex(60) => "SET k 1 EX 60";
            set(k, -1.5).px(60) => "SET k -1.5 PX 60";
            set(k, "v").exat(60) => "SET k v EXAT 60";
            set(k, "v").pxat(u64::MAX) => "SET k v PXAT 18446744073709551615";
            set(k, "v").keepttl() => "SET k v KEEPTTL";
            set(k, "v").ex(1).keepttl().px(2) => "SET k v PX 2";
            set(k, "v").nx() => "SET k v NX";
            set(k, "v").nx().xx() => "SET k v XX";
            set(k, "v").get() => "SET k v GET";
            set("k", k).ex(60).nx().get() => "SET k k EX 60 NX GET";
            set(k, "v").get().xx().pxat(9) => "SET k v PXAT 9 XX GET";
            getdel(k) => "GETDEL k";
            getex(k) => "GETEX k";
            getex(k).ex(10) => "GETEX k EX 10";
            getex(k).px(10) => "GETEX k PX 10";
            getex(k).exat(10) => "GETEX k EXAT 10";
            getex(k).pxat(10) => "GETEX k PXAT 10";
            getex(k).ex(10).persist() => "GETEX k PERSIST";
            getset(k, "v") => "GETSET k v";
            getrange(k, 0, -1) => "GETRANGE k 0 -1";
            substr(k, 0, -1) => "SUBSTR k 0 -1";
            strlen(k) => "STRLEN k";
            append(k, "v") => "APPEND k v";
            setrange(k, 5, "v") => "SETRANGE k 5 v";
            setnx(k, "v") => "SETNX k v";
            setex(k, 60, "v") => "SETEX k 60 v";
            psetex(k, 60, "v") => "PSETEX k 60 v";
            mget([k, "b"]) => "MGET k b";
            mget(k) => "MGET k";
            mget([k, "b"].as_slice()) => "MGET k b";
            mset([(k, 1), ("b", 2)]) => "MSET k 1 b 2";
            mset([(("n", 7), k)].as_slice()) => "MSET n7 k";
            msetnx([(k, 1), ("b", 2)]) => "MSETNX k 1 b 2";
            incr(k) => "INCR k";
            incrby(k, -5) => "INCRBY k -5";
            incrbyfloat(k, 0.1) => "INCRBYFLOAT k 0.1";
            decr(k) => "DECR k";
            decrby(k, i64::MIN) => "DECRBY k -9223372036854775808";
            lcs(k, "b") => "LCS k b";
            lcs(k, "b").len() => "LCS k b LEN";
            lcs(k, "b").idx() => "LCS k b IDX";
            lcs(k, "b").idx().minmatchlen(4).withmatchlen() => "LCS k b IDX MINMATCHLEN 4 WITHMATCHLEN";
        }
    }
}
