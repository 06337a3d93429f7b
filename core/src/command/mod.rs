//! What commands mean: values that know their words, their arguments and their reply.
//!
//! A command is a value: the same `get("k")` goes to a lease, to the pool, into a pipeline or a
//! transaction. [`Encode`] gives its bytes, [`Command`] adds the type of its reply, [`Spec`] says
//! what it does. One file holds one group of Redis's commands; `table.rs` holds what servers and
//! we know of each.

mod adapt;
mod request;
mod spec;

pub use adapt::{As, Command};
pub use request::{Parts, Request};
pub use spec::{Blocks, Flags, Keys, Repeat, Session, Spec};

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
