//! A typed command that respool does not have: `TS.ADD` of the time series module.
//!
//! Everything here is public API, so a module's commands can live in a crate of their own.

use respool::command::{Command, Encode, Plain, Spec};
use respool::resp::{Args, ToArg};

// What is known of the commands: their words and their arity, negative where options may follow.
static TS_ADD: Spec = Spec::write(&["TS.ADD"], -4);
static TS_GET: Spec = Spec::read(&["TS.GET"], -2);

/// The last sample: its time in milliseconds and its value. Without options it is one line.
pub fn ts_get<K: ToArg>(key: K) -> Plain<(K,), (i64, f64)> {
    Plain::new(&TS_GET, (key,))
}

/// Adds a sample; answers its time in milliseconds. With options it is a type with a method each.
pub fn ts_add<K: ToArg>(key: K, at_ms: i64, value: f64) -> TsAdd<K> {
    TsAdd {
        key,
        at_ms,
        value,
        retention_ms: None,
    }
}

/// `TS.ADD`: see [`ts_add`].
#[derive(Clone, Copy, Debug)]
pub struct TsAdd<K> {
    key: K,
    at_ms: i64,
    value: f64,
    retention_ms: Option<i64>,
}

impl<K> TsAdd<K> {
    /// Samples are dropped when they are so many milliseconds old.
    pub fn retention(self, millis: i64) -> Self {
        Self {
            retention_ms: Some(millis),
            ..self
        }
    }
}

// A bound here must not have a lifetime parameter: futures that hold the command would not be Send.
impl<K: ToArg> Encode for TsAdd<K> {
    fn spec(&self) -> &'static Spec {
        &TS_ADD
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.key).int(self.at_ms).add(&self.value);
        if let Some(millis) = self.retention_ms {
            args.word("RETENTION").int(millis);
        }
    }
}

impl<K: ToArg> Command for TsAdd<K> {
    type Reply = i64;
}

fn main() {
    // Commands are values: they go to `call`, into a pipeline, into a transaction.
    let node = 7;
    let add = ts_add(("node:", node, ":temp"), 1_700_000_000_000, 21.5).retention(86_400_000);
    let last = ts_get(("node:", node, ":temp"));
    println!("{:?}", (add.spec().words, last.spec().is_read()));
}
