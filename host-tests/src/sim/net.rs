//! The network: streams that deliver in pieces and late, break and fall silent.

use std::collections::VecDeque;
use std::task::Waker;

use embedded_io::ErrorKind;

use super::server::Session;
use super::world::{Event, State};

/// One stream between a link and the server.
#[derive(Debug, Default)]
pub(super) struct Stream {
    up: Pipe,
    down: Pipe,
    /// Written and not flushed.
    unflushed: Vec<u8>,
    pub(super) session: Session,
    reader: Option<Waker>,
    /// The client has not closed it.
    held: bool,
    /// The server has not closed it.
    served: bool,
    /// What the client finds when it has read all.
    end: Option<End>,
    /// Bytes until it breaks.
    breaks: [Option<usize>; 2],
    /// It falls silent instead of breaking.
    stalls: bool,
    /// Bytes read so far, and where in them something surplus begins, and how much.
    read: usize,
    said: usize,
    surplus: VecDeque<(usize, usize)>,
    /// Where in them a stray begins that is still to be met, and how long it is.
    stray: Option<(usize, usize)>,
    /// Who moved bytes last, and in which borrow.
    user: (usize, u64),
}

/// Bytes on their way.
#[derive(Debug, Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    /// When so many of them arrive.
    pieces: VecDeque<(u64, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Reset,
    Eof,
    Silence,
}

const UP: usize = 0;
const DOWN: usize = 1;

impl State {
    pub(super) fn connect(&mut self) -> Result<usize, ErrorKind> {
        if self.now < self.server.down_until {
            return Err(ErrorKind::ConnectionRefused);
        }
        let mut stream = Stream {
            held: true,
            served: true,
            session: self.server.session(self.plan),
            ..Stream::default()
        };
        let (breaks, stalls) = (self.plan.breaks, self.plan.stalls);
        if self.chance(stalls) {
            stream.stalls = true;
        }
        if stream.stalls || self.chance(breaks) {
            let way = self.rng.usize(0..2);
            let most = self.rng.usize(1..=1000);
            stream.breaks[way] = Some(self.rng.usize(0..most));
        }
        self.streams.push(stream);
        self.oracle.figures.streams += 1;
        let number = self.streams.len() - 1;
        self.note("opened, by task", number, self.task as u64);
        let strays = self.plan.strays / 4;
        if self.chance(strays) {
            let stray = self.any_stray();
            self.say(number, stray.as_bytes(), 0);
        }
        Ok(number)
    }

    /// The client closes its end.
    pub(super) fn hang_up(&mut self, stream: usize) {
        self.note("closed by task", stream, self.task as u64);
        let lost = self.rng.bool();
        let it = &mut self.streams[stream];
        it.held = false;
        it.unflushed.clear();
        it.reader = None;
        if lost {
            it.up = Pipe::default();
        }
    }

    /// The server says by itself what it would only answer, while nobody has the stream.
    pub(super) fn stray(&mut self, stream: usize) {
        let it = &self.streams[stream];
        let (task, borrow) = it.user;
        let is_lent = borrow % 2 == 1 && self.borrows[task] == borrow;
        let is_open = it.held && it.served && it.end.is_none();
        let is_quiet = it.up.bytes.is_empty() && it.unflushed.is_empty() && it.session.is_quiet();
        if is_lent || !is_open || !is_quiet || it.stray.is_some() {
            return;
        }
        let mut at = it.said;
        // Half an attribute may be read before the rest comes. By itself it is no stray: what it
        // describes may be a push, or the next answer.
        if it.session.speaks_resp3() && self.rng.u8(0..6) == 0 {
            self.say(stream, b"|1\r\n+stray\r\n", 0);
            self.say(stream, b":1\r\n", 0);
            at = self.streams[stream].said;
            self.say(stream, b"$5\r\nstray\r\n", 0);
        } else {
            let stray = self.any_stray();
            self.say(stream, stray.as_bytes(), 0);
        }
        self.note("a stray comes on", stream, at as u64);
        let it = &mut self.streams[stream];
        it.stray = Some((at, it.said - at));
    }

