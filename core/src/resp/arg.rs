//! What a command's arguments are made of.

use core::fmt;

use crate::error::CommandFault;
use crate::resp::IN_A_HURRY;
use crate::resp::decimal::Decimal;
use crate::resp::encode::Out;

/// One argument, as it will stand on the wire: bytes with a length in front.
#[derive(Clone, Copy)]
pub enum Arg<'a> {
    /// Bytes. CR, LF and NUL in them are data. Sent from where they are when they are large.
    Bytes(&'a [u8]),
    /// A number, written as decimal digits.
    Int(i64),
    /// Bytes that exist only piece by piece.
    Pieces(&'a dyn Pieces),
    /// Something that cannot be sent; the command fails before its first byte.
    Invalid(CommandFault),
}

/// An argument in pieces: it is never in memory as a whole.
///
/// A tuple of pieces is one argument, so a key can be put together without a buffer:
/// `("node:", 7, ":temp")`.
pub trait Pieces: Sync {
    /// Gives the pieces in order. Called more than once; must give the same bytes every time.
    fn pieces(&self, give: &mut dyn FnMut(&[u8]));
}

/// What can stand as one argument: text, bytes, numbers, and tuples of these as one piece after
/// the other.
pub trait ToArg: Sync {
    /// The argument; may borrow from `self`. Asked for more than once; must be the same every time.
    fn to_arg(&self) -> Arg<'_>;
}

/// What can stand as one or more arguments: anything that is one, and arrays and slices of it.
pub trait ToArgs: Sync {
    /// Adds the arguments in order. Called more than once; must add the same ones every time.
    fn to_args<'a>(&'a self, args: &mut Args<'_, 'a>);
}

/// Arguments that come in twos: arrays and slices of pairs, for `MSET`, `HSET` and the like.
pub trait ToPairs: Sync {
    /// Adds both arguments of every pair.
    fn to_pairs<'a>(&'a self, args: &mut Args<'_, 'a>);
}

/// Takes the arguments of a command, one after the other.
///
/// A command is walked more than once: to count its arguments, to write them, and again where it
/// left off when it is larger than its window.
pub struct Args<'s, 'a> {
    /// Arguments that were written on an earlier walk.
    skip: u32,
    walk: Walk<'s, 'a>,
}

pub(crate) enum Walk<'s, 'a> {
    /// How many arguments there are.
    Count(u32),
    /// Write them.
    Write(Out<'s>),
    /// The bytes of the first one that is not skipped.
    Find(Option<&'a [u8]>),
    /// Show each.
    Show(&'s mut dyn FnMut(Arg<'a>)),
}

impl<'s, 'a> Args<'s, 'a> {
    pub(crate) fn new(skip: u32, walk: Walk<'s, 'a>) -> Self {
        Self { skip, walk }
    }

    pub(crate) fn walk(&mut self) -> &mut Walk<'s, 'a> {
        &mut self.walk
    }

    pub(crate) fn finish(self) -> Walk<'s, 'a> {
        self.walk
    }

    /// Adds one argument.
    pub fn add<T: ToArg + ?Sized>(&mut self, arg: &'a T) -> &mut Self {
        self.push(arg.to_arg());
        self
    }

    /// Adds a fixed word of the command's grammar.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn word(&mut self, word: &'static str) -> &mut Self {
        self.push(Arg::Bytes(word.as_bytes()));
        self
    }

    /// Adds a number.
    pub fn int(&mut self, number: i64) -> &mut Self {
        self.push(Arg::Int(number));
        self
    }

    /// Adds as many arguments as there are.
    pub fn all<T: ToArgs + ?Sized>(&mut self, args: &'a T) -> &mut Self {
        args.to_args(self);
        self
    }

    /// Adds pairs.
    pub fn pairs<T: ToPairs + ?Sized>(&mut self, pairs: &'a T) -> &mut Self {
        pairs.to_pairs(self);
        self
    }

