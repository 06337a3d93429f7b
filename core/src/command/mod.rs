//! What commands mean: values that know their words, their arguments and their reply.
//!
//! A command is a value: the same `get("k")` goes to a lease, to the pool, into a pipeline or a
//! transaction. [`Encode`] gives its bytes, [`Command`] adds the type of its reply, [`Spec`] says
//! what it does. One file holds one group of Redis's commands; `table.rs` holds what servers and
//! we know of each.

mod adapt;
mod connection;
mod generic;
mod handling;
mod hash;
mod list;
mod plain;
mod queue;
mod raw;
#[cfg(test)]
mod replies;
mod request;
mod spec;
mod stream;
mod string;
pub mod table;
#[cfg(test)]
mod testing;
mod transaction;
mod wait;

pub use adapt::{As, Command};
pub use connection::*;
pub use generic::*;
pub use handling::{Handled, Handling};
pub use hash::*;
pub use list::{And, List, Many, ManyPairs, Tagged, With};
pub use plain::{KeyAnd, Plain};
pub use queue::*;
pub use raw::{Raw, raw};
pub use request::{Parts, Request, encode};
pub use spec::{Blocks, Flags, Keys, Repeat, Session, Spec};
pub use stream::*;
pub use string::*;
pub use transaction::*;
pub use wait::Timeout;
pub(crate) use wait::{with_wait, with_waits};

use crate::resp::Args;

/// Something that can be sent: its words, and its arguments in order.
///
/// Dyn-safe, so that one encoder serves every command of a firmware. Implement it, and
/// [`Command`], for commands that this crate does not have.
pub trait Encode: Sync {
    /// What is known of the command.
    fn spec(&self) -> &'static Spec;

    /// Adds the arguments, the same every time.
    fn args<'a>(&'a self, args: &mut Args<'_, 'a>);
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use testing::Cases;

    #[test]
    fn every_row_is_sent_by_a_constructor() {
        let mut cases = Cases::default();
        connection::tests::all(&mut cases);
        generic::tests::all(&mut cases);
        string::tests::all(&mut cases);
        hash::tests::all(&mut cases);
        queue::tests::all(&mut cases);
        stream::tests::all(&mut cases);
        transaction::tests::all(&mut cases);
        let left_out = table::ALL
            .iter()
            .filter(|row| !cases.specs.contains(&(**row as *const Spec)));
        let left_out: std::vec::Vec<_> = left_out.map(|row| row.words.join(" ")).collect();
        assert_eq!(left_out, WITHOUT_CONSTRUCTOR);
        assert_eq!(cases.specs.len(), 196);
    }

    /// The handshake's, the pool's, and those that only have to be recognised.
    const WITHOUT_CONSTRUCTOR: [&str; 16] = [
        "AUTH",
        "CLIENT REPLY",
        "HELLO",
        "QUIT",
        "RESET",
        "SUBSCRIBE",
        "PSUBSCRIBE",
        "SSUBSCRIBE",
        "UNSUBSCRIBE",
        "PUNSUBSCRIBE",
        "SUNSUBSCRIBE",
        "MONITOR",
        "SYNC",
        "PSYNC",
        "REPLCONF",
        "CLIENT SETINFO",
    ];
}
