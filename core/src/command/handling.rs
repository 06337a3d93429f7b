//! What a caller may say of one request: how long it may take, and that it may run twice.

use core::time::Duration;

use crate::command::{Encode, Parts, Request};

/// How a caller wants a request handled, other than the settings say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Handling {
    /// It may run twice: [`Request::idempotent`].
    pub idempotent: bool,
    /// Instead of the settings' `call_timeout`: [`Request::timeout`].
    pub timeout: Option<Duration>,
}

/// A request, and how it is to be handled: made by [`Request::idempotent`] and
/// [`Request::timeout`].
#[derive(Clone, Copy, Debug)]
pub struct Handled<R> {
    request: R,
    handling: Handling,
}

impl<R: Request> Handled<R> {
    pub(super) fn new(request: R, change: impl FnOnce(&mut Handling)) -> Self {
        let mut handling = request.handling();
        change(&mut handling);
        Self { request, handling }
    }
}

impl<R: Request> Parts for Handled<R> {
    fn count(&self) -> u16 {
        self.request.count()
    }

    fn part(&self, index: u16) -> Option<&dyn Encode> {
        self.request.part(index)
    }

    fn handling(&self) -> Handling {
        self.handling
    }
}

impl<R: Request> Request for Handled<R> {
    type Reply = R::Reply;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, get, incr};

    #[test]
    fn what_is_said_of_a_request_adds_up_and_the_last_word_counts() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        assert_eq!(incr("n").handling(), Handling::default());
        let said = incr("n").timeout(second).idempotent().timeout(minute);
        let expected = Handling {
            idempotent: true,
            timeout: Some(minute),
        };
        assert_eq!(said.handling(), expected);
        // It is the same request all the same, one command or several.
        assert_eq!(said.count(), 1);
        let both = (incr("n"), get("k").reply::<()>()).idempotent();
        assert_eq!((both.count(), both.handling().timeout), (2, None));
        assert!(both.handling().idempotent && both.part(1).is_some());
        assert!(!said.part(0).unwrap().spec().is_read());
    }
}
