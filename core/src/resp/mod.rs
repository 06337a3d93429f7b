//! Bytes to values and back: RESP2 and RESP3, without I/O.
//!
//! Pure functions and one resumable scanner. Nothing here panics, allocates, recurses over input,
//! blocks or reads a clock; the bytes of the peer are hostile. The data flows one way: `scan` finds
//! where a reply ends and checks it, `decode` reads it in place, `reply` and `own` give it a type.

pub(crate) mod arg;
mod decimal;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod head;
mod own;
#[cfg(feature = "std")]
pub(crate) mod own_std;
mod pairs;
pub(crate) mod reply;
pub(crate) mod scan;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
mod write;

/// Whether shortcuts are worth their code: they save time where there is flash, and are left out
/// where it is short. The values are the same.
const IN_A_HURRY: bool = cfg!(target_pointer_width = "64");

pub(crate) use encode::{Cursor, Frame};
pub(crate) use scan::{Scanned, Scanner};
pub(crate) use stream::move_up;

pub use arg::{Arg, Args, Pieces, ToArg, ToArgs, ToPairs};
pub use decode::{Decoder, Elements, Item};
#[cfg(feature = "std")]
pub use own_std::Value;
pub use pairs::{Pairs, PairsIter};
pub use reply::{
    Any, AsText, Bytes, Each, Entries, EntriesIter, FromReply, Items, ItemsIter, Outcome, Own,
    Owned, Reply, Status, Text,
};
pub use write::{Full, Replies};
