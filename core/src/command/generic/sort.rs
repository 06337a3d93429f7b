//! Sorting a list, set or sorted set.

use core::marker::PhantomData;

use crate::command::list::word_if;
use crate::command::{And, Command, Encode, List, Spec, Tagged, With, table};
use crate::resp::{Args, Bytes, Items, Reply, ToArg};

/// The elements of a list, set or sorted set in the order of their numbers, or as the methods of
/// [`Sort`] say. It counts as a write, because it may store: prefer [`sort_ro`].
/// <https://redis.io/commands/sort/>
pub fn sort<K: ToArg>(key: K) -> Sort<K> {
    Sort::new(&table::SORT, key)
}

/// As [`sort`], but only reads.
/// <https://redis.io/commands/sort_ro/>
pub fn sort_ro<K: ToArg>(key: K) -> Sort<K> {
    Sort::new(&table::SORT_RO, key)
}

/// `SORT` and `SORT_RO`: see [`sort`]. Of `asc` and `desc`, and of several `by`, the last call
/// counts.
#[derive(Clone, Copy, Debug)]
pub struct Sort<K, O = (), R = Items<Bytes>> {
    spec: &'static Spec,
    key: K,
    options: O,
    limit: Option<(i64, i64)>,
    order: Option<&'static str>,
    alpha: bool,
    reply: PhantomData<fn() -> R>,
}

impl<K> Sort<K> {
    fn new(spec: &'static Spec, key: K) -> Self {
        Self {
            spec,
            key,
            options: (),
            limit: None,
            order: None,
            alpha: false,
            reply: PhantomData,
        }
    }
}

impl<K, O, R> Sort<K, O, R> {
    /// In the order of the values of these keys: `weight_*`, with each element for the `*`, or
    /// `weight_*->field` in a hash. A pattern without `*` does not sort at all.
    pub fn by<P: ToArg>(self, pattern: P) -> Sort<K, With<O, P>, R> {
        self.option("BY", pattern)
    }

    /// Only `count` elements, after the first `offset`.
    pub fn limit(self, offset: i64, count: i64) -> Self {
        Self {
            limit: Some((offset, count)),
            ..self
        }
    }

    /// The smallest first, which is so anyway.
    pub fn asc(self) -> Self {
        Self {
            order: Some("ASC"),
            ..self
        }
    }

    /// The largest first.
    pub fn desc(self) -> Self {
        Self {
            order: Some("DESC"),
            ..self
        }
    }

    /// By the bytes, not by numbers.
    pub fn alpha(self) -> Self {
        Self {
            alpha: true,
            ..self
        }
    }

    fn option<P, S>(self, word: &'static str, arg: P) -> Sort<K, With<O, P>, S> {
        let Self {
            spec,
            key,
            options,
            limit,
            order,
            alpha,
            ..
        } = self;
        let options = And(options, Tagged(word, (arg,)));
        Sort {
            spec,
            key,
            options,
            limit,
            order,
            alpha,
            reply: PhantomData,
        }
    }
}

impl<K, O, R> Sort<K, O, Items<R>> {
    /// Answers the values of these keys, `name_*` with each element for the `*`, instead of the
    /// elements; `#` is the element itself. Any number of times: so many values an element. `None`
    /// for one that there is not.
    pub fn get<P: ToArg>(self, pattern: P) -> Sort<K, With<O, P>, Items<Option<Bytes>>> {
        self.option("GET", pattern)
    }

    /// Stores the result as a list, and answers its length. To be called after `get`. What began as
    /// a [`sort_ro`] is then a [`sort`].
    pub fn store<D: ToArg>(self, destination: D) -> Sort<K, With<O, D>, u64> {
        Sort {
            spec: &table::SORT,
            ..self.option("STORE", destination)
        }
    }
}

impl<K: ToArg, O: List, R> Encode for Sort<K, O, R> {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.key);
        self.options.add_to(args);
        if let Some((offset, count)) = self.limit {
            args.word("LIMIT").int(offset).int(count);
        }
        if let Some(order) = self.order {
            args.word(order);
        }
        word_if(args, self.alpha, "ALPHA");
    }
}

impl<K: ToArg, O: List, R: Reply> Command for Sort<K, O, R> {
    type Reply = R;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        cases! { cases, k:
            sort(k) => "SORT k";
            sort(k).asc() => "SORT k ASC";
            sort(k).by("w_*").limit(0, 10).get("#").get(("n_", "*")).desc().alpha() =>
                "SORT k BY w_* GET # GET n_* LIMIT 0 10 DESC ALPHA";
            sort(k).get(k).store("d").desc() => "SORT k GET k STORE d DESC";
            sort_ro(k).by("nosort").limit(1, -1) => "SORT_RO k BY nosort LIMIT 1 -1";
            sort_ro(k).store("d") => "SORT k STORE d";
        }
    }
}
