//! The pool, one property a test; all short histories and threads stand in files of their own.

extern crate std;

mod histories;
mod threads;

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use core::task::{Context, Poll, Waker};
use std::boxed::Box;
use std::sync::Arc;
use std::task::Wake;
use std::vec::Vec;

use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex};

use super::Seats;
use super::seats::{Counts, Standing, Step};
use super::ticket::Ticket;
use crate::error::PoolError;

/// What sits on a seat: neither `Clone` nor `Default`, and known by its number.
#[derive(Debug, PartialEq)]
struct Item(u8);

type Local<const W: usize, X = ()> = Seats<NoopRawMutex, Item, 4, W, X>;
type LocalTicket<'s, const W: usize> = Ticket<'s, NoopRawMutex, Item, 4, W>;

fn local<const W: usize>(seats: u8) -> Local<W> {
    Seats::new((0..seats).map(Item))
}

/// A waker that counts.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Bell {
    fn rung(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, bell: &Arc<Bell>) -> Poll<F::Output> {
    poll_with(future, &Waker::from(Arc::clone(bell)))
}

fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

fn bells<const K: usize>() -> [Arc<Bell>; K] {
    core::array::from_fn(|_| Arc::default())
}

#[test]
fn items_come_and_go_last_in_first_out() {
    let seats = local::<2>(3);
    assert_eq!(
        seats.counts(),
        Counts {
            seats: 3,
            idle: 3,
            waiting: 0,
            closed: false
        }
    );
    let (a, b, c) = (seats.try_take(), seats.try_take(), seats.try_take());
    assert_eq!((&a, &b, &c), (&Ok(Item(2)), &Ok(Item(1)), &Ok(Item(0))));
    assert_eq!(seats.try_take(), Err(PoolError::Busy { connections: 3 }));
    assert_eq!(seats.take_idle(), None);
    seats.give_back(a.unwrap());
    seats.give_back(c.unwrap());
    assert_eq!(seats.take_idle(), Some(Item(2)));
    assert_eq!(seats.try_take(), Ok(Item(0)));
}

/// The walk of an upkeep: as many items as were idle at its start, while something else comes back
/// after `before` of them.
#[test]
fn each_idle_item_has_its_turn_whatever_comes_back_meanwhile() {
    for before in 0..=3 {
        let seats = local::<2>(4);
        let late = seats.try_take().unwrap();
        let mut late = Some(late);
        let mut turns = Vec::new();
        for turn in 0..seats.counts().idle {
            if usize::from(turn) == before {
                seats.give_back(late.take().unwrap());
            }
            let item = seats.take_idle().unwrap();
            turns.push(item.0);
            seats.give_back(item);
        }
        assert_eq!(turns, [0, 1, 2], "one came back after {before}");
    }
}

#[test]
fn an_upkeep_has_one_item_at_most_and_leaves_the_order() {
    let seats = local::<2>(3);
    for _ in 0..3 {
        let item = seats.take_idle().unwrap();
        assert_eq!(seats.counts().idle, 2);
        seats.give_back(item);
    }
    let taken: Vec<_> = (0..3).map(|_| seats.try_take().unwrap().0).collect();
    assert_eq!(taken, [2, 1, 0]);
}

#[test]
fn more_items_than_seats_are_dropped_and_not_counted() {
    let seats = local::<2>(6);
    assert_eq!(seats.counts().seats, 4);
    assert_eq!(seats.try_take(), Ok(Item(3)));
}

#[test]
fn a_ticket_stands_in_line_from_its_first_poll_on() {
    let seats = local::<1>(1);
    let [bell, other] = bells();
    let taken = seats.try_take().unwrap();
    let (mut first, mut second) = (seats.ticket(), seats.ticket());
    assert_eq!(seats.counts().waiting, 0);
    assert_eq!(poll(&mut second, &other), Poll::Pending);
    assert_eq!(seats.counts().waiting, 1);
    assert_eq!(
        poll(&mut first, &bell),
        Poll::Ready(Err(PoolError::QueueFull { waiting: 1 }))
    );
    // An answer is final, and the ticket of a full line left nothing behind.
    seats.give_back(taken);
    assert_eq!(poll(&mut first, &bell), Poll::Pending);
    assert_eq!((bell.rung(), Arc::strong_count(&bell)), (0, 1));
    assert_eq!(seats.try_take(), Err(PoolError::Busy { connections: 1 }));
    assert_eq!(poll(&mut second, &other), Poll::Ready(Ok(Item(0))));
    assert_eq!(poll(&mut second, &other), Poll::Pending);
    assert_eq!((other.rung(), Arc::strong_count(&other)), (1, 1));
    assert_eq!(seats.counts().waiting, 0);
}