    /// Adds one argument by value.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub fn push(&mut self, arg: Arg<'a>) {
        // Nearly all arguments are bytes, and are written once.
        if IN_A_HURRY
            && let (0, Walk::Write(out), Arg::Bytes(bytes)) = (self.skip, &mut self.walk, arg)
        {
            return out.bulk(bytes);
        }
        self.push_any(arg);
    }

    #[cfg_attr(target_pointer_width = "64", inline(never))]
    fn push_any(&mut self, arg: Arg<'a>) {
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(1);
            return;
        }
        match &mut self.walk {
            Walk::Count(count) => *count = count.saturating_add(1),
            Walk::Write(out) => out.arg(arg),
            Walk::Find(found) => {
                if found.is_none() {
                    *found = Some(if let Arg::Bytes(bytes) = arg {
                        bytes
                    } else {
                        &[]
                    });
                }
            }
            Walk::Show(look) => look(arg),
        }
    }

    /// Adds `items`, of `each` arguments, without a look at those that are not needed.
    fn slice<T>(&mut self, items: &'a [T], each: u32, add: impl Fn(&mut Self, &'a T)) {
        if let (Walk::Count(count), Ok(items)) = (&mut self.walk, u32::try_from(items.len())) {
            *count = count.saturating_add(items.saturating_mul(each));
            return;
        }
        let skipped = (self.skip.checked_div(each).unwrap_or(0) as usize).min(items.len());
        self.skip = self
            .skip
            .saturating_sub((skipped as u32).saturating_mul(each));
        for item in items.get(skipped..).unwrap_or_default() {
            if self.is_full() {
                return;
            }
            add(self, item);
        }
    }

    fn is_full(&self) -> bool {
        match &self.walk {
            Walk::Count(_) | Walk::Show(_) => false,
            Walk::Write(out) => out.is_full(),
            Walk::Find(found) => found.is_some(),
        }
    }
}

impl fmt::Debug for Args<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Args").finish_non_exhaustive()
    }
}

impl fmt::Debug for Arg<'_> {
    /// Shapes only: an argument may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Int(_) => f.write_str("Int"),
            Self::Pieces(_) => f.write_str("Pieces"),
            Self::Invalid(fault) => write!(f, "Invalid({fault})"),
        }
    }
}

/// Types that are one argument: how they give it, and that they are also a list of one.
macro_rules! one_arg {
    ($($type:ty, $self:ident => $arg:expr;)*) => { $(
        impl ToArg for $type {
            fn to_arg(&$self) -> Arg<'_> {
                $arg
            }
        }
        impl ToArgs for $type {
            fn to_args<'a>(&'a self, args: &mut Args<'_, 'a>) {
                args.push(self.to_arg());
            }
        }
    )* };
}

one_arg! {
    &str, self => Arg::Bytes(self.as_bytes());
    &[u8], self => Arg::Bytes(self);
    i16, self => Arg::Int(i64::from(*self));
    u16, self => Arg::Int(i64::from(*self));
    i32, self => Arg::Int(i64::from(*self));
    u32, self => Arg::Int(i64::from(*self));
    i64, self => Arg::Int(*self);
    u64, self => i64::try_from(*self).map_or(Arg::Pieces(self), Arg::Int);
    usize, self => i64::try_from(*self).map_or(Arg::Pieces(self), Arg::Int);
    f32, self => if self.is_nan() { Arg::Invalid(CommandFault::NotANumber) } else { Arg::Pieces(self) };
    f64, self => if self.is_nan() { Arg::Invalid(CommandFault::NotANumber) } else { Arg::Pieces(self) };
}

#[cfg(feature = "std")]
one_arg! {
    std::string::String, self => Arg::Bytes(self.as_bytes());
    &std::string::String, self => Arg::Bytes(self.as_bytes());
    std::vec::Vec<u8>, self => Arg::Bytes(self);
    &std::vec::Vec<u8>, self => Arg::Bytes(self);
}

