//! The inputs that fuzzing begins with, made by hand, and what each is for.
//!
//! `decode` and `compare` share theirs: what a server may say. `decode` gets each with several first
//! bytes, so that it is met with every window.

/// An input and what it is for.
pub type Seed = (&'static str, &'static [u8]);

/// All seeds of a target, as its function takes them.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let all = |seeds: &[Seed]| seeds.iter().map(|(_, bytes)| bytes.to_vec()).collect();
    match target {
        "decode" => {
            let chosen = |choice: u8| {
                WIRE.iter()
                    .map(move |(_, wire)| [&[choice, 7], *wire].concat())
            };
            (0..6).flat_map(chosen).collect()
        }
        "compare" => all(WIRE),
        "connection" => all(CONNECTION),
        "hostile" => {
            // An honest host, and what the server says: at once, and after a step that was left.
            let driven = |(_, wire): &Seed| {
                let wire = &wire[..wire.len().min(255)];
                [&[0x8b, wire.len() as u8], wire, &[4, 0x0b, 3], b"+OK"].concat()
            };
            WIRE.iter().map(driven).chain(all(HOSTILE)).collect()
        }
        "pool" => all(POOL),
        "url" => all(URL),
        "server" => all(SERVER),
        "encode" => all(ENCODE),
        other => panic!("no target is called {other}"),
    }
}

