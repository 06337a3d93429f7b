//! Streams that chance has changed: nothing panics, and splits change nothing.

use super::*;

/// A small generator, the same numbers every time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

const SEEDS: &[&[u8]] = &[
    b"*3\r\n$3\r\nfoo\r\n:12\r\n*2\r\n+OK\r\n-ERR x\r\n",
    b"%2\r\n+k\r\n,1.5\r\n$1\r\nl\r\n~2\r\n#t\r\n_\r\n",
    b"|1\r\n+ttl\r\n:3\r\n=7\r\ntxt:abc\r\n!5\r\nE abc\r\n",
    b"$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n*?\r\n:1\r\n%?\r\n+k\r\n+v\r\n.\r\n.\r\n",
    b">2\r\n+pubsub\r\n(123456789\r\n*-1\r\n$-1\r\n$0\r\n\r\n",
    b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
];

const LIKELY: &[u8] = b"\r\n\r\n$*+-:%~>|;.?=!_#,(0123456789t";

#[test]
fn mutated_streams_give_the_same_in_any_split() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let limits = Limits {
        bulk: 1000,
        elements: 100,
        ..Limits::DEFAULT
    };
    let mut faults = 0;
    let mut replies = 0;
    for _ in 0..100_000 {
        let mut bytes = Vec::new();
        for _ in 0..=numbers.below(2) {
            bytes.extend_from_slice(SEEDS[numbers.below(SEEDS.len())]);
        }
        for _ in 0..numbers.below(4) {
            let at = numbers.below(bytes.len());
            let likely = LIKELY[numbers.below(LIKELY.len())];
            match numbers.below(5) {
                0 => bytes[at] = numbers.below(256) as u8,
                1 => bytes[at] = likely,
                2 => bytes.insert(at, likely),
                3 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at + 1),
            }
        }
        // A line that ends nowhere would only be waited for.
        bytes.push(b'\n');
        let whole = arriving(&bytes, &[], &limits);
        let mut pieces = Vec::new();
        for _ in 0..bytes.len() {
            pieces.push(1 + numbers.below(4));
        }
        assert_eq!(
            arriving(&bytes, &pieces, &limits),
            whole,
            "{}",
            bytes.escape_ascii()
        );
        for event in whole {
            faults += usize::from(matches!(event, Event::Fault(_)));
            replies += usize::from(matches!(event, Event::Reply(_)));
        }
    }
    assert!(
        faults > 50_000 && replies > 100_000,
        "{faults} faults, {replies} replies"
    );
}

#[test]
fn the_decoder_refuses_what_was_not_scanned() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for _ in 0..50_000 {
        let mut bytes = SEEDS[numbers.below(SEEDS.len())].to_vec();
        for _ in 0..1 + numbers.below(4) {
            let at = numbers.below(bytes.len());
            bytes[at] = LIKELY[numbers.below(LIKELY.len())];
        }
        bytes.truncate(1 + numbers.below(bytes.len()));
        let mut decoder = Decoder::new(&bytes);
        while decoder.item().is_ok() {}
        let _ = Decoder::new(&bytes).value();
    }
}
