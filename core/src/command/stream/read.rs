//! Reading the entries of streams.

use core::ops::{Bound, RangeBounds};

use crate::command::list::number_if;
use crate::command::stream::StreamId;
use crate::command::{Command, Encode, Spec, table};
use crate::resp::{Arg, Args, AsText, Bytes, Entries, Items, Pairs, Pieces, Reply, ToArg};

/// The entries of a stream within a range of ids, the oldest first. With [`XRange::count`], and then
/// from behind the last one on, a stream of any length is read in pieces.
///
/// ```
/// use core::ops::Bound::{Excluded, Unbounded};
/// use respool::command::{StreamId, xrange};
///
/// let all = xrange("node:7", ..);
/// let a_second = xrange("node:7", StreamId::new(5000, 0)..StreamId::new(6000, 0));
/// # let last = StreamId::new(5999, 3);
/// let next = xrange("node:7", (Excluded(last), Unbounded)).count(10);
/// # use respool::command::encode;
/// # let mut wire = [0; 256];
/// # let len = encode(&next, &mut wire)?;
/// # assert!(wire[..len].ends_with(b"\r\n$7\r\n(5999-3\r\n$1\r\n+\r\n$5\r\nCOUNT\r\n$2\r\n10\r\n"));
/// # encode(&(all, a_second).0, &mut wire)?;
/// # Ok::<(), respool::Error>(())
/// ```
/// <https://redis.io/commands/xrange/>
pub fn xrange<K: ToArg, B: RangeBounds<StreamId>>(key: K, ids: B) -> XRange<K> {
    let [oldest, newest] = Edge::both(&ids);
    XRange {
        spec: &table::XRANGE,
        key,
        from: oldest,
        to: newest,
        count: None,
    }
}

/// As [`xrange`], the newest first. The range is the same, from the oldest id to the newest:
/// `xrevrange("node:7", ..).count(1)` is the last entry.
///
/// ```
/// use respool::command::{StreamId, encode, xrevrange};
///
/// let mut wire = [0; 128];
/// let len = encode(&xrevrange("node:7", StreamId::new(5000, 0)..).count(1), &mut wire)?;
/// assert!(wire[..len].ends_with(b"\r\n$1\r\n+\r\n$6\r\n5000-0\r\n$5\r\nCOUNT\r\n$1\r\n1\r\n"));
/// # Ok::<(), respool::Error>(())
/// ```
/// <https://redis.io/commands/xrevrange/>
pub fn xrevrange<K: ToArg, B: RangeBounds<StreamId>>(key: K, ids: B) -> XRange<K> {
    let [oldest, newest] = Edge::both(&ids);
    XRange {
        spec: &table::XREVRANGE,
        key,
        from: newest,
        to: oldest,
        count: None,
    }
}

/// The entries of streams behind these ids, by stream; `None` where there are none. With
/// [`XRead::block`] it waits for the first one.
///
/// ```
/// use respool::command::{After, StreamId, xread};
///
/// let first = xread([("orders", After::New), ("alarms", After::New)]).block(1000);
/// // From then on behind the last one that was seen, so that none is missed in between.
/// # let seen = StreamId::new(5999, 3);
/// let next = xread([("alarms", After::Id(seen))]).block(1000).count(10);
/// # use respool::command::encode;
/// # let mut wire = [0; 256];
/// # let len = encode(&next, &mut wire)?;
/// # assert!(wire[..len].ends_with(b"\r\n$7\r\nSTREAMS\r\n$6\r\nalarms\r\n$6\r\n5999-3\r\n"));
/// # encode(&first, &mut wire)?;
/// # Ok::<(), respool::Error>(())
/// ```
/// <https://redis.io/commands/xread/>
pub fn xread<S: Streams>(streams: S) -> XRead<S> {
    XRead {
        count: None,
        block: None,
        streams,
    }
}

/// An entry: its id, and its fields with their values.
pub type Entry = (StreamId, Entries<Bytes, Bytes>);

/// `XRANGE` and `XREVRANGE`: see [`xrange`].
#[derive(Clone, Copy, Debug)]
pub struct XRange<K> {
    spec: &'static Spec,
    key: K,
    from: Edge,
    to: Edge,
    count: Option<u64>,
}

/// `XREAD`: see [`xread`].
#[derive(Clone, Copy, Debug)]
pub struct XRead<S> {
    count: Option<u64>,
    block: Option<u64>,
    streams: S,
}

/// Behind which entry of a stream [`xread`] begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum After {
    /// `$`: the last one that there is, so that only what is added while it waits is seen.
    New,
    /// The one of this id, or where it would stand; [`StreamId::default`] is before all.
    Id(StreamId),
}

