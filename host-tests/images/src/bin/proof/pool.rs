//! The blocking pool: on one core, and among interrupts.

use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex, RawMutex};
use respool::command::*;
use respool::io::Blocking;
use respool::{Pool, PoolResources};

use crate::client::config;
use crate::commands::call;
use images::look::Look;
use images::soup::{Link, Soup};

pub fn pools(soup: &Soup) {
    pool::<NoopRawMutex>(soup);
    pool::<CriticalSectionRawMutex>(soup);
}

#[inline(never)]
fn pool<M: RawMutex>(s: &Soup) {
    let mut resources = PoolResources::<3, 256, 256>::new();
    let links = [Blocking(Link), Blocking(Link), Blocking(Link)];
    let pool = Pool::<M, _, 3>::new(&mut resources, links, config(s));
    while s.flag() {
        pool.call(incr(s.text())).look();
        pool.call(get(s.text()).reply::<heapless::String<16>>())
            .look();
        pool.call((ping(), set(s.text(), s.bytes()).nx())).look();
        match (pool.try_get(), pool.try_get()) {
            (Ok(mut first), Ok(mut second)) => {
                call(&mut first, select(s.word()));
                call(&mut first, watch(s.text()));
                call(&mut second, hgetall(s.text()));
                second.error_text().look();
                if s.flag() {
                    second.disconnect();
                }
                if s.flag() {
                    pool.disconnect_all();
                    pool.close(s.span()).look();
                }
            }
            (Err(error), _) | (_, Err(error)) => error.look(),
        }
        pool.disconnect_idle();
    }
    pool.close(s.span()).look();
    let stats = pool.stats();
    (
        stats.opened,
        stats.open,
        stats.failed,
        stats.closed,
        stats.closed_broken,
    )
        .look();
    (
        stats.closed_timed_out,
        stats.closed_protocol,
        stats.closed_dropped,
        stats.closed_refused,
    )
        .look();
    (
        stats.reused,
        stats.checked,
        stats.sent,
        stats.answered,
        stats.skipped,
        stats.lost,
    )
        .look();
    (
        stats.pushes,
        stats.bytes_out,
        stats.bytes_in,
        stats.retries,
        stats.timeouts,
        stats.waits,
    )
        .look();
    stats.wait_timeouts.look();
}
