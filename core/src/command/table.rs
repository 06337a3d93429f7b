//! One checked table: a row a command.
//!
//! Words, arity, flags and keys are what `COMMAND` of redis-server 7.0.15 says, and are compared
//! with it by a test. The last three columns are our own:
//!
//! - *blocks*: whether it waits for what others do, and where its timeout stands. `WAIT` does,
//!   although the server does not flag it.
//! - *repeat*: what running it again right after does. It is `Differs` where any option of the
//!   command can make state or reply differ: a relative expiry starts anew (`SET EX`), `NX` fails the
//!   second time, `DEL` counts again. `WAIT` differs because another connection has other writes to
//!   wait for.
//! - *session*: what it leaves behind in its connection.

use crate::command::{Blocks, Flags, Keys, Repeat, Session, Spec};

/// Makes a `static` of each row, and `ALL` of all rows.
macro_rules! table {
    ($($name:ident [$($word:literal)+] $arity:literal [$($flag:ident)*] [$($key:literal)*]
        $blocks:ident $repeat:ident $session:ident;)*) => {
        $(
            #[doc = concat!("`", $($word, " ",)+ "`")]
            pub static $name: Spec = Spec {
                words: &[$($word),+],
                arity: $arity,
                flags: Flags::NONE$(.and(Flags::$flag))*,
                keys: keys(&[$($key),*]),
                blocks: Blocks::$blocks,
                repeat: Repeat::$repeat,
                session: Session::$session,
            };
        )*

        /// All rows.
        pub static ALL: &[&Spec] = &[$(&$name),*];
    };
}

const fn keys(columns: &[i8]) -> Keys {
    match columns {
        [first, last, step] => Keys::range(*first, *last, *step),
        _ => Keys::NONE,
    }
}

