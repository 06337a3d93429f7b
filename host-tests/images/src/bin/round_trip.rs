//! Counts the instructions of a round trip between two tasks, in memory: bare, and through the
//! client.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::panic::PanicInfo;

use cortex_m as _;
use embassy_executor::{Executor, Spawner};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::pipe::Pipe;
use embedded_io_async::{Read, Write};
use images::{exit, say, ticks};
use respool::command::ping;
use respool::io::{Transport, asynch};
use respool::time::{Duration, NoClock};
use respool::{Client, Config, Memory};

/// Round trips that are counted together.
const ROUNDS: u32 = 1000;

/// What a client sends and a server answers, for `PING`.
const ASKED: &[u8] = b"*1\r\n$4\r\nPING\r\n";
const ANSWERED: &[u8] = b"+PONG\r\n";

/// Replies to the handshake: `HELLO 3`, and the library's name and version.
const GREETED: &[u8] = b"%0\r\n+OK\r\n+OK\r\n";

static CONFIG: Config<'static> = Config::new();

/// The two directions of a wire.
struct Wire {
    asked: Pipe<NoopRawMutex, 256>,
    answered: Pipe<NoopRawMutex, 256>,
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut EXECUTOR: Option<Executor> = None;
    static mut WIRES: [Wire; 2] = [const { Wire::new() }; 2];
    static mut MEMORY: Memory<256, 256> = Memory::new();
    say(b'R', size_of_val(&ram::RAM_OF_CLIENT) as u32);
    // The smallest windows are no part of what a connection takes beyond its windows.
    say(b'L', size_of_val(&ram::RAM_OF_MEMORY) as u32 - 64 - 64);
    let [bare, wire] = &*WIRES;
    EXECUTOR.insert(Executor::new()).run(|spawner: Spawner| {
        if let (Ok(server), Ok(client)) = (server(bare, wire), client(bare, wire, MEMORY)) {
            spawner.spawn(server);
            spawner.spawn(client);
        }
    })
}

/// The other task: it is the same for both.
#[embassy_executor::task]
async fn server(bare: &'static Wire, wire: &'static Wire) -> ! {
    let mut window = [0; 256];
    for _ in 0..=ROUNDS {
        bare.serve(&mut window).await;
    }
    // The handshake comes in one piece.
    wire.asked.read(&mut window).await;
    wire.answer(GREETED).await;
    loop {
        wire.serve(&mut window).await;
    }
}

#[embassy_executor::task]
async fn client(
    bare: &'static Wire,
    wire: &'static Wire,
    memory: &'static mut Memory<256, 256>,
) -> ! {
    let mut window = [0; 256];
    echo(bare, &mut window).await;
    let began = ticks();
    for _ in 0..ROUNDS {
        echo(bare, &mut window).await;
    }
    say(b'B', began.wrapping_sub(ticks()));

    let mut client = Client::new(memory, InMemory(wire), &CONFIG);
    pong(&mut client).await;
    let began = ticks();
    for _ in 0..ROUNDS {
        pong(&mut client).await;
    }
    say(b'C', began.wrapping_sub(ticks()));
    exit(0)
}

/// A round trip of bytes that nobody looks at.
async fn echo(wire: &Wire, window: &mut [u8]) {
    let mut rest = ASKED;
    while !rest.is_empty() {
        let n = wire.asked.write(rest).await;
        rest = rest.get(n..).unwrap_or_default();
    }
    let mut read = 0;
    while read < ANSWERED.len() {
        read += wire.answered.read(window).await;
    }
}

async fn pong(client: &mut Client<'_, InMemory>) {
    if client.call(ping()).await.is_err() {
        exit(1)
    }
}

impl Wire {
    const fn new() -> Self {
        Self {
            asked: Pipe::new(),
            answered: Pipe::new(),
        }
    }

    /// Takes one command and answers it.
    async fn serve(&self, window: &mut [u8]) {
        let mut read = 0;
        while read < ASKED.len() {
            read += self.asked.read(window).await;
        }
        self.answer(ANSWERED).await;
    }

    async fn answer(&self, answer: &[u8]) {
        let mut rest = answer;
        while !rest.is_empty() {
            let n = self.answered.write(rest).await;
            rest = rest.get(n..).unwrap_or_default();
        }
    }
}

/// The client's end of the wire.
struct InMemory(&'static Wire);

impl embedded_io::ErrorType for InMemory {
    type Error = Infallible;
}

impl Read for InMemory {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.0.answered.read(window).await)
    }
}

impl Write for InMemory {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(self.0.asked.write(bytes).await)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Transport for InMemory {
    const CANCEL_SAFE: bool = true;
    type Clock = NoClock;

    fn clock(&self) -> NoClock {
        NoClock
    }

    fn abort(&mut self) {}
}

impl asynch::Link for InMemory {
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), Infallible> {
        Ok(())
    }
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    exit(101)
}
