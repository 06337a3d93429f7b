//! Who answers on the network in memory: a server with a handful of commands, and a name server.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use respool::config::Protocol;
use respool::resp::{Full, Replies};
use respool::server::{Request, Requests};
use tokio::task::spawn_local;
use tokio::time::{Duration, sleep};

/// How long the server takes over `slow`.
pub const SLOW: Duration = Duration::from_millis(200);

/// How far away the name server is: more than the moment that a timer may be late.
const AWAY: Duration = Duration::from_millis(20);

/// A server with a handful of commands, on port 6379.
#[derive(Default)]
pub struct Server {
    values: RefCell<HashMap<Vec<u8>, Vec<u8>>>,
    /// How each connection that is over ended.
    pub ends: RefCell<Vec<End>>,
    pub accepted: Cell<usize>,
    /// Hangs up behind the next reply.
    pub hangs_up: Cell<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client said in good order that this is the end.
    Fin,
    Reset,
    HungUp,
}

impl Server {
    /// Serves so many clients at once.
    pub fn start(stack: Stack<'static>, clients: usize) -> Rc<Self> {
        let server = Rc::new(Self::default());
        for _ in 0..clients {
            let server = server.clone();
            spawn_local(async move {
                let (mut rx, mut tx) = ([0; 1024], [0; 1024]);
                loop {
                    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
                    socket.set_nagle_enabled(false);
                    socket.accept(6379).await.unwrap();
                    server.accepted.set(server.accepted.get() + 1);
                    let end = server.serve(&mut socket).await;
                    server.ends.borrow_mut().push(end);
                    socket.close();
                    let _ = socket.flush().await;
                }
            });
        }
        server
    }

    async fn serve(&self, socket: &mut TcpSocket<'_>) -> End {
        let (mut window, mut buffer) = ([0; 512], [0; 512]);
        let mut requests = Requests::new(&mut window);
        let mut replies = Replies::new(&mut buffer, Protocol::Resp2);
        loop {
            match socket.read(requests.spare()).await {
                Ok(0) => return End::Fin,
                Ok(n) => requests.filled(n),
                Err(_) => return End::Reset,
            }
            replies.clear();
            while let Some(request) = requests.next().unwrap() {
                if request.words().any(|word| word == b"slow") {
                    sleep(SLOW).await;
                }
                self.answer(&request, &mut replies).unwrap();
            }
            let mut left = replies.written();
            while !left.is_empty() {
                match socket.write(left).await {
                    Ok(n) => left = &left[n..],
                    Err(_) => return End::Reset,
                }
            }
            if self.hangs_up.take() {
                return End::HungUp;
            }
        }
    }

    fn answer(&self, request: &Request<'_>, replies: &mut Replies<'_>) -> Result<(), Full> {
        let mut values = self.values.borrow_mut();
        let words: Vec<&[u8]> = request.words().collect();
        match words.as_slice() {
            [b"PING"] => replies.simple(b"PONG"),
            [b"CLIENT", ..] => replies.simple(b"OK"),
            [b"SET", key, value] => {
                values.insert(key.to_vec(), value.to_vec());
                replies.simple(b"OK")
            }
            [b"GET", key] => match values.get(*key) {
                Some(value) => replies.bulk(value),
                None => replies.null(),
            },
            [b"INCR", key] => {
                let value = values.entry(key.to_vec()).or_insert_with(|| b"0".to_vec());
                let number: i64 = String::from_utf8_lossy(value).parse().unwrap();
                *value = (number + 1).to_string().into_bytes();
                replies.integer(number + 1)
            }
            _ => replies.error("ERR", b"unknown command"),
        }
    }
}

/// Answers every question of the right kind with these addresses; with no addresses at all, that
/// the name has none.
pub fn name_server(stack: Stack<'static>, addresses: &[&str]) {
    name_server_without(None, stack, addresses);
}

/// The same, but questions of this kind are not answered.
pub fn name_server_without(kind: Option<u8>, stack: Stack<'static>, addresses: &[&str]) {
    let addresses: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
    spawn_local(async move {
        let (mut rx_meta, mut tx_meta) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 4]);
        let (mut rx, mut tx) = ([0; 1024], [0; 1024]);
        let mut socket = UdpSocket::new(stack, &mut rx_meta, &mut rx, &mut tx_meta, &mut tx);
        socket.bind(53).unwrap();
        let mut query = [0; 512];
        loop {
            let (n, from) = socket.recv_from(&mut query).await.unwrap();
            if kind != Some(query[kind_at(&query)]) {
                let answer = answer(&query[..n], &addresses);
                sleep(AWAY).await;
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    });
}

/// Questions for IPv4 and IPv6 addresses.
pub const A: u8 = 1;
pub const AAAA: u8 = 28;

/// Where in a query the kind of its question stands, behind the name.
fn kind_at(query: &[u8]) -> usize {
    let mut end = 12;
    while query[end] != 0 {
        end += 1 + usize::from(query[end]);
    }
    end + 2
}

/// RFC 1035: the head, the question again, and a record for each address.
fn answer(query: &[u8], addresses: &[IpAddr]) -> Vec<u8> {
    let at = kind_at(query);
    let (question, kind) = (&query[12..at + 3], query[at]);
    let records: Vec<Vec<u8>> = addresses
        .iter()
        .filter_map(|ip| match ip {
            IpAddr::V4(ip) if kind == A => Some(ip.octets().to_vec()),
            IpAddr::V6(ip) if kind == AAAA => Some(ip.octets().to_vec()),
            _ => None,
        })
        .collect();
    let code = if addresses.is_empty() { 3 } else { 0 };
    let mut packet = query[..2].to_vec();
    packet.extend([0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    packet.extend(question);
    for record in records {
        // The name of the question; class IN; a minute.
        packet.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, record.len() as u8]);
        packet.extend(record);
    }
    packet
}
