//! What the real chips have in common.

use cortex_m::asm;
use cortex_m::peripheral::SCB;

use crate::args::Args;

/// The settings that were in the environment when the firmware was built.
pub(super) const ARGS: Args = Args::new(match option_env!("ARGS") {
    Some(words) => words,
    None => "redis=192.168.1.10:6379",
});

/// What the log gets to leave the chip, in cycles: 0.3 s of the faster board.
const LAST_WORDS: u32 = 50_000_000;

/// Sleeps for ever after 0. After anything else the chip starts again: a node in the field has
/// nobody to press the button.
///
/// Before that some time passes. The log lies in RAM (RTT), where a probe looks for it several times
/// a second, and a start forgets it: why the firmware ended would never be seen. `defmt::flush`
/// would wait for the probe, and so for ever where one was unplugged; it also panics where the
/// logger is what failed.
pub fn exit(status: u32) -> ! {
    if status != 0 {
        asm::delay(LAST_WORDS);
        SCB::sys_reset();
    }
    loop {
        asm::wfi();
    }
}

/// An Ethernet address for a board that has none of its own: locally administered, and the same at
/// every start, so that a DHCP server knows the board again. From the unique number of a chip.
pub(super) fn mac_address(unique: &[u8]) -> [u8; 6] {
    // FNV-1a: the unique numbers of two chips of one batch differ in few bits, in any place.
    let hash = unique.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let [_, _, _, a, b, c, d, e] = hash.to_be_bytes();
    [0x02, a, b, c, d, e]
}