#[test]
fn a_line_without_places_gives_what_is_free_and_refuses_the_rest() {
    let seats = local::<0>(1);
    let [bell] = bells();
    assert_eq!(poll(&mut seats.ticket(), &bell), Poll::Ready(Ok(Item(0))));
    let refused = Err(PoolError::QueueFull { waiting: 0 });
    assert_eq!(poll(&mut seats.ticket(), &bell), Poll::Ready(refused));
}

#[test]
fn a_full_line_is_no_bar_where_more_seats_are_idle_than_wait() {
    let seats = local::<1>(2);
    let [bell, other] = bells();
    let (a, b) = (seats.try_take().unwrap(), seats.try_take().unwrap());
    let mut first = seats.ticket();
    assert_eq!(poll(&mut first, &bell), Poll::Pending);
    seats.give_back(a);
    seats.give_back(b);
    assert_eq!(poll(&mut seats.ticket(), &other), Poll::Ready(Ok(Item(0))));
    assert_eq!(poll(&mut first, &bell), Poll::Ready(Ok(Item(1))));
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let seats = local::<1>(1);
    let [old, new] = bells();
    let taken = seats.try_take().unwrap();
    let mut ticket = seats.ticket();
    assert_eq!(poll(&mut ticket, &old), Poll::Pending);
    assert_eq!(poll(&mut ticket, &new), Poll::Pending);
    assert_eq!(poll(&mut ticket, &new), Poll::Pending);
    assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 2));
    seats.give_back(taken);
    assert_eq!((old.rung(), new.rung()), (0, 1));
}

/// A clone of a waker may cost an allocation.
#[test]
fn a_waker_that_was_left_is_not_asked_for_again() {
    let seats = local::<1>(1);
    let [bell, other] = bells();
    let (waker, other) = (Waker::from(bell), Waker::from(other));
    let _taken = seats.try_take().unwrap();
    let mut standing = Standing::Outside;
    let mut step = |waker, spare: Option<&Waker>| {
        let mut spare = spare.cloned();
        match seats.step(&mut standing, waker, &mut spare) {
            Step::Done(_) => panic!("nothing is free"),
            Step::Wait => "wait",
            Step::LeaveWaker => "leave",
        }
    };
    assert_eq!(step(&waker, None), "leave");
    assert_eq!(step(&waker, Some(&waker)), "wait");
    assert_eq!(step(&waker, None), "wait");
    assert_eq!(step(&other, None), "leave");
    assert_eq!(step(&other, Some(&other)), "wait");
    assert_eq!(step(&other, None), "wait");
}

/// Three wait, one seat. Whoever of them is cancelled, before it was called or after, the seat
/// reaches all the others, in order.
#[test]
fn a_waiter_cancelled_anywhere_in_line_loses_no_wake_up() {
    for cancelled in 0..3 {
        for called_first in [false, true] {
            let seats = local::<3>(1);
            let bells = bells::<3>();
            let taken = seats.try_take().unwrap();
            let mut tickets: Vec<_> = bells
                .iter()
                .map(|bell| {
                    let mut ticket = seats.ticket();
                    assert_eq!(poll(&mut ticket, bell), Poll::Pending);
                    Some(ticket)
                })
                .collect();
            // To be called first, those before it have to be served.
            let mut in_hand = Some(taken);
            let served_before = if called_first { cancelled } else { 0 };
            for (ticket, bell) in tickets.iter_mut().zip(&bells).take(served_before) {
                seats.give_back(in_hand.take().unwrap());
                assert_eq!(bell.rung(), 1);
                in_hand = Some(serve(ticket, bell));
            }
            if called_first {
                seats.give_back(in_hand.take().unwrap());
                assert_eq!(bells[cancelled].rung(), 1);
            }
            drop(tickets[cancelled].take());
            assert_eq!(bells[cancelled].rung(), usize::from(called_first));
            for (ticket, bell) in tickets.iter_mut().zip(&bells).skip(served_before) {
                if ticket.is_none() {
                    continue;
                }
                if let Some(item) = in_hand.take() {
                    seats.give_back(item);
                }
                assert_eq!(
                    bell.rung(),
                    1,
                    "lost after waiter {cancelled}, {called_first}"
                );
                in_hand = Some(serve(ticket, bell));
            }
            if let Some(item) = in_hand {
                seats.give_back(item);
            }
            assert_eq!(
                seats.counts(),
                Counts {
                    seats: 1,
                    idle: 1,
                    waiting: 0,
                    closed: false
                }
            );
        }
    }
}