    /// None of them is what the server answers to a question of the library's own.
    fn any_stray(&mut self) -> String {
        match self.rng.u8(0..5) {
            0 => "$5\r\nstray\r\n".into(),
            // Larger than the window.
            1 => format!("$700\r\n{}\r\n", "s".repeat(700)),
            2 => "-LOADING stray\r\n".into(),
            3 => "-NOPERM stray\r\n".into(),
            _ => ":7\r\n".into(),
        }
    }

    /// Somebody begins to write after a stray came. Unread, it would be taken for the answer to
    /// whatever a borrower asks, and nobody could tell: so it meets only the questions of which the
    /// library knows all answers, and else it never was.
    fn meet_stray(&mut self, stream: usize, bytes: &[u8]) {
        let selects = self.selects[self.task];
        let it = &mut self.streams[stream];
        let Some((at, len)) = it.stray.take() else {
            return;
        };
        let asks = |name: &str| bytes.starts_with(name.as_bytes());
        let is_known = asks("*1\r\n$4\r\nPING\r\n")
            || asks("*1\r\n$7\r\nDISCARD\r\n")
            || asks("*1\r\n$7\r\nUNWATCH\r\n")
            || (asks("*2\r\n$6\r\nSELECT\r\n") && !selects);
        if is_known || it.read > at {
            self.oracle.figures.strays += 1;
            self.note("a stray is met on", stream, at as u64);
            return;
        }
        it.down.cut_out(at - it.read, len);
        it.said -= len;
        for (later, _) in it.surplus.iter_mut().filter(|(later, _)| *later > at) {
            *later -= len;
        }
    }

    /// The present task moves bytes; nobody else may be at it.
    pub(super) fn claim(&mut self, stream: usize) {
        let (task, borrow) = self.streams[stream].user;
        let mine = (self.task, self.borrows[self.task]);
        if task != mine.0 && borrow % 2 == 1 && self.borrows[task] == borrow {
            let why = format!(
                "a seat lent twice: tasks {task} and {} on stream {stream}",
                mine.0
            );
            self.oracle.accuse(why);
        }
        self.streams[stream].user = mine;
    }

    pub(super) fn write(&mut self, stream: usize, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if bytes.is_empty() {
            self.oracle.accuse("a write of nothing".into());
        }
        self.meet_stray(stream, bytes);
        match self.streams[stream].end {
            Some(End::Reset) => return Err(ErrorKind::ConnectionReset),
            Some(End::Eof) if self.rng.bool() => return Err(ErrorKind::BrokenPipe),
            // Nobody knows yet that it goes nowhere.
            Some(End::Eof | End::Silence) => return Ok(bytes.len()),
            None => {}
        }
        let mut n = self.piece(bytes.len());
        if let Some(left) = &mut self.streams[stream].breaks[UP] {
            n = n.min(*left);
            *left -= n;
            if n == 0 {
                self.break_off(stream);
                return match self.streams[stream].end {
                    Some(End::Silence) => Ok(bytes.len().min(1)),
                    Some(End::Eof) => Err(ErrorKind::BrokenPipe),
                    _ => Err(ErrorKind::ConnectionReset),
                };
            }
        }
        let bytes = &bytes[..n];
        self.note_bytes("written to", stream, bytes);
        let it = &mut self.streams[stream];
        it.unflushed.extend_from_slice(bytes);
        if !self.plan.buffered {
            self.flush(stream);
        }
        Ok(n)
    }

    pub(super) fn flush(&mut self, stream: usize) {
        let delay = self.delay();
        let now = self.now;
        let it = &mut self.streams[stream];
        if it.unflushed.is_empty() || it.end.is_some() {
            return;
        }
        let at = it.up.push(now + delay, &it.unflushed);
        it.unflushed.clear();
        if at <= now {
            self.arrive(stream);
        } else {
            self.schedule(at, Event::Up(stream));
        }
    }

