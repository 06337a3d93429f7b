//! The table of what was run: each line is a product, and the lines add up to all runs.

use std::fmt;

use crate::faults::{Case, Fault, Policy, Protocol, Speed, Wire, World};
use crate::operations::Op;

/// A line: all combinations of these, each at so many places.
pub struct Line {
    pub op: Op,
    pub fault: Fault,
    pub worlds: Vec<World>,
    pub protocols: Vec<Protocol>,
    pub wires: Vec<Wire>,
    pub speeds: Vec<Speed>,
    pub policies: Vec<Policy>,
    /// How many places each of the combinations has.
    pub places: u64,
}

/// All combinations of an operation and a fault, as one line whose places are not known yet.
pub fn combinations() -> Vec<Line> {
    let mut lines = Vec::new();
    for op in Op::ALL {
        for fault in Fault::all() {
            lines.push(Line {
                op,
                fault,
                worlds: fault.worlds(op).to_vec(),
                protocols: Protocol::ALL.to_vec(),
                wires: Wire::ALL.to_vec(),
                speeds: fault.speeds().to_vec(),
                policies: fault.policies().to_vec(),
                places: 0,
            });
        }
    }
    lines
}

impl Line {
    pub fn cases(&self) -> Vec<Case> {
        let Self { op, fault, .. } = *self;
        let mut cases = Vec::new();
        for &protocol in &self.protocols {
            for &world in &self.worlds {
                for &wire in &self.wires {
                    for &speed in &self.speeds {
                        for &policy in &self.policies {
                            cases.push(Case {
                                op,
                                fault,
                                world,
                                protocol,
                                wire,
                                speed,
                                policy,
                            });
                        }
                    }
                }
            }
        }
        cases
    }

    /// The same as lines in which all combinations have the same number of places, which
    /// `places` says.
    pub fn split(&self, places: &dyn Fn(&Case) -> u64) -> Vec<Self> {
        let cases = self.cases();
        let Some(first) = cases.first().map(places) else {
            return Vec::new();
        };
        if cases.iter().all(|case| places(case) == first) {
            return vec![self.with(|line| line.places = first)];
        }
        let parts: Vec<Self> = if self.protocols.len() > 1 {
            let each = self.protocols.iter();
            each.map(|one| self.with(|line| line.protocols = vec![*one]))
                .collect()
        } else if self.speeds.len() > 1 {
            let each = self.speeds.iter();
            each.map(|one| self.with(|line| line.speeds = vec![*one]))
                .collect()
        } else if self.wires.len() > 1 {
            let each = self.wires.iter();
            each.map(|one| self.with(|line| line.wires = vec![*one]))
                .collect()
        } else if self.policies.len() > 1 {
            let each = self.policies.iter();
            each.map(|one| self.with(|line| line.policies = vec![*one]))
                .collect()
        } else {
            let each = self.worlds.iter();
            each.map(|one| self.with(|line| line.worlds = vec![*one]))
                .collect()
        };
        parts.iter().flat_map(|part| part.split(places)).collect()
    }

    pub fn runs(&self) -> u64 {
        let combinations = self.worlds.len()
            * self.protocols.len()
            * self.wires.len()
            * self.speeds.len()
            * self.policies.len();
        combinations as u64 * self.places
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut line = Self {
            worlds: self.worlds.clone(),
            protocols: self.protocols.clone(),
            wires: self.wires.clone(),
            speeds: self.speeds.clone(),
            policies: self.policies.clone(),
            ..*self
        };
        change(&mut line);
        line
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:?}: ", self.op, self.fault)?;
        several(f, &self.worlds)?;
        several(f, &self.protocols)?;
        several(f, &self.wires)?;
        several(f, &self.speeds)?;
        several(f, &self.policies)?;
        write!(f, "{} places = {}", self.places, self.runs())
    }
}

/// A dimension: how many, and which.
fn several<T: fmt::Debug>(f: &mut fmt::Formatter<'_>, all: &[T]) -> fmt::Result {
    write!(f, "{} (", all.len())?;
    for (index, one) in all.iter().enumerate() {
        write!(f, "{}{one:?}", if index > 0 { ", " } else { "" })?;
    }
    f.write_str(") x ")
}
