//! Keys that go to another name, database or server.

use core::fmt;

use crate::command::list::{number_if, word_if};
use crate::command::{Command, Encode, List, Many, Plain, Spec, Tagged, table};
use crate::resp::{Args, Bytes, Status, Text, ToArg, ToArgs};

/// Copies a key to another name, unless something has that name; answers whether it did. See
/// [`CopyKey`] for the options.
/// <https://redis.io/commands/copy/>
pub fn copy<S: ToArg, D: ToArg>(source: S, destination: D) -> CopyKey<S, D> {
    CopyKey {
        source,
        destination,
        db: None,
        replace: false,
    }
}

/// `MOVE`: moves a key to another database, unless it has one of that name; answers whether it did.
/// <https://redis.io/commands/move/>
pub fn move_key<K: ToArg>(key: K, db: u32) -> Plain<(K, u32), bool> {
    Plain::new(&table::MOVE, (key, db))
}

/// The value of a key in the server's own format, for [`restore`]; `None` where there is none.
/// <https://redis.io/commands/dump/>
pub fn dump<K: ToArg>(key: K) -> Plain<(K,), Option<Bytes>> {
    Plain::new(&table::DUMP, (key,))
}

/// Makes a key of what [`dump`] answered, to expire in so many milliseconds, or never where they are
/// 0. An error where there is one, unless the option [`replace`](Restore::replace) is given.
/// <https://redis.io/commands/restore/>
pub fn restore<K: ToArg, D: ToArg>(key: K, ttl_millis: u64, dumped: D) -> Restore<K, D> {
    let (replace, absttl, idletime, freq) = (false, false, None, None);
    Restore {
        key,
        ttl_millis,
        dumped,
        replace,
        absttl,
        idletime,
        freq,
    }
}

/// Moves a key to a database of another server, which has `millis` milliseconds to answer at any
/// time. Answers `OK`, or `NOKEY` where there is no such key. See [`Migrate`] for the options.
/// <https://redis.io/commands/migrate/>
pub fn migrate<H: ToArg, K: ToArg>(
    host: H,
    port: u16,
    key: K,
    db: u32,
    millis: u64,
) -> Migrate<H, K> {
    let (copy, replace, auth, keys) = (false, false, (), ());
    Migrate {
        host,
        port,
        key,
        db,
        millis,
        copy,
        replace,
        auth,
        keys,
    }
}

/// Moves several keys; see [`migrate`].
/// <https://redis.io/commands/migrate/>
pub fn migrate_keys<H: ToArg, K: ToArgs>(
    host: H,
    port: u16,
    keys: K,
    db: u32,
    millis: u64,
) -> Migrate<H, &'static str, (), Tagged<Many<K>>> {
    let (key, copy, replace, auth, keys) = ("", false, false, (), Tagged("KEYS", Many(keys)));
    Migrate {
        host,
        port,
        key,
        db,
        millis,
        copy,
        replace,
        auth,
        keys,
    }
}

/// `COPY`: see [`copy`].
#[derive(Clone, Copy, Debug)]
pub struct CopyKey<S, D> {
    source: S,
    destination: D,
    db: Option<u64>,
    replace: bool,
}

impl<S, D> CopyKey<S, D> {
    /// Copies to this database.
    pub fn db(self, db: u32) -> Self {
        Self {
            db: Some(db.into()),
            ..self
        }
    }

    /// Copies over whatever has that name.
    pub fn replace(self) -> Self {
        Self {
            replace: true,
            ..self
        }
    }
}

impl<S: ToArg, D: ToArg> Encode for CopyKey<S, D> {
    fn spec(&self) -> &'static Spec {
        &table::COPY
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.source).add(&self.destination);
        number_if(args, "DB", &self.db);
        word_if(args, self.replace, "REPLACE");
    }
}

impl<S: ToArg, D: ToArg> Command for CopyKey<S, D> {
    type Reply = bool;
}

/// `RESTORE`: see [`restore`]. Of `idletime` and `freq` the last call counts.
#[derive(Clone, Copy, Debug)]
pub struct Restore<K, D> {
    key: K,
    ttl_millis: u64,
    dumped: D,
    replace: bool,
    absttl: bool,
    idletime: Option<u64>,
    freq: Option<u64>,
}

impl<K, D> Restore<K, D> {
    /// Over whatever the key held.
    pub fn replace(self) -> Self {
        Self {
            replace: true,
            ..self
        }
    }

    /// The time is a unix time in milliseconds.
    pub fn absttl(self) -> Self {
        Self {
            absttl: true,
            ..self
        }
    }

