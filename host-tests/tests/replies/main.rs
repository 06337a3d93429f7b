//! Replies of a real server, recorded, and byte arrays of the RESP3 specification for what none
//! sends: decoded whole, at every single split, and one byte at a time.
//!
//! A live test asks the same commands again, and sees that the answers still decode.
//! `RESPOOL_RECORD=host-tests/vectors cargo test -p host-tests --test replies` records anew.

mod recipes;
mod record;
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use host_tests::redis;
use respool::command::{Session, table};
use respool::error::Code;
use streams::{Answer, answers, messages, types};

/// The version whose replies are recorded.
const VERSION: &str = "7.0.15";

/// Rows of the table without a constructor, which have no reply of their own here.
const WITHOUT_CONSTRUCTOR: [&str; 5] = ["AUTH", "HELLO", "CLIENT SETINFO", "RESET", "QUIT"];

/// The first words of all errors. `DENIED` is for other machines only, and among the byte arrays.
const WORDS: [&str; 27] = [
    "ASK",
    "BUSY",
    "BUSYGROUP",
    "BUSYKEY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "ERR",
    "EXECABORT",
    "IOERR",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOGROUP",
    "NOPERM",
    "NOPROTO",
    "NOREPLICAS",
    "NOSCRIPT",
    "NOTBUSY",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "UNBLOCKED",
    "UNKILLABLE",
    "WRONGPASS",
    "WRONGTYPE",
];

#[test]
fn recorded_streams_are_the_same_in_any_split() {
    let mut replies = 0;
    let mut errors = 0;
    let mut splits = 0;
    let streams = recorded();
    for (name, bytes) in &streams {
        let whole = answers(bytes, &[]);
        for pieces in [vec![1], vec![2], vec![3], vec![7], vec![64], vec![1460]] {
            assert_eq!(
                answers(bytes, &pieces),
                whole,
                "{name} in pieces of {pieces:?}"
            );
        }
        // A split concerns the message that it is in.
        for message in messages(bytes) {
            let expected = answers(message, &[]);
            for cut in 1..message.len() {
                let split = answers(message, &[cut, usize::MAX]);
                assert_eq!(
                    split,
                    expected,
                    "{name}: {} at {cut}",
                    message.escape_ascii()
                );
                splits += 1;
            }
        }
        replies += whole.len();
        errors += whole.iter().filter(|answer| answer.is_err()).count();
    }
    println!(
        "{} streams, {replies} replies, {errors} errors, {splits} splits",
        streams.len()
    );
    assert_eq!((streams.len(), replies, errors), (35, 573, 125));
    assert!(splits > 20_000);
}

#[test]
fn every_error_is_there_in_both_protocols() {
    for protocol in ['2', '3'] {
        let mut words = BTreeSet::<String>::new();
        for (_, bytes) in recorded()
            .iter()
            .filter(|(name, _)| name.ends_with(protocol))
        {
            for (code, text) in answers(bytes, &[]).into_iter().filter_map(Result::err) {
                assert_eq!(code, Code::of(text.as_bytes()));
                words.extend(text.split(' ').next().map(String::from));
            }
        }
        assert_eq!(words.iter().collect::<Vec<_>>(), WORDS, "RESP{protocol}");
    }
}

#[test]
fn every_typed_command_has_a_reply_that_is_no_error_in_both_protocols() {
    let streams: BTreeMap<_, _> = recorded().into_iter().collect();
    for protocol in [2, 3] {
        let mut answered = BTreeSet::new();
        for recipe in recipes::RECIPES.iter().filter(|recipe| !recipe.only_resp3) {
            let answers = answers(&streams[&format!("{}-{protocol}", recipe.name)], &[]);
            let greeting = protocol - 2;
            assert_eq!(
                answers.len(),
                recipe.commands().count() + greeting,
                "{}",
                recipe.name
            );
            for (words, answer) in recipe.commands().zip(&answers[greeting..]) {
                let row = table::ALL.iter().find(|row| {
                    let has = |(i, word): (usize, &&str)| {
                        words
                            .get(i)
                            .is_some_and(|w| w.eq_ignore_ascii_case(word.as_bytes()))
                    };
                    row.words.iter().enumerate().all(has)
                });
                if let (Some(row), Ok(_)) = (row, answer) {
                    answered.insert(row.words.join(" "));
                }
            }
        }
        let typed = table::ALL
            .iter()
            .filter(|row| !matches!(row.session, Session::Refused | Session::Subscribes))
            .map(|row| row.words.join(" "))
            .filter(|name| !WITHOUT_CONSTRUCTOR.contains(&name.as_str()));
        let missing: Vec<_> = typed
            .clone()
            .filter(|name| !answered.contains(name))
            .collect();
        assert_eq!(missing, [""; 0], "RESP{protocol}");
        assert_eq!(typed.count(), 102);
    }
}

