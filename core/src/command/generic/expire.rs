//! When keys expire.

use crate::command::list::word_if;
use crate::command::{Command, Encode, Plain, Spec, table};
use crate::resp::{Args, ToArg};

/// Lets a key expire in so many seconds; answers whether it will. A time that is past deletes it.
/// The methods of [`Expire`] are conditions.
/// <https://redis.io/commands/expire/>
pub fn expire<K: ToArg>(key: K, seconds: i64) -> Expire<K> {
    Expire {
        spec: &table::EXPIRE,
        key,
        time: seconds,
        when: When::ALWAYS,
    }
}

/// Lets a key expire in so many milliseconds; see [`expire`].
/// <https://redis.io/commands/pexpire/>
pub fn pexpire<K: ToArg>(key: K, millis: i64) -> Expire<K> {
    Expire {
        spec: &table::PEXPIRE,
        key,
        time: millis,
        when: When::ALWAYS,
    }
}

/// Lets a key expire at this unix time in seconds; see [`expire`].
/// <https://redis.io/commands/expireat/>
pub fn expireat<K: ToArg>(key: K, seconds: i64) -> Expire<K> {
    Expire {
        spec: &table::EXPIREAT,
        key,
        time: seconds,
        when: When::ALWAYS,
    }
}

/// Lets a key expire at this unix time in milliseconds; see [`expire`].
/// <https://redis.io/commands/pexpireat/>
pub fn pexpireat<K: ToArg>(key: K, millis: i64) -> Expire<K> {
    Expire {
        spec: &table::PEXPIREAT,
        key,
        time: millis,
        when: When::ALWAYS,
    }
}

/// Lets a key no longer expire; answers whether it would have.
/// <https://redis.io/commands/persist/>
pub fn persist<K: ToArg>(key: K) -> Plain<(K,), bool> {
    Plain::new(&table::PERSIST, (key,))
}

/// Seconds until a key expires; -1 where it does not, -2 where there is no such key.
/// <https://redis.io/commands/ttl/>
pub fn ttl<K: ToArg>(key: K) -> Plain<(K,), i64> {
    Plain::new(&table::TTL, (key,))
}

/// Milliseconds until a key expires; -1 where it does not, -2 where there is no such key.
/// <https://redis.io/commands/pttl/>
pub fn pttl<K: ToArg>(key: K) -> Plain<(K,), i64> {
    Plain::new(&table::PTTL, (key,))
}

/// The unix time in seconds at which a key expires; -1 where it does not, -2 where there is no such
/// key.
/// <https://redis.io/commands/expiretime/>
pub fn expiretime<K: ToArg>(key: K) -> Plain<(K,), i64> {
    Plain::new(&table::EXPIRETIME, (key,))
}

/// The unix time in milliseconds at which a key expires; -1 where it does not, -2 where there is no
/// such key.
/// <https://redis.io/commands/pexpiretime/>
pub fn pexpiretime<K: ToArg>(key: K) -> Plain<(K,), i64> {
    Plain::new(&table::PEXPIRETIME, (key,))
}

/// `EXPIRE` and its kin: see [`expire`]. `xx` goes with `gt` or `lt`, whichever is called last; `nx`
/// goes with nothing.
#[derive(Clone, Copy, Debug)]
pub struct Expire<K> {
    spec: &'static Spec,
    key: K,
    time: i64,
    when: When,
}

/// The conditions that the server takes together.
#[derive(Clone, Copy, Debug)]
enum When {
    Persistent,
    Bound {
        xx: bool,
        than: Option<&'static str>,
    },
}

impl<K> Expire<K> {
    /// Only where the key does not expire yet.
    pub fn nx(self) -> Self {
        Self {
            when: When::Persistent,
            ..self
        }
    }

    /// Only where the key expires already.
    pub fn xx(self) -> Self {
        Self {
            when: When::Bound {
                xx: true,
                than: self.when.than(),
            },
            ..self
        }
    }

    /// Only where the key then expires later.
    pub fn gt(self) -> Self {
        self.than("GT")
    }

    /// Only where the key then expires sooner; one that does not expire does, but with `xx`.
    pub fn lt(self) -> Self {
        self.than("LT")
    }

    fn than(self, than: &'static str) -> Self {
        let xx = matches!(self.when, When::Bound { xx: true, .. });
        Self {
            when: When::Bound {
                xx,
                than: Some(than),
            },
            ..self
        }
    }
}

impl When {
    const ALWAYS: Self = Self::Bound {
        xx: false,
        than: None,
    };

    fn than(self) -> Option<&'static str> {
        match self {
            Self::Persistent => None,
            Self::Bound { than, .. } => than,
        }
    }
}

impl<K: ToArg> Encode for Expire<K> {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.key).int(self.time);
        match self.when {
            When::Persistent => {
                args.word("NX");
            }
            When::Bound { xx, than } => {
                word_if(args, xx, "XX");
                if let Some(than) = than {
                    args.word(than);
                }
            }
        }
    }
}

impl<K: ToArg> Command for Expire<K> {
    type Reply = bool;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        cases! { cases, k:
            expire(k, 60) => "EXPIRE k 60";
            expire(k, 60).nx() => "EXPIRE k 60 NX";
            expire(k, -1).xx() => "EXPIRE k -1 XX";
            expire(k, 60).nx().gt() => "EXPIRE k 60 GT";
            expire(k, 60).lt() => "EXPIRE k 60 LT";
            expire(k, 60).lt().gt().nx() => "EXPIRE k 60 NX";
            expire(k, 60).lt().xx() => "EXPIRE k 60 XX LT";
            expire(k, 60).xx().lt() => "EXPIRE k 60 XX LT";
            pexpire(k, 60).gt() => "PEXPIRE k 60 GT";
            expireat(k, 60).gt() => "EXPIREAT k 60 GT";
            pexpireat(k, 60).gt() => "PEXPIREAT k 60 GT";
            persist(k) => "PERSIST k";
            ttl(k) => "TTL k";
            pttl(k) => "PTTL k";
            expiretime(k) => "EXPIRETIME k";
            pexpiretime(k) => "PEXPIRETIME k";
        }
    }
}
