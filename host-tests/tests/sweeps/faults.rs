//! What goes wrong in a run, and where.

use respool::io::scripted::{Pace, Wrong};

use crate::operations::Op;
use crate::wire::Place;

/// What goes wrong. Each has one place, or two, which are counted through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Nothing; the request, or the replies, move in two pieces.
    Cut(Way),
    /// In three pieces.
    CutTwice(Way),
    /// One thing, at one place.
    Break(Place, Wrong),
    /// The server falls silent after so many bytes of its replies.
    Silence,
    /// A second thing, while the first is being recovered from.
    BreakAgain([(Place, Wrong); 2]),
    /// The server falls silent, and what follows goes wrong.
    SilenceThenBreak(Place, Wrong),
    /// The future is dropped at a poll.
    Drop,
    /// That of the next borrower is, too.
    DropTwice,
    /// The next borrower, who cleans up, has this go wrong.
    DropThenBreak(Place, Wrong),
    /// The other way round: something goes wrong, and the future is dropped before or while that is
    /// recovered from.
    BreakThenDrop(Place, Wrong),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Out,
    In,
}

/// The paces of the sweeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// All at once.
    Fast,
    /// All at once, each call pending once.
    Pending,
    /// One byte a call, each pending once.
    One,
    /// Three bytes.
    Three,
    /// Eleven bytes, and nothing leaves without a flush.
    Buffered,
}

/// What is tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// What is safe, once, without a pause.
    Once,
    /// The defaults: what is safe, three times, with pauses.
    Default,
    Never,
    WhenUnsent,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum World {
    Async,
    Blocking,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Protocol {
    Resp2,
    Resp3,
    /// With a push before and after each reply.
    Pushes,
    /// Asked for RESP3, the server knows RESP2 only.
    FallBack,
}

/// What a future that is dropped does to its bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wire {
    Safe,
    Lossy,
}

/// All that a run is made of, but the places.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub op: Op,
    pub fault: Fault,
    pub world: World,
    pub protocol: Protocol,
    pub wire: Wire,
    pub speed: Speed,
    pub policy: Policy,
}

const RESET: Wrong = Wrong::Error(embedded_io_async::ErrorKind::ConnectionReset);

impl Fault {
    /// All of them.
    pub fn all() -> Vec<Self> {
        use Place::{Flush, In, Open, Out, Patience, Read, Write};
        let mut faults = vec![
            Self::Cut(Way::Out),
            Self::Cut(Way::In),
            Self::CutTwice(Way::Out),
            Self::CutTwice(Way::In),
        ];
        for place in [Out, In, Open, Read, Write, Flush, Patience] {
            faults.push(Self::Break(place, RESET));
        }
        for place in [Out, In, Open, Read, Write] {
            faults.push(Self::Break(place, Wrong::End));
        }
        for place in [Open, Write, Flush] {
            faults.push(Self::Break(place, Wrong::Stall));
        }
        for place in [Read, Write] {
            faults.push(Self::Break(place, Wrong::Claim(usize::MAX)));
        }
        faults.push(Self::Silence);
        for first in [Out, In] {
            for second in [Out, In, Open] {
                faults.push(Self::BreakAgain([(first, RESET), (second, RESET)]));
            }
        }
        for second in [Out, In, Open] {
            faults.push(Self::BreakAgain([(In, Wrong::End), (second, Wrong::End)]));
        }
        faults.extend([
            Self::SilenceThenBreak(In, RESET),
            Self::Drop,
            Self::DropTwice,
        ]);
        for place in [Out, In, Read, Write, Flush] {
            faults.push(Self::DropThenBreak(place, RESET));
        }
        faults.push(Self::DropThenBreak(In, Wrong::End));
        for place in [Out, In] {
            faults.push(Self::BreakThenDrop(place, RESET));
        }
        faults
    }

    /// Whether it has a second place.
    pub fn is_double(self) -> bool {
        match self {
            Self::CutTwice(_)
            | Self::BreakAgain(_)
            | Self::SilenceThenBreak(..)
            | Self::DropTwice
            | Self::DropThenBreak(..)
            | Self::BreakThenDrop(..) => true,
            Self::Cut(_) | Self::Break(..) | Self::Silence | Self::Drop => false,
        }
    }

