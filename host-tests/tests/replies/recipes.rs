//! The commands whose replies are recorded: one a line, words between blanks, `\xNN` for a byte.

/// A stream is the replies to these commands, on a connection and a server of its own.
pub struct Recipe {
    /// The name of the recording.
    pub name: &'static str,
    /// The commands.
    pub commands: &'static str,
    /// Only RESP3 has such replies.
    pub only_resp3: bool,
}

const fn recipe(name: &'static str, commands: &'static str) -> Recipe {
    Recipe {
        name,
        commands,
        only_resp3: false,
    }
}

/// All recipes that need nothing but a server.
pub const RECIPES: [Recipe; 10] = [
    recipe(
        "connection",
        r"
        PING
        PING message
        ECHO \x00\x0d\x0a\xff
        SELECT 1
        SELECT 0
        CLIENT SETNAME recorder
        CLIENT GETNAME
        CLIENT ID
        CLIENT INFO
        CLIENT LIST
        CLIENT LIST TYPE master
        CLIENT GETREDIR
        CLIENT HELP
        CLIENT KILL ID 1000000
        CLIENT KILL 127.0.0.1:1
        CLIENT NO-EVICT on
        CLIENT NO-EVICT off
        CLIENT PAUSE 1 WRITE
        CLIENT UNPAUSE
        CLIENT UNBLOCK 1000000
        CLIENT TRACKINGINFO
        CLIENT TRACKING on OPTIN
        CLIENT CACHING yes
        CLIENT TRACKINGINFO
        CLIENT TRACKING off
        CLIENT SETINFO LIB-NAME respool
        ",
    ),
    recipe(
        "generic",
        r"
        SET k v
        COPY k copied
        COPY k copied
        DUMP k
        DUMP none
        EXISTS k copied none
        TOUCH k none
        EXPIRE k 1000
        EXPIRE none 1000
        EXPIREAT k 4102444800
        EXPIRETIME k
        PEXPIREAT k 4102444800000
        PEXPIRETIME k
        PEXPIRE k 1000000 NX
        PERSIST k
        TTL k
        TTL none
        PTTL none
        TYPE k
        TYPE none
        KEYS *
        RANDOMKEY
        MOVE copied 3
        RENAME k renamed
        RENAME none renamed
        RENAMENX renamed k
        OBJECT ENCODING k
        OBJECT ENCODING none
        OBJECT HELP
        OBJECT IDLETIME k
        OBJECT REFCOUNT k
        OBJECT FREQ none
        OBJECT FREQ k
        CONFIG SET maxmemory-policy allkeys-lfu
        OBJECT FREQ k
        RESTORE restored 0 \x00\x01v\x0a\x00\x91\x08\xce\xb2\x198\x8a\xce
        RESTORE bad 0 xyz
        SCAN 0
        SCAN 0 MATCH none* COUNT 100 TYPE string
        RPUSH list 3 1 2
        SORT list
        SORT list BY w_* GET # GET w_* LIMIT 0 2
        SORT list STORE sorted
        SORT_RO list DESC
        SORT_RO k
        MIGRATE 127.0.0.1 1 none 0 10
        WAIT 0 1
        UNLINK k none
        DEL restored none
        KEYS none*
        ",
    ),
    recipe(
        "string",
        r"
        SET k v
        SET k w NX
        SET k w XX GET
        SET none w GET
        SET n 10 EX 1000
        GET k
        GET missing
        GETDEL none
        GETEX n PERSIST
        GETRANGE k 0 -1
        GETRANGE missing 0 -1
        SUBSTR k 0 0
        GETSET k \x0d\x0a
        APPEND k tail
        STRLEN k
        SETRANGE k 8 far
        SETNX k again
        SETEX e 1000 v
        PSETEX p 1000000 v
        MSET a ohmytext b mynewtext
        MSETNX a 1 z 2
        MGET a b missing
        INCR n
        INCRBY n 9223372036854775000
        INCRBY n 9223372036854775000
        INCRBYFLOAT f 10.5
        INCRBYFLOAT f 3.0e3
        DECR n
        DECRBY n 5
        LCS a b
        LCS a b LEN
        LCS a b IDX WITHMATCHLEN
        INCR a
        ",
    ),
    recipe(
        "hash",
        r"
        HSET h f 1 g 2
        HSET h f 3
        HGET h f
        HGET h none
        HGETALL h
        HGETALL none
        HMSET h i 4 j \x00
        HMGET h f none
        HKEYS h
        HVALS h
        HLEN h
        HSTRLEN h f
        HEXISTS h none
        HSETNX h f 5
        HINCRBY h f 1
        HINCRBYFLOAT h f 0.5
        HRANDFIELD h
        HRANDFIELD none
        HRANDFIELD h -3
        HRANDFIELD h 2 WITHVALUES
        HRANDFIELD none 2 WITHVALUES
        HSCAN h 0
        HDEL h i j none
        HINCRBY h f 1
        ",
    ),
    recipe(
        "list",
        r"
        RPUSH q a b c
        BLPOP none q 0
        BRPOP q 0.250
        BLPOP none other 0.001
        BRPOP none 0.001
        SET k v
        BLPOP k 1
        BLPOP q x
        BLPOP q -1
        ",
    ),
    recipe(
        "stream",
        r"
        XADD s 1700000000000-0 f 1 g \x00\xff
        XADD s 1700000000000-0 f 1
        XADD s 1700000000000-* f 2
        XADD s NOMKSTREAM MAXLEN ~ 1000 LIMIT 100 1700000000001-7 f 3
        XADD none NOMKSTREAM * f 1
        XADD s MAXLEN 3 1700000000002-0 f 4
        XADD s MINID 1700000000000-1 1700000000003-0 f 5
        XADD other * f 1
        XADD s 0-0 f 1
        XLEN s
        XLEN none
        XRANGE s - +
        XRANGE s (1700000000000-1 1700000000002-0 COUNT 1
        XRANGE none - +
        XREVRANGE s + -
        XREVRANGE s + (1700000000003-0
        XREAD COUNT 1 STREAMS s other 0-0 0-0
        XREAD COUNT 2 BLOCK 0 STREAMS none s $ 1700000000001-7
        XREAD STREAMS s $
        XREAD BLOCK 1 STREAMS s $
        XREAD BLOCK -1 STREAMS s $
        XDEL s 1700000000002-0 1-1
        XTRIM s MAXLEN ~ 1000 LIMIT 100
        XTRIM s MAXLEN 1
        XTRIM s MINID 1700000000009-0
        XTRIM s MAXLEN 1 LIMIT 1
        XRANGE s - +
        SET k v
        XADD k * f 1
        ",
    ),
    recipe(
        "transactions",
        r"
        WATCH k
        UNWATCH
        MULTI
        SET k v
        GET missing
        INCR k
        HGETALL k
        EXEC
        MULTI
        DISCARD
        WATCH k
        SET k w
        MULTI
        GET k
        EXEC
        MULTI
        EXEC
        EXEC
        DISCARD
        ",
    ),
    recipe(
        "protocol",
        r"
        DEBUG PROTOCOL string
        DEBUG PROTOCOL integer
        DEBUG PROTOCOL double
        DEBUG PROTOCOL null
        DEBUG PROTOCOL array
        DEBUG PROTOCOL set
        DEBUG PROTOCOL map
        DEBUG PROTOCOL attrib
        DEBUG PROTOCOL push
        DEBUG PROTOCOL verbatim
        DEBUG PROTOCOL true
        DEBUG PROTOCOL false
        DEBUG PROTOCOL bignum
        ZADD z inf a -inf b 0.1 c 3 d
        ZRANGE z 0 -1 WITHSCORES
        ZSCORE z a
        SADD s a b
        SMEMBERS s
        CONFIG GET maxmemory
        LOLWUT
        ",
    ),
    Recipe {
        name: "pushes",
        commands: r"
        SUBSCRIBE news
        PUBLISH news \x0d\x0a
        PSUBSCRIBE n*
        PUBLISH news both
        UNSUBSCRIBE
        PUNSUBSCRIBE
        CLIENT TRACKING on
        GET k
        SET k v
        GET k
        DEBUG PROTOCOL push
        FLUSHALL
        PING
        ",
        only_resp3: true,
    },
    recipe(
        "errors",
        r"
        SET k v
        HGET k f
        NOSUCHCOMMAND
        GET
        INCR k
        EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
        MULTI
        NOSUCHCOMMAND
        EXEC
        XGROUP CREATE s g $ MKSTREAM
        XGROUP CREATE s g $
        XREADGROUP GROUP none c STREAMS s >
        RESTORE k 0 \x00\x01v\x0a\x00\x91\x08\xce\xb2\x198\x8a\xce
        SCRIPT KILL
        HELLO 9
        AUTH nobody secret
        AUTH secret
        MIGRATE 127.0.0.1 1 k 0 10
        CONFIG SET maxmemory 1
        SET k v
        CONFIG SET maxmemory 0
        CONFIG SET min-replicas-to-write 1
        SET k v
        CONFIG SET min-replicas-to-write 0
        REPLICAOF 127.0.0.1 1
        SET k v
        CONFIG SET replica-serve-stale-data no
        GET k
        REPLICAOF NO ONE
        ACL SETUSER bob on >secret ~app:* +@all -flushall
        AUTH bob secret
        GET k
        FLUSHALL
        ",
    ),
];

impl Recipe {
    /// The words of each command.
    pub fn commands(&self) -> impl Iterator<Item = Vec<Vec<u8>>> {
        let lines = self.commands.lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| line.split_whitespace().map(unescaped).collect())
    }
}

/// A command as it is sent.
pub fn encoded(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).into_bytes());
        bytes.extend(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once(r"\x") {
        bytes.extend(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend(rest.as_bytes());
    bytes
}
