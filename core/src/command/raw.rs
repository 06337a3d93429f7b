//! Commands without a type: a name, and whatever is added.

use core::fmt;

use crate::command::{And, Blocks, Command, Encode, Flags, Keys, List, Many, ManyPairs};
use crate::command::{Repeat, Session, Spec};
use crate::error::CommandFault;
use crate::resp::arg::Walk;
use crate::resp::{Any, Arg, Args, ToArg, ToArgs, ToPairs};

/// Any command by its name, such as one of a module. The reply is [`Any`] value; `.reply::<T>()`
/// gives it a type.
///
/// ```
/// use respool::command::{Command, raw};
///
/// let add = raw("TS.ADD").arg("temp:7").arg(1_700_000_000_000i64).arg(21.5).reply::<i64>();
/// let get = raw("CONFIG").args(["GET", "maxmemory"]);
/// ```
///
/// Nothing is known of it, so the worst is assumed: it is taken for a write that may block, is never
/// sent twice, and the session of its connection is cleared after it. Where a command is used often,
/// give it a [`Spec`] and a [`Plain`](crate::command::Plain).
///
/// What would break the count of replies or the protocol of the connection fails before its first
/// byte, with [`CommandFault::Refused`]: an empty name, `HELLO`, `RESET`, `QUIT`, `MONITOR`, `SYNC`,
/// `PSYNC`, `REPLCONF`, `SUBSCRIBE` and its kin, and `CLIENT REPLY`. (So does `CLIENT` with a second
/// word in pieces or of no length, which cannot be told.)
pub fn raw(name: &str) -> Raw<'_, ()> {
    Raw { name, args: () }
}

/// See [`raw`].
#[derive(Clone, Copy)]
pub struct Raw<'n, A> {
    name: &'n str,
    args: A,
}

impl<'n, A: List> Raw<'n, A> {
    /// Adds one argument; a tuple is one, in pieces.
    pub fn arg<T: ToArg>(self, arg: T) -> Raw<'n, And<A, (T,)>> {
        Raw {
            name: self.name,
            args: And(self.args, (arg,)),
        }
    }

    /// Adds as many arguments as there are in an array or slice.
    pub fn args<T: ToArgs>(self, args: T) -> Raw<'n, And<A, Many<T>>> {
        Raw {
            name: self.name,
            args: And(self.args, Many(args)),
        }
    }

    /// Adds both arguments of each pair of an array or slice.
    pub fn pairs<T: ToPairs>(self, pairs: T) -> Raw<'n, And<A, ManyPairs<T>>> {
        Raw {
            name: self.name,
            args: And(self.args, ManyPairs(pairs)),
        }
    }

    fn is_refused(&self) -> bool {
        let is = |word: &&str| word.eq_ignore_ascii_case(self.name);
        self.name.is_empty() || REFUSED.iter().any(is) || is(&"CLIENT") && self.may_be_reply()
    }

    /// Whether the first argument is, or may be, `REPLY`.
    fn may_be_reply(&self) -> bool {
        let mut first = Args::new(0, Walk::Find(None));
        self.args.add_to(&mut first);
        match first.finish() {
            Walk::Find(None) => false,
            // Empty also stands for an argument that is not in memory as a whole.
            Walk::Find(Some(word)) => word.is_empty() || word.eq_ignore_ascii_case(b"REPLY"),
            _ => true,
        }
    }
}

impl<A> fmt::Debug for Raw<'_, A> {
    /// The name only: what it means, and what is secret in it, nobody knows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Raw").field(&self.name).finish()
    }
}

impl<A: List> Encode for Raw<'_, A> {
    fn spec(&self) -> &'static Spec {
        // Some settings of a client outlive `RESET`.
        match self.name.eq_ignore_ascii_case("CLIENT") {
            true => &UNTYPED_CLIENT,
            false => &UNTYPED,
        }
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        if self.is_refused() {
            args.push(Arg::Invalid(CommandFault::Refused));
            return;
        }
        args.push(Arg::Bytes(self.name.as_bytes()));
        self.args.add_to(args);
    }
}

impl<A: List> Command for Raw<'_, A> {
    type Reply = Any;
}

/// The name is the first argument, so there is no word; everything else is the worst case.
const UNTYPED_ROW: Spec = Spec {
    words: &[],
    arity: -1,
    flags: Flags::WRITE,
    keys: Keys::NONE,
    blocks: Blocks::Unknown,
    repeat: Repeat::Differs,
    session: Session::Changes,
};

static UNTYPED: Spec = UNTYPED_ROW;
static UNTYPED_CLIENT: Spec = Spec {
    session: Session::Outlives,
    ..UNTYPED_ROW
};

/// The table's rows of one word that are refused or subscribe, and `HELLO`, which may change the
/// protocol. A test compares them.
const REFUSED: [&str; 13] = [
    "HELLO",
    "RESET",
    "QUIT",
    "MONITOR",
    "SYNC",
    "PSYNC",
    "REPLCONF",
    "SUBSCRIBE",
    "PSUBSCRIBE",
    "SSUBSCRIBE",
    "UNSUBSCRIBE",
    "PUNSUBSCRIBE",
    "SUNSUBSCRIBE",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table;
    use crate::command::testing::{Cases, cases, wire};

    #[test]
    fn name_and_arguments_are_sent_as_they_are() {
        let mut cases = Cases::default();
        cases! { cases, k:
            raw("DBSIZE") => "DBSIZE";
            raw(k).arg(k) => "k k";
            raw("TS.ADD").arg((k, 7)).arg(1_700_000_000).arg(21.5).args(["ON_DUPLICATE", k]) =>
                "TS.ADD k7 1700000000 21.5 ON_DUPLICATE k";
            raw("hset").arg(k).pairs([("a", 1), ("b", 2)]).reply::<i64>() => "hset k a 1 b 2";
            raw("CLIENT") => "CLIENT";
            raw("CLIENT").arg("REPLYING") => "CLIENT REPLYING";
        }
    }

    #[test]
    fn what_breaks_the_connection_fails_before_its_first_byte() {
        let refused = Err(CommandFault::Refused);
        assert_eq!(wire(&raw("")), refused);
        assert_eq!(wire(&raw("mOnItOr")), refused);
        assert_eq!(wire(&raw("replconf").args(["ACK", "1"])), refused);
        assert_eq!(wire(&raw("subscribe").arg("news").reply::<i64>()), refused);
        assert_eq!(wire(&raw("client").arg("reply").arg("OFF")), refused);
        assert_eq!(wire(&raw("CLIENT").args(["Reply", "SKIP"])), refused);
        assert_eq!(wire(&raw("CLIENT").arg(("RE", "PLY")).arg("OFF")), refused);
        assert_eq!(
            wire(&raw("CLIENT").args::<[&str; 0]>([]).arg("REPLY").arg("ON")),
            refused
        );
    }

    #[test]
    fn every_row_that_breaks_the_connection_is_refused() {
        let breaks = |spec: &&&Spec| matches!(spec.session, Session::Refused | Session::Subscribes);
        let rows = table::ALL.iter().filter(breaks);
        let mut count = 0;
        for spec in rows {
            let [name, rest @ ..] = spec.words else {
                panic!("a row without a word")
            };
            assert_eq!(
                wire(&raw(name).args(rest)),
                Err(CommandFault::Refused),
                "{:?}",
                spec.words
            );
            count += 1;
        }
        // HELLO changes the session, and is refused only because the decoder has to follow it.
        assert_eq!(count, REFUSED.len() - 1 + 1);
    }
}
