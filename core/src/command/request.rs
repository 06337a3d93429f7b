//! What goes out in one round trip: a command, or a tuple of them.

use core::time::Duration;

use crate::command::{Command, Encode, Handled, Handling};
use crate::error::{CommandFault, Error, ErrorKind};
use crate::resp::{Cursor, Each, Frame, Reply};

/// The commands of one round trip.
///
/// Dyn-safe, so that the exchange is one body of code for all requests.
pub trait Parts: Sync {
    /// How many commands, and so how many replies.
    fn count(&self) -> u16;

    /// One of them.
    fn part(&self, index: u16) -> Option<&dyn Encode>;

    /// How the caller wants them handled.
    fn handling(&self) -> Handling {
        Handling::default()
    }
}

/// What can be called: a command, or a tuple of commands as a pipeline.
///
/// ```
/// use core::time::Duration;
/// use respool::command::{incr, set};
/// use respool::Request;
///
/// // This node alone writes the key: the second time changes nothing.
/// let status = set("node:7:mode", "safe").idempotent();
/// let quick = (incr("hits"), incr("visits")).timeout(Duration::from_millis(200));
/// ```
pub trait Request: Parts {
    /// How the replies are decoded, all from one cursor.
    type Reply: Reply;

    /// The same request, of which the caller knows that running it twice leaves the same state and
    /// gives the same reply as running it once, whatever others do meanwhile. It may be tried again
    /// after it may have been sent. Say it last, behind `reply` and the like.
    fn idempotent(self) -> Handled<Self>
    where
        Self: Sized,
    {
        Handled::new(self, |handling| handling.idempotent = true)
    }

    /// The same request, with another deadline for each of its tries than the settings'
    /// `call_timeout`. What a blocking command waits for by itself comes on top, as there. Say it
    /// last, behind `reply` and the like.
    fn timeout(self, limit: Duration) -> Handled<Self>
    where
        Self: Sized,
    {
        Handled::new(self, |handling| handling.timeout = Some(limit))
    }
}

impl<C: Command> Parts for C {
    fn count(&self) -> u16 {
        1
    }

    fn part(&self, index: u16) -> Option<&dyn Encode> {
        (index == 0).then_some(self)
    }
}

impl<C: Command> Request for C {
    type Reply = C::Reply;
}

/// Writes `command` into `out` as it goes over the wire; says how many bytes it takes there.
///
/// A connection does this by itself. It is for those who put RESP elsewhere: a log, a test, a file
/// for `redis-cli --pipe`.
///
/// # Errors
/// `out` is too small, or an argument cannot be sent.
pub fn encode(command: &dyn Encode, out: &mut [u8]) -> Result<usize, Error> {
    let frame = Frame {
        words: command.spec().words,
        args: &|args| command.args(args),
    };
    let written = frame
        .count()
        .and_then(|count| Cursor::default().write(&frame, count, out));
    match written {
        Ok((len, true)) => Ok(len),
        Ok((_, false)) => Err(CommandFault::TooLarge),
        Err(fault) => Err(fault),
    }
    .map_err(|fault| Error::not_sent(ErrorKind::Command(fault)))
}

macro_rules! tuple_requests {
    ($(($($name:ident $index:tt)+) $count:literal;)*) => { $(
        impl<$($name: Command),+> Parts for ($($name,)+) {
            fn count(&self) -> u16 {
                $count
            }

            fn part(&self, index: u16) -> Option<&dyn Encode> {
                match index {
                    $($index => Some(&self.$index),)+
                    _ => None,
                }
            }
        }
        impl<$($name: Command),+> Request for ($($name,)+) {
            type Reply = Each<($($name::Reply,)+)>;
        }
    )* };
}

tuple_requests! {
    (A 0 B 1) 2;
    (A 0 B 1 C 2) 3;
    (A 0 B 1 C 2 D 3) 4;
    (A 0 B 1 C 2 D 3 E 4) 5;
    (A 0 B 1 C 2 D 3 E 4 F 5) 6;
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6) 7;
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7) 8;
}