    /// What has arrived at the server is answered.
    pub(super) fn arrive(&mut self, stream: usize) {
        let now = self.now;
        let it = &mut self.streams[stream];
        let n = it.up.arrived(now);
        if !it.served {
            it.up = Pipe::default();
            return;
        }
        if n > 0 {
            let bytes: Vec<u8> = it.up.bytes.drain(..n).collect();
            it.up.taken(n);
            self.serve(stream, &bytes);
        }
    }

    /// The server says something; the last `surplus` bytes of it nobody asked for.
    pub(super) fn say(&mut self, stream: usize, bytes: &[u8], surplus: usize) {
        let it = &self.streams[stream];
        if bytes.is_empty() || !it.held || it.end.is_some() {
            return;
        }
        let delay = self.delay();
        let now = self.now;
        let it = &mut self.streams[stream];
        let at = it.down.push(now + delay, bytes);
        it.said += bytes.len();
        if surplus > 0 {
            it.surplus.push_back((it.said - surplus, surplus));
        }
        if at <= now {
            self.wake_reader(stream);
        } else {
            self.schedule(at, Event::Down(stream));
        }
    }

    pub(super) fn wake_reader(&mut self, stream: usize) {
        if let Some(reader) = self.streams[stream].reader.take() {
            reader.wake();
        }
    }

    pub(super) fn has_news(&mut self, stream: usize) -> bool {
        let now = self.now;
        let it = &self.streams[stream];
        // What says so must not keep its reader waiting.
        let goes_silent = it.stalls && it.breaks[DOWN] == Some(0);
        (it.down.arrived(now) > 0 && !goes_silent) || (it.down.bytes.is_empty() && it.is_over())
    }

    /// The client says that this is the end; says when it learns that the server knows, if ever.
    pub(super) fn ends(&mut self, stream: usize) -> Option<u64> {
        self.flush(stream);
        match self.streams[stream].end {
            Some(End::Silence) => None,
            _ => Some(self.delay()),
        }
    }

    /// True where nothing will ever come of it.
    pub(super) fn is_silent(&self, stream: usize) -> bool {
        self.streams[stream].end == Some(End::Silence)
    }

    /// Whether it is open at the client's end, and at the server's.
    pub(super) fn is_open_at(&self, stream: usize) -> [bool; 2] {
        let it = &self.streams[stream];
        [it.held, it.served]
    }

    /// `None` where there is nothing to read.
    pub(super) fn read(
        &mut self,
        stream: usize,
        window: &mut [u8],
        waker: &Waker,
    ) -> Result<Option<usize>, ErrorKind> {
        if window.is_empty() {
            self.oracle.accuse("a read into nothing".into());
        }
        let there = self.streams[stream].down.arrived(self.now);
        if there == 0 {
            let it = &mut self.streams[stream];
            if it.down.bytes.is_empty() {
                match it.end {
                    Some(End::Reset) => return Err(ErrorKind::ConnectionReset),
                    Some(End::Eof) => return Ok(Some(0)),
                    Some(End::Silence) | None => {}
                }
            }
            it.reader = Some(waker.clone());
            return Ok(None);
        }
        let mut n = self.piece(there.min(window.len()));
        if let Some(left) = self.streams[stream].breaks[DOWN] {
            n = n.min(left);
            if n == 0 {
                self.break_off(stream);
                return self.read(stream, window, waker);
            }
        }
        let it = &mut self.streams[stream];
        // What is surplus comes together with what it follows, or nobody could tell it from the
        // answer to the next command.
        if let Some((at, len)) = it.surplus.front().copied()
            && it.read + n >= at
        {
            let whole = at + len - it.read;
            if whole <= window.len() && whole <= there && it.breaks[DOWN].is_none() {
                n = whole;
            } else {
                let from = at - it.read;
                it.down.cut_out(from, len);
                it.said -= len;
                n = n.min(from);
                let later = it.surplus.iter_mut().chain(&mut it.stray);
                for (later, _) in later.filter(|(later, _)| *later > at) {
                    *later -= len;
                }
            }
            it.surplus.pop_front();
        }
        if n == 0 {
            return self.read(stream, window, waker);
        }
        if let Some(left) = &mut it.breaks[DOWN] {
            *left -= n;
        }
        for (place, byte) in window.iter_mut().zip(it.down.bytes.drain(..n)) {
            *place = byte;
        }
        it.down.taken(n);
        it.read += n;
        self.note_bytes("read from", stream, &window[..n]);
        Ok(Some(n))
    }