/// What a server says, or one that is none.
pub const WIRE: &[Seed] = &[
    // Every type once, well spelled.
    ("four replies, one of each common type", b"+OK\r\n:1\r\n$5\r\nhello\r\n*1\r\n$1\r\na\r\n"),
    ("scalars of RESP3", b"#t\r\n#f\r\n,3.25\r\n(123456789012345678901\r\n"),
    ("nulls, of both protocols", b"_\r\n$-1\r\n*-1\r\n$0\r\n\r\n"),
    ("aggregates", b"%1\r\n+k\r\n:1\r\n~2\r\n:1\r\n:2\r\n*0\r\n%0\r\n"),
    ("errors, simple and blob", b"-ERR no\r\n!7\r\nERR a\nb\r\n-LOADING wait\r\n-\r\n"),
    ("verbatim strings", b"=8\r\ntxt:text\r\n=4\r\nmkd:\r\n"),
    // Signs and zeros.
    ("signs of integers", b":+1\r\n:-0\r\n:-9223372036854775808\r\n:9223372036854775807\r\n"),
    ("one too many", b":9223372036854775808\r\n"),
    ("one too few", b":-9223372036854775809\r\n"),
    ("two signs", b":--1\r\n"),
    ("no digits", b":\r\n"),
    ("a sign alone", b":-\r\n"),
    ("a length with zeros in front", b"$0005\r\nhello\r\n*0001\r\n:1\r\n"),
    ("a length with a sign", b"$+5\r\nhello\r\n"),
    ("a length below null", b"$-2\r\n"),
    ("null with a zero", b"$-01\r\n"),
    ("minus zero as a length", b"$-0\r\n\r\n"),
    ("a negative map", b"%-1\r\n"),
    ("an error of no length", b"!-1\r\n"),
    // Doubles and big numbers.
    ("what is not finite", b",inf\r\n,-inf\r\n,nan\r\n,-nan\r\n"),
    ("exponents", b",1e999\r\n,-1.5E+10\r\n,1e-9\r\n,10\r\n"),
    ("a fraction of no digits", b",1.\r\n"),
    ("no digit in front", b",.5\r\n"),
    ("a word for a number", b",infinity\r\n"),
    ("a letter in a big number", b"(12a\r\n"),
    ("a boolean that is neither", b"#x\r\n"),
    ("a null that is more", b"_x\r\n"),
    // Lengths that overflow.
    ("2^31 elements", b"*2147483648\r\n"),
    ("2^32 - 1 elements", b"*4294967295\r\n"),
    ("twice 2^31 is over 32 bits", b"%2147483648\r\n"),
    ("pairs that double to the last limit", b"%1073741823\r\n"),
    ("2^63 - 1 bytes, and two more", b"$9223372036854775807\r\n"),
    ("2^64 bytes", b"$18446744073709551616\r\n"),
    ("2^32 - 1 bytes, and two more", b"$4294967295\r\n"),
    ("as many bytes as are allowed", b"$536870912\r\nabc"),
    ("one byte more than is allowed", b"$536870913\r\nabc"),
    ("a string that no window of the tests holds", b"$5000\r\nabcdefgh"),
    ("digits that do not end", b"$00000000000000000000000000000000000000000000000000000000000000000000001"),
    // Ends of lines.
    ("a line feed alone", b"+OK\n"),
    ("a carriage return alone", b"+O\rK\r\n"),
    ("two carriage returns", b"+OK\r\r\n"),
    ("a carriage return at the end", b"+OK\r"),
    ("a string that does not end where it should", b"$5\r\nhelloXX"),
    ("a string whose last byte is cut", b"$5\r\nhello\r"),
    ("line ends as data", b"$8\r\n\r\n$1\r\na\r\r\n+a\r\n"),
    // Nesting.
    ("as deep as is allowed", b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
    ("one level too deep", b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
    ("deep without end", b"%1\r\n~1\r\n*9\r\n%1\r\n~1\r\n*9\r\n%1\r\n~1\r\n*9\r\n%1\r\n~1\r\n"),
    ("empty ones at the deepest level", b"*2\r\n*2\r\n*0\r\n%0\r\n*1\r\n~0\r\n:5\r\n"),
    ("errors within a transaction", b"*3\r\n-ERR a\r\n+OK\r\n!5\r\nERR b\r\n"),
    // Streams.
    ("a streamed string", b"$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n"),
    ("a streamed string of nothing", b"$?\r\n;0\r\n:1\r\n"),
    ("a streamed string that is cut", b"$?\r\n;4\r\nHell\r\n;"),
    ("streamed aggregates", b"*?\r\n:1\r\n.\r\n%?\r\n+a\r\n:1\r\n.\r\n~?\r\n.\r\n"),
    ("streams in streams", b"*?\r\n*?\r\n%?\r\n~?\r\n.\r\n:1\r\n.\r\n.\r\n.\r\n"),
    ("a stream too many", b"*?\r\n*?\r\n*?\r\n*?\r\n*?\r\n"),
    ("a streamed string in an array, and one behind it", b"*2\r\n$?\r\n;2\r\nab\r\n;0\r\n$1\r\nc\r\n"),
    ("many small chunks", b"$?\r\n;1\r\na\r\n;1\r\nb\r\n;1\r\nc\r\n;1\r\nd\r\n;1\r\ne\r\n;1\r\nf\r\n;1\r\ng\r\n;1\r\nh\r\n;1\r\ni\r\n;0\r\n"),
    ("an end where nothing is open", b".\r\n"),
    ("a chunk where nothing is streamed", b";4\r\nHell\r\n"),
    ("a chunk of unknown length", b"$?\r\n;?\r\n"),
    ("an end mark in a counted array", b"*1\r\n.\r\n"),
    ("a pair that is cut by the end mark", b"%?\r\n+a\r\n.\r\n"),
    ("a streamed push", b">?\r\n"),
    // Pushes.
    ("a push in front, between and behind", b">2\r\n+a\r\n:1\r\n:1\r\n>1\r\n+b\r\n:2\r\n>1\r\n+c\r\n"),
    ("a push in an array", b"*2\r\n>1\r\n+a\r\n:1\r\n:2\r\n"),
    ("a push in a push", b">2\r\n+a\r\n>1\r\n+b\r\n"),
    ("an empty push", b">0\r\n"),
    ("a push that is larger than a window", b">2\r\n+a\r\n$300\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("pushes only", b">1\r\n+a\r\n>1\r\n+b\r\n>1\r\n+c\r\n"),
    // Attributes.
    ("an attribute in front of a reply", b"|1\r\n+ttl\r\n:3600\r\n$1\r\na\r\n"),
    ("an attribute in front of an element", b"*2\r\n:1\r\n|1\r\n+a\r\n+b\r\n:2\r\n"),
    ("an attribute in front of a push", b"|1\r\n+a\r\n+b\r\n>1\r\n+c\r\n:1\r\n"),
    ("an attribute of an attribute", b"|1\r\n|1\r\n+a\r\n+b\r\n+c\r\n+d\r\n:1\r\n"),
    ("an attribute that describes nothing", b"*?\r\n|1\r\n+a\r\n+b\r\n.\r\n"),
    ("an empty attribute", b"|0\r\n:1\r\n"),
    // Others who answer.
    ("every server has such a banner", b"HTTP/1.1 400 Bad Request\r\n"),
    ("the greeting of a secure port", b"\x15\x03\x01\x00\x02\x02\x32"),
    ("refused before it was asked", b"-ERR max number of clients reached\r\n"),
    ("one reply too many", b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"),
    ("an error line longer than a window", b"-ERR aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n:1\r\n"),
    ("a line longer than a window", b"+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n:1\r\n"),
    ("a verbatim string without a format", b"=3\r\ntxt\r\n"),
    ("a verbatim string with another mark", b"=5\r\ntxt.a\r\n"),
    ("a format that nobody knows", b"=5\r\nxyz:a\r\n"),
    ("a map with equal keys", b"%2\r\n+a\r\n:1\r\n+a\r\n:2\r\n"),
    ("a map whose key is an array", b"%1\r\n*1\r\n:1\r\n:2\r\n"),
    ("bytes that are no text", b"$4\r\n\xff\xfe\x00\x80\r\n+\xff\r\n"),
];

/// Choices: a transport, then calls. The bits of a call: commands less one (0, 1), one by one (2),
/// ballast or noise (3, 4), a transport that loses what is dropped (5), dropped (6), in pieces (7).
const CONNECTION: &[Seed] = &[
    ("a call", &[0, 0x00]),
    (
        "a call of RESP3 with a push before and behind",
        &[1, 0x00, 0x50],
    ),
    (
        "four commands, one by one, in pieces",
        &[1, 0x87, 3, 9, 4, 1, 8, 2, 7, 5, 11, 3, 12, 6, 2],
    ),
    (
        "dropped before anything moved, and a call",
        &[0, 0x40, 0, 0x00],
    ),
    (
        "dropped once all was written, and a call",
        &[1, 0x40, 2, 0x00, 0x00],
    ),
    (
        "dropped half-way in the reply, and a call",
        &[1, 0xc0, 9, 40, 1, 1, 1, 1, 1, 0x00],
    ),
    ("dropped half-way in the request", &[0, 0xc0, 2, 5, 0x00]),
    (
        "many that are dropped, then one",
        &[1, 0x43, 2, 0x43, 2, 0x43, 2, 0x43, 2, 0x00],
    ),
    (
        "ballast that leaves from where it is",
        &[0, 0x18, 0x98, 60, 60, 60, 60],
    ),
    (
        "a reply that is too large, in the middle",
        &[1, 0x07, 1, 5, 8, 11],
    ),
    (
        "a write that was dropped and delivered",
        &[1, 0x60, 9, 0, 7, 1, 0x00],
    ),
    (
        "a read that was dropped and lost",
        &[1, 0x60, 9, 0, 0, 7, 1, 0x00],
    ),
    (
        "noise between calls",
        &[1, 0x08, 0, 1, 0x08, 0, 2, 0x08, 0, 3, 0x00],
    ),
];

/// Choices: the low four bits are what is done, the others its lie.
const HOSTILE: &[Seed] = &[
    (
        "claims of all sizes",
        &[10, 1, 10, 17, 10, 81, 0, 10, 2, 10, 18, 10, 82],
    ),
    (
        "settled in every phase",
        &[3, 10, 3, 4, 10, 17, 3, 10, 33, 0, 3, 10, 4],
    ),
    ("a request of nothing", &[8, 0, 11, 0, 6, 7, 9]),
    (
        "a thousand commands at once",
        &[
            8, 5, 11, 12, b'+', b'O', b'K', b'\r', b'\n', b'+', b'O', b'K', b'\r', b'\n', b'+',
            b'O', 3, 11, 0,
        ],
    ),
    ("it breaks, and is asked", &[10, 5, 10, 6, 7, 9, 0]),
];

/// Choices: the low three bits are what is done, the others with whom.
const POOL: &[Seed] = &[
    ("a task alone", &[0, 0, 0]),
    (
        "more tasks than seats and places",
        &[1, 0, 4, 8, 4, 16, 4, 24, 4, 32, 4, 40, 4, 48, 4, 7, 7, 7],
    ),
    (
        "a holder, one who waits, and one who leaves the queue",
        &[0, 0, 0x26, 8, 0x26, 16, 0, 24, 0, 7, 7, 19, 22, 7, 7],
    ),
    (
        "a holder is dropped",
        &[2, 0, 0x26, 8, 0x26, 16, 0, 7, 7, 7, 3, 7, 7],
    ),
    (
        "a link breaks under a call",
        &[0, 5, 25, 0, 0, 4, 7, 7, 6, 7, 7],
    ),
    ("opens are refused", &[0, 22, 3, 30, 2, 0, 4, 8, 4, 7, 7]),
    (
        "all are disconnected under their users",
        &[0, 0, 0x26, 8, 0, 7, 70, 7, 86, 7],
    ),
    (
        "pieces of a byte, in RESP2",
        &[1, 5, 9, 3, 13, 25, 5, 0, 8, 8, 4, 7, 7, 4, 20, 12, 9, 7],
    ),
    (
        "a pipeline through a lease",
        &[0, 0, 0x4a, 7, 4, 200, 12, 200, 7],
    ),
];

/// A kind, the room, and a URL; or parts of one.
const URL: &[Seed] = &[
    (
        "all parts",
        b"\x00\x40redis://user:pass@example.com:6380/3?client_name=node%207&protocol=2",
    ),
    ("none", b"\x00\x00redis://"),
    ("an address of IPv6", b"\x00\x00valkey://[::1]:7000/0"),
    (
        "an escape that begins no zone",
        b"\x00\x20redis://[fe80::1%20eth0]",
    ),
    ("a zone", b"\x00\x20redis://[fe80::1%25eth0]"),
    (
        "a socket file",
        b"\x00\x40unix://:p%40ss@/var/run/redis%20.sock?db=2",
    ),
    ("a password alone", b"\x00\x20redis://:p%2Fw@h"),
    (
        "escapes of every kind",
        b"\x00\x04redis://%75%00:%ff%E2%82%AC@h%2e/1",
    ),
    ("a broken escape", b"\x00\x20redis://u:%4@h"),
    (
        "times",
        b"\x00\x20redis://h?connect_timeout=1.5s&pool_timeout=250ms&keepalive=1m",
    ),
    ("the database twice", b"\x00\x20redis://h/1?db=2"),
    ("TLS, which is not there", b"\x00\x00rediss://h"),
    ("two colons", b"\x00\x00redis://h:1:2"),
    ("a port of 0", b"\x00\x00redis://h:0"),
    ("a port too large", b"\x00\x00redis://h:65536"),
    (
        "a password, and a good URL around it",
        b"\x01\x40\x00\x00\n\nuser\nhost:6379/0?protocol=3",
    ),
    (
        "a slash in a password",
        b"\x01\x40\x00\x00/\n/x\nuser\nhost:6379",
    ),
    (
        "a question mark and an equals sign in one",
        b"\x01\x40\x00\x00db?db=\n=1&\n\nhost",
    ),
    ("no at sign", b"\x01\x40\x40\x05\n\nuser\nhost:6379"),
    ("a colon too many", b"\x01\x40\x80\x09\n\nuser\nhost:6379"),
    ("an at sign in a password", b"\x01\x40\x00\x00@\n@\n\nhost"),
    (
        "a slash in the scheme is missing",
        b"\x01\x40\x40\x01\n\nuser\nhost",
    ),
    (
        "a question mark in the user, and no at sign: the password is a value, as fuzzing found",
        b"\x01\x40\x40\x07\n\nWWb,?db=x\n",
    ),
    ("the same, and it is a name", b"\x01\x40\x40\x061?\n=\nh\n"),
];

/// A side; then its choices.
const SERVER: &[Seed] = &[
    ("two requests, one of words", b"\x00\x03\x00\x05*2\r\n$3\r\nGET\r\n$4\r\ntemp\r\nPING\r\n"),
    ("empty requests", b"\x00\x03\x00\x05*0\r\n*-1\r\n\r\n\n*1\r\n$4\r\nPING\r\n"),
    ("quotes", b"\x00\x03\x00\x05SET k \"a\\x00\\n\\\"b\" 'c\\'d' \"\"\r\n"),
    ("quotes that do not end", b"\x00\x03\x00\x05SET \"a\r\n"),
    ("quotes that go on", b"\x00\x03\x00\x05SET \"a\"b\r\n"),
    ("larger than the window, and one behind it", b"\x00\x00\x00\x05*2\r\n$3\r\nGET\r\n$60\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n*1\r\n$4\r\nPING\r\n"),
    ("larger than may be skipped", b"\x00\x00\x02\x05*2\r\n$3\r\nGET\r\n$60\r\naaaaaaaa"),
    ("many small arguments, too many for the window", b"\x00\x00\x00\x05*6\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n+x\r\n"),
    ("a count that is too large", b"\x00\x03\x00\x05*2147483648\r\n"),
    ("a length that is too large", b"\x00\x03\x00\x05*1\r\n$536870913\r\n"),
    ("a length with a zero in front", b"\x00\x03\x00\x05*1\r\n$04\r\nPING\r\n"),
    ("a negative length", b"\x00\x03\x00\x05*1\r\n$-1\r\n"),
    ("no string where one is due", b"\x00\x03\x00\x05*1\r\n:4\r\n"),
    ("a string that does not end", b"\x00\x03\x00\x05*1\r\n$4\r\nPINGXX"),
    ("lower limits", b"\x00\x03\x01\x05*5\r\n*1\r\n$41\r\n"),
    ("a line without end", b"\x00\x01\x00\x05aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("replies of RESP2", b"\x01\x00\x80\x30abc\x31a\r\n\x02\xff\xff\xff\xff\xff\xff\xff\x7f\x13abcd\x04\x05\x26\x17\x28\x0a\x1a\x2b12\x3ca\nb\x3da\nb\x4eabcd"),
    ("replies of RESP3", b"\x01\x01\x80\x30abc\x31a\r\n\x02\xff\xff\xff\xff\xff\xff\xff\x7f\x13abcd\x04\x05\x26\x17\x28\x0a\x1a\x2b12\x3ca\nb\x3da\nb\x4eabcd\x0f"),
    ("doubles", b"\x01\x01\x80\x09\x00\x00\x00\x00\x00\x00\xf0\x7f\x09\x00\x00\x00\x00\x00\x00\xf8\x7f\x09\x9a\x99\x99\x99\x99\x99\xb9\x3f\x09\x01\x00\x00\x00\x00\x00\x00\x80"),
    ("no room", b"\x01\x01\x04\x53aaaaaaaaaaaaaaaaaaaa\x04\x04\x04\x30abc"),
    ("signs and letters in big numbers", b"\x01\x01\x40\x1b-\x3b-12\x3b+1a\x0b"),
];

/// A split, then arguments: the low three bits are the kind, the others a length.
const ENCODE: &[Seed] = &[
    ("no arguments", b"\x00"),
    ("bytes that have a meaning on the wire", b"\x05\x66\r\n$1\r\na*1\r\n:\x07\x0e\x00\x0f\xff"),
    ("the last integers", b"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\x7f\x01\xff\xff\xff\xff\xff\xff\xff\xff"),
    ("doubles that are hard to write", b"\x02\x02\x9a\x99\x99\x99\x99\x99\xb9\x3f\x02\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\xf0\x7f\x02\x00\x00\x00\x00\x00\x00\x00\x80"),
    ("not a number", b"\x03\x02\x00\x00\x00\x00\x00\x00\xf8\x7f"),
    ("singles", b"\x04\x03\xcd\xcc\xcc\x3d\x00\x00\x00\x00\x03\x01\x00\x00\x00\x00\x00\x00\x00"),
    ("pieces", b"\x05\x24\x07\x00\x00\x00\x00\x00\x00\x00key::key"),
    ("more than a window", b"\x06\xfdx\x0fyyyy\xfdz"),
    ("lengths around a digit more", b"\x07\x0da\x5db\x65c"),
];