/// The streams of [`xread`]: arrays and slices of keys, each with where to begin.
pub trait Streams: Sync {
    /// Adds all keys, and then all ids.
    fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>);
}

/// Where a range of ids begins or ends.
#[derive(Clone, Copy, Debug)]
enum Edge {
    Oldest,
    Newest,
    With(StreamId),
    Without(StreamId),
}

impl<K> XRange<K> {
    /// Answers `count` entries at most; to 0 the server answers null, which is an error here.
    pub fn count(self, count: u64) -> Self {
        Self {
            count: Some(count),
            ..self
        }
    }
}

impl<S> XRead<S> {
    /// Answers `count` entries of each stream at most; 0 is any number.
    pub fn count(self, count: u64) -> Self {
        Self {
            count: Some(count),
            ..self
        }
    }

    /// Where there are none, waits for the first one, for `millis` milliseconds at most (0: for
    /// ever).
    pub fn block(self, millis: u64) -> Self {
        Self {
            block: Some(millis),
            ..self
        }
    }
}

impl<K: ToArg> Encode for XRange<K> {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.key).add(&self.from).add(&self.to);
        number_if(args, "COUNT", &self.count);
    }
}

impl<K: ToArg> Command for XRange<K> {
    type Reply = Items<Entry>;
}

impl<S: Streams> Encode for XRead<S> {
    fn spec(&self) -> &'static Spec {
        &table::XREAD
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        number_if(args, "COUNT", &self.count);
        number_if(args, "BLOCK", &self.block);
        args.word("STREAMS");
        self.streams.add_to(args);
    }
}

impl<S: Streams> Command for XRead<S> {
    // An array of pairs in RESP2, a map in RESP3.
    type Reply = Option<Pairs<Bytes, Items<Entry>>>;
}

/// An id is the same in text, whatever the rest is.
impl<R: AsText> AsText for (StreamId, R)
where
    (StreamId, R): Reply,
    (StreamId, R::Text): Reply,
{
    type Text = (StreamId, R::Text);
}

impl<K: ToArg> Streams for [(K, After)] {
    fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>) {
        for (key, _) in self {
            args.add(key);
        }
        for (_, after) in self {
            args.add(after);
        }
    }
}

impl<K: ToArg> Streams for &[(K, After)] {
    fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>) {
        (**self).add_to(args);
    }
}

impl<K: ToArg, const N: usize> Streams for [(K, After); N] {
    fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>) {
        self.as_slice().add_to(args);
    }
}

impl From<StreamId> for After {
    fn from(id: StreamId) -> Self {
        Self::Id(id)
    }
}

impl ToArg for After {
    fn to_arg(&self) -> Arg<'_> {
        match self {
            Self::New => Arg::Bytes(b"$"),
            Self::Id(id) => Arg::Pieces(id),
        }
    }
}

impl Edge {
    /// The oldest and the newest of a range.
    fn both<B: RangeBounds<StreamId>>(ids: &B) -> [Self; 2] {
        [
            Self::new(ids.start_bound(), Self::Oldest),
            Self::new(ids.end_bound(), Self::Newest),
        ]
    }

    fn new(bound: Bound<&StreamId>, open: Self) -> Self {
        match bound {
            Bound::Included(id) => Self::With(*id),
            Bound::Excluded(id) => Self::Without(*id),
            Bound::Unbounded => open,
        }
    }
}

impl Pieces for Edge {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        match self {
            Self::Oldest => give(b"-"),
            Self::Newest => give(b"+"),
            Self::With(id) => id.pieces(give),
            Self::Without(id) => ("(", *id).pieces(give),
        }
    }
}

impl ToArg for Edge {
    fn to_arg(&self) -> Arg<'_> {
        Arg::Pieces(self)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        let (a, b) = (StreamId::new(5, 1), StreamId::new(6, 2));
        cases! { cases, k:
            xrange(k, ..) => "XRANGE k - +";
            xrange(k, a..) => "XRANGE k 5-1 +";
            xrange(k, a..=b) => "XRANGE k 5-1 6-2";
            xrange(k, ..b).count(10) => "XRANGE k - (6-2 COUNT 10";
            xrange(k, (Bound::Excluded(a), Bound::Unbounded)) => "XRANGE k (5-1 +";
            xrevrange(k, ..).count(1) => "XREVRANGE k + - COUNT 1";
            xrevrange(k, a..b).text() => "XREVRANGE k (6-2 5-1";
            xread([(k, After::New)]) => "XREAD STREAMS k $";
            xread([(k, a.into()), ("l", After::New)]).block(0).count(2).text() =>
                "XREAD COUNT 2 BLOCK 0 STREAMS k l 5-1 $";
            xread([(("n", 7), After::Id(b))].as_slice()).block(100) =>
                "XREAD BLOCK 100 STREAMS n7 6-2";
        }
    }
}