    /// A stream breaks by chance.
    fn break_off(&mut self, stream: usize) {
        let end = match self.streams[stream].stalls {
            true => End::Silence,
            false if self.rng.bool() => End::Reset,
            false => End::Eof,
        };
        self.break_by(stream, end);
    }

    fn break_by(&mut self, stream: usize, end: End) {
        self.note("broken", stream, end as u64);
        let it = &mut self.streams[stream];
        it.breaks = [None; 2];
        it.end = Some(end);
        it.down = Pipe::default();
        it.surplus.clear();
        it.stray = None;
        it.unflushed.clear();
        self.wake_reader(stream);
    }

    /// The server closes a stream in good order: what it said before still arrives.
    pub(super) fn close(&mut self, stream: usize) {
        self.note("closed by the server", stream, 0);
        let it = &mut self.streams[stream];
        it.served = false;
        it.end.get_or_insert(End::Eof);
        self.wake_reader(stream);
    }

    /// All sessions are gone, and for some time nobody listens.
    pub(super) fn restart(&mut self, span: u64) {
        self.note("the server restarts, ms", 0, span);
        self.server.down_until = self.now + span;
        for stream in 0..self.streams.len() {
            let it = &self.streams[stream];
            if it.served && it.end != Some(End::Silence) {
                match self.rng.bool() {
                    true => self.break_by(stream, End::Reset),
                    false => self.close(stream),
                }
            }
            self.streams[stream].served = false;
        }
    }

    /// How much of what could move does.
    fn piece(&mut self, most: usize) -> usize {
        let short = self.plan.short;
        if most > 1 && self.chance(short) {
            // Often a byte or two.
            let most = match self.rng.bool() {
                true => most.min(3),
                false => most,
            };
            self.rng.usize(1..=most)
        } else {
            most
        }
    }

    pub(super) fn delay(&mut self) -> u64 {
        match self.plan.delay {
            0 => 0,
            most => self.rng.u64(0..=most),
        }
    }
}

impl Stream {
    fn is_over(&self) -> bool {
        matches!(self.end, Some(End::Eof | End::Reset))
    }
}

impl Pipe {
    /// Says when it arrives: not before what was sent before.
    fn push(&mut self, at: u64, bytes: &[u8]) -> u64 {
        let at = at.max(self.pieces.back().map_or(0, |(last, _)| *last));
        self.bytes.extend(bytes);
        self.pieces.push_back((at, bytes.len()));
        at
    }

    /// Bytes that have arrived.
    fn arrived(&self, now: u64) -> usize {
        let there = self.pieces.iter().take_while(|(at, _)| *at <= now);
        there.map(|(_, n)| *n).sum()
    }

    /// So many bytes were taken off the front.
    fn taken(&mut self, mut n: usize) {
        while n > 0
            && let Some((_, piece)) = self.pieces.front_mut()
        {
            let part = n.min(*piece);
            *piece -= part;
            n -= part;
            if *piece == 0 {
                self.pieces.pop_front();
            }
        }
    }

    /// Takes bytes out of the middle.
    fn cut_out(&mut self, from: usize, len: usize) {
        self.bytes.drain(from..from + len);
        let (mut from, mut left) = (from, len);
        for (_, piece) in &mut self.pieces {
            let part = left.min(piece.saturating_sub(from));
            from = from.saturating_sub(*piece);
            *piece -= part;
            left -= part;
        }
        self.pieces.retain(|(_, n)| *n > 0);
    }
}
