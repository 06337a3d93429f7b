//! The group *stream*: logs of entries, each of which has an id and fields.

mod add;
mod id;
mod read;

pub use add::{Approx, Trim, XAdd, XTrim, xadd, xtrim};
pub use id::{NewId, StreamId};
pub use read::{After, Entry, Streams, XRange, XRead, xrange, xread, xrevrange};

use crate::command::{And, KeyAnd, Many, Plain, table};
use crate::resp::{ToArg, ToArgs};

/// How many entries a stream has; 0 where there is none.
///
/// ```
/// use respool::command::{encode, xlen};
///
/// let mut wire = [0; 64];
/// let len = encode(&xlen(("node:", 7)), &mut wire)?;
/// assert_eq!(&wire[..len], b"*2\r\n$4\r\nXLEN\r\n$6\r\nnode:7\r\n");
/// # Ok::<(), respool::Error>(())
/// ```
/// <https://redis.io/commands/xlen/>
pub fn xlen<K: ToArg>(key: K) -> Plain<(K,), u64> {
    Plain::new(&table::XLEN, (key,))
}

/// Deletes entries of a stream, one or several; answers how many there were.
///
/// ```
/// use respool::command::{StreamId, encode, xdel};
///
/// let ids = [StreamId::new(5000, 0), StreamId::new(5000, 1)];
/// let mut wire = [0; 64];
/// let len = encode(&xdel("log", ids), &mut wire)?;
/// assert!(wire[..len].ends_with(b"$3\r\nlog\r\n$6\r\n5000-0\r\n$6\r\n5000-1\r\n"));
/// # Ok::<(), respool::Error>(())
/// ```
/// <https://redis.io/commands/xdel/>
pub fn xdel<K: ToArg, I: ToArgs>(key: K, ids: I) -> KeyAnd<K, Many<I>, u64> {
    Plain::new(&table::XDEL, And((key,), Many(ids)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        add::tests::all(cases);
        read::tests::all(cases);
        let (a, b) = (StreamId::new(5, 1), StreamId::new(6, 2));
        cases! { cases, k:
            xlen(k) => "XLEN k";
            xdel(k, a) => "XDEL k 5-1";
            xdel(k, [a, b]) => "XDEL k 5-1 6-2";
            xdel(k, [a].as_slice()) => "XDEL k 5-1";
        }
    }
}
