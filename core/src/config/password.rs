//! A password that cannot be printed.

use core::fmt;

/// A password, or a function that gives it; prints as `***`, so what holds one may derive `Debug`
/// and `defmt::Format`.
///
/// Its text comes out in one way only, [`reveal`](Self::reveal).
#[derive(Clone, Copy)]
pub struct Password<'c>(Secret<'c>);

#[derive(Clone, Copy)]
enum Secret<'c> {
    Fixed(&'c [u8]),
    Source(&'c dyn PasswordSource),
}

impl<'c> Password<'c> {
    /// A password that stays the same. It may be any bytes.
    pub const fn new(password: &'c [u8]) -> Self {
        Self(Secret::Fixed(password))
    }

    /// A password that is asked for at each login.
    pub const fn from_source(source: &'c dyn PasswordSource) -> Self {
        Self(Secret::Source(source))
    }

    /// Hands the password as it is now to `take`, which is not called where the source gives none.
    pub fn reveal(&self, take: &mut dyn FnMut(&[u8])) {
        match self.0 {
            Secret::Fixed(password) => take(password),
            Secret::Source(source) => source.password(take),
        }
    }
}

impl fmt::Debug for Password<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Password<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "***");
    }
}

/// Gives a password that changes, such as a token that is rotated.
///
/// There is no heap to return it in, so it is handed to a callback and can live in a buffer, behind
/// a lock, or in pieces of flash. Every `Fn(&mut dyn FnMut(&[u8])) + Sync` is a source:
///
/// ```
/// use core::sync::atomic::{AtomicBool, Ordering};
/// use respool::config::Config;
///
/// static ROTATED: AtomicBool = AtomicBool::new(false);
///
/// fn token(give: &mut dyn FnMut(&[u8])) {
///     give(if ROTATED.load(Ordering::Relaxed) { b"second token" } else { b"first token" })
/// }
///
/// const CONFIG: Config<'static> = Config::new().username("node-7").password_from(&token);
/// ```
///
/// A closure has to name the type of its argument:
///
/// ```
/// # use respool::config::Config;
/// let token = [7u8; 16];
/// let source = |give: &mut dyn FnMut(&[u8])| give(&token);
/// let config = Config::new().password_from(&source);
/// ```
pub trait PasswordSource: Sync {
    /// Calls `give` once with the password. Not calling it means that there is none now, and the
    /// login fails.
    ///
    /// A login may ask more than once and wants the same answer each time. The bytes are copied
    /// before `give` returns. It is called while a connection is being opened: it may not wait.
    fn password(&self, give: &mut dyn FnMut(&[u8]));
}

impl<F: Fn(&mut dyn FnMut(&[u8])) + Sync> PasswordSource for F {
    fn password(&self, give: &mut dyn FnMut(&[u8])) {
        self(give)
    }
}
