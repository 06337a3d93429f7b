//! Events, told to `defmt`, to `log`, to both, or to nobody, by the features that are on.

/// Tells an event at a level: `event!(debug, "opened")`. Texts and arguments never hold what a
/// user sends or a password.
macro_rules! event {
    ($level:ident, $text:literal $(, $arg:expr)*) => {{
        #[cfg(feature = "defmt")]
        defmt::$level!($text $(, $arg)*);
        #[cfg(feature = "log")]
        log::$level!($text $(, $arg)*);
        #[cfg(not(any(feature = "defmt", feature = "log")))]
        let _ = ($(&$arg,)*);
    }};
}

pub(crate) use event;