impl<const N: usize> ToArg for &[u8; N] {
    fn to_arg(&self) -> Arg<'_> {
        Arg::Bytes(self.as_slice())
    }
}

impl<const N: usize> ToArg for heapless::String<N> {
    fn to_arg(&self) -> Arg<'_> {
        Arg::Bytes(self.as_bytes())
    }
}

impl<const N: usize> ToArg for heapless::Vec<u8, N> {
    fn to_arg(&self) -> Arg<'_> {
        Arg::Bytes(self)
    }
}

impl ToArg for Arg<'_> {
    fn to_arg(&self) -> Arg<'_> {
        *self
    }
}

impl<const N: usize> ToArgs for &[u8; N] {
    fn to_args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.push(self.to_arg());
    }
}

impl<const N: usize> ToArgs for heapless::String<N> {
    fn to_args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.push(self.to_arg());
    }
}

impl<T: ToArg> ToArgs for [T] {
    fn to_args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.slice(self, 1, |args, item| args.push(item.to_arg()));
    }
}

impl<T: ToArg> ToArgs for &[T] {
    fn to_args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        (**self).to_args(args);
    }
}

impl<T: ToArg, const N: usize> ToArgs for [T; N] {
    fn to_args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        self.as_slice().to_args(args);
    }
}

impl<K: ToArg, V: ToArg> ToPairs for [(K, V)] {
    fn to_pairs<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.slice(self, 2, |args, (key, value)| {
            args.push(key.to_arg());
            args.push(value.to_arg());
        });
    }
}

impl<K: ToArg, V: ToArg> ToPairs for &[(K, V)] {
    fn to_pairs<'a>(&'a self, args: &mut Args<'_, 'a>) {
        (**self).to_pairs(args);
    }
}

impl<K: ToArg, V: ToArg, const N: usize> ToPairs for [(K, V); N] {
    fn to_pairs<'a>(&'a self, args: &mut Args<'_, 'a>) {
        self.as_slice().to_pairs(args);
    }
}

/// Numbers as decimal digits, formatted without a panic path.
macro_rules! number_pieces {
    ($($type:ty, $number:ident => $digits:expr;)*) => { $(
        impl Pieces for $type {
            fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
                let $number = *self;
                give($digits.as_bytes());
            }
        }
    )* };
}

number_pieces! {
    u16, number => Decimal::unsigned(u64::from(number));
    i16, number => Decimal::new(i64::from(number));
    u32, number => Decimal::unsigned(u64::from(number));
    i32, number => Decimal::new(i64::from(number));
    u64, number => Decimal::unsigned(number);
    i64, number => Decimal::new(number);
    usize, number => Decimal::unsigned(number as u64);
    f32, number => zmij::Buffer::new().format(number);
    f64, number => zmij::Buffer::new().format(number);
}

impl Pieces for &str {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        give(self.as_bytes());
    }
}

impl Pieces for &[u8] {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        give(self);
    }
}

impl<const N: usize> Pieces for heapless::String<N> {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        give(self.as_bytes());
    }
}

/// Tuples of pieces: one argument, put together on the wire.
macro_rules! tuple_pieces {
    ($(($($name:ident)+);)*) => { $(
        impl<$($name: Pieces),+> Pieces for ($($name,)+) {
            #[allow(non_snake_case)]
            fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
                let ($($name,)+) = self;
                $($name.pieces(give);)+
            }
        }
        impl<$($name: Pieces),+> ToArg for ($($name,)+) {
            fn to_arg(&self) -> Arg<'_> {
                Arg::Pieces(self)
            }
        }
        impl<$($name: Pieces),+> ToArgs for ($($name,)+) {
            fn to_args<'a>(&'a self, args: &mut Args<'_, 'a>) {
                args.push(self.to_arg());
            }
        }
    )* };
}

tuple_pieces! {
    (A B);
    (A B C);
    (A B C D);
    (A B C D E);
    (A B C D E F);
}
