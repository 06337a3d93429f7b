//! A connection as a client keeps it: with its age, and what the last borrower left.

use crate::config::Config;
use crate::connection::{Connection, Marks, Why};
use crate::error::Io;
use crate::log::event;
use crate::pool::{Outage, jitter};
use crate::time::{Duration, Instant};

/// A connection, and what has to be done before its next request.
#[derive(Debug)]
pub(crate) struct Line<'w> {
    pub(crate) connection: Connection<'w>,
    /// The link is open, as far as we know.
    pub(crate) linked: bool,
    /// What a borrower before did to the session, and has to be undone.
    pub(crate) dirty: Marks,
    /// It comes from the pool's idle ones.
    pub(crate) rested: bool,
    /// Which connection of its pool it is.
    pub(crate) number: u8,
    /// How far it got since it was last to be opened.
    pub(crate) trial: Trial,
    /// When that began.
    pub(crate) opened_at: Stamp,
    pub(crate) used_at: Stamp,
    /// What is known of a server that is away: the pool's, or its own.
    pub(crate) pools: Option<&'w Outage>,
    pub(crate) own: Outage,
}

/// Noted before an attempt to open a connection begins, so that one that is dropped is known to
/// have failed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Trial {
    /// Over, for good or ill.
    #[default]
    Over,
    /// Its transport is being opened, or the server asked to let it in.
    Opening,
    /// It was let in, and nobody has had an answer yet.
    LetIn,
}

/// A moment of the last 49 days, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamp(u32);

impl Stamp {
    pub(crate) fn of(at: Instant) -> Self {
        Self(at.as_millis() as u32)
    }

    /// The present moment; any, where there is no clock.
    pub(crate) fn now(now: Option<Instant>) -> Self {
        now.map(Self::of).unwrap_or_default()
    }

    /// A moment whose lower bits are these.
    fn moment(self) -> Instant {
        Instant::from_millis(u64::from(self.0))
    }

    /// Milliseconds since then. After 49 days it begins anew, which makes an old connection look
    /// fresh once.
    pub(crate) fn age(self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_sub(self.0)
    }
}

impl<'w> Line<'w> {
    /// A line whose link is closed.
    pub(crate) fn new(connection: Connection<'w>) -> Self {
        Self {
            connection,
            linked: false,
            dirty: Marks::NONE,
            rested: false,
            number: 0,
            trial: Trial::Over,
            opened_at: Stamp::default(),
            used_at: Stamp::default(),
            pools: None,
            own: Outage::new(),
        }
    }

    /// True where the connection lay idle in a pool, and may have been closed meanwhile.
    pub(crate) fn can_hear(&mut self) -> bool {
        self.rested && self.connection.is_open() && !self.connection.idle_room().is_empty()
    }

    /// What came while it lay idle. Only pushes may have.
    pub(crate) fn heard(&mut self, read: Result<usize, Io>) {
        self.connection.ready();
        let _ = match read {
            Ok(n) => self.connection.got(n),
            Err(error) => Err(self.connection.broke(error)),
        };
        self.connection.pass_unasked();
    }

    /// What the connection tells of its server by what became of it, as was seen `at`. With
    /// `for_long`, trying again soon is of no use.
    pub(crate) fn judge(&mut self, at: Stamp, for_long: bool) {
        let is_open = self.connection.is_open();
        if is_open && self.connection.owes() {
            return;
        }
        let has_failed = match core::mem::take(&mut self.trial) {
            Trial::Over => return,
            Trial::Opening => true,
            // A server that hangs up on all it has let in is no better than one that is away. But
            // a caller without patience, or with too small a window, says nothing about it.
            Trial::LetIn => {
                let why = self.connection.why();
                !is_open && matches!(why, Why::Broken | Why::Refused)
            }
        };
        if has_failed {
            let began = self.opened_at.moment();
            self.outage().failed(began, at.moment(), for_long);
        } else if is_open {
            self.outage().over();
        }
    }

    /// True, once, where the link has to be closed since the connection gave it up.
    pub(crate) fn gave_up_link(&mut self) -> bool {
        let gave_up = self.linked && self.connection.is_broken();
        if gave_up {
            let why = self.connection.why();
            event!(debug, "closed: {:?}", why);
            self.linked = false;
            if let Some(counter) = self.connection.tally().closed.get_mut(why as usize) {
                count(counter);
            }
        }
        gave_up
    }

    /// True where it lay idle or is open for longer than the settings allow, less up to a tenth of
    /// that by chance: not all shall be opened anew at once.
    pub(crate) fn is_too_old(&self, now: Instant) -> bool {
        let config = self.config();
        let chance = self.chance(self.opened_at.0);
        let is_over = |limit: Option<Duration>, since: Stamp| {
            let least = |limit: u32| limit.saturating_sub(jitter(limit / 10, chance));
            limit.is_some_and(|limit| since.age(now) >= least(millis(limit)))
        };
        is_over(config.max_idle, self.used_at) || is_over(config.max_lifetime, self.opened_at)
    }

    /// True where nobody used it for this long.
    pub(crate) fn has_idled(&self, limit: Option<Duration>, now: Instant) -> bool {
        limit.is_some_and(|limit| self.used_at.age(now) >= millis(limit))
    }

    /// A number by chance, other for each connection of each machine.
    pub(crate) fn chance(&self, salt: u32) -> u32 {
        let number = u32::from(self.number).wrapping_add(1);
        self.config().seed ^ number.wrapping_mul(0x9E37_79B9) ^ salt
    }

    pub(crate) fn config(&self) -> &'w Config<'w> {
        self.connection.config()
    }

    /// What is known of a server that is away.
    pub(crate) fn outage(&self) -> &Outage {
        self.pools.unwrap_or(&self.own)
    }
}

/// Counts one more.
pub(crate) fn count(counter: &mut u16) {
    *counter = counter.wrapping_add(1);
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}
