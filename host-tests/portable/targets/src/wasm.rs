//! The vectors as a module for wasm32, which imports nothing: who runs it asks for one vector after
//! the other.
#![no_std]
#![cfg(target_arch = "wasm32")]

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Of the vector that was run last.
static CASES: AtomicU32 = AtomicU32::new(0);
static WRONG: AtomicU32 = AtomicU32::new(0);

/// How many vectors there are.
#[unsafe(no_mangle)]
pub extern "C" fn vectors() -> u32 {
    portable::all().count() as u32
}

/// Runs a vector, and gives the digest of what came of it.
#[unsafe(no_mangle)]
pub extern "C" fn run(index: u32) -> u64 {
    let vector = portable::all().nth(index as usize).expect("a vector");
    let report = vector.run();
    CASES.store(report.cases, Relaxed);
    WRONG.store(report.wrong, Relaxed);
    report.digest
}

/// How many runs that took.
#[unsafe(no_mangle)]
pub extern "C" fn cases() -> u32 {
    CASES.load(Relaxed)
}

/// How many of them went wrong.
#[unsafe(no_mangle)]
pub extern "C" fn wrong() -> u32 {
    WRONG.load(Relaxed)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