fn serve(ticket: &mut Option<LocalTicket<'_, 3>>, bell: &Arc<Bell>) -> Item {
    match poll(ticket.as_mut().unwrap(), bell) {
        Poll::Ready(Ok(item)) => item,
        other => panic!("not served: {other:?}"),
    }
}

#[test]
fn upkeep_takes_an_idle_item_from_under_a_called_waiter_without_loss() {
    let seats = local::<2>(1);
    let [bell] = bells();
    let taken = seats.try_take().unwrap();
    let mut ticket = seats.ticket();
    assert_eq!(poll(&mut ticket, &bell), Poll::Pending);
    seats.give_back(taken);
    let upkeep = seats.take_idle().unwrap();
    assert_eq!((bell.rung(), poll(&mut ticket, &bell)), (1, Poll::Pending));
    seats.give_back(upkeep);
    assert_eq!(
        (bell.rung(), poll(&mut ticket, &bell)),
        (2, Poll::Ready(Ok(Item(0))))
    );
}

#[test]
fn closing_wakes_and_refuses_everybody() {
    let seats = local::<3>(2);
    let bells = bells::<3>();
    let (a, b) = (seats.try_take().unwrap(), seats.try_take().unwrap());
    let mut tickets: Vec<_> = bells.iter().map(|_| seats.ticket()).collect();
    for (ticket, bell) in tickets.iter_mut().zip(&bells) {
        assert_eq!(poll(ticket, bell), Poll::Pending);
    }
    // The first was called already, and still is told that the pool is closed.
    seats.give_back(a);
    seats.close();
    assert_eq!(
        seats.counts(),
        Counts {
            seats: 2,
            idle: 1,
            waiting: 0,
            closed: true
        }
    );
    for (ticket, bell) in tickets.iter_mut().zip(&bells) {
        assert_eq!(bell.rung(), 1);
        assert_eq!(poll(ticket, bell), Poll::Ready(Err(PoolError::Closed)));
        assert_eq!(Arc::strong_count(bell), 1);
    }
    assert_eq!(seats.try_take(), Err(PoolError::Closed));
    assert_eq!(
        poll(&mut seats.ticket(), &bells[0]),
        Poll::Ready(Err(PoolError::Closed))
    );
    drop(tickets);
    // What was taken comes back, and upkeep still gets at all of them.
    seats.give_back(b);
    assert_eq!(
        (seats.take_idle(), seats.take_idle()),
        (Some(Item(1)), Some(Item(0)))
    );
}

#[test]
fn what_does_not_fit_any_more_does_not_get_back() {
    let seats: Local<1, u32> = Seats::new([Item(0)]);
    let [bell] = bells();
    let taken = seats.try_take().unwrap();
    let mut ticket = seats.ticket();
    assert_eq!(poll(&mut ticket, &bell), Poll::Pending);
    let refused = seats.give_back_if(taken, |extra, item| {
        (*extra, item.0) = (1, 7);
        false
    });
    assert_eq!(refused, Some(Item(7)));
    assert_eq!((seats.counts().idle, bell.rung()), (0, 0));
    let given = seats.give_back_if(refused.unwrap(), |extra, _| *extra == 1);
    assert_eq!((given, bell.rung()), (None, 1));
    assert_eq!(poll(&mut ticket, &bell), Poll::Ready(Ok(Item(7))));
}

/// Wakers of one task need not be equal: one that polled itself awake with each poll would never
/// sleep.
#[test]
fn all_back_drops_its_own_waker_and_wakes_that_of_another() {
    let seats = local::<1>(1);
    let [old, new, other] = bells();
    let taken = seats.try_take().unwrap();
    let (mut first, mut second) = (seats.all_back(), seats.all_back());
    assert_eq!(poll(&mut first, &old), Poll::Pending);
    assert_eq!(poll(&mut first, &new), Poll::Pending);
    assert_eq!((old.rung(), Arc::strong_count(&old)), (0, 1));
    assert_eq!(poll(&mut second, &other), Poll::Pending);
    assert_eq!((new.rung(), Arc::strong_count(&new)), (1, 1));
    // The first one is not fooled by having left one before.
    assert_eq!(poll(&mut first, &new), Poll::Pending);
    assert_eq!((other.rung(), Arc::strong_count(&other)), (1, 1));
    seats.give_back(taken);
    assert_eq!((old.rung(), new.rung(), other.rung()), (0, 2, 1));
}

