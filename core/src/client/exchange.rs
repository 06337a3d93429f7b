//! One exchange: open what is not open, make sure of what lay idle, clean up after the last
//! borrower, send, read, and, where nothing can be applied twice by it, once more.
//!
//! A [`Plan`] decides what to do next from what became of the last step; both worlds do it.

use core::time::Duration;

use crate::client::Client;
use crate::client::plan::{Act, Plan};
use crate::command::{Parts, with_waits};
use crate::config::Config;
use crate::connection::{Until, Work};
use crate::error::{Error, Io};
use crate::io::{
    Blocking, Patience, Transport, asynch, blocking, drive, drive_blocking, in_time, io, now,
};
use crate::time::{Clock, Timer};

/// How long one try of `request` may take on an open connection.
fn limit(request: &dyn Parts, config: &Config<'_>) -> Option<Duration> {
    with_waits(request.handling().timeout.or(config.call_timeout)?, request)
}

impl<L: Transport> Client<'_, L> {
    /// Whatever came while the connection lay idle has to be heard first: true where something did.
    fn has_news(&mut self) -> bool {
        self.line.can_hear() && self.link.has_news()
    }

    fn patience(&self, span: Option<Duration>) -> Patience {
        Patience::new(&self.link.clock(), span)
    }
}

impl<L: asynch::Link> Client<'_, L> {
    /// Brings `request` to its end.
    pub(crate) async fn exchange(
        &mut self,
        request: &dyn Parts,
        until: Until,
    ) -> Result<(), Error> {
        let clock = self.link.clock();
        if self.has_news() {
            // It should take no waiting. Dropped all the same, the connection will be closed.
            let patience = self.patience(self.line.config().connect_timeout);
            self.line.connection.unready();
            let read = self.link.read(self.line.connection.idle_room());
            let read = in_time(&clock, patience, read).await;
            let read = read.map_or(Err(Io::TimedOut), |read| read.map_err(io));
            self.line.heard(read);
        }
        let mut plan = Plan::new(request, until);
        let mut last = Ok(());
        let mut opening = self.patience(None);
        loop {
            let next = plan.next(&mut self.line, last, L::CANCEL_SAFE, now(&clock));
            self.close_link_if_given_up();
            let patience = match next? {
                None => return Ok(()),
                Some(Act::Pause(at)) => {
                    clock.sleep_until(at).await;
                    last = Ok(());
                    continue;
                }
                Some(Act::Open) => {
                    self.link.abort();
                    opening = self.patience(self.line.config().connect_timeout);
                    let open = self.link.open(opening.span());
                    let opened = in_time(&clock, opening, open).await;
                    last = self.settle_open(opened.map(|opened| opened.map_err(io)));
                    continue;
                }
                Some(Act::Shake) => opening,
                Some(Act::Prepare(limit)) => self.patience(limit),
                Some(Act::Call) => self.patience(limit(request, self.line.config())),
            };
            last = self.drive(plan.work(), patience).await;
        }
    }

    /// Brings an exchange on that is under way, for the next reply.
    pub(crate) async fn resume(
        &mut self,
        request: &dyn Parts,
        limit: Option<Duration>,
    ) -> Result<(), Error> {
        let patience = self.patience(limit);
        let work = Work::Request(request, Until::Next);
        let result = self.drive(work, patience).await;
        self.close_link_if_given_up();
        result
    }

    fn drive(
        &mut self,
        work: Work<'_, '_>,
        patience: Patience,
    ) -> impl Future<Output = Result<(), Error>> {
        let Self { link, line, .. } = self;
        drive(link, &mut line.connection, work, patience)
    }
}

impl<L: blocking::Link> Client<'_, Blocking<L>> {
    /// Brings `request` to its end.
    pub(crate) fn exchange(&mut self, request: &dyn Parts, until: Until) -> Result<(), Error> {
        let clock = self.link.clock();
        if self.has_news() {
            let patience = self.link.0.patience(self.line.config().connect_timeout);
            let read = patience.and_then(|()| self.link.0.read(self.line.connection.idle_room()));
            self.line.heard(read.map_err(io));
        }
        let mut plan = Plan::new(request, until);
        let mut last = Ok(());
        let mut opening = self.patience(None);
        loop {
            let next = plan.next(&mut self.line, last, L::CANCEL_SAFE, now(&clock));
            self.close_link_if_given_up();
            let patience = match next? {
                None => return Ok(()),
                Some(Act::Pause(at)) => {
                    self.link.0.pause(at.since(clock.now()));
                    last = Ok(());
                    continue;
                }
                Some(Act::Open) => {
                    self.link.abort();
                    opening = self.patience(self.line.config().connect_timeout);
                    let opened = self.link.0.open(opening.span());
                    last = self.settle_open(Some(opened.map_err(io)));
                    continue;
                }
                Some(Act::Shake) => opening,
                Some(Act::Prepare(limit)) => self.patience(limit),
                Some(Act::Call) => self.patience(limit(request, self.line.config())),
            };
            last = self.drive(plan.work(), patience);
        }
    }

    /// Brings an exchange on that is under way, for the next reply.
    pub(crate) fn resume(
        &mut self,
        request: &dyn Parts,
        limit: Option<Duration>,
    ) -> Result<(), Error> {
        let patience = self.patience(limit);
        let result = self.drive(Work::Request(request, Until::Next), patience);
        self.close_link_if_given_up();
        result
    }

    fn drive(&mut self, work: Work<'_, '_>, patience: Patience) -> Result<(), Error> {
        let Self { link, line, .. } = self;
        drive_blocking(&mut link.0, &mut line.connection, work, patience)
    }
}
