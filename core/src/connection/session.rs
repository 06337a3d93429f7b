//! What the commands of a lease did to its session, known from the commands sent.

use crate::command::Session as Effect;
use crate::error::SessionUse;

/// Marks of a session that differ from how it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const WATCH: Self = Self(1);
    pub(crate) const MULTI: Self = Self(2);
    pub(crate) const SELECT: Self = Self(4);
    pub(crate) const SUBSCRIBE: Self = Self(8);
    pub(crate) const OTHER: Self = Self(16);
    /// What no clean-up undoes.
    pub(crate) const LASTING: Self = Self(32);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// What a user calls it.
    pub(crate) fn names(self) -> Option<SessionUse> {
        const NAMES: [(Marks, SessionUse); 6] = [
            (Marks::MULTI, SessionUse::Multi),
            (Marks::WATCH, SessionUse::Watch),
            (Marks::SUBSCRIBE, SessionUse::Subscribe),
            (Marks::SELECT, SessionUse::Select),
            (Marks::OTHER, SessionUse::Other),
            (Marks::LASTING, SessionUse::Other),
        ];
        NAMES
            .iter()
            .find(|(mark, _)| self.any(*mark))
            .map(|(_, name)| *name)
    }
}

/// The marks of a connection, through an exchange that may break at any point.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Session {
    /// What may hold, at worst.
    held: Marks,
    /// What held when the request began.
    before: Marks,
    /// What may hold once the request has left.
    during: Marks,
    /// What holds if all of the request succeeds.
    after: Marks,
}

impl Session {
    /// What may hold, at worst.
    pub(crate) fn held(self) -> Marks {
        self.held
    }

    /// What is gone if the connection breaks now. What a request begins and ends by itself, such as
    /// a whole transaction, is not: its own error says all there is to say.
    pub(crate) fn lost(self) -> Marks {
        match self.held == self.during {
            true => self.before.and(self.after),
            false => self.held,
        }
    }

    /// A request is about to be made.
    pub(crate) fn begin(&mut self) {
        self.before = self.held;
        self.during = self.held;
        self.after = self.held;
    }

    /// It holds a command with this effect.
    pub(crate) fn add(&mut self, effect: Effect) {
        let (set, ended) = match effect {
            Effect::Keeps | Effect::Refused => (Marks::NONE, Marks::NONE),
            Effect::Watches => (Marks::WATCH, Marks::NONE),
            Effect::Unwatches => (Marks::NONE, Marks::WATCH),
            Effect::Queues => (Marks::MULTI, Marks::NONE),
            Effect::Ends => (Marks::NONE, Marks::WATCH.and(Marks::MULTI)),
            Effect::Selects => (Marks::SELECT, Marks::NONE),
            Effect::Subscribes => (Marks::SUBSCRIBE, Marks::NONE),
            Effect::Changes => (Marks::OTHER, Marks::NONE),
            Effect::Outlives => (Marks::LASTING, Marks::NONE),
        };
        self.during = self.during.and(set);
        self.after = self.after.without(ended).and(set);
    }

    /// Its first byte was accepted.
    pub(crate) fn sent(&mut self) {
        self.held = self.during;
    }

    /// All of it was answered, and nothing failed.
    pub(crate) fn succeeded(&mut self) {
        self.held = self.after;
    }

    /// The session is as it began.
    pub(crate) fn restored(&mut self) {
        *self = Self::default();
    }
}
