//! Volatile access to the registers of a device.

use core::ptr;

/// A page of 32-bit registers.
#[derive(Clone, Copy)]
pub(super) struct Registers(usize);

/// The offset of the last register.
const LAST: usize = 0xFFC;

impl Registers {
    /// The registers from this address on.
    ///
    /// # Safety
    /// There are registers of a device in the 4 KiB from there on and nothing else, reading and writing
    /// them in any order cannot change memory that Rust knows of, and the address is a multiple of 4.
    pub(super) const unsafe fn at(address: usize) -> Self {
        Self(address)
    }

    /// Reads the register at this offset, in bytes.
    pub(super) fn read(self, offset: usize) -> u32 {
        // SAFETY: `pointer` stays inside of what `at` was promised, and is aligned.
        unsafe { ptr::read_volatile(self.pointer(offset)) }
    }

    /// Writes the register at this offset, in bytes.
    pub(super) fn write(self, offset: usize, value: u32) {
        // SAFETY: As for `read`.
        unsafe { ptr::write_volatile(self.pointer(offset), value) }
    }

    fn pointer(self, offset: usize) -> *mut u32 {
        // For an offset that is known this leaves nothing behind.
        let aligned_and_inside = offset & LAST;
        ptr::with_exposed_provenance_mut(self.0 + aligned_and_inside)
    }
}
