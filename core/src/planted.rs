//! Faults to plant, to show that the simulation finds them. Only there with
//! `RUSTFLAGS='--cfg respool_planted'`; else every question is answered with a constant `false`, of
//! which nothing is left in the code.

/// A fault that such libraries have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A call that was dropped half-way leaves its connection as if nothing had been under way.
    NoPoison = 1,
    /// One reply less is skipped than is owed.
    SkipOffByOne,
    /// Who gives a seat back does not wake who waits for it.
    LostWaker,
    /// What may have been sent is sent again.
    DoubleRetry,
    /// The next borrower finds the database that the one before selected.
    StaleDatabase,
    /// Two borrowers have one connection. A seat is moved into its lease, so that nothing in here
    /// can do this: the simulation gives two seats one stream.
    SeatTwice,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NoPoison,
        Self::SkipOffByOne,
        Self::LostWaker,
        Self::DoubleRetry,
        Self::StaleDatabase,
        Self::SeatTwice,
    ];
}

/// Whether faults can be planted in this build.
pub const CAN_BE: bool = cfg!(respool_planted);

#[cfg(respool_planted)]
static CHOICE: core::sync::atomic::AtomicU8 = core::sync::atomic::AtomicU8::new(0);

/// Plants this fault in the whole program, and takes out the one before.
#[cfg(respool_planted)]
pub fn plant(fault: Option<Fault>) {
    let choice = fault.map_or(0, |fault| fault as u8);
    CHOICE.store(choice, core::sync::atomic::Ordering::Relaxed);
}

/// Whether this fault is planted.
#[cfg(respool_planted)]
pub fn is(fault: Fault) -> bool {
    CHOICE.load(core::sync::atomic::Ordering::Relaxed) == fault as u8
}

/// Plants nothing in this build.
#[cfg(not(respool_planted))]
pub const fn plant(_fault: Option<Fault>) {}

/// Whether this fault is planted: not in this build.
#[cfg(not(respool_planted))]
pub const fn is(_fault: Fault) -> bool {
    false
}
