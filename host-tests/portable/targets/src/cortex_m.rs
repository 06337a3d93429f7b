//! The vectors as firmware for QEMU's `mps2-an386`: prints a line for each, and ends.
#![no_std]
#![no_main]

use core::fmt::Write;

use cortex_m as _;
use cortex_m_semihosting::{debug, hio};

#[cortex_m_rt::entry]
fn main() -> ! {
    let mut host = hio::hstdout().expect("QEMU has a standard output");
    for vector in portable::all() {
        let report = vector.run();
        let (cases, wrong, digest) = (report.cases, report.wrong, report.digest);
        let told = writeln!(host, "{cases} {wrong} {digest:016x}");
        assert_eq!(told, Ok(()));
    }
    loop {
        debug::exit(debug::EXIT_SUCCESS);
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    if let Ok(mut host) = hio::hstderr() {
        let _ = writeln!(host, "{info}");
    }
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}
