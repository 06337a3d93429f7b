//! All that is async. An `async fn` can be polled after its end, which is a panic; `images` looks
//! that no other is left.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m as _;
use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex, RawMutex};
use images::look::Look;
use images::soup::{Jumps, Link, Soup};
use images::{block_on, end};
use respool::command::{blpop, get, hgetall, incr, multi, ping, select, set};
use respool::io::DialAsync;
use respool::{Client, Command, Config, Memory, Pool, PoolResources, Request};

#[cortex_m_rt::entry]
fn main() -> ! {
    let soup = Soup::new();
    block_on(client(&soup));
    block_on(pool::<NoopRawMutex>(&soup));
    block_on(pool::<CriticalSectionRawMutex>(&soup));
    end(0)
}

async fn client(s: &Soup) {
    let mut memory = Memory::<256, 256>::new();
    let config = Config::new();
    let mut client = Client::new(&mut memory, Link, &config);
    client.call(get(s.text())).await.look();
    client
        .call(set(s.text(), s.bytes()).nx().timeout(s.span()))
        .await
        .look();
    client
        .call((ping(), incr(s.text()).outcome(), hgetall(s.text())))
        .await
        .look();
    let mut pipeline = client.pipeline((0..s.word()).map(|n| set((s.text(), n), s.bytes())));
    while let Some(reply) = pipeline.next().await {
        reply.look();
    }
    client.close().await;

    let link = DialAsync::new(async || Link::dial(None), Jumps);
    let mut memory = Memory::<64, 64>::new();
    let mut client = Client::new(&mut memory, link, &config);
    client.call(get(s.text())).await.look();
    client.close().await;
}

async fn pool<M: RawMutex>(s: &Soup) {
    let mut resources = PoolResources::<2, 256, 256>::new();
    let pool = Pool::<M, _, 2>::new(&mut resources, [Link, Link], Config::new());
    pool.call(incr(s.text())).await.look();
    pool.call((ping(), set(s.text(), s.bytes())).idempotent())
        .await
        .look();
    match (pool.get().await, pool.get().await) {
        (Ok(mut first), Ok(mut second)) => {
            first.call(select(s.word())).await.look();
            first.call(blpop([s.text()], s.long())).await.look();
            second.call(multi()).await.look();
            second.close().await;
        }
        (Err(error), _) | (_, Err(error)) => error.look(),
    }
    pool.close(s.span()).await.look();
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    images::say_and_end(info)
}
