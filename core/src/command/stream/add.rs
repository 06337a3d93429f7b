//! Adding entries to a stream, and taking the oldest away.

use core::marker::PhantomData;

use crate::command::list::word_if;
use crate::command::stream::{NewId, StreamId};
use crate::command::{And, Command, Encode, List, Spec, Tagged, With, table};
use crate::resp::{Args, Bytes, Reply, ToArg, ToPairs};

/// Adds an entry of fields to a stream, which is made where there is none; answers its id. Options
/// are the methods of [`XAdd`].
///
/// Twice is two entries, so it is never tried again by itself. With an id of the caller's own it
/// can be: the server refuses a second one by `ERR The ID specified in XADD is equal or smaller than
/// the target stream top item`. Where nobody else adds to the stream, that answer to a second
/// attempt says that the first one was applied. With [`NewId::Auto`] and [`NewId::AutoSeq`] nothing
/// tells.
///
/// ```
/// use respool::command::{NewId, StreamId, encode, xadd};
///
/// # let (now_ms, count) = (1_700_000_000_000, 7);
/// let sample = xadd("node:7", StreamId::new(now_ms, count), [("temp", 21.5)]);
/// let sample = sample.max_len_approx(1000);
///
/// let event = xadd("events", NewId::Auto, [("what", "boot")]);
/// let id = event.reply::<StreamId>();
/// # use respool::Command;
/// # let mut wire = [0; 256];
/// # let len = encode(&sample, &mut wire)?;
/// # assert!(wire[..len].starts_with(b"*8\r\n$4\r\nXADD\r\n$6\r\nnode:7\r\n$6\r\nMAXLEN\r\n"));
/// # encode(&id, &mut wire)?;
/// # Ok::<(), respool::Error>(())
/// ```
/// <https://redis.io/commands/xadd/>
pub fn xadd<K: ToArg, I: Into<NewId>, P: ToPairs>(key: K, id: I, fields: P) -> XAdd<K, P> {
    XAdd {
        key,
        no_mk_stream: false,
        trim: (),
        id: id.into(),
        fields,
        reply: PhantomData,
    }
}

/// `XADD`: see [`xadd`].
#[derive(Clone, Copy, Debug)]
pub struct XAdd<K, P, T = (), R = Bytes> {
    key: K,
    no_mk_stream: bool,
    trim: T,
    id: NewId,
    fields: P,
    reply: PhantomData<fn() -> R>,
}

/// What stays of a stream, about: the server takes away only what costs it little, and may leave
/// some entries more.
pub type Approx<N> = Tagged<(&'static str, N)>;

impl<K, P, R> XAdd<K, P, (), R> {
    /// Leaves the newest `count` entries, this one included.
    pub fn max_len(self, count: u64) -> XAdd<K, P, Tagged<(u64,)>, R> {
        self.trimming(|()| Tagged("MAXLEN", (count,)))
    }

    /// Leaves about the newest `count` entries, this one included: the cheap way, and the one to
    /// prefer.
    pub fn max_len_approx(self, count: u64) -> XAdd<K, P, Approx<u64>, R> {
        self.trimming(|()| Tagged("MAXLEN", ("~", count)))
    }

    /// Leaves the entries whose id is `id` or larger.
    pub fn min_id(self, id: StreamId) -> XAdd<K, P, Tagged<(StreamId,)>, R> {
        self.trimming(|()| Tagged("MINID", (id,)))
    }

    /// Leaves about the entries whose id is `id` or larger: the cheap way.
    pub fn min_id_approx(self, id: StreamId) -> XAdd<K, P, Approx<StreamId>, R> {
        self.trimming(|()| Tagged("MINID", ("~", id)))
    }
}

impl<K, P, N, R> XAdd<K, P, Approx<N>, R> {
    /// Takes away `count` entries at most; 0 is any number. Where nothing is said, the server has a
    /// limit of its own.
    pub fn limit(self, count: u64) -> XAdd<K, P, With<Approx<N>, u64>, R> {
        self.trimming(|trim| And(trim, Tagged("LIMIT", (count,))))
    }
}

impl<K, P, T> XAdd<K, P, T> {
    /// Only where there is such a stream; answers `None` where there is none.
    pub fn no_mk_stream(self) -> XAdd<K, P, T, Option<Bytes>> {
        XAdd {
            key: self.key,
            no_mk_stream: true,
            trim: self.trim,
            id: self.id,
            fields: self.fields,
            reply: PhantomData,
        }
    }
}

impl<K, P, T, R> XAdd<K, P, T, R> {
    fn trimming<U>(self, trim: impl FnOnce(T) -> U) -> XAdd<K, P, U, R> {
        XAdd {
            key: self.key,
            no_mk_stream: self.no_mk_stream,
            trim: trim(self.trim),
            id: self.id,
            fields: self.fields,
            reply: PhantomData,
        }
    }
}

impl<K: ToArg, P: ToPairs, T: List, R> Encode for XAdd<K, P, T, R> {
    fn spec(&self) -> &'static Spec {
        &table::XADD
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.key);
        word_if(args, self.no_mk_stream, "NOMKSTREAM");
        self.trim.add_to(args);
        args.add(&self.id).pairs(&self.fields);
    }
}

impl<K: ToArg, P: ToPairs, T: List, R: Reply> Command for XAdd<K, P, T, R> {
    type Reply = R;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        let id = StreamId::new(1_700_000_000_000, 7);
        let f = [("f", 1)];
        cases! { cases, k:
            xadd(k, id, f) => "XADD k 1700000000000-7 f 1";
            xadd(k, StreamId::new(u64::MAX, u64::MAX), f) =>
                "XADD k 18446744073709551615-18446744073709551615 f 1";
            xadd(k, NewId::Auto, [(k, "1"), ("g", k)].as_slice()) => "XADD k * k 1 g k";
            xadd(k, NewId::AutoSeq(7), f) => "XADD k 7-* f 1";
            xadd(k, id, f).max_len(10) => "XADD k MAXLEN 10 1700000000000-7 f 1";
            xadd(k, id, f).max_len_approx(10) => "XADD k MAXLEN ~ 10 1700000000000-7 f 1";
            xadd(k, id, f).no_mk_stream().max_len_approx(10).limit(100) =>
                "XADD k NOMKSTREAM MAXLEN ~ 10 LIMIT 100 1700000000000-7 f 1";
            xadd(k, NewId::Auto, f).min_id(id).no_mk_stream() =>
                "XADD k NOMKSTREAM MINID 1700000000000-7 * f 1";
            xadd(k, NewId::Auto, f).min_id_approx(id).limit(0) =>
                "XADD k MINID ~ 1700000000000-7 LIMIT 0 * f 1";
        }
    }
}
