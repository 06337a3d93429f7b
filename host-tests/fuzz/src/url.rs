//! URLs: nothing panics; what was understood is understood again when it is written anew with
//! every byte escaped; and an error shows nothing of the URL, so that it is the same whatever the
//! password is, also where one character of a good URL is missing or too many.
//!
//! Input: a byte for the kind, a byte for the size of the scratch. Then the URL itself; or three
//! choices and the parts of one: password, and what stands around it, separated by line feeds.

use respool::config::{Address, Config, Protocol};

use crate::input::Input;

/// Every part of a password that is long enough to be told from everything else, and another one
/// that is written with the same kinds of letters.
const SECRET: &str = "Xq7Zt";
const OTHER: &str = "Yw4Jk";

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte();
    let room = usize::from(input.byte());
    if kind & 1 == 0 {
        let url = String::from_utf8_lossy(input.rest());
        parse(&url, room);
    } else {
        keeps_its_secret(kind, room, &mut input);
    }
}

/// With `room` bytes of scratch it fails for want of room, or is the same as with enough.
fn parse(url: &str, room: usize) {
    let (mut little, mut enough) = (vec![0; room], vec![0; url.len()]);
    let little = Config::from_url(url, &mut little);
    let config = Config::from_url(url, &mut enough);
    if let Err(error) = &config {
        let _ = (error.to_string(), format!("{error:?}"));
    }
    match (&little, &config) {
        (Ok(little), Ok(config)) => assert_eq!(meaning(little), meaning(config)),
        (Err(little), Err(error)) => {
            let _ = (little.to_string(), error.part());
        }
        (Err(little), Ok(_)) => assert!(
            little.to_string().contains("scratch"),
            "with less room: {little}"
        ),
        (Ok(_), Err(error)) => panic!("with more room: {error}"),
    }
    let Ok(config) = config else {
        return;
    };
    let again = write(&config);
    let mut scratch = vec![0; again.len()];
    let twice = Config::from_url(&again, &mut scratch)
        .unwrap_or_else(|error| panic!("{url} was understood, {again} is not: {error}"));
    assert_eq!(meaning(&config), meaning(&twice), "{url} as {again}");
}

/// What a URL says about whom to call.
fn meaning(config: &Config<'_>) -> (String, u32, Option<String>, Option<Vec<u8>>, Option<String>) {
    (
        format!("{:?} {:?}", config.address, config.protocol),
        config.db,
        config.username.map(String::from),
        config.password.map(|password| {
            let mut bytes = Vec::new();
            password.reveal(&mut |password| bytes.extend_from_slice(password));
            bytes
        }),
        config.client_name.map(String::from),
    )
}

/// A URL of the same meaning, with every byte escaped that may be.
fn write(config: &Config<'_>) -> String {
    let (_, db, username, password, client_name) = meaning(config);
    let login = match (username, password) {
        (None, None) => String::new(),
        (username, password) => format!(
            "{}:{}@",
            escaped(username.unwrap_or_default().as_bytes()),
            escaped(&password.unwrap_or_default())
        ),
    };
    let (scheme, place) = match config.address {
        // An address of IPv6 stands in brackets, where only a zone may be escaped.
        Address::Tcp { host, port } if is_ipv6(host) => {
            let host = match host.split_once('%') {
                Some((host, zone)) => format!("{host}%25{}", escaped(zone.as_bytes())),
                None => host.to_string(),
            };
            ("redis", format!("[{host}]:{port}"))
        }
        Address::Tcp { host, port } => ("redis", format!("{}:{port}", escaped(host.as_bytes()))),
        Address::Unix(path) => (
            "unix",
            format!(
                "/{}",
                escaped(path.strip_prefix('/').unwrap_or(path).as_bytes())
            ),
        ),
        _ => return String::new(),
    };
    let protocol = match config.protocol {
        Protocol::Resp2 => 2,
        _ => 3,
    };
    let name = match client_name {
        Some(name) => format!("&client_name={}", escaped(name.as_bytes())),
        None => String::new(),
    };
    format!("{scheme}://{login}{place}?db={db}&protocol={protocol}{name}")
}

/// Whether it is shaped like one; any other host may hold a colon that was escaped.
fn is_ipv6(host: &str) -> bool {
    let address = host.split('%').next().unwrap_or_default();
    let is_of_one = |byte: u8| byte.is_ascii_hexdigit() || b":.".contains(&byte);
    address.contains(':') && address.bytes().all(is_of_one)
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

/// A URL with a password, and perhaps one slip.
fn keeps_its_secret(kind: u8, room: usize, input: &mut Input<'_>) {
    let (slip, place) = (input.byte(), usize::from(input.byte()));
    let text = String::from_utf8_lossy(input.rest()).into_owned();
    let mut parts = text.split('\n');
    let mut part = || parts.next().unwrap_or_default();
    let (before, after, user, rest) = (part(), part(), part(), part());
    let scheme = ["redis", "valkey", "unix", "rediss"][usize::from(kind >> 1 & 3)];
    let of = |secret: &str| {
        let password = format!("{before}{secret}{after}");
        let url = format!("{scheme}://{user}:{password}@{rest}");
        slipped(url.chars().collect(), slip, place)
    };
    let (url, other) = (of(SECRET), of(OTHER));
    let (mut scratch, mut others) = (vec![0; room], vec![0; room]);
    let result = Config::from_url(&url, &mut scratch);
    let shown = match &result {
        // What was understood prints address and user, and these are what the slip made of them.
        Ok(_) if slip >> 6 != 0 || user.contains(SECRET) || rest.contains(SECRET) => return,
        Ok(config) => format!("{config:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains(SECRET), "{url}: {shown}");
    if let Err(error) = result {
        let other = Config::from_url(&other, &mut others).err();
        assert_eq!(Some(error), other, "{url}");
    }
}

/// A mark of the URL is missing, or there is one too many, or all is well.
fn slipped(mut url: Vec<char>, slip: u8, place: usize) -> String {
    const MARKS: [char; 12] = [':', '/', '@', '?', '#', '[', ']', '%', '&', '=', '.', ' '];
    match slip >> 6 {
        0 => {}
        1 => {
            let is_mark = |(_, c): &(usize, &char)| !c.is_alphanumeric();
            let found: Vec<_> = url.iter().enumerate().filter(is_mark).collect();
            let at = found[place % found.len()].0;
            url.remove(at);
        }
        _ => {
            let mark = MARKS[usize::from(slip & 0x3f) % MARKS.len()];
            url.insert(place % (url.len() + 1), mark);
        }
    }
    url.into_iter().collect()
}
