//! A future that waits while it holds a command can go to another thread, as `tokio::spawn` wants.
//!
//! It is not enough that commands are `Send`: where a bound in a command's impl has a lifetime
//! parameter, the future is not, with "implementation of `Command` is not general enough", and only
//! where it is spawned. So every type of command is held over an await here, made of borrowed text.

use std::future::{Future, ready};

use respool::command::*;
use respool::resp::Reply;

fn assert_send(_: impl Future + Send) {}

/// Holds a command over an await, by value and as what a driver sees, and a place for its reply.
async fn hold<C: Command + Send>(command: C) {
    let seen: &dyn Encode = &command;
    let reply: Option<<C::Reply as Reply>::Out<'_>> = None;
    ready(()).await;
    seen.spec();
    drop(reply);
}

macro_rules! all_are_send {
    ($($command:expr;)*) => { $( assert_send(async { hold($command).await }); )* };
}

#[test]
fn futures_that_hold_a_command_are_send() {
    let text = String::from("text");
    let k: &str = &text;
    let bytes: &[u8] = text.as_bytes();
    let keys = [k, "b"];
    let pairs = [(k, bytes), ("b", b"v")];
    all_are_send! {
        // Every shape of a command without options.
        ping();
        get(k);
        get(bytes);
        get(("node:", k, 7));
        append(k, bytes);
        setrange(k, 1, bytes);
        del(k);
        del(keys);
        mget(keys.as_slice());
        mset(pairs);
        mset(pairs.as_slice());
        hmget(k, keys);
        hset(k, pairs);
        hgetall(k);
        exec();
        // Every type with options.
        set(k, bytes).ex(60);
        set(k, bytes).nx();
        set(k, bytes).xx().get();
        getex(k).persist();
        lcs(k, k);
        lcs(k, k).len();
        lcs(k, k).idx();
        xadd(k, NewId::Auto, pairs);
        xadd(k, StreamId::new(1, 2), pairs.as_slice()).max_len_approx(9).limit(1).no_mk_stream();
        xtrim(k).max_len(9);
        xtrim(k).min_id_approx(StreamId::new(1, 2)).limit(1);
        xdel(k, [StreamId::new(1, 2)]);
        xrange(k, StreamId::new(1, 2)..).count(1);
        xread([(k, After::New)]).block(1);
        xread([(k, After::New)].as_slice()).count(1).text();
        blpop(keys, 1);
        brpop(keys.as_slice(), 1).text();
        hrandfield(k);
        hrandfield(k).count(2);
        hrandfield(k).count(2).withvalues();
        scan(0).matching(k).kind(k);
        hscan(k, 0).matching(bytes);
        expire(k, 60).nx();
        sort(k).by(k).get(k).get(bytes);
        sort(k).store(bytes);
        copy(k, bytes).replace();
        restore(k, 0, bytes);
        migrate(k, 6379, k, 0, 10).auth2(k, bytes);
        migrate_keys(k, 6379, keys, 0, 10);
        client_kill().user(k).addr(bytes);
        client_list().id([1u64, 2].as_slice());
        client_pause(1);
        client_tracking(true).prefix(k).prefix(bytes);
        client_unblock(1);
        raw(k).arg(k).args(keys).pairs(pairs.as_slice());
        // Every adapter.
        get(k).text();
        get(k).reply::<Option<String>>();
        get(k).outcome();
        &get(k);
    }
}
