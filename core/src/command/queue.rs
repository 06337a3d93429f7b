//! Of the group *list*: waiting for the next element of a queue.

use crate::command::{And, Many, Plain, table};
use crate::resp::{Arg, AsText, Bytes, Pieces, Text, ToArg, ToArgs};

/// Takes the first element of the first of these lists that has one, and answers it with the key of
/// its list; where all are empty, waits for one, for `millis` milliseconds at most (0: for ever).
/// `None` where none came in time.
///
/// An element that was taken is gone: where its answer does not arrive, or nobody waits for it any
/// more, it is lost.
///
/// ```
/// use respool::command::{blpop, encode};
///
/// let mut wire = [0; 128];
/// let len = encode(&blpop(["alarms", "orders"], 2500), &mut wire)?;
/// // The server is told in seconds.
/// assert!(wire[..len].ends_with(b"\r\n$6\r\nalarms\r\n$6\r\norders\r\n$5\r\n2.500\r\n"));
/// # Ok::<(), respool::Error>(())
/// ```
/// <https://redis.io/commands/blpop/>
pub fn blpop<K: ToArgs>(keys: K, millis: u64) -> BlockingPop<K> {
    Plain::new(&table::BLPOP, And(Many(keys), (Seconds { millis },)))
}

/// As [`blpop`], but takes the last element.
///
/// ```
/// use respool::command::brpop;
///
/// let order = brpop("orders", 1000).reply::<Option<(heapless::String<16>, u32)>>();
/// # use respool::{Command, command::encode};
/// # let mut wire = [0; 64];
/// # let len = encode(&order, &mut wire)?;
/// # assert!(wire[..len].ends_with(b"\r\n$6\r\norders\r\n$1\r\n1\r\n"));
/// # Ok::<(), respool::Error>(())
/// ```
/// <https://redis.io/commands/brpop/>
pub fn brpop<K: ToArgs>(keys: K, millis: u64) -> BlockingPop<K> {
    Plain::new(&table::BRPOP, And(Many(keys), (Seconds { millis },)))
}

/// `BLPOP` and `BRPOP`: see [`blpop`].
pub type BlockingPop<K> = Plain<And<Many<K>, (Seconds,)>, Option<(Bytes, Bytes)>>;

/// A time that the server is told in seconds, with a fraction where it needs one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Seconds {
    /// The time in milliseconds.
    pub millis: u64,
}

impl Pieces for Seconds {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        // The point is put between the digits: a division of 64 bits is much code where the machine
        // has none.
        self.millis.pieces(&mut |digits| {
            let (seconds, fraction) = match digits.split_last_chunk::<3>() {
                Some((seconds, fraction)) => (seconds, fraction.as_slice()),
                None => (&[][..], digits),
            };
            let zeros = b"000".get(fraction.len()..).unwrap_or_default();
            give(if seconds.is_empty() { b"0" } else { seconds });
            if fraction.iter().any(|digit| *digit != b'0') {
                give(b".");
                give(zeros);
                give(fraction);
            }
        });
    }
}

impl ToArg for Seconds {
    fn to_arg(&self) -> Arg<'_> {
        Arg::Pieces(self)
    }
}

impl AsText for (Bytes, Bytes) {
    type Text = (Text, Text);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::Command;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        cases! { cases, k:
            blpop(k, 0) => "BLPOP k 0";
            blpop([k, "b"], 1000) => "BLPOP k b 1";
            blpop([k, "b"].as_slice(), 1).text() => "BLPOP k b 0.001";
            blpop(k, 90) => "BLPOP k 0.090";
            blpop(k, 250) => "BLPOP k 0.250";
            blpop(("q:", 7), 61_001) => "BLPOP q:7 61.001";
            brpop(k, u64::MAX) => "BRPOP k 18446744073709551.615";
        }
    }

    #[test]
    fn how_long_each_command_that_waits_may_take_is_known() {
        use crate::command::{After, Encode, StreamId, wait, with_wait, xread};

        use core::time::Duration;

        let millis =
            |command: &dyn Encode| with_wait(Duration::ZERO, command).map(|wait| wait.as_millis());
        // A key that reads as the option does.
        let streams = [("BLOCK", After::New), ("9", StreamId::new(5, 7).into())];
        for time in [1, 90, 1000, 2500, 61_001] {
            let expected = Some(u128::from(time));
            assert_eq!(millis(&blpop(["a", "b"], time)), expected);
            assert_eq!(millis(&brpop(("q:", 7), time)), expected);
            assert_eq!(millis(&xread(streams).count(5).block(time)), expected);
            assert_eq!(millis(&wait(1, time)), expected);
        }
        assert_eq!(millis(&xread(streams).count(5)), Some(0));
        assert_eq!(millis(&blpop("q", 0)), None);
        assert_eq!(millis(&xread(streams).block(0)), None);
        assert_eq!(millis(&wait(1, 0)), None);
    }
}
