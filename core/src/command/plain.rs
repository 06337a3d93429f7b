//! The shape of most commands: a name, and arguments without options.

use core::marker::PhantomData;

use crate::command::{And, Command, Encode, List, Spec};
use crate::resp::{Args, Reply};

/// A command without options: its arguments `A`, answered by `R`.
///
/// It serves for commands that this crate does not have, too:
///
/// ```
/// use respool::command::{Plain, Spec};
/// use respool::resp::ToArg;
///
/// static TS_ADD: Spec = Spec::write(&["TS.ADD"], -4);
///
/// /// Adds a sample; answers its time in milliseconds.
/// fn ts_add<K: ToArg>(key: K, at_ms: u64, value: f64) -> Plain<(K, u64, f64), i64> {
///     Plain::new(&TS_ADD, (key, at_ms, value))
/// }
///
/// let sample = ts_add(("node:", 7, ":temp"), 1_700_000_000_000, 21.5);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Plain<A, R> {
    spec: &'static Spec,
    args: A,
    reply: PhantomData<fn() -> R>,
}

/// A command of a key and a list.
pub type KeyAnd<K, L, R> = Plain<And<(K,), L>, R>;

impl<A: List, R: Reply> Plain<A, R> {
    /// The command of this spec with these arguments.
    pub const fn new(spec: &'static Spec, args: A) -> Self {
        Self {
            spec,
            args,
            reply: PhantomData,
        }
    }
}

impl<A: List, R> Encode for Plain<A, R> {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        self.args.add_to(args);
    }
}

impl<A: List, R: Reply> Command for Plain<A, R> {
    type Reply = R;
}
