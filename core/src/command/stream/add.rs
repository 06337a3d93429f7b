//! Adding entries to a stream, and taking the oldest away.

use core::marker::PhantomData;

use crate::command::list::word_if;
use crate::command::stream::{NewId, StreamId};
use crate::command::{And, Command, Encode, List, Spec, Tagged, With, table};
use crate::resp::{Args, Bytes, Reply, ToArg, ToPairs};

/// Adds an entry of fields to a stream, which is made where there is none; answers its id. Options
/// are the methods of [`XAdd`].
///
/// Twice is two entries, so it is not tried again by itself. With an id of the caller's own it can
/// be: the server refuses a second one by `ERR The ID specified in XADD is equal or smaller than the
/// target stream top item`. Where nobody else adds to the stream, and nobody deletes it, that answer
/// to a second attempt says that the first one was applied. The reply differs, though, so it is not
/// `idempotent()` as it stands: whoever says so takes that error for a success. With
/// [`NewId::Auto`] and [`NewId::AutoSeq`] nothing tells.
///
/// ```
/// use respool::Command;
/// use respool::command::{NewId, StreamId, xadd};
///
/// # let (now_ms, count) = (1_700_000_000_000, 7);
/// let sample = xadd("node:7", StreamId::new(now_ms, count), [("temp", 21.5)]);
/// let sample = sample.max_len_approx(1000);
///
/// let event = xadd("events", NewId::Auto, [("what", "boot")]);
/// let id = event.reply::<StreamId>();
/// # use respool::command::encode;
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

/// Takes the oldest entries of a stream away, as one of the methods of [`XTrim`] says; answers how
/// many.
///
/// ```
/// use respool::command::{StreamId, xtrim};
///
/// let newest = xtrim("node:7").max_len_approx(1000).limit(500);
/// let of_today = xtrim("node:7").min_id(StreamId::new(1_700_000_000_000, 0));
/// # use respool::command::encode;
/// # let mut wire = [0; 128];
/// # let len = encode(&newest, &mut wire)?;
/// # assert!(wire[..len].ends_with(b"\r\n$4\r\n1000\r\n$5\r\nLIMIT\r\n$3\r\n500\r\n"));
/// # encode(&of_today, &mut wire)?;
/// # Ok::<(), respool::Error>(())
/// ```
///
/// Without a method it is no command:
///
/// ```compile_fail
/// use respool::command::{encode, xtrim};
///
/// encode(&xtrim("node:7"), &mut [0; 128])?;
/// # Ok::<(), respool::Error>(())
/// ```
/// <https://redis.io/commands/xtrim/>
pub fn xtrim<K: ToArg>(key: K) -> XTrim<K> {
    XTrim { key, trim: () }
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

/// `XTRIM`: see [`xtrim`].
#[derive(Clone, Copy, Debug)]
pub struct XTrim<K, T = ()> {
    key: K,
    trim: T,
}

/// What of a stream stays, about: the server takes away only what costs it little, and may leave
/// some entries more.
pub type Approx<N> = Tagged<(&'static str, N)>;

/// What of a stream stays: without it [`xtrim`] is no command.
#[diagnostic::on_unimplemented(
    message = "nothing says what of the stream stays",
    note = "`.max_len_approx(1000)`, or another method of `XTrim`"
)]
pub trait Trim: List {}

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

impl<K> XTrim<K> {
    /// Leaves the newest `count` entries.
    pub fn max_len(self, count: u64) -> XTrim<K, Tagged<(u64,)>> {
        self.trimming(|()| Tagged("MAXLEN", (count,)))
    }

    /// Leaves about the newest `count` entries: the cheap way, and the one to prefer.
    pub fn max_len_approx(self, count: u64) -> XTrim<K, Approx<u64>> {
        self.trimming(|()| Tagged("MAXLEN", ("~", count)))
    }

    /// Leaves the entries whose id is `id` or larger.
    pub fn min_id(self, id: StreamId) -> XTrim<K, Tagged<(StreamId,)>> {
        self.trimming(|()| Tagged("MINID", (id,)))
    }

    /// Leaves about the entries whose id is `id` or larger: the cheap way.
    pub fn min_id_approx(self, id: StreamId) -> XTrim<K, Approx<StreamId>> {
        self.trimming(|()| Tagged("MINID", ("~", id)))
    }
}

impl<K, N> XTrim<K, Approx<N>> {
    /// Takes away `count` entries at most; 0 is any number. Where nothing is said, the server has a
    /// limit of its own.
    pub fn limit(self, count: u64) -> XTrim<K, With<Approx<N>, u64>> {
        self.trimming(|trim| And(trim, Tagged("LIMIT", (count,))))
    }
}

impl<K, T> XTrim<K, T> {
    fn trimming<U>(self, trim: impl FnOnce(T) -> U) -> XTrim<K, U> {
        XTrim {
            key: self.key,
            trim: trim(self.trim),
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

impl<K: ToArg, T: Trim> Encode for XTrim<K, T> {
    fn spec(&self) -> &'static Spec {
        &table::XTRIM
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.key);
        self.trim.add_to(args);
    }
}

impl<K: ToArg, T: Trim> Command for XTrim<K, T> {
    type Reply = u64;
}

impl<A: List> Trim for Tagged<A> {}

impl<A: Trim, B: List> Trim for And<A, B> {}

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
            xtrim(k).max_len(10) => "XTRIM k MAXLEN 10";
            xtrim(k).max_len_approx(10) => "XTRIM k MAXLEN ~ 10";
            xtrim(k).max_len_approx(10).limit(5) => "XTRIM k MAXLEN ~ 10 LIMIT 5";
            xtrim(k).min_id(id) => "XTRIM k MINID 1700000000000-7";
            xtrim(k).min_id_approx(id).limit(0) => "XTRIM k MINID ~ 1700000000000-7 LIMIT 0";
        }
    }
}
