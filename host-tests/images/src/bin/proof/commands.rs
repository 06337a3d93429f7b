//! Every command, with every option.

use respool::command::*;
use respool::io::Blocking;
use respool::resp::Reply;
use respool::{Client, Request};

use images::look::Look;
use images::soup::{Link, Soup};

pub type Wired<'w> = Client<'w, Blocking<Link>>;

/// Calls, and looks at all of the answer.
pub fn call<R>(client: &mut Wired<'_>, request: R)
where
    R: Request,
    for<'r> <R::Reply as Reply>::Out<'r>: Look,
{
    client.call(request).look();
}

macro_rules! calls {
    ($client:ident: $($request:expr;)*) => { $( $crate::commands::call($client, $request); )* };
}
pub(crate) use calls;

pub fn all(client: &mut Wired<'_>, soup: &Soup) {
    of_connections(client, soup);
    of_clients(client, soup);
    of_keys(client, soup);
    of_expiry(client, soup);
    of_moving(client, soup);
    of_search(client, soup);
    of_strings(client, soup);
    of_set(client, soup);
    of_hashes(client, soup);
    of_queues(client, soup);
    of_streams(client, soup);
    of_transactions(client, soup);
    untyped(client, soup);
}

#[inline(never)]
fn of_connections(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        ping();
        ping_with(s.bytes());
        echo(s.bytes());
        echo(s.bytes()).text();
        select(s.word());
        wait(s.word(), s.long());
    }
}

#[inline(never)]
fn of_clients(client: &mut Wired<'_>, s: &Soup) {
    let kind = match s.word() {
        0 => ClientKind::Master,
        1 => ClientKind::Normal,
        2 => ClientKind::Replica,
        _ => ClientKind::PubSub,
    };
    calls! { client:
        client_caching(s.flag());
        client_getname();
        client_setname(s.text());
        client_getredir();
        client_help();
        client_id();
        client_info();
        client_kill().id(s.long()).kind(kind).user(s.text()).addr(s.text()).laddr(s.text())
            .skipme(s.flag());
        client_kill_addr(s.text());
        client_list();
        client_list().kind(kind);
        client_list().id([s.long(), s.long()]);
        client_no_evict(s.flag());
        client_pause(s.long());
        client_pause(s.long()).write();
        client_pause(s.long()).all();
        client_unpause();
        client_tracking(s.flag());
        client_tracking(s.flag()).redirect(s.long()).prefix(s.text()).bcast().noloop();
        client_tracking(s.flag()).optin();
        client_tracking(s.flag()).optout();
        client_trackinginfo();
        client_unblock(s.long());
        client_unblock(s.long()).timeout();
        client_unblock(s.long()).error();
    }
}

#[inline(never)]
fn of_keys(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        del(s.text());
        del([s.bytes(), s.bytes()]);
        unlink([s.text()]);
        exists((s.text(), s.word()));
        touch(&[s.text(), s.text()][..]);
        key_type(s.text());
        rename(s.text(), s.text());
        renamenx(s.text(), s.text());
        object_encoding(s.text());
        object_freq(s.text());
        object_help();
        object_idletime(s.text());
        object_refcount(s.text());
        keys(s.text());
        randomkey();
    }
}

#[inline(never)]
fn of_expiry(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        expire(s.text(), s.signed());
        expire(s.text(), s.signed()).nx();
        pexpire(s.text(), s.signed()).xx();
        expireat(s.text(), s.signed()).gt();
        pexpireat(s.text(), s.signed()).lt();
        persist(s.text());
        ttl(s.text());
        pttl(s.text());
        expiretime(s.text());
        pexpiretime(s.text());
    }
}

#[inline(never)]
fn of_moving(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        copy(s.text(), s.text());
        copy(s.text(), s.text()).db(s.word()).replace();
        move_key(s.text(), s.word());
        dump(s.text());
        restore(s.text(), s.long(), s.bytes());
        restore(s.text(), s.long(), s.bytes()).replace().absttl().idletime(s.long());
        restore(s.text(), s.long(), s.bytes()).freq(s.byte());
        migrate(s.text(), s.word() as u16, s.text(), s.word(), s.long()).copy().replace();
        migrate(s.text(), s.word() as u16, s.text(), s.word(), s.long()).auth(s.text());
        migrate_keys(s.text(), s.word() as u16, [s.text(), s.text()], s.word(), s.long())
            .auth2(s.text(), s.text());
    }
}

#[inline(never)]
fn of_search(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        scan(s.long());
        scan(s.long()).matching(s.text()).count(s.long()).kind(s.text());
        scan(s.long()).text();
        sort(s.text());
        sort(s.text()).by(s.text()).limit(s.signed(), s.signed()).asc().alpha().get(s.text());
        sort(s.text()).desc().store(s.text());
        sort_ro(s.text());
    }
}

