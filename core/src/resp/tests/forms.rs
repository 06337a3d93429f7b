//! Every short head, spelled well or not, against what the specification says of it in words.

use super::*;

/// What stands in heads, and what might be taken for it.
const LETTERS: &[u8] = b"019-+.einfatx? ";

/// What a line of this type and text gives; `None` where it is no head at all.
fn expected(kind: u8, text: &str) -> Option<Event> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let count = is_digits(text).then(|| text.parse::<u32>().unwrap());
    match (kind, text) {
        (b'+', _) => Some(reply(&format!("'{text}'"))),
        (b'-', _) => Some(reply(&format!("!{text}"))),
        (b':', _) => Some(reply(&text.parse::<i64>().ok()?.to_string())),
        (b'_', "") | (b'$' | b'*', "-1") => Some(reply("null")),
        (b'#', "t") => Some(reply("true")),
        (b'#', "f") => Some(reply("false")),
        (b'(', _) if is_digits(unsigned) => Some(reply(&format!("#{text}"))),
        (b',', _) => {
            let is_word = matches!(unsigned, "inf" | "nan");
            // Rust reads more than the specification allows: points without digits at both sides.
            let ends = [unsigned.bytes().next(), unsigned.bytes().last()];
            let mut point = unsigned.split('.');
            let (whole, fraction) = (point.next()?, point.next().unwrap_or("0"));
            let is_number = ends.iter().flatten().all(u8::is_ascii_digit)
                && text.parse::<f64>().is_ok()
                && [whole, fraction]
                    .iter()
                    .all(|t| t.starts_with(|c: char| c.is_ascii_digit()));
            (is_word || is_number).then(|| reply(&format!(",{text}")))
        }
        (b'*', _) if count == Some(0) => Some(reply("[]")),
        (b'~', _) if count == Some(0) => Some(reply("()")),
        (b'%', _) if count == Some(0) => Some(reply("{}")),
        (b'>', _) if count == Some(0) => None,
        // Four bytes at least, for what it is.
        (b'=', _) => count.filter(|n| *n >= 4).map(|_| Event::Rest),
        (b'$' | b'*' | b'~' | b'%', "?") => Some(Event::Rest),
        (b'$' | b'!' | b'*' | b'~' | b'%' | b'>' | b'|', _) => count.map(|_| Event::Rest),
        // Chunks and ends stand within streams only.
        _ => None,
    }
}

/// Every text of up to so many of these letters.
fn texts(letters: &[u8], most: u32) -> impl Iterator<Item = String> {
    let n = letters.len();
    (0..=most).flat_map(move |len| {
        (0..n.pow(len)).map(move |mut code| {
            let mut text = String::new();
            for _ in 0..len {
                text.push(char::from(letters[code % n]));
                code /= n;
            }
            text
        })
    })
}

#[test]
fn every_short_head_is_what_the_specification_says_or_a_fault() {
    let (mut good, mut bad) = (0, 0);
    for kind in b"+-:$*_#,(!=%~>|;." {
        for text in texts(LETTERS, 3) {
            let line = [&[*kind], text.as_bytes(), b"\r\n"].concat();
            let got = arriving(&line, &[], &Limits::DEFAULT);
            match expected(*kind, &text) {
                Some(event) => {
                    assert_eq!(got, [event], "{}", line.escape_ascii());
                    good += 1;
                }
                None => {
                    let is_fault = matches!(got[..], [Event::Fault(_)]);
                    assert!(is_fault, "{} gave {got:?}", line.escape_ascii());
                    bad += 1;
                }
            }
        }
    }
    assert!(good > 7_000 && bad > 50_000, "{good} {bad}");
}

#[test]
fn no_line_ends_in_anything_but_cr_lf() {
    for kind in b"+-:$*_#,(!=%~>|;." {
        for text in texts(b"01-t", 2) {
            for end in [
                "\n", "\r", "\r\r\n", "\n\r\n", "\rx\r\n", "\r\0\n", "\0\n", "",
            ] {
                let line = format!("{}{text}{end}", char::from(*kind));
                let got = arriving(line.as_bytes(), &[], &Limits::DEFAULT);
                let takes_none = matches!(got[..], [Event::Fault(_) | Event::Rest]);
                assert!(takes_none, "{line:?} gave {got:?}");
                // What cannot become right is a fault at once, not waited for.
                let can_become_right = matches!(end, "" | "\r");
                assert!(can_become_right || got != [Event::Rest], "{line:?}");
            }
        }
    }
}

#[test]
fn a_number_of_a_hundred_thousand_digits_is_a_line_like_others() {
    let digits = "7".repeat(100_000);
    let line = format!("({digits}\r\n");
    let got = arriving(line.as_bytes(), &[1000; 101], &Limits::DEFAULT);
    assert_eq!(got, [reply(&format!("#{digits}"))]);
    let limits = Limits {
        line: 4096,
        ..Limits::DEFAULT
    };
    let too_long = [Event::Fault(Fault::LineTooLong)];
    assert_eq!(arriving(line.as_bytes(), &[1000; 101], &limits), too_long);
    for line in [format!(":{digits}\r\n"), format!("*{digits}\r\n")] {
        let got = arriving(line.as_bytes(), &[], &Limits::DEFAULT);
        assert!(matches!(got[..], [Event::Fault(_)]));
    }
}