    /// As if it was used so many seconds ago.
    pub fn idletime(self, seconds: u64) -> Self {
        Self {
            idletime: Some(seconds),
            freq: None,
            ..self
        }
    }

    /// As if it was used so often, as `object_freq` tells it.
    pub fn freq(self, frequency: u8) -> Self {
        Self {
            freq: Some(frequency.into()),
            idletime: None,
            ..self
        }
    }
}

impl<K: ToArg, D: ToArg> Encode for Restore<K, D> {
    fn spec(&self) -> &'static Spec {
        &table::RESTORE
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.key).add(&self.ttl_millis).add(&self.dumped);
        word_if(args, self.replace, "REPLACE");
        word_if(args, self.absttl, "ABSTTL");
        number_if(args, "IDLETIME", &self.idletime);
        number_if(args, "FREQ", &self.freq);
    }
}

impl<K: ToArg, D: ToArg> Command for Restore<K, D> {
    type Reply = Status;
}

/// `MIGRATE`: see [`migrate`]. Of `auth` and `auth2` the last call counts. Printing it does not show
/// the password.
#[derive(Clone, Copy)]
pub struct Migrate<H, K, A = (), L = ()> {
    host: H,
    port: u16,
    key: K,
    db: u32,
    millis: u64,
    copy: bool,
    replace: bool,
    auth: A,
    keys: L,
}

impl<H, K, A, L> Migrate<H, K, A, L> {
    /// The key stays here, too.
    pub fn copy(self) -> Self {
        Self { copy: true, ..self }
    }

    /// Over whatever has that name there.
    pub fn replace(self) -> Self {
        Self {
            replace: true,
            ..self
        }
    }

    /// Logs in there with a password.
    pub fn auth<P: ToArg>(self, password: P) -> Migrate<H, K, Tagged<(P,)>, L> {
        self.log_in(Tagged("AUTH", (password,)))
    }

    /// Logs in there as a user.
    pub fn auth2<U: ToArg, P: ToArg>(
        self,
        user: U,
        password: P,
    ) -> Migrate<H, K, Tagged<(U, P)>, L> {
        self.log_in(Tagged("AUTH2", (user, password)))
    }

    fn log_in<B>(self, auth: B) -> Migrate<H, K, B, L> {
        let Self {
            host,
            port,
            key,
            db,
            millis,
            copy,
            replace,
            keys,
            ..
        } = self;
        Migrate {
            host,
            port,
            key,
            db,
            millis,
            copy,
            replace,
            auth,
            keys,
        }
    }
}

impl<H: ToArg, K: ToArg, A: List, L: List> Encode for Migrate<H, K, A, L> {
    fn spec(&self) -> &'static Spec {
        &table::MIGRATE
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.host)
            .add(&self.port)
            .add(&self.key)
            .add(&self.db)
            .add(&self.millis);
        word_if(args, self.copy, "COPY");
        word_if(args, self.replace, "REPLACE");
        self.auth.add_to(args);
        self.keys.add_to(args);
    }
}

impl<H: ToArg, K: ToArg, A: List, L: List> Command for Migrate<H, K, A, L> {
    type Reply = Text;
}

impl<H, K, A, L> fmt::Debug for Migrate<H, K, A, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrate")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    extern crate std;

    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        cases! { cases, k:
            copy(k, "b") => "COPY k b";
            copy(k, ("b", 1)).db(2).replace() => "COPY k b1 DB 2 REPLACE";
            move_key(k, 3) => "MOVE k 3";
            dump(k) => "DUMP k";
            restore(k, 0, "...") => "RESTORE k 0 ...";
            restore(k, 5, "...").replace().absttl().freq(1).idletime(7) =>
                "RESTORE k 5 ... REPLACE ABSTTL IDLETIME 7";
            restore(k, 5, "...").idletime(7).freq(1) => "RESTORE k 5 ... FREQ 1";
            migrate("10.0.0.2", 6379, k, 0, 500) => "MIGRATE 10.0.0.2 6379 k 0 500";
            migrate("h", 6379, k, 0, 500).copy().replace().auth("pw") =>
                "MIGRATE h 6379 k 0 500 COPY REPLACE AUTH pw";
            migrate_keys("h", 6379, [k, "b"], 1, 500).auth("no").auth2("me", k) =>
                "MIGRATE h 6379  1 500 AUTH2 me k KEYS k b";
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let command = migrate("h", 6379, "k", 0, 500).auth("secret");
        assert_eq!(std::format!("{command:?}"), "Migrate { port: 6379, .. }");
    }
}
