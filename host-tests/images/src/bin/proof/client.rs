//! The blocking client, and every family of replies.

use heapless::{LinearMap, String, Vec};
use respool::command::*;
use respool::config::Protocol;
use respool::io::{Blocking, Dial};
use respool::{Client, Config, Memory, Request};

use crate::commands::{self, Wired, calls};
use images::look::Look;
use images::soup::{Jumps, Link, Soup};

#[inline(never)]
pub fn client(soup: &Soup) {
    let mut memory = Memory::<256, 256>::new();
    let config = config(soup);
    let mut client = Client::new(&mut memory, Blocking(Link), &config);
    commands::all(&mut client, soup);
    owned(&mut client, soup);
    several(&mut client, soup);
    pipelines(&mut client, soup);
    client.disconnect();
    dialled(soup, &config);
}

#[inline(never)]
fn dialled(s: &Soup, config: &Config<'_>) {
    let mut memory = Memory::<64, 64>::new();
    let link = Blocking(Dial::new(Link::dial, Jumps));
    let mut client = Client::new(&mut memory, link, config);
    client.call(ping()).look();
    client.call(get(s.text())).look();
    client.disconnect();
}

/// Settings of which nothing is known.
pub fn config<'s>(soup: &'s Soup) -> Config<'s> {
    let config = Config::new()
        .db(soup.word())
        .username(soup.text())
        .password(soup.text())
        .client_name(soup.text())
        .connect_timeout(soup.span())
        .call_timeout(soup.span())
        .pool_timeout(soup.span())
        .retries(soup.byte())
        .retry_for(soup.span())
        .backoff(soup.span(), soup.span())
        .seed(soup.word())
        .health_check_interval(soup.span())
        .max_idle(soup.span())
        .max_lifetime(soup.span())
        .retry_on_timeout(soup.flag());
    match soup.flag() {
        true => config.protocol(Protocol::Resp2).no_health_check(),
        false => config,
    }
}

#[inline(never)]
fn owned(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        get(s.text()).reply::<()>();
        get(s.text()).reply::<bool>();
        get(s.text()).reply::<u16>();
        get(s.text()).reply::<i16>();
        get(s.text()).reply::<u32>();
        get(s.text()).reply::<i32>();
        get(s.text()).reply::<u64>();
        get(s.text()).reply::<i64>();
        get(s.text()).reply::<usize>();
        get(s.text()).reply::<Option<u32>>();
        get(s.text()).reply::<String<16>>();
        get(s.text()).reply::<Option<Vec<u8, 16>>>();
        mget([s.text()]).reply::<Vec<String<8>, 4>>();
        mget([s.text()]).reply::<[Option<u32>; 3]>();
        mget([s.text()]).reply::<(u32, bool)>();
        mget([s.text()]).reply::<(u32, bool, i16, i64, u64, Option<i64>)>();
        hgetall(s.text()).reply::<LinearMap<String<8>, u32, 4>>();
        hgetall(s.text()).reply::<Vec<(String<8>, i64), 4>>();
        xrange(s.text(), ..).reply::<Vec<(StreamId, LinearMap<String<8>, u32, 4>), 4>>();
    }
}

#[inline(never)]
fn several(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        (get(s.text()), incr(s.text()));
        (get(s.text()).outcome(), hgetall(s.text()), mget([s.text()]).outcome());
        (ping(), ping(), ping(), ping(), ping(), ping(), ping(), xrange(s.text(), ..));
        incr(s.text()).idempotent();
        (get(s.text()), set(s.text(), s.bytes())).timeout(s.span());
    }
    client.error_text().look();
}

#[inline(never)]
fn pipelines(client: &mut Wired<'_>, s: &Soup) {
    let mut pipeline = client.pipeline((0..s.word()).map(|n| set((s.text(), n), s.bytes())));
    while let Some(reply) = pipeline.next() {
        reply.look();
    }
    let mut pipeline = client.pipeline((0..s.word()).map(|_| blpop([s.text()], s.long())));
    while let Some(reply) = pipeline.next() {
        reply.look();
    }
}