#[test]
fn the_forms_that_no_server_sends_are_the_same_in_any_split() {
    for (bytes, expected) in streams::SPECIFIED {
        for pieces in (1..bytes.len())
            .map(|cut| vec![cut, usize::MAX])
            .chain([vec![], vec![1]])
        {
            let got: Vec<_> = answers(bytes, &pieces).into_iter().map(shown).collect();
            assert_eq!(got, *expected, "{} in {pieces:?}", bytes.escape_ascii());
        }
    }
}

#[test]
fn every_type_is_there() {
    let recorded = recorded();
    let mut by_protocol = [BTreeMap::<char, usize>::new(), BTreeMap::new()];
    for (name, bytes) in &recorded {
        let seen = &mut by_protocol[usize::from(name.ends_with('3'))];
        types(bytes).for_each(|kind| *seen.entry(kind).or_default() += 1);
    }
    let mut specified = BTreeSet::new();
    for (bytes, _) in streams::SPECIFIED {
        specified.extend(types(bytes));
    }
    let text = |kinds: &mut dyn Iterator<Item = &char>| kinds.collect::<String>();
    assert_eq!(text(&mut by_protocol[0].keys()), "$*+-:");
    assert_eq!(text(&mut by_protocol[1].keys()), "#$%(*+,-:=>_|~");
    assert_eq!(text(&mut specified.iter()), "!#$%(*+,-.:;=>_|~");
}

#[test]
fn a_server_still_answers_as_it_was_recorded() {
    let fresh = record::all();
    if let Ok(folder) = std::env::var("RESPOOL_RECORD") {
        assert_eq!(redis::version(), VERSION, "the server to record from");
        for (name, bytes) in &fresh {
            // Cargo runs tests in the folder of their package.
            let path = Path::new("..").join(&folder).join(format!("{name}.resp"));
            fs::write(path, bytes).unwrap();
        }
    }
    let recorded: BTreeMap<_, _> = recorded().into_iter().collect();
    assert_eq!(fresh.len(), recorded.len());
    for (name, bytes) in &fresh {
        let now: Vec<_> = answers(bytes, &[]).iter().map(kind).collect();
        assert_eq!(now, expected(&answers(&recorded[name], &[])), "{name}");
        assert_eq!(answers(bytes, &[1]), answers(bytes, &[]), "{name}");
    }
}

/// The kinds of the answers that were recorded, with what this server answers otherwise.
fn expected(recorded: &[Answer]) -> Vec<String> {
    let newer = redis::version() != VERSION;
    // Since 7.2, Redis forgets to refuse a login while an earlier reply of the pipeline has not
    // left yet. Valkey has mended that.
    let forgets = newer && redis::product() == "Redis";
    let told = recorded
        .iter()
        .filter(|answer| !matches!(answer, Err((Code::WrongPass, _)) if forgets));
    let told = told.map(|answer| match answer {
        // There since 7.2.
        Err((_, text)) if newer && text.contains("unknown subcommand 'SETINFO'") => {
            kind(&Ok("'OK'".into()))
        }
        other => kind(other),
    });
    told.collect()
}

fn shown(answer: Answer) -> String {
    answer.unwrap_or_else(|(_, text)| format!("!{text}"))
}

/// What of an answer is the same each time: the type, or the code of the error.
fn kind(answer: &Answer) -> String {
    match answer {
        Ok(value) if value.parse::<i64>().is_ok() => "an integer".into(),
        Ok(value) => value[..1].into(),
        Err((code, _)) => format!("{code:?}"),
    }
}

/// The recordings, by name.
fn recorded() -> Vec<record::Stream> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut streams: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "resp"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    streams.sort();
    streams
}
