//! Which keys there are.

use core::marker::PhantomData;

use crate::command::list::number_if;
use crate::command::{And, Command, Encode, List, Plain, Spec, Tagged, With, table};
use crate::resp::{Args, AsText, Bytes, Items, Reply, ToArg};

/// Some keys, and the cursor to go on with, 0 at the end. Start at 0; a key may come more than once.
/// The methods of [`Scan`] say which keys.
/// <https://redis.io/commands/scan/>
pub fn scan(cursor: u64) -> Scan {
    Scan::new(&table::SCAN, (), cursor)
}

/// All keys that match a pattern such as `node:*`. It keeps the server busy: prefer [`scan`].
/// <https://redis.io/commands/keys/>
pub fn keys<P: ToArg>(pattern: P) -> Plain<(P,), Items<Bytes>> {
    Plain::new(&table::KEYS, (pattern,))
}

/// A key at random; `None` where there is none.
/// <https://redis.io/commands/randomkey/>
pub fn randomkey() -> Plain<(), Option<Bytes>> {
    Plain::new(&table::RANDOMKEY, ())
}

/// `SCAN` and its kin: see [`scan`]. The key of a scan within a value is `K`.
#[derive(Clone, Copy, Debug)]
pub struct Scan<K = (), O = (), R = (u64, Items<Bytes>)> {
    spec: &'static Spec,
    key: K,
    cursor: u64,
    options: O,
    count: Option<u64>,
    reply: PhantomData<fn() -> R>,
}

impl<K, R> Scan<K, (), R> {
    pub(in crate::command) fn new(spec: &'static Spec, key: K, cursor: u64) -> Self {
        Self {
            spec,
            key,
            cursor,
            options: (),
            count: None,
            reply: PhantomData,
        }
    }
}

impl<K, O, R> Scan<K, O, R> {
    /// Only what matches a pattern such as `node:*`.
    pub fn matching<P: ToArg>(self, pattern: P) -> Scan<K, With<O, P>, R> {
        self.option("MATCH", pattern)
    }

    /// About how much work to do in one call; 10 where nothing is said.
    pub fn count(self, count: u64) -> Self {
        Self {
            count: Some(count),
            ..self
        }
    }

    fn option<P>(self, word: &'static str, arg: P) -> Scan<K, With<O, P>, R> {
        let Self {
            spec,
            key,
            cursor,
            options,
            count,
            reply,
        } = self;
        Scan {
            spec,
            key,
            cursor,
            options: And(options, Tagged(word, (arg,))),
            count,
            reply,
        }
    }
}

impl<O, R> Scan<(), O, R> {
    /// `TYPE`: only keys that hold this, by the names of [`key_type`](crate::command::key_type).
    pub fn kind<T: ToArg>(self, kind: T) -> Scan<(), With<O, T>, R> {
        self.option("TYPE", kind)
    }
}

impl<K: List, O: List, R> Encode for Scan<K, O, R> {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        self.key.add_to(args);
        args.add(&self.cursor);
        self.options.add_to(args);
        number_if(args, "COUNT", &self.count);
    }
}

impl<K: List, O: List, R: Reply> Command for Scan<K, O, R> {
    type Reply = R;
}

/// A cursor is a number, whatever the rest is.
impl<R: AsText> AsText for (u64, R) {
    type Text = (u64, R::Text);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        cases! { cases, k:
            scan(0) => "SCAN 0";
            scan(u64::MAX).matching(k).count(100).kind("string") =>
                "SCAN 18446744073709551615 MATCH k TYPE string COUNT 100";
            scan(0).matching("x*").text() => "SCAN 0 MATCH x*";
            keys("node:*") => "KEYS node:*";
            randomkey() => "RANDOMKEY";
        }
    }
}
