//! What a seed decides once, before anything happens.

use fastrand::Rng;
use respool::config::Retry;

/// The default more often than the others.
const RETRIES: [Retry; 6] = [
    Retry::WhenSafe,
    Retry::WhenSafe,
    Retry::WhenSafe,
    Retry::Never,
    Retry::WhenUnsent,
    Retry::Always,
];

/// As the settings have it, briefly, a few, none.
const SKIPS: [(u16, u64); 4] = [(64, 1000), (64, 30), (2, 1000), (0, 1000)];

/// What may happen in a run, and how often; chances are in percent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Tasks that borrow.
    pub(super) tasks: usize,
    /// Operations of each task.
    pub(super) operations: usize,
    /// Which of the sizes of a pool it is.
    pub(super) size: u8,
    /// A read or write that is dropped loses nothing.
    pub(super) cancel_safe: bool,
    /// The network and the server do no wrong: no call may fail.
    pub(super) calm: bool,
    /// Everything has a deadline; only then may anything stall.
    pub(super) timeouts: bool,
    /// The server speaks RESP3.
    pub(super) resp3: bool,
    /// The client asks for RESP3.
    pub(super) wants_resp3: bool,
    pub(super) password: bool,
    /// The database of the settings.
    pub(super) db: u8,
    /// A call moves fewer bytes than it could.
    pub(super) short: u8,
    /// A call is pending once more.
    pub(super) pending: u8,
    /// What is written leaves when it is flushed.
    pub(super) buffered: bool,
    /// Bytes are on their way for so long at most, in milliseconds.
    pub(super) delay: u64,
    /// Streams that break at some byte.
    pub(super) breaks: u8,
    /// Streams that fall silent at some byte.
    pub(super) stalls: u8,
    /// Times that the server restarts.
    pub(super) restarts: u8,
    /// Attempts to open a stream that fail.
    pub(super) refusals: u8,
    pub(super) pushes: u8,
    pub(super) errors: u8,
    pub(super) surplus: u8,
    /// What nobody asked for comes while a connection lies idle, or during its handshake.
    pub(super) strays: u8,
    /// Operations that are dropped half-way.
    pub(super) drops: u8,
    /// The link tells that something came while nobody read.
    pub(super) tells: bool,
    /// Tasks are also polled without having been woken.
    pub(super) spurious: bool,
    /// Time passes while tasks could run.
    pub(super) hurried: bool,
    /// What is tried again, how often, and what the pauses are.
    pub(super) retry: Retry,
    pub(super) retries: u8,
    pub(super) backoff: u64,
    pub(super) seed: u32,
    /// A write may be tried again after a timeout.
    pub(super) retries_late: bool,
    /// Connections are asked whether they live, and grow old.
    pub(super) upkeep: bool,
    /// No try begins later than so many milliseconds after the first one.
    pub(super) retry_for: u64,
    /// Replies that are skipped at most, and for how many milliseconds.
    pub(super) skips: (u16, u64),
    /// The links and the pool are those of the blocking world.
    pub(super) blocking: bool,
    /// Calls have deadlines of their own.
    pub(super) limits: bool,
    /// The pool is closed some time.
    pub(super) closes: bool,
    /// The server forgets that somebody logged in.
    pub(super) logouts: u8,
}

impl Plan {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let calm = rng.u8(0..4) == 0;
        let timeouts = rng.bool();
        let resp3 = rng.u8(0..8) > 0;
        let mut plan = Self {
            tasks: rng.usize(1..=6),
            operations: rng.usize(1..=8),
            size: rng.u8(0..3),
            cancel_safe: rng.u8(0..3) > 0,
            calm,
            timeouts,
            resp3,
            wants_resp3: rng.u8(0..4) > 0,
            password: rng.u8(0..4) == 0,
            db: rng.u8(0..4) % 3,
            short: some(rng, 2, 90),
            pending: some(rng, 2, 60),
            buffered: rng.u8(0..4) == 0,
            delay: u64::from(some(rng, 2, 20)),
            breaks: some(rng, 2, 60),
            stalls: 0,
            restarts: rng.u8(0..6).saturating_sub(3),
            refusals: some(rng, 4, 40),
            pushes: some(rng, 2, 50),
            errors: some(rng, 3, 30),
            surplus: some(rng, 4, 20),
            strays: some(rng, 3, 40),
            drops: some(rng, 2, 70),
            tells: rng.bool(),
            spurious: rng.u8(0..8) == 0,
            hurried: rng.u8(0..4) == 0,
            retry: *rng.choice(&RETRIES).unwrap_or(&Retry::WhenSafe),
            retries: rng.u8(0..4),
            backoff: u64::from(some(rng, 2, 50)),
            seed: rng.u32(..),
            retries_late: false,
            upkeep: rng.u8(0..3) == 0,
            retry_for: rng.u64(0..1000),
            skips: *rng.choice(&SKIPS).unwrap_or(&SKIPS[0]),
            blocking: rng.u8(0..6) == 0,
            limits: rng.u8(0..3) == 0,
            closes: rng.u8(0..6) == 0,
            logouts: some(rng, 2, 10),
        };
        if timeouts {
            plan.stalls = some(rng, 3, 30);
            plan.retries_late = rng.u8(0..4) == 0;
        }
        // What says so must not keep its reader waiting: one that is dropped then has lost bytes.
        plan.tells &= plan.cancel_safe || plan.pending == 0;
        if calm {
            plan.breaks = 0;
            plan.stalls = 0;
            plan.restarts = 0;
            plan.refusals = 0;
            plan.errors = 0;
            plan.surplus = 0;
            plan.strays = 0;
        }
        // Where it is asked, also a link that tells of nothing shows it.
        plan.upkeep |= plan.strays > 0 && rng.bool();
        if calm || !plan.password {
            plan.logouts = 0;
        }
        plan
    }

    /// Who leaves a pipeline before its end may lose the connection by it.
    pub(super) fn leaving_costs(&self) -> bool {
        !self.cancel_safe || self.skips != SKIPS[0]
    }
}

/// Nothing in one of `never` cases, or else up to `most`.
fn some(rng: &mut Rng, never: u8, most: u8) -> u8 {
    match rng.u8(0..never) {
        0 => 0,
        _ => rng.u8(1..=most),
    }
}