#[inline(never)]
fn of_strings(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        get(s.text());
        get(s.text()).text();
        getdel(s.text());
        getex(s.text());
        getex(s.text()).ex(s.long());
        getex(s.text()).px(s.long());
        getex(s.text()).exat(s.long());
        getex(s.text()).pxat(s.long());
        getex(s.text()).persist();
        getset(s.text(), s.bytes());
        getrange(s.text(), s.signed(), s.signed());
        substr(s.text(), s.signed(), s.signed());
        strlen(s.text());
        append(s.text(), s.bytes());
        setrange(s.text(), s.long(), s.bytes());
        setnx(s.text(), s.bytes());
        setex(s.text(), s.long(), s.bytes());
        psetex(s.text(), s.long(), s.bytes());
        mget([s.text(), s.text()]);
        mset([(s.text(), s.bytes()), (s.text(), s.bytes())]);
        msetnx(&[(s.text(), s.word())][..]);
        incr(s.text());
        incrby(s.text(), s.signed());
        incrbyfloat(s.text(), s.double()).reply::<heapless::String<32>>();
        decr(s.text());
        decrby(s.text(), s.signed());
        lcs(s.text(), s.text());
        lcs(s.text(), s.text()).len();
        lcs(s.text(), s.text()).idx().minmatchlen(s.long()).withmatchlen();
    }
}

#[inline(never)]
fn of_set(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        set(s.text(), s.bytes());
        set(s.text(), s.double()).ex(s.long());
        set(s.text(), f32::from_bits(s.word())).px(s.long());
        set((s.text(), ":", s.word()), (s.double(), s.signed(), s.bytes())).exat(s.long());
        set(s.text(), s.long()).pxat(s.long());
        set(s.text(), s.signed()).keepttl();
        set(s.text(), s.word() as i32).get();
        set(s.text(), s.word() as i16).nx();
        set(s.text(), s.word() as u16).xx();
        set(s.text(), s.word() as usize).nx().get();
        set(s.text(), s.bytes()).get().xx();
    }
}

#[inline(never)]
fn of_hashes(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        hget(s.text(), s.text());
        hset(s.text(), [(s.text(), s.bytes()), (s.text(), s.bytes())]);
        hmset(s.text(), [(s.text(), s.double())]);
        hsetnx(s.text(), s.text(), s.bytes());
        hmget(s.text(), [s.text(), s.text()]);
        hgetall(s.text());
        hgetall(s.text()).text();
        hkeys(s.text());
        hvals(s.text());
        hlen(s.text());
        hstrlen(s.text(), s.text());
        hexists(s.text(), s.text());
        hdel(s.text(), [s.text(), s.text()]);
        hincrby(s.text(), s.text(), s.signed());
        hincrbyfloat(s.text(), s.text(), s.double()).reply::<heapless::String<32>>();
        hrandfield(s.text());
        hrandfield(s.text()).count(s.signed());
        hrandfield(s.text()).count(s.signed()).withvalues();
        hrandfield(s.text()).count(s.signed()).withvalues().text();
        hscan(s.text(), s.long()).matching(s.text()).count(s.long());
    }
}

#[inline(never)]
fn of_queues(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        blpop([s.text(), s.text()], s.long());
        brpop(s.text(), s.long());
        brpop(s.text(), s.long()).text();
    }
}

#[inline(never)]
fn of_streams(client: &mut Wired<'_>, s: &Soup) {
    let fields = [(s.text(), s.bytes()), (s.text(), s.bytes())];
    calls! { client:
        xadd(s.text(), NewId::Auto, fields);
        xadd(s.text(), NewId::AutoSeq(s.long()), fields).max_len(s.long());
        xadd(s.text(), s.id(), fields).max_len_approx(s.long()).limit(s.long());
        xadd(s.text(), s.id(), fields).min_id(s.id());
        xadd(s.text(), s.id(), fields).min_id_approx(s.id()).limit(s.long()).no_mk_stream();
        xadd(s.text(), s.id(), fields).reply::<StreamId>();
        xtrim(s.text()).max_len(s.long());
        xtrim(s.text()).max_len_approx(s.long()).limit(s.long());
        xtrim(s.text()).min_id(s.id());
        xtrim(s.text()).min_id_approx(s.id()).limit(s.long());
        xlen(s.text());
        xdel(s.text(), s.id());
        xdel(s.text(), [s.id(), s.id()]);
        xrange(s.text(), ..);
        xrange(s.text(), s.id()..s.id()).count(s.long());
        xrevrange(s.text(), s.id()..=s.id()).count(s.long());
        xread([(s.text(), After::New), (s.text(), After::Id(s.id()))]);
        xread([(s.text(), After::New)]).count(s.long()).block(s.long());
    }
    StreamId::parse(s.bytes()).look();
}

#[inline(never)]
fn of_transactions(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        watch([s.text(), s.text()]);
        unwatch();
        discard();
        (multi(), incr(s.text()).reply::<()>(), exec());
        (multi(), incr(s.text()).reply::<()>(), exec().reply::<Option<(i64, bool)>>());
    }
}

#[inline(never)]
fn untyped(client: &mut Wired<'_>, s: &Soup) {
    calls! { client:
        raw(s.text());
        raw(s.text()).arg(s.bytes()).args([s.text(), s.text()]).pairs([(s.text(), s.word())]);
        raw(s.text()).arg(s.bytes()).reply::<i64>();
    }
}
