//! The group *generic*: keys, whatever they hold.

mod expire;
mod migrate;
mod scan;
mod sort;

pub use expire::{
    Expire, expire, expireat, expiretime, persist, pexpire, pexpireat, pexpiretime, pttl, ttl,
};
pub use migrate::{
    CopyKey, Migrate, Restore, copy, dump, migrate, migrate_keys, move_key, restore,
};
pub use scan::{Scan, keys, randomkey, scan};
pub use sort::{Sort, sort, sort_ro};

use crate::command::{Many, Plain, table};
use crate::resp::{Items, Status, Text, ToArg, ToArgs};

/// Deletes keys, one or several; answers how many there were.
/// <https://redis.io/commands/del/>
pub fn del<K: ToArgs>(keys: K) -> Plain<Many<K>, u64> {
    Plain::new(&table::DEL, Many(keys))
}

/// Deletes keys, and frees their memory later; answers how many there were.
/// <https://redis.io/commands/unlink/>
pub fn unlink<K: ToArgs>(keys: K) -> Plain<Many<K>, u64> {
    Plain::new(&table::UNLINK, Many(keys))
}

/// How many of these keys there are; one that is named twice counts twice.
/// <https://redis.io/commands/exists/>
pub fn exists<K: ToArgs>(keys: K) -> Plain<Many<K>, u64> {
    Plain::new(&table::EXISTS, Many(keys))
}

/// Makes keys recently used; answers how many of them there are.
/// <https://redis.io/commands/touch/>
pub fn touch<K: ToArgs>(keys: K) -> Plain<Many<K>, u64> {
    Plain::new(&table::TOUCH, Many(keys))
}

/// `TYPE`: what a key holds (`string`, `list`, `set`, `zset`, `hash`, `stream`, or the type of a
/// module); `none` where there is no such key.
/// <https://redis.io/commands/type/>
pub fn key_type<K: ToArg>(key: K) -> Plain<(K,), Text> {
    Plain::new(&table::TYPE, (key,))
}

/// Gives a key another name, over whatever has that name; an error where there is no such key.
/// <https://redis.io/commands/rename/>
pub fn rename<K: ToArg, N: ToArg>(key: K, name: N) -> Plain<(K, N), Status> {
    Plain::new(&table::RENAME, (key, name))
}

/// Gives a key another name, unless something has that name; answers whether it did.
/// <https://redis.io/commands/renamenx/>
pub fn renamenx<K: ToArg, N: ToArg>(key: K, name: N) -> Plain<(K, N), bool> {
    Plain::new(&table::RENAMENX, (key, name))
}

/// How the value of a key is stored (`listpack`, `embstr`, ...); `None` where there is no such key.
/// <https://redis.io/commands/object-encoding/>
pub fn object_encoding<K: ToArg>(key: K) -> Plain<(K,), Option<Text>> {
    Plain::new(&table::OBJECT_ENCODING, (key,))
}

/// How often a key is used, as a logarithm; `None` where there is no such key, an error unless the
/// server evicts by LFU.
/// <https://redis.io/commands/object-freq/>
pub fn object_freq<K: ToArg>(key: K) -> Plain<(K,), Option<u64>> {
    Plain::new(&table::OBJECT_FREQ, (key,))
}

/// The subcommands of `OBJECT`, line by line.
/// <https://redis.io/commands/object-help/>
pub fn object_help() -> Plain<(), Items<Text>> {
    Plain::new(&table::OBJECT_HELP, ())
}

/// Seconds since a key was used; `None` where there is no such key, an error where the server evicts
/// by LFU.
/// <https://redis.io/commands/object-idletime/>
pub fn object_idletime<K: ToArg>(key: K) -> Plain<(K,), Option<u64>> {
    Plain::new(&table::OBJECT_IDLETIME, (key,))
}

/// How many references the value of a key has; `None` where there is no such key.
/// <https://redis.io/commands/object-refcount/>
pub fn object_refcount<K: ToArg>(key: K) -> Plain<(K,), Option<u64>> {
    Plain::new(&table::OBJECT_REFCOUNT, (key,))
}

/// Waits until so many replicas have the writes of this connection, for `millis` milliseconds at
/// most (0: for ever); answers how many have them.
/// <https://redis.io/commands/wait/>
pub fn wait(replicas: u32, millis: u64) -> Plain<(u32, u64), u64> {
    Plain::new(&table::WAIT, (replicas, millis))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        expire::tests::all(cases);
        migrate::tests::all(cases);
        scan::tests::all(cases);
        sort::tests::all(cases);
        cases! { cases, k:
            del(k) => "DEL k";
            del([k, "b"]) => "DEL k b";
            del((k, 7)) => "DEL k7";
            unlink([k, "b"].as_slice()) => "UNLINK k b";
            exists([k, k]) => "EXISTS k k";
            touch(k) => "TOUCH k";
            key_type(k) => "TYPE k";
            rename(k, "b") => "RENAME k b";
            renamenx(k, "b") => "RENAMENX k b";
            object_encoding(k) => "OBJECT ENCODING k";
            object_freq(k) => "OBJECT FREQ k";
            object_help() => "OBJECT HELP";
            object_idletime(k) => "OBJECT IDLETIME k";
            object_refcount(k) => "OBJECT REFCOUNT k";
            wait(1, 100) => "WAIT 1 100";
        }
    }
}
