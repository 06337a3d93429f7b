//! Replies of redis-server 7.0.15 to the commands, in both protocols, as it sent them.

extern crate std;

use std::vec::Vec;

use crate::command::*;
use crate::error::Error;
use crate::resp::{Any, Decoder, EntriesIter, ItemsIter, Reply, Text};

/// Entries that a firmware owns, of numbers by names.
type Samples = heapless::Vec<(StreamId, heapless::LinearMap<heapless::String<8>, u32, 4>), 4>;

/// The same of several streams.
type Owned = heapless::LinearMap<heapless::String<8>, Samples, 2>;

/// A table of replies: a command, what RESP2 answers, what RESP3 answers where that differs, and
/// what the caller sees of it.
macro_rules! replies {
    ($($command:expr, $resp2:literal $(, $resp3:literal)? => |$out:ident| $check:expr;)*) => {
        $(
            for wire in [&$resp2[..] $(, &$resp3[..])?] {
                let mut decoder = Decoder::new(wire);
                let $out = decoded(&$command, &mut decoder);
                assert!($check, "{} of {}", stringify!($command), wire.escape_ascii());
                assert!(decoder.is_empty());
            }
        )*
    };
}

#[test]
fn both_protocols_give_the_caller_the_same() {
    replies! {
        ping(), b"+PONG\r\n" => |out| out.eq(&());
        ping_with("m"), b"$1\r\nm\r\n" => |out| out == b"m";
        echo("m"), b"$1\r\nm\r\n" => |out| out == b"m";
        select(1), b"+OK\r\n" => |out| out.eq(&());
        client_getname(), b"$-1\r\n", b"_\r\n" => |out| out.is_none();
        client_getname(), b"$1\r\nn\r\n" => |out| out == Some(b"n");
        client_getredir(), b":-1\r\n" => |out| out == -1;
        client_info(),
            b"$34\r\nid=5 addr=127.0.0.1:42 name= db=0\n\r\n",
            b"=38\r\ntxt:id=5 addr=127.0.0.1:42 name= db=0\n\r\n"
            => |out| out.starts_with(b"id=");
        client_list().kind(ClientKind::Master),
            b"$0\r\n\r\n",
            b"=4\r\ntxt:\r\n"
            => |out| out.is_empty();
        client_kill().id(1_000_000), b":0\r\n" => |out| out == 0;
        client_trackinginfo(),
            b"*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n",
            b"%3\r\n$5\r\nflags\r\n~1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n"
            => |out| names(out) == ["flags", "redirect", "prefixes"];
        client_unblock(1_000_000), b":0\r\n" => |out| !out;
        object_help(),
            b"*2\r\n+OBJECT <subcommand> [<arg> ...]\r\n+ENCODING <key>\r\n"
            => |out| all(out) == ["OBJECT <subcommand> [<arg> ...]", "ENCODING <key>"];
        del(["k", "b", "x"]), b":2\r\n" => |out| out == 2;
        key_type("k"), b"+string\r\n" => |out| out == "string";
        key_type("k"), b"+none\r\n" => |out| out == "none";
        copy("k", "b"), b":1\r\n" => |out| out;
        copy("k", "b"), b":0\r\n" => |out| !out;
        dump("k"),
            b"$13\r\n\x00\x01v\n\x00\x91\x08\xce\xb2\x198\x8a\xce\r\n"
            => |out| out.is_some();
        dump("k"), b"$-1\r\n", b"_\r\n" => |out| out.is_none();
        expire("k", 60), b":1\r\n" => |out| out;
        ttl("k"), b":-2\r\n" => |out| out == -2;
        persist("k"), b":0\r\n" => |out| !out;
        keys("*"), b"*1\r\n$1\r\nk\r\n" => |out| all(out) == [b"k"];
        randomkey(), b"$-1\r\n", b"_\r\n" => |out| out.is_none();
        randomkey(), b"$1\r\nk\r\n" => |out| out == Some(b"k");
        rename("k", "b"), b"+OK\r\n" => |out| out.eq(&());
        renamenx("k", "b"), b":1\r\n" => |out| out;
        move_key("k", 1), b":1\r\n" => |out| out;
        object_encoding("k"), b"$6\r\nembstr\r\n" => |out| out == Some("embstr");
        object_encoding("k"), b"$-1\r\n", b"_\r\n" => |out| out.is_none();
        object_refcount("k"), b":1\r\n" => |out| out == Some(1);
        object_idletime("k"), b"$-1\r\n", b"_\r\n" => |out| out.is_none();
        migrate("127.0.0.1", 1, "k", 0, 10), b"+NOKEY\r\n" => |out| out == "NOKEY";
        scan(0), b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n" => |out| out.0 == 0 && all(out.1) == [b"k"];
        scan(0).text(),
            b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n"
            => |out| out.1.map(Result::unwrap).eq(["k"]);
        sort("k"), b"*2\r\n$1\r\n1\r\n$1\r\n2\r\n" => |out| all(out) == [b"1", b"2"];
        sort("k").get("#").get("w_*"),
            b"*4\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n$1\r\nw\r\n",
            b"*4\r\n$1\r\n1\r\n_\r\n$1\r\n2\r\n$1\r\nw\r\n"
            => |out| all(out) == [Some(&b"1"[..]), None, Some(b"2"), Some(b"w")];
        sort("k").store("d"), b":2\r\n" => |out| out == 2;
        wait(0, 1), b":0\r\n" => |out| out == 0;
        get("k"), b"$1\r\nv\r\n" => |out| out == Some(b"v");
        get("k"), b"$-1\r\n", b"_\r\n" => |out| out.is_none();
        set("k", "v"), b"+OK\r\n" => |out| out.eq(&());
        set("k", "v").nx(), b"+OK\r\n" => |out| out;
        set("k", "v").nx(), b"$-1\r\n", b"_\r\n" => |out| !out;
        set("k", "w").get(), b"$1\r\nv\r\n" => |out| out == Some(b"v");
        set("k", "w").nx().get(), b"$-1\r\n", b"_\r\n" => |out| out.is_none();
        set("k", "w").get().xx(), b"$1\r\nv\r\n" => |out| out == Some(b"v");
        getdel("k"), b"$1\r\nv\r\n" => |out| out == Some(b"v");
        getex("k").persist(), b"$1\r\nv\r\n" => |out| out == Some(b"v");
        getrange("k", 0, -1), b"$0\r\n\r\n" => |out| out == b"";
        append("k", "v"), b":1\r\n" => |out| out == 1;
        setnx("k", "v"), b":1\r\n" => |out| out;
        mget(["k", "x"]),
            b"*2\r\n$1\r\nv\r\n$-1\r\n",
            b"*2\r\n$1\r\nv\r\n_\r\n"
            => |out| all(out) == [Some(&b"v"[..]), None];
        msetnx([("k", 1), ("b", 2)]), b":0\r\n" => |out| !out;
        incrby("k", -5), b":-5\r\n" => |out| out == -5;
        incrbyfloat("k", 0.25), b"$4\r\n1.75\r\n" => |out| out == 1.75;
        lcs("k", "b"), b"$6\r\nmytext\r\n" => |out| out == b"mytext";
        lcs("k", "b").len(), b":6\r\n" => |out| out == 6;
        lcs("k", "b").idx().withmatchlen(),
            b"*4\r\n$7\r\nmatches\r\n*2\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n*3\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n:2\r\n$3\r\nlen\r\n:6\r\n",
            b"%2\r\n$7\r\nmatches\r\n*2\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n*3\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n:2\r\n$3\r\nlen\r\n:6\r\n"
            => |out| names(out) == ["matches", "len"];
        hset("k", [("f", 1), ("g", 2)]), b":2\r\n" => |out| out == 2;
        hget("k", "f"), b"$1\r\n1\r\n" => |out| out == Some(b"1");
        hgetall("k"),
            b"*4\r\n$1\r\nf\r\n$1\r\n1\r\n$1\r\ng\r\n$1\r\n2\r\n",
            b"%2\r\n$1\r\nf\r\n$1\r\n1\r\n$1\r\ng\r\n$1\r\n2\r\n"
            => |out| all(out) == [(&b"f"[..], &b"1"[..]), (b"g", b"2")];
        hgetall("k"), b"*0\r\n", b"%0\r\n" => |out| out.count() == 0;
        hmget("k", ["f", "x"]),
            b"*2\r\n$1\r\n1\r\n$-1\r\n",
            b"*2\r\n$1\r\n1\r\n_\r\n"
            => |out| all(out) == [Some(&b"1"[..]), None];
        hkeys("k"), b"*2\r\n$1\r\nf\r\n$1\r\ng\r\n" => |out| all(out) == [b"f", b"g"];
        hexists("k", "f"), b":1\r\n" => |out| out;
        hincrbyfloat("k", "f", 0.5), b"$3\r\n1.5\r\n" => |out| out == 1.5;
        hrandfield("k"), b"$-1\r\n", b"_\r\n" => |out| out.is_none();
        hrandfield("k"), b"$1\r\nf\r\n" => |out| out == Some(b"f");
        hrandfield("k").count(-2),
            b"*2\r\n$1\r\nf\r\n$1\r\nf\r\n"
            => |out| all(out) == [b"f", b"f"];
        hrandfield("k").count(2).withvalues(), b"*0\r\n" => |out| out.count() == 0;
        hrandfield("k").count(2).withvalues(),
            b"*4\r\n$1\r\nf\r\n$1\r\n1\r\n$1\r\ng\r\n$1\r\n2\r\n",
            b"*2\r\n*2\r\n$1\r\nf\r\n$1\r\n1\r\n*2\r\n$1\r\ng\r\n$1\r\n2\r\n"
            => |out| all(out) == [(&b"f"[..], &b"1"[..]), (b"g", b"2")];
        hscan("k", 0),
            b"*2\r\n$1\r\n0\r\n*4\r\n$1\r\nf\r\n$1\r\n1\r\n$1\r\ng\r\n$1\r\n2\r\n"
            => |out| out.0 == 0 && all(out.1) == [(&b"f"[..], &b"1"[..]), (b"g", b"2")];
        blpop("q", 0),
            b"*2\r\n$1\r\nq\r\n$1\r\na\r\n"
            => |out| out == Some((&b"q"[..], &b"a"[..]));
        brpop("q", 1).text(), b"*2\r\n$1\r\nq\r\n$1\r\na\r\n" => |out| out == Some(("q", "a"));
        brpop("q", 1), b"*-1\r\n", b"_\r\n" => |out| out.is_none();
        xadd("s", NewId::Auto, [("f", 1)]),
            b"$15\r\n1700000000001-7\r\n"
            => |out| out == b"1700000000001-7";
        xadd("s", NewId::Auto, [("f", 1)]).reply::<StreamId>(),
            b"$15\r\n1700000000001-7\r\n"
            => |out| out == StreamId::new(1_700_000_000_001, 7);
        xadd("s", NewId::Auto, [("f", 1)]).no_mk_stream(),
            b"$-1\r\n",
            b"_\r\n"
            => |out| out.is_none();
        xadd("s", NewId::Auto, [("f", 1)]).no_mk_stream().text(),
            b"$3\r\n5-7\r\n"
            => |out| out == Some("5-7");
        xlen("s"), b":4\r\n" => |out| out == 4;
        xdel("s", StreamId::new(5, 7)), b":1\r\n" => |out| out == 1;
        xtrim("s").max_len(1), b":2\r\n" => |out| out == 2;
        xrange("s", ..),
            b"*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\n2\r\n*2\r\n$3\r\n1-7\r\n*4\r\n$1\r\nf\r\n$1\r\n3\r\n$1\r\ng\r\n$1\r\n4\r\n"
            => |out| entries(out) == [(StreamId::new(1, 0), 1), (StreamId::new(1, 7), 2)];
        xrange("s", ..).text(),
            b"*1\r\n*2\r\n$3\r\n1-7\r\n*4\r\n$1\r\nf\r\n$1\r\n3\r\n$1\r\ng\r\n$1\r\n4\r\n"
            => |out| all(all(out).remove(0).1) == [("f", "3"), ("g", "4")];
        xrange("s", ..).reply::<Samples>(),
            b"*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\n2\r\n"
            => |out| out[0].0 == StreamId::new(1, 0) && out[0].1.get("f") == Some(&2);
        xread([("s", After::New)]).reply::<Option<Owned>>(),
            b"*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\n2\r\n",
            b"%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\n2\r\n"
            => |out| out.unwrap().get("s").unwrap()[0].0 == StreamId::new(1, 0);
        xrevrange("s", ..), b"*0\r\n" => |out| out.count() == 0;
        xread([("s", After::New), ("other", After::New)]),
            b"*2\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\n2\r\n*2\r\n$5\r\nother\r\n*1\r\n*2\r\n$3\r\n2-0\r\n*2\r\n$1\r\nf\r\n$1\r\n1\r\n",
            b"%2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\n2\r\n$5\r\nother\r\n*1\r\n*2\r\n$3\r\n2-0\r\n*2\r\n$1\r\nf\r\n$1\r\n1\r\n"
            => |out| all(out.unwrap()).into_iter().map(|(key, items)| (key, entries(items))).eq([
                (&b"s"[..], std::vec![(StreamId::new(1, 0), 1)]),
                (&b"other"[..], std::vec![(StreamId::new(2, 0), 1)]),
            ]);
        xread([("s", After::New)]).block(1), b"*-1\r\n", b"_\r\n" => |out| out.is_none();
        exec(), b"*2\r\n:1\r\n$-1\r\n", b"*2\r\n:1\r\n_\r\n" => |out| out.is_some();
        exec(), b"*-1\r\n", b"_\r\n" => |out| out.is_none();
        unwatch(), b"+OK\r\n" => |out| out.eq(&());
    }
}

#[test]
fn a_pair_without_its_second_is_an_error() {
    let command = hrandfield("k").count(2).withvalues();
    for wire in [&b"*1\r\n$1\r\nf\r\n"[..], b"*1\r\n*1\r\n$1\r\nf\r\n"] {
        let mut pairs = decoded(&command, &mut Decoder::new(wire));
        assert!(pairs.next().unwrap().is_err());
        assert!(pairs.next().is_none());
    }
}

fn decoded<'r, C: Command>(_: &C, decoder: &mut Decoder<'r>) -> <C::Reply as Reply>::Out<'r> {
    C::Reply::decode_one_of_many(decoder).unwrap()
}

fn all<T>(items: impl Iterator<Item = Result<T, Error>>) -> Vec<T> {
    items.map(Result::unwrap).collect()
}

/// The id of each entry, and how many fields it has.
fn entries<'r>(items: ItemsIter<'r, Entry>) -> Vec<(StreamId, usize)> {
    let items = all(items).into_iter();
    items.map(|(id, fields)| (id, fields.count())).collect()
}

fn names<'r>(entries: EntriesIter<'r, Text, Any>) -> Vec<&'r str> {
    entries.map(|entry| entry.unwrap().0).collect()
}
