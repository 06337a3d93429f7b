//! The interrupts of the machine: which handler has which number.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

use super::{lan9118, time};

type Handler = unsafe extern "C" fn();

/// The lines of the machine that are used here.
#[derive(Clone, Copy)]
pub(super) enum Line {
    Counter = 8,
    Alarm = 9,
    Network = 13,
}

impl Line {
    /// Lets the line interrupt from now on. What it asked for earlier is forgotten.
    pub(super) fn unmask(self) {
        NVIC::unpend(self);
        // SAFETY: No critical section is broken: those of this firmware hold off all interrupts.
        unsafe { NVIC::unmask(self) };
    }
}

// SAFETY: The numbers are those of the machine, stay the same, and are below its 32 lines.
unsafe impl InterruptNumber for Line {
    fn number(self) -> u16 {
        self as u16
    }
}

unsafe extern "C" {
    /// In `board::fault`; cortex-m-rt gives it its C name.
    fn DefaultHandler();
}

/// The part of the vector table that cortex-m-rt leaves to the chip.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
#[used]
static __INTERRUPTS: [Handler; 32] = table();

#[allow(clippy::indexing_slicing)] // Evaluated by the compiler.
const fn table() -> [Handler; 32] {
    let mut table = [DefaultHandler as Handler; 32];
    table[Line::Counter as usize] = time::on_counter_wrapped;
    table[Line::Alarm as usize] = time::on_alarm;
    table[Line::Network as usize] = lan9118::on_interrupt;
    table
}