#[rustfmt::skip]
table! {
    // static           words                  arity flags                                                  keys      blocks     repeat  session
    // connection
    AUTH                ["AUTH"]                  -2 [NOSCRIPT LOADING STALE FAST NO_AUTH ALLOW_BUSY]       []        Never      Same    Changes;
    CLIENT_CACHING      ["CLIENT" "CACHING"]       3 [NOSCRIPT LOADING STALE]                               []        Never      Same    Changes;
    CLIENT_GETNAME      ["CLIENT" "GETNAME"]       2 [NOSCRIPT LOADING STALE]                               []        Never      Reads   Keeps;
    CLIENT_GETREDIR     ["CLIENT" "GETREDIR"]      2 [NOSCRIPT LOADING STALE]                               []        Never      Reads   Keeps;
    CLIENT_HELP         ["CLIENT" "HELP"]          2 [LOADING STALE]                                        []        Never      Reads   Keeps;
    CLIENT_ID           ["CLIENT" "ID"]            2 [NOSCRIPT LOADING STALE]                               []        Never      Reads   Keeps;
    CLIENT_INFO         ["CLIENT" "INFO"]          2 [NOSCRIPT LOADING STALE]                               []        Never      Reads   Keeps;
    CLIENT_KILL         ["CLIENT" "KILL"]         -3 [ADMIN NOSCRIPT LOADING STALE]                         []        Never      Differs Keeps;
    CLIENT_LIST         ["CLIENT" "LIST"]         -2 [ADMIN NOSCRIPT LOADING STALE]                         []        Never      Reads   Keeps;
    CLIENT_NO_EVICT     ["CLIENT" "NO-EVICT"]      3 [ADMIN NOSCRIPT LOADING STALE]                         []        Never      Same    Outlives;
    CLIENT_PAUSE        ["CLIENT" "PAUSE"]        -3 [ADMIN NOSCRIPT LOADING STALE]                         []        Never      Differs Keeps;
    CLIENT_REPLY        ["CLIENT" "REPLY"]         3 [NOSCRIPT LOADING STALE]                               []        Never      Differs Refused;
    CLIENT_SETNAME      ["CLIENT" "SETNAME"]       3 [NOSCRIPT LOADING STALE]                               []        Never      Same    Changes;
    CLIENT_TRACKING     ["CLIENT" "TRACKING"]     -3 [NOSCRIPT LOADING STALE]                               []        Never      Differs Changes;
    CLIENT_TRACKINGINFO ["CLIENT" "TRACKINGINFO"]  2 [NOSCRIPT LOADING STALE]                               []        Never      Reads   Keeps;
    CLIENT_UNBLOCK      ["CLIENT" "UNBLOCK"]      -3 [ADMIN NOSCRIPT LOADING STALE]                         []        Never      Differs Keeps;
    CLIENT_UNPAUSE      ["CLIENT" "UNPAUSE"]       2 [ADMIN NOSCRIPT LOADING STALE]                         []        Never      Same    Keeps;
    ECHO                ["ECHO"]                   2 [LOADING STALE FAST]                                   []        Never      Reads   Keeps;
    HELLO               ["HELLO"]                 -1 [NOSCRIPT LOADING STALE FAST NO_AUTH ALLOW_BUSY]       []        Never      Same    Changes;
    PING                ["PING"]                  -1 [FAST]                                                 []        Never      Reads   Keeps;
    QUIT                ["QUIT"]                  -1 [NOSCRIPT LOADING STALE FAST NO_AUTH ALLOW_BUSY]       []        Never      Differs Refused;
    RESET               ["RESET"]                  1 [NOSCRIPT LOADING STALE FAST NO_AUTH ALLOW_BUSY]       []        Never      Same    Refused;
    SELECT              ["SELECT"]                 2 [LOADING STALE FAST]                                   []        Never      Same    Selects;
    // generic
    COPY                ["COPY"]                  -3 [WRITE DENYOOM]                                        [1 2 1]   Never      Differs Keeps;
    DEL                 ["DEL"]                   -2 [WRITE]                                                [1 -1 1]  Never      Differs Keeps;
    DUMP                ["DUMP"]                   2 [READONLY]                                             [1 1 1]   Never      Reads   Keeps;
    EXISTS              ["EXISTS"]                -2 [READONLY FAST]                                        [1 -1 1]  Never      Reads   Keeps;
    EXPIRE              ["EXPIRE"]                -3 [WRITE FAST]                                           [1 1 1]   Never      Differs Keeps;
    EXPIREAT            ["EXPIREAT"]              -3 [WRITE FAST]                                           [1 1 1]   Never      Differs Keeps;
    EXPIRETIME          ["EXPIRETIME"]             2 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    KEYS                ["KEYS"]                   2 [READONLY]                                             []        Never      Reads   Keeps;
    MIGRATE             ["MIGRATE"]               -6 [WRITE MOVABLEKEYS]                                    [3 3 1]   Never      Differs Keeps;
    MOVE                ["MOVE"]                   3 [WRITE FAST]                                           [1 1 1]   Never      Differs Keeps;
    OBJECT_ENCODING     ["OBJECT" "ENCODING"]      3 [READONLY]                                             [2 2 1]   Never      Reads   Keeps;
    OBJECT_FREQ         ["OBJECT" "FREQ"]          3 [READONLY]                                             [2 2 1]   Never      Reads   Keeps;
    OBJECT_HELP         ["OBJECT" "HELP"]          2 [LOADING STALE]                                        []        Never      Reads   Keeps;
    OBJECT_IDLETIME     ["OBJECT" "IDLETIME"]      3 [READONLY]                                             [2 2 1]   Never      Reads   Keeps;
    OBJECT_REFCOUNT     ["OBJECT" "REFCOUNT"]      3 [READONLY]                                             [2 2 1]   Never      Reads   Keeps;
    PERSIST             ["PERSIST"]                2 [WRITE FAST]                                           [1 1 1]   Never      Differs Keeps;
    PEXPIRE             ["PEXPIRE"]               -3 [WRITE FAST]                                           [1 1 1]   Never      Differs Keeps;
    PEXPIREAT           ["PEXPIREAT"]             -3 [WRITE FAST]                                           [1 1 1]   Never      Differs Keeps;
    PEXPIRETIME         ["PEXPIRETIME"]            2 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    PTTL                ["PTTL"]                   2 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    RANDOMKEY           ["RANDOMKEY"]              1 [READONLY]                                             []        Never      Reads   Keeps;
    RENAME              ["RENAME"]                 3 [WRITE]                                                [1 2 1]   Never      Differs Keeps;
    RENAMENX            ["RENAMENX"]               3 [WRITE FAST]                                           [1 2 1]   Never      Differs Keeps;
    RESTORE             ["RESTORE"]               -4 [WRITE DENYOOM]                                        [1 1 1]   Never      Differs Keeps;
    SCAN                ["SCAN"]                  -2 [READONLY]                                             []        Never      Reads   Keeps;
    SORT                ["SORT"]                  -2 [WRITE DENYOOM MOVABLEKEYS]                            [1 1 1]   Never      Differs Keeps;
    SORT_RO             ["SORT_RO"]               -2 [READONLY MOVABLEKEYS]                                 [1 1 1]   Never      Reads   Keeps;
    TOUCH               ["TOUCH"]                 -2 [READONLY FAST]                                        [1 -1 1]  Never      Reads   Keeps;
    TTL                 ["TTL"]                    2 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    TYPE                ["TYPE"]                   2 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    UNLINK              ["UNLINK"]                -2 [WRITE FAST]                                           [1 -1 1]  Never      Differs Keeps;
    WAIT                ["WAIT"]                   3 [NOSCRIPT]                                             []        MILLIS_LAST Differs Keeps;
    // string
    APPEND              ["APPEND"]                 3 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    DECR                ["DECR"]                   2 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    DECRBY              ["DECRBY"]                 3 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    GET                 ["GET"]                    2 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    GETDEL              ["GETDEL"]                 2 [WRITE FAST]                                           [1 1 1]   Never      Differs Keeps;
    GETEX               ["GETEX"]                 -2 [WRITE FAST]                                           [1 1 1]   Never      Differs Keeps;
    GETRANGE            ["GETRANGE"]               4 [READONLY]                                             [1 1 1]   Never      Reads   Keeps;
    GETSET              ["GETSET"]                 3 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    INCR                ["INCR"]                   2 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    INCRBY              ["INCRBY"]                 3 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    INCRBYFLOAT         ["INCRBYFLOAT"]            3 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    LCS                 ["LCS"]                   -3 [READONLY]                                             [1 2 1]   Never      Reads   Keeps;
    MGET                ["MGET"]                  -2 [READONLY FAST]                                        [1 -1 1]  Never      Reads   Keeps;
    MSET                ["MSET"]                  -3 [WRITE DENYOOM]                                        [1 -1 2]  Never      Same    Keeps;
    MSETNX              ["MSETNX"]                -3 [WRITE DENYOOM]                                        [1 -1 2]  Never      Differs Keeps;
    PSETEX              ["PSETEX"]                 4 [WRITE DENYOOM]                                        [1 1 1]   Never      Differs Keeps;
    SET                 ["SET"]                   -3 [WRITE DENYOOM]                                        [1 1 1]   Never      Differs Keeps;
    SETEX               ["SETEX"]                  4 [WRITE DENYOOM]                                        [1 1 1]   Never      Differs Keeps;
    SETNX               ["SETNX"]                  3 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    SETRANGE            ["SETRANGE"]               4 [WRITE DENYOOM]                                        [1 1 1]   Never      Same    Keeps;
    STRLEN              ["STRLEN"]                 2 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    SUBSTR              ["SUBSTR"]                 4 [READONLY]                                             [1 1 1]   Never      Reads   Keeps;
    // hash
    HDEL                ["HDEL"]                  -3 [WRITE FAST]                                           [1 1 1]   Never      Differs Keeps;
    HEXISTS             ["HEXISTS"]                3 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    HGET                ["HGET"]                   3 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    HGETALL             ["HGETALL"]                2 [READONLY]                                             [1 1 1]   Never      Reads   Keeps;
    HINCRBY             ["HINCRBY"]                4 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    HINCRBYFLOAT        ["HINCRBYFLOAT"]           4 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    HKEYS               ["HKEYS"]                  2 [READONLY]                                             [1 1 1]   Never      Reads   Keeps;
    HLEN                ["HLEN"]                   2 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    HMGET               ["HMGET"]                 -3 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    HMSET               ["HMSET"]                 -4 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Same    Keeps;
    HRANDFIELD          ["HRANDFIELD"]            -2 [READONLY]                                             [1 1 1]   Never      Reads   Keeps;
    HSCAN               ["HSCAN"]                 -3 [READONLY]                                             [1 1 1]   Never      Reads   Keeps;
    HSET                ["HSET"]                  -4 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    HSETNX              ["HSETNX"]                 4 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    HSTRLEN             ["HSTRLEN"]                3 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    HVALS               ["HVALS"]                  2 [READONLY]                                             [1 1 1]   Never      Reads   Keeps;
    // list: only what waits
    BLPOP               ["BLPOP"]                 -3 [WRITE NOSCRIPT BLOCKING]                              [1 -2 1]  SECONDS_LAST Differs Keeps;
    BRPOP               ["BRPOP"]                 -3 [WRITE NOSCRIPT BLOCKING]                              [1 -2 1]  SECONDS_LAST Differs Keeps;
    // stream: without consumer groups, XINFO and XSETID
    XADD                ["XADD"]                  -5 [WRITE DENYOOM FAST]                                   [1 1 1]   Never      Differs Keeps;
    XDEL                ["XDEL"]                  -3 [WRITE FAST]                                           [1 1 1]   Never      Differs Keeps;
    XLEN                ["XLEN"]                   2 [READONLY FAST]                                        [1 1 1]   Never      Reads   Keeps;
    XRANGE              ["XRANGE"]                -4 [READONLY]                                             [1 1 1]   Never      Reads   Keeps;
    XREAD               ["XREAD"]                 -4 [READONLY BLOCKING MOVABLEKEYS]                        []        MILLIS_OPTION Reads   Keeps;
    XREVRANGE           ["XREVRANGE"]             -4 [READONLY]                                             [1 1 1]   Never      Reads   Keeps;
    XTRIM               ["XTRIM"]                 -4 [WRITE]                                                [1 1 1]   Never      Differs Keeps;
    // transactions
    DISCARD             ["DISCARD"]                1 [NOSCRIPT LOADING STALE FAST ALLOW_BUSY]               []        Never      Differs Ends;
    EXEC                ["EXEC"]                   1 [NOSCRIPT LOADING STALE SKIP_SLOWLOG]                  []        Never      Differs Ends;
    MULTI               ["MULTI"]                  1 [NOSCRIPT LOADING STALE FAST ALLOW_BUSY]               []        Never      Differs Queues;
    UNWATCH             ["UNWATCH"]                1 [NOSCRIPT LOADING STALE FAST ALLOW_BUSY]               []        Never      Same    Unwatches;
    WATCH               ["WATCH"]                 -2 [NOSCRIPT LOADING STALE FAST ALLOW_BUSY]               [1 -1 1]  Never      Same    Watches;
    // Known so that they are not sent by mistake.
    SUBSCRIBE           ["SUBSCRIBE"]             -2 [PUBSUB NOSCRIPT LOADING STALE]                        []        Never      Differs Subscribes;
    PSUBSCRIBE          ["PSUBSCRIBE"]            -2 [PUBSUB NOSCRIPT LOADING STALE]                        []        Never      Differs Subscribes;
    SSUBSCRIBE          ["SSUBSCRIBE"]            -2 [PUBSUB NOSCRIPT LOADING STALE]                        [1 -1 1]  Never      Differs Subscribes;
    UNSUBSCRIBE         ["UNSUBSCRIBE"]           -1 [PUBSUB NOSCRIPT LOADING STALE]                        []        Never      Differs Subscribes;
    PUNSUBSCRIBE        ["PUNSUBSCRIBE"]          -1 [PUBSUB NOSCRIPT LOADING STALE]                        []        Never      Differs Subscribes;
    SUNSUBSCRIBE        ["SUNSUBSCRIBE"]          -1 [PUBSUB NOSCRIPT LOADING STALE]                        [1 -1 1]  Never      Differs Subscribes;
    MONITOR             ["MONITOR"]                1 [ADMIN NOSCRIPT LOADING STALE]                         []        Never      Differs Refused;
    SYNC                ["SYNC"]                   1 [ADMIN NOSCRIPT NO_ASYNC_LOADING NO_MULTI]             []        Never      Differs Refused;
    PSYNC               ["PSYNC"]                 -3 [ADMIN NOSCRIPT NO_ASYNC_LOADING NO_MULTI]             []        Never      Differs Refused;
    REPLCONF            ["REPLCONF"]              -1 [ADMIN NOSCRIPT LOADING STALE ALLOW_BUSY]              []        Never      Differs Refused;

    // Since Redis 7.2: not compared.
    CLIENT_SETINFO      ["CLIENT" "SETINFO"]       4 [NOSCRIPT LOADING STALE]                               []        Never      Same    Changes;
}
