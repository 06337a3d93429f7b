//! The group *transactions*: the single commands, for a lease that sends them one by one or as a
//! tuple.

use crate::command::{Many, Plain, table};
use crate::resp::{Any, Status, ToArgs};

/// Makes the next `EXEC` of this connection depend on these keys not being changed.
/// <https://redis.io/commands/watch/>
pub fn watch<K: ToArgs>(keys: K) -> Plain<Many<K>, Status> {
    Plain::new(&table::WATCH, Many(keys))
}

/// Forgets what was watched.
/// <https://redis.io/commands/unwatch/>
pub fn unwatch() -> Plain<(), Status> {
    Plain::new(&table::UNWATCH, ())
}

/// Begins a transaction: the commands up to `EXEC` are answered with the status `QUEUED`.
/// <https://redis.io/commands/multi/>
pub fn multi() -> Plain<(), Status> {
    Plain::new(&table::MULTI, ())
}

/// Runs what was queued; answers an array of the replies, or `None` where a watched key was changed.
/// `exec().reply::<Option<(i64, bool)>>()` gives the replies types.
/// <https://redis.io/commands/exec/>
pub fn exec() -> Plain<(), Option<Any>> {
    Plain::new(&table::EXEC, ())
}

/// Forgets what was queued and what was watched.
/// <https://redis.io/commands/discard/>
pub fn discard() -> Plain<(), Status> {
    Plain::new(&table::DISCARD, ())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        cases! { cases, k:
            watch(k) => "WATCH k";
            watch([k, "b"]) => "WATCH k b";
            unwatch() => "UNWATCH";
            multi() => "MULTI";
            exec() => "EXEC";
            discard() => "DISCARD";
        }
    }
}
