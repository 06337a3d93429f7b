//! The LAN9118, an Ethernet chip with FIFOs for frames, as QEMU models it. The model sends a frame
//! while it is written; a driver for the chip itself would also wait for room in the FIFO.
//!
//! An interrupt only turns the interrupts off and wakes the network task; all else is done there.

use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;

use super::interrupts::Line;
use super::registers::Registers;

// SAFETY: The chip's place on the machine. It has no DMA, and nothing else here uses it.
const CHIP: Registers = unsafe { Registers::at(0x4020_0000) };

const RX_DATA: usize = 0x00;
const TX_DATA: usize = 0x20;
const RX_STATUS: usize = 0x40;
const TX_STATUS: usize = 0x48;
const ID_REV: usize = 0x50;
const IRQ_CFG: usize = 0x54;
/// What happened; write 1 to forget it.
const INT_STS: usize = 0x58;
const INT_EN: usize = 0x5C;
const BYTE_TEST: usize = 0x64;
const FIFO_INT: usize = 0x68;
const RX_CFG: usize = 0x6C;
const TX_CFG: usize = 0x70;
const HW_CFG: usize = 0x74;
const RX_FIFO_INF: usize = 0x7C;
const TX_FIFO_INF: usize = 0x80;
const MAC_CSR_CMD: usize = 0xA4;
const MAC_CSR_DATA: usize = 0xA8;
const AFC_CFG: usize = 0xAC;

/// A frame came.
const RECEIVED: u32 = 1 << 3;
/// The link went up or down.
const PHY: u32 = 1 << 18;

/// An Ethernet frame without its checksum.
const FRAME: usize = 1514;
/// The same in whole words, as the FIFO has it, and the checksum.
const ROOM: usize = (FRAME + 4).next_multiple_of(4);

static WAKER: AtomicWaker = AtomicWaker::new();

pub(super) unsafe extern "C" fn on_interrupt() {
    CHIP.write(INT_EN, 0);
    WAKER.wake();
}

/// Memory for one frame each way. In a static: on the stack of the network task it would be copied
/// about, and counted twice.
pub(super) struct Frames {
    rx: [u8; ROOM],
    tx: [u8; ROOM],
}

impl Frames {
    pub(super) const fn new() -> Self {
        Self {
            rx: [0; ROOM],
            tx: [0; ROOM],
        }
    }
}

/// The chip, started.
pub(super) struct Lan9118 {
    frames: &'static mut Frames,
    address: [u8; 6],
    link: LinkState,
}

impl Lan9118 {
    /// Resets the chip and lets it receive.
    ///
    /// # Panics
    /// Where there is none: another machine, or QEMU was started without `-nic ...,model=lan9118`.
    pub(super) fn start(frames: &'static mut Frames) -> Self {
        let found = CHIP.read(BYTE_TEST) == 0x8765_4321 && CHIP.read(ID_REV) >> 16 == 0x0118;
        defmt::assert!(found, "no LAN9118 here");

        const SOFT_RESET: u32 = 1;
        CHIP.write(HW_CFG, SOFT_RESET);
        while CHIP.read(HW_CFG) & SOFT_RESET != 0 {}
        CHIP.write(INT_EN, 0);
        CHIP.write(INT_STS, u32::MAX);
        // 5 KiB of the memory for sending; flow control as the data sheet proposes.
        CHIP.write(HW_CFG, 0x0015_0000);
        CHIP.write(AFC_CFG, 0x006E_3740);

        phy::start();
        let [low, high] = [mac::read(mac::ADDRESS_LOW), mac::read(mac::ADDRESS_HIGH)];
        let ([a, b, c, d], [e, f, ..]) = (low.to_le_bytes(), high.to_le_bytes());

        // An interrupt for the first frame in the FIFO.
        CHIP.write(FIFO_INT, 0xFF00_0000);
        CHIP.write(RX_CFG, 0);
        const DISCARD: u32 = 0xC000;
        const SEND: u32 = 2;
        CHIP.write(TX_CFG, DISCARD);
        CHIP.write(TX_CFG, SEND);
        mac::write(mac::CONTROL, mac::FULL_DUPLEX | mac::TX_ON | mac::RX_ON);

        // Push-pull and active high. Before that the line is inverted and always asks.
        CHIP.write(IRQ_CFG, 0x111);
        CHIP.write(INT_EN, RECEIVED | PHY);
        Line::Network.unmask();
        Self {
            frames,
            address: [a, b, c, d, e, f],
            link: phy::link(),
        }
    }