    /// The first place, and the first second place for it.
    pub fn first(self) -> u32 {
        match self {
            Self::Cut(_) | Self::CutTwice(_) => 1,
            Self::Break(place, _) | Self::BreakAgain([(place, _), _]) => place.first(),
            Self::BreakThenDrop(place, _) => place.first(),
            Self::Silence | Self::SilenceThenBreak(..) => 0,
            Self::Drop | Self::DropTwice | Self::DropThenBreak(..) => 0,
        }
    }

    pub fn second(self, first: u32) -> u32 {
        match self {
            Self::CutTwice(_) => first + 1,
            Self::BreakAgain([_, (place, _)])
            | Self::SilenceThenBreak(place, _)
            | Self::DropThenBreak(place, _) => place.first(),
            _ => 0,
        }
    }

    fn drops(self) -> bool {
        matches!(
            self,
            Self::Drop | Self::DropTwice | Self::DropThenBreak(..) | Self::BreakThenDrop(..)
        )
    }

    pub fn worlds(self, op: Op) -> &'static [World] {
        match self {
            Self::Break(Place::Patience, _) if op == Op::Queue => &[],
            Self::Break(Place::Patience, _) => &[World::Blocking],
            _ if self.drops() || op == Op::Queue => &[World::Async],
            _ => &[World::Async, World::Blocking],
        }
    }

    /// A cut is of no use where bytes move one by one, and a drop needs polls.
    pub fn speeds(self) -> &'static [Speed] {
        use Speed::{Buffered, Fast, One, Pending, Three};
        match self {
            Self::Cut(_) => &[Fast, Pending],
            Self::CutTwice(_) => &[Fast],
            Self::Break(..) => &[Fast, One, Three, Buffered],
            Self::Drop => &[Pending, One, Three, Buffered],
            Self::DropTwice | Self::DropThenBreak(..) => &[Pending, Buffered],
            Self::BreakThenDrop(..) => &[Buffered],
            Self::Silence => &[Fast, Three],
            Self::BreakAgain(_) | Self::SilenceThenBreak(..) => &[Fast],
        }
    }

    pub fn policies(self) -> &'static [Policy] {
        match self {
            Self::Break(Place::Out | Place::In, RESET) => &[
                Policy::Once,
                Policy::Default,
                Policy::Never,
                Policy::WhenUnsent,
            ],
            Self::Break(..) => &[Policy::Once, Policy::Default],
            _ => &[Policy::Once],
        }
    }
}

impl Speed {
    pub fn pace(self) -> Pace {
        match self {
            Self::Fast => Pace::FAST,
            Self::Pending => Pace::slow(usize::MAX),
            Self::One => Pace::slow(1),
            Self::Three => Pace::slow(3),
            Self::Buffered => Pace::slow(11).buffered(),
        }
    }
}

impl Protocol {
    pub const ALL: &[Self] = &[Self::Resp2, Self::Resp3, Self::Pushes, Self::FallBack];
}

impl Wire {
    pub const ALL: &[Self] = &[Self::Safe, Self::Lossy];
}

impl Case {
    /// Something stalls, or there are pauses between tries. A stream whose patience cannot be set
    /// goes on, and the last words of a server that seems to let nobody in are waited for.
    pub fn takes_time(&self) -> bool {
        let stalls = match self.fault {
            Fault::Break(_, Wrong::Stall) | Fault::Silence | Fault::SilenceThenBreak(..) => true,
            Fault::Break(Place::Patience, _) => {
                matches!(self.op, Op::Handshake | Op::IdleSurplus | Op::IdleEnd)
            }
            _ => false,
        };
        stalls || self.policy == Policy::Default
    }

    /// Under one broken connection, what is safe to try again has to come to a good end.
    pub fn must_recover(&self) -> bool {
        let is_broken = matches!(
            self.fault,
            Fault::Break(
                Place::Open | Place::Read | Place::Flush | Place::Patience,
                RESET
            ) | Fault::Break(Place::Out | Place::In | Place::Write, RESET)
                | Fault::Break(Place::In | Place::Read, Wrong::End)
        );
        is_broken && matches!(self.policy, Policy::Once | Policy::Default)
    }
}
