//! What is commonest takes a shortcut: bulk strings, on their way out and in. That the values are
//! the same by any way, all other tests show; here is that it is taken.

use super::*;
use crate::resp::{Arg, Cursor, Frame};

/// Bulk strings of these lengths.
fn bulks(lengths: &[usize]) -> Vec<u8> {
    let bulk = |len: &usize| format!("${len}\r\n{}\r\n", "x".repeat(*len));
    lengths.iter().map(bulk).collect::<String>().into_bytes()
}

fn looks(work: impl FnOnce()) -> usize {
    LOOKED.set(0);
    work();
    LOOKED.get()
}

/// All have heads of up to two digits.
const LENGTHS: [usize; 7] = [0, 1, 9, 10, 11, 98, 99];

#[test]
fn the_scanner_passes_bulk_strings_without_a_look_at_their_heads() {
    let all = bulks(&LENGTHS);
    let array = [b"*7\r\n", &all[..]].concat();
    for (bytes, head) in [(&array, 3), (&bulks(&[2]), 0), (&bulks(&[99]), 0)] {
        let looked = looks(|| assert_eq!(arriving(bytes, &[], &Limits::DEFAULT).len(), 1));
        // To print what came is not the scanner's work.
        let printed = looks(|| drop(tree(bytes)));
        assert_eq!(looked - printed, head, "{}", bytes.escape_ascii());
    }
    // One that has not arrived whole: all that comes is counted, and not looked at.
    let mut bytes = bulks(&[99]);
    let mut scanner = Scanner::default();
    let looked = looks(|| {
        for given in [8, 50, 103] {
            let scanned = scanner.scan(&mut bytes[..given], &mut [], &Limits::DEFAULT, true);
            assert_eq!(scanned, Ok(Scanned::More));
        }
        let scanned = scanner.scan(&mut bytes, &mut [], &Limits::DEFAULT, true);
        assert_eq!(scanned, Ok(Scanned::Reply));
    });
    assert_eq!(looked, 0);
}

#[test]
fn the_decoder_reads_and_passes_bulk_strings_without_a_look_at_their_heads() {
    let bytes = [&bulks(&LENGTHS)[..], b":1\r\n"].concat();
    let read = looks(|| {
        let mut decoder = Decoder::new(&bytes);
        for (i, len) in LENGTHS.into_iter().enumerate() {
            match i % 3 {
                0 => assert_eq!(decoder.string().unwrap().len(), len),
                1 => assert!(matches!(decoder.item(), Ok(Item::String(s)) if s.len() == len)),
                _ => assert!(decoder.value().unwrap().rest().len() > len),
            }
        }
    });
    assert_eq!(read, 0);
    let array = [b"*7\r\n", &bytes[..]].concat();
    let passed = looks(|| Decoder::new(&array).value().map(|_| ()).unwrap());
    assert_eq!(passed, 4);
}

#[test]
fn short_arguments_and_heads_are_written_as_a_whole() {
    let text = [b'x'; 100];
    for (len, shortcut) in [(0, true), (9, true), (10, true), (99, true), (100, false)] {
        for count in [9, 10, 99] {
            let frame = Frame {
                words: &["X"],
                args: &|args| (1..count).for_each(|_| args.push(Arg::Bytes(&text[..len]))),
            };
            let mut window = vec![0; 20_000];
            let looked = looks(|| {
                let written = Cursor::default().write(&frame, count, &mut window);
                assert!(matches!(written, Ok((_, true))));
            });
            assert_eq!(looked == 0, shortcut, "{count} of {len}");
        }
    }
}
