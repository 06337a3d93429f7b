//! The command trait, and the adapters that ask for another reply.

use core::marker::PhantomData;

use crate::command::{Encode, Spec};
use crate::resp::{Args, AsText, FromReply, Outcome, Own, Reply};

/// A command with the type of its reply.
pub trait Command: Encode {
    /// What it answers; may borrow from the reply window.
    type Reply: Reply;

    /// The same command, its reply as a type that the caller owns, often inferred from a `let`.
    fn reply<T: FromReply>(self) -> As<Self, Own<T>>
    where
        Self: Sized,
    {
        As {
            command: self,
            reply: PhantomData,
        }
    }

    /// The same command, its strings as UTF-8 text.
    fn text(self) -> As<Self, <Self::Reply as AsText>::Text>
    where
        Self: Sized,
        Self::Reply: AsText,
    {
        As {
            command: self,
            reply: PhantomData,
        }
    }

    /// The same command, its failure as a value: among several, it does not hide the others'
    /// replies. One thing stays the error of all: a write that is refused in a later try, where an
    /// earlier one may have run ([`idempotent`](crate::Request::idempotent), `Retry::Always`), since then
    /// nobody knows what became of it.
    fn outcome(self) -> As<Self, Outcome<Self::Reply>>
    where
        Self: Sized,
    {
        As {
            command: self,
            reply: PhantomData,
        }
    }
}

/// A command `C` whose reply is decoded as `R`.
#[derive(Debug)]
pub struct As<C, R> {
    command: C,
    reply: PhantomData<fn() -> R>,
}

impl<C: Encode, R> Encode for As<C, R> {
    fn spec(&self) -> &'static Spec {
        self.command.spec()
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        self.command.args(args);
    }
}

impl<C: Encode, R: Reply> Command for As<C, R> {
    type Reply = R;
}

impl<C: Encode + ?Sized> Encode for &C {
    fn spec(&self) -> &'static Spec {
        (**self).spec()
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        (**self).args(args);
    }
}

impl<C: Command> Command for &C {
    type Reply = C::Reply;
}

impl<C: Clone, R> Clone for As<C, R> {
    fn clone(&self) -> Self {
        Self {
            command: self.command.clone(),
            reply: PhantomData,
        }
    }
}

impl<C: Copy, R> Copy for As<C, R> {}
