//! What happens when something went wrong for good: it is logged, and the firmware ends. The default
//! of cortex-m-rt is to loop, which looks like a node that is quietly at work.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m_rt::{ExceptionFrame, exception};
use defmt::Display2Format;

/// Statuses for [`exit`](super::exit) that no application uses.
const PANICKED: u32 = 101;
const HARD_FAULT: u32 = 102;
const UNEXPECTED_INTERRUPT: u32 = 103;

#[panic_handler]
fn panicked(info: &PanicInfo) -> ! {
    // The logger itself may be what panicked. It must not be asked twice.
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.load(Ordering::Relaxed) {
        SAID.store(true, Ordering::Relaxed);
        defmt::error!("{}", Display2Format(info));
    }
    super::exit(PANICKED)
}

/// `defmt::panic!` and its kin have logged by themselves, with their place.
#[defmt::panic_handler]
fn defmt_panicked() -> ! {
    super::exit(PANICKED)
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    defmt::error!(
        "HardFault at {=u32:#010x}, called from {=u32:#010x}",
        frame.pc(),
        frame.lr()
    );
    super::exit(HARD_FAULT)
}

#[exception]
unsafe fn DefaultHandler(number: i16) {
    defmt::error!("interrupt {} has no handler", number);
    super::exit(UNEXPECTED_INTERRUPT)
}