#[test]
fn all_back_waits_for_the_last_item() {
    let seats = local::<1>(2);
    let [bell, other] = bells();
    assert_eq!(poll(&mut seats.all_back(), &bell), Poll::Ready(()));
    let (a, b) = (seats.try_take().unwrap(), seats.try_take().unwrap());
    seats.close();
    let (mut first, mut second) = (seats.all_back(), seats.all_back());
    assert_eq!(poll(&mut first, &bell), Poll::Pending);
    assert_eq!(poll(&mut first, &bell), Poll::Pending);
    seats.give_back(a);
    assert_eq!(bell.rung(), 0);
    // A second one replaces the first, and does not leave it asleep.
    assert_eq!(poll(&mut second, &other), Poll::Pending);
    assert_eq!((bell.rung(), other.rung()), (1, 0));
    seats.give_back(b);
    assert_eq!((bell.rung(), other.rung()), (1, 1));
    assert_eq!(poll(&mut first, &bell), Poll::Ready(()));
    assert_eq!(poll(&mut second, &other), Poll::Ready(()));
    assert_eq!(
        (Arc::strong_count(&bell), Arc::strong_count(&other)),
        (1, 1)
    );
}

#[test]
fn what_is_kept_beside_the_seats_can_be_worked_on_while_they_are_used() {
    let seats: Local<1, u32> = Seats::new([Item(0)]);
    let taken = seats.try_take().unwrap();
    let seen = seats.with(|extra| {
        *extra += 7;
        // Using the seats from in here loses no item; `with` within `with` does nothing.
        seats.give_back(taken);
        assert_eq!(seats.with(|inner| core::mem::replace(inner, 1)), 0);
        *extra
    });
    assert_eq!(
        (seen, seats.with(|extra| *extra), seats.counts().idle),
        (7, 7, 1)
    );
}

/// A waker that uses the pool whenever it is woken or dropped, as an executor does that polls or
/// drops tasks in place.
struct Meddler {
    seats: &'static Seats<CriticalSectionRawMutex, Item, 4, 2>,
    meddled: Arc<AtomicUsize>,
}

impl Meddler {
    fn meddle(&self) {
        self.meddled.fetch_add(1, SeqCst);
        // Were the state borrowed now, this would count all four seats that there might be.
        assert_eq!(
            self.seats.counts().seats,
            2,
            "foreign code ran while the state was borrowed"
        );
        if let Some(item) = self.seats.take_idle() {
            self.seats.give_back(item);
        }
    }
}

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        self.meddle();
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.meddle();
    }
}

#[test]
fn wakers_may_use_the_pool_when_woken_and_when_dropped() {
    let seats: &'static _ = Box::leak(Box::new(Seats::new([Item(0), Item(1)])));
    let meddled = Arc::new(AtomicUsize::new(0));
    let meddler = || {
        Waker::from(Arc::new(Meddler {
            seats,
            meddled: Arc::clone(&meddled),
        }))
    };
    // Each poll brings a waker that exists nowhere else, so that letting go of it drops it: 1 for
    // being woken, 1 for being dropped.
    let poll = |ticket: &mut Ticket<'_, _, _, 4, 2>| poll_with(ticket, &meddler());
    let (a, b) = (seats.try_take().unwrap(), seats.try_take().unwrap());
    let (mut first, mut second) = (seats.ticket(), seats.ticket());
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    assert_eq!(meddled.load(SeqCst), 0);
    // Called when an item comes back, and when another one leaves.
    seats.give_back(a);
    assert_eq!(meddled.load(SeqCst), 2);
    drop(first);
    assert_eq!(meddled.load(SeqCst), 4);
    // Served: only the waker of this very poll is dropped.
    let Poll::Ready(Ok(a)) = poll(&mut second) else {
        panic!("not served")
    };
    assert_eq!(meddled.load(SeqCst), 5);
    // Replaced by that of the next poll, which goes when the ticket leaves uncalled.
    let mut third = seats.ticket();
    assert!(poll(&mut third).is_pending() && poll(&mut third).is_pending());
    assert_eq!(meddled.load(SeqCst), 6);
    drop(third);
    assert_eq!(meddled.load(SeqCst), 7);
    // Called by the end of the pool, and by the last item that comes back.
    let (mut fourth, mut end) = (seats.ticket(), seats.all_back());
    assert!(poll(&mut fourth).is_pending());
    assert!(poll_with(&mut end, &meddler()).is_pending());
    seats.close();
    assert_eq!(meddled.load(SeqCst), 9);
    seats.give_back(a);
    seats.give_back(b);
    assert_eq!(meddled.load(SeqCst), 11);
}
