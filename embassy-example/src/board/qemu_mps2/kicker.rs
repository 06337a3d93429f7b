//! Keeps QEMU's own main loop awake.
//!
//! Frames that the firmware sends are queued by QEMU's user network, and its main loop does not hear
//! of that: it sleeps until its next timer, which may be a second away. A SysTick that runs gives it
//! one every 5 ms. It interrupts nobody, and the firmware sleeps on. A real board needs none of this.

use super::registers::Registers;

// SAFETY: The SysTick of every Cortex-M. Its interrupt stays off, and nothing else here uses it.
const SYSTICK: Registers = unsafe { Registers::at(0xE000_E010) };
const CONTROL: usize = 0x0;
const RELOAD: usize = 0x4;
const VALUE: usize = 0x8;

/// Processor clock, no interrupt, on.
const ON: u32 = 0b101;
/// 5 ms at 25 MHz.
const PERIOD: u32 = 125_000;

pub(super) fn start() {
    SYSTICK.write(RELOAD, PERIOD - 1);
    SYSTICK.write(VALUE, 0);
    SYSTICK.write(CONTROL, ON);
}
