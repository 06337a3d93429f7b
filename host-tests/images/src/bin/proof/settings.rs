//! Settings, and what they say of themselves.

use core::fmt::{self, Write};

use respool::Config;
use respool::error::Code;

use images::look::{Look, see};
use images::soup::Soup;

#[inline(never)]
pub fn url(s: &Soup) {
    let mut scratch = [0; 64];
    match Config::from_url(s.text(), &mut scratch) {
        Ok(config) => see_all(&config),
        Err(error) => print(format_args!("{error}")),
    }
}

#[inline(never)]
pub fn words(s: &Soup) {
    Code::of(s.bytes()).word().look();
    let error = respool::Error::new(
        respool::ErrorKind::ReplyTooLarge {
            needed: s.word(),
            window: s.word(),
        },
        respool::Reached::Answered,
    );
    print(format_args!("{error} {}", s.id()));
}

fn see_all(config: &Config<'_>) {
    config.db.look();
    config.username.look();
    config.client_name.look();
    config.retries.look();
    config.seed.look();
    let timeout = config.call_timeout.unwrap_or_default();
    timeout.subsec_nanos().look();
    print(format_args!("{}", config.address));
}

#[inline(never)]
pub fn print(text: fmt::Arguments<'_>) {
    let _ = Screen.write_fmt(text);
}

struct Screen;

impl Write for Screen {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        see(text.as_bytes());
        Ok(())
    }
}
