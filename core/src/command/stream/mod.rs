//! The group *stream*: logs of entries, each of which has an id and fields.

mod add;
mod id;

pub use add::{Approx, XAdd, xadd};
pub use id::{NewId, StreamId};

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::Cases;

    pub(in crate::command) fn all(cases: &mut Cases) {
        add::tests::all(cases);
    }
}