    /// Turns the interrupts on again. False where a frame came meanwhile that nobody would tell of.
    fn rearm(&mut self) -> bool {
        self.look_at_link();
        CHIP.write(INT_STS, RECEIVED);
        if frames_waiting() > 0 {
            return false;
        }
        CHIP.write(INT_EN, RECEIVED | PHY);
        frames_waiting() == 0
    }

    /// The PHY is slow to ask, so it is asked only when it said that something changed.
    fn look_at_link(&mut self) {
        if CHIP.read(INT_STS) & PHY != 0 {
            phy::forget_interrupt();
            CHIP.write(INT_STS, PHY);
            self.link = phy::link();
        }
    }
}

impl Driver for Lan9118 {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, cx: &mut Context) -> Option<(RxToken<'_>, TxToken<'_>)> {
        WAKER.register(cx.waker());
        loop {
            if frames_waiting() == 0 && self.rearm() {
                return None;
            }
            if let Some(length) = pop_frame(&mut self.frames.rx) {
                let frame = self.frames.rx.get_mut(..length)?;
                return Some((RxToken(frame), TxToken(&mut self.frames.tx)));
            }
        }
    }

    fn transmit(&mut self, cx: &mut Context) -> Option<TxToken<'_>> {
        WAKER.register(cx.waker());
        Some(TxToken(&mut self.frames.tx))
    }

    fn link_state(&mut self, cx: &mut Context) -> LinkState {
        WAKER.register(cx.waker());
        self.look_at_link();
        self.link
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        // The FIFO holds six full frames, and what comes then is lost. It bounds the windows of TCP.
        capabilities.max_burst_size = Some(6);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

/// A frame that came.
pub(super) struct RxToken<'a>(&'a mut [u8]);

impl embassy_net_driver::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame to send.
pub(super) struct TxToken<'a>(&'a mut [u8; ROOM]);

impl embassy_net_driver::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let length = length.min(FRAME);
        let (frame, _) = self.0.split_at_mut(length);
        let result = f(frame);
        push_frame(self.0, length);
        result
    }
}

fn frames_waiting() -> u32 {
    CHIP.read(RX_FIFO_INF) >> 16 & 0xFF
}

/// Takes the oldest frame out of the FIFO. `None` for one that came damaged, or that there is no
/// frame.
fn pop_frame(into: &mut [u8; ROOM]) -> Option<usize> {
    const DAMAGED: u32 = 1 << 15;
    if frames_waiting() == 0 {
        return None;
    }
    let status = CHIP.read(RX_STATUS);
    let with_checksum = (status >> 16 & 0x3FFF) as usize;
    let mut room = into.chunks_exact_mut(4);
    // The whole frame has to leave the FIFO, also where it is too long to keep.
    for _ in 0..with_checksum.div_ceil(4) {
        let word = CHIP.read(RX_DATA).to_le_bytes();
        if let Some(room) = room.next() {
            room.copy_from_slice(&word);
        }
    }
    let good = status & DAMAGED == 0 && with_checksum <= ROOM;
    if good {
        with_checksum.checked_sub(4)
    } else {
        None
    }
}

