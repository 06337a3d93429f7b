//! Arguments side by side: how a command's own arguments are put together without a buffer.

use crate::resp::{Args, ToArg, ToArgs, ToPairs};

/// The arguments of a command, in order.
///
/// A tuple is its elements as one argument each: `(key, 7, "v")` are three. (Where *one* argument
/// is wanted, as in `get(("node:", 7))`, a tuple is its pieces.)
pub trait List: Sync {
    /// Adds the arguments, the same every time.
    fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>);
}

/// As many arguments as there are: an array or slice, or a single one.
#[derive(Clone, Copy, Debug)]
pub struct Many<T>(pub T);

/// Two arguments for each pair of an array or slice.
#[derive(Clone, Copy, Debug)]
pub struct ManyPairs<T>(pub T);

/// A word of the command's grammar, and what it introduces: `MATCH pattern`.
#[derive(Clone, Copy, Debug)]
pub struct Tagged<A>(pub &'static str, pub A);

/// One list after another.
#[derive(Clone, Copy, Debug)]
pub struct And<A, B>(pub A, pub B);

/// A list, and a word with one argument after it.
pub type With<L, A> = And<L, Tagged<(A,)>>;

impl List for () {
    fn add_to<'a>(&'a self, _args: &mut Args<'_, 'a>) {}
}

impl<T: ToArgs> List for Many<T> {
    fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.all(&self.0);
    }
}

impl<T: ToPairs> List for ManyPairs<T> {
    fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.pairs(&self.0);
    }
}

impl<A: List> List for Tagged<A> {
    fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.word(self.0);
        self.1.add_to(args);
    }
}

impl<A: List, B: List> List for And<A, B> {
    fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>) {
        self.0.add_to(args);
        self.1.add_to(args);
    }
}

macro_rules! tuple_lists {
    ($(($($name:ident $index:tt)+);)*) => { $(
        impl<$($name: ToArg),+> List for ($($name,)+) {
            fn add_to<'a>(&'a self, args: &mut Args<'_, 'a>) {
                args$(.add(&self.$index))+;
            }
        }
    )* };
}

tuple_lists! {
    (A 0);
    (A 0 B 1);
    (A 0 B 1 C 2);
    (A 0 B 1 C 2 D 3);
    (A 0 B 1 C 2 D 3 E 4);
}

/// Adds `word` where `set`.
pub(super) fn word_if<'a>(args: &mut Args<'_, 'a>, set: bool, word: &'static str) {
    if set {
        args.word(word);
    }
}

/// Adds `word` and the number, where there is one.
pub(super) fn number_if<'a>(args: &mut Args<'_, 'a>, word: &'static str, number: &'a Option<u64>) {
    if let Some(number) = number {
        args.word(word).add(number);
    }
}
