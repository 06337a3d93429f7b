//! The host, by semihosting: a call to the debugger, whose part QEMU plays.

use core::fmt::Write as _;

// The log goes to QEMU's standard output as it is; the host decodes it.
use defmt_semihosting as _;
use semihosting::experimental::env;
use semihosting::experimental::time::SystemTime;
use static_cell::ConstStaticCell;

use crate::args::Args;

/// Room for all settings together, in bytes.
const ROOM: usize = 512;

/// The settings on QEMU's command line, each one as `-semihosting-config arg=key=value`.
///
/// # Panics
/// Where they are longer than 512 bytes, or called a second time.
pub(super) fn args() -> Args {
    static TEXT: ConstStaticCell<Text> = ConstStaticCell::new(Text {
        bytes: [0; ROOM],
        used: 0,
    });
    let text = TEXT.take();
    if let Ok(words) = env::args::<ROOM>() {
        for word in &words {
            let written = word.map(|word| write!(text, "{word} "));
            defmt::assert!(
                matches!(written, Ok(Ok(()))),
                "settings: not UTF-8, or too long"
            );
        }
    }
    Args::new(text.as_str())
}

/// Another number at every start: the host's time of day.
pub(super) fn unforeseen() -> u64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as u64,
        Err(_) => 0,
    }
}

/// Ends QEMU with this status.
pub fn exit(status: u32) -> ! {
    semihosting::process::exit(status.cast_signed())
}

/// The settings, copied to where they stay.
struct Text {
    bytes: [u8; ROOM],
    used: usize,
}

impl Text {
    fn as_str(&'static self) -> &'static str {
        let used = self.bytes.get(..self.used).unwrap_or_default();
        core::str::from_utf8(used).unwrap_or_default()
    }
}

impl core::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.used.saturating_add(text.len());
        let room = self.bytes.get_mut(self.used..end).ok_or(core::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}