/// Puts a frame into the FIFO, in one piece, and forgets how sending the earlier ones went.
fn push_frame(frame: &[u8; ROOM], length: usize) {
    const FIRST_AND_LAST: u32 = 1 << 13 | 1 << 12;
    while CHIP.read(TX_FIFO_INF) >> 16 & 0xFF > 0 {
        CHIP.read(TX_STATUS);
    }
    // At most 1514.
    let size = length as u32;
    CHIP.write(TX_DATA, FIRST_AND_LAST | size);
    CHIP.write(TX_DATA, size << 16 | size);
    for word in frame.chunks_exact(4).take(length.div_ceil(4)) {
        if let Ok(word) = word.try_into() {
            CHIP.write(TX_DATA, u32::from_le_bytes(word));
        }
    }
}

/// The registers of the MAC, behind two of the chip's.
mod mac {
    use super::{CHIP, MAC_CSR_CMD, MAC_CSR_DATA};

    pub(super) const CONTROL: u32 = 1;
    pub(super) const ADDRESS_HIGH: u32 = 2;
    pub(super) const ADDRESS_LOW: u32 = 3;
    pub(super) const MII_ACCESS: u32 = 6;
    pub(super) const MII_DATA: u32 = 7;

    pub(super) const FULL_DUPLEX: u32 = 1 << 20;
    pub(super) const TX_ON: u32 = 1 << 3;
    pub(super) const RX_ON: u32 = 1 << 2;

    const BUSY: u32 = 1 << 31;
    const READ: u32 = 1 << 30;

    pub(super) fn read(register: u32) -> u32 {
        CHIP.write(MAC_CSR_CMD, BUSY | READ | register);
        wait();
        CHIP.read(MAC_CSR_DATA)
    }

    pub(super) fn write(register: u32, value: u32) {
        CHIP.write(MAC_CSR_DATA, value);
        CHIP.write(MAC_CSR_CMD, BUSY | register);
        wait();
    }

    fn wait() {
        while CHIP.read(MAC_CSR_CMD) & BUSY != 0 {}
    }
}

/// The registers of the PHY, behind two of the MAC's.
mod phy {
    use super::{LinkState, mac};

    const CONTROL: u32 = 0;
    const STATUS: u32 = 1;
    const ADVERTISE: u32 = 4;
    const INTERRUPT: u32 = 29;
    const INTERRUPT_MASK: u32 = 30;

    const RESET: u32 = 0x8000;
    const NEGOTIATE: u32 = 0x1200;
    const ALL_SPEEDS: u32 = 0x01E1;
    const LINK_UP: u32 = 1 << 2;
    const NEGOTIATED_OR_DOWN: u32 = 1 << 6 | 1 << 4;

    /// Resets it and begins to negotiate. That may take for ever where no cable is.
    pub(super) fn start() {
        write(CONTROL, RESET);
        write(ADVERTISE, ALL_SPEEDS);
        write(CONTROL, NEGOTIATE);
        write(INTERRUPT_MASK, NEGOTIATED_OR_DOWN);
        forget_interrupt();
    }

    pub(super) fn link() -> LinkState {
        if read(STATUS) & LINK_UP != 0 {
            LinkState::Up
        } else {
            LinkState::Down
        }
    }

    /// Reading it is what clears it.
    pub(super) fn forget_interrupt() {
        read(INTERRUPT);
    }

    /// The PHY inside of the chip has address 1.
    const ADDRESS: u32 = 1 << 11;
    const WRITE: u32 = 1 << 1;
    const BUSY: u32 = 1;

    fn read(register: u32) -> u32 {
        mac::write(mac::MII_ACCESS, ADDRESS | register << 6 | BUSY);
        wait();
        mac::read(mac::MII_DATA) & 0xFFFF
    }

    fn write(register: u32, value: u32) {
        mac::write(mac::MII_DATA, value);
        mac::write(mac::MII_ACCESS, ADDRESS | register << 6 | WRITE | BUSY);
        wait();
    }

    fn wait() {
        while mac::read(mac::MII_ACCESS) & BUSY != 0 {}
    }
}
