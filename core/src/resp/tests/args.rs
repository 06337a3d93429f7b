//! What can stand as an argument, as it goes over the wire.

use super::*;
use crate::error::CommandFault;
use crate::resp::{Args, Cursor, Frame, ToArg, ToArgs, ToPairs};

/// The words of a command of these arguments.
fn words<'a>(args: &dyn Fn(&mut Args<'_, 'a>)) -> Result<Vec<String>, CommandFault> {
    let words: &'static [&'static str] = &["X"];
    let frame = Frame { words, args };
    let mut window = [0; 512];
    let (len, whole) = Cursor::default().write(&frame, frame.count()?, &mut window)?;
    assert!(whole);
    let mut decoder = Decoder::new(&window[..len]);
    let mut elements = decoder.elements().unwrap();
    let mut words = Vec::new();
    while elements.next(&mut decoder) {
        words.push(format!("{}", decoder.string().unwrap().escape_ascii()));
    }
    assert!(decoder.is_empty());
    assert_eq!(words.remove(0), "X");
    Ok(words)
}

fn one(arg: &(impl ToArg + ?Sized)) -> String {
    words(&|args| _ = args.add(arg)).unwrap().concat()
}

fn all(args: &(impl ToArgs + ?Sized)) -> String {
    words(&|walk| _ = walk.all(args)).unwrap().join(" ")
}

fn pairs(pairs: &(impl ToPairs + ?Sized)) -> String {
    words(&|args| _ = args.pairs(pairs)).unwrap().join(" ")
}

/// As an argument, as a list of one, and as a piece of an argument.
macro_rules! in_all_places {
    ($($arg:expr => $text:literal;)*) => { $(
        assert_eq!(one(&$arg), $text);
        assert_eq!(all(&$arg), $text);
        assert_eq!(one(&("<", $arg)), concat!("<", $text));
    )* };
}

#[test]
fn what_is_one_argument_is_also_a_list_of_one_and_a_piece_of_one() {
    in_all_places! {
        "text" => "text";
        "" => "";
        &b"by\0es"[..] => r"by\x00es";
        heapless::String::<8>::try_from("owned").unwrap() => "owned";
        -5i16 => "-5";
        5u16 => "5";
        -70_000i32 => "-70000";
        70_000u32 => "70000";
        i64::MIN => "-9223372036854775808";
        u64::MAX => "18446744073709551615";
        7u64 => "7";
        usize::MAX => "18446744073709551615";
        7usize => "7";
        -0.5f32 => "-0.5";
        1e300f64 => "1e+300";
        ("a", 1, "b") => "a1b";
    }
    assert_eq!(one(&b"array"), "array");
    assert_eq!(all(&b"array"), "array");
    let bytes = heapless::Vec::<u8, 8>::from_slice(b"own").unwrap();
    assert_eq!(one(&bytes), "own");
    assert_eq!(one(&one_of_each(b"again")), "again");
}

/// An argument can be made of an argument.
fn one_of_each(bytes: &[u8]) -> crate::resp::Arg<'_> {
    crate::resp::Arg::Bytes(bytes)
}

#[test]
fn lists_and_pairs_are_arguments_in_order() {
    assert_eq!(all(&["a", "b", ""]), "a b ");
    assert_eq!(all(&[1, 2][..]), "1 2");
    assert_eq!(all(&&["a", "b"][..]), "a b");
    assert_eq!(all(&["a"; 0]), "");
    let two = [("a", 1), ("b", 2)];
    assert_eq!(pairs(&two), "a 1 b 2");
    assert_eq!(pairs(&two[..]), "a 1 b 2");
    assert_eq!(pairs(&&two[..1]), "a 1");
}

#[test]
fn what_is_no_number_is_sent_nowhere() {
    let fault = Err(CommandFault::NotANumber);
    assert_eq!(words(&|args| _ = args.add(&f64::NAN).add(&1)), fault);
    assert_eq!(words(&|args| _ = args.add(&1).all(&f32::NAN)), fault);
}

#[cfg(feature = "std")]
#[test]
fn std_types_are_arguments_too() {
    let (text, bytes) = (String::from("text"), vec![b'b', 0]);
    assert_eq!((one(&text), all(&text)), ("text".into(), "text".into()));
    assert_eq!((one(&&text), all(&&text)), ("text".into(), "text".into()));
    let escaped = || String::from(r"b\x00");
    assert_eq!((one(&bytes), all(&bytes)), (escaped(), escaped()));
    assert_eq!((one(&&bytes), all(&&bytes)), (escaped(), escaped()));
}

#[test]
fn a_command_has_no_more_arguments_than_a_server_can_count() {
    #[derive(Clone, Copy)]
    struct Nothing;
    impl ToArg for Nothing {
        fn to_arg(&self) -> crate::resp::Arg<'_> {
            crate::resp::Arg::Bytes(b"")
        }
    }
    const MOST: usize = i32::MAX as usize;
    static MANY: [Nothing; MOST] = [Nothing; MOST];
    // The word counts, too.
    let count = |arguments: usize| {
        let args = &MANY[..arguments];
        let frame = Frame {
            words: &["X"],
            args: &|walk| _ = walk.all(args),
        };
        frame.count()
    };
    assert_eq!(count(MOST - 2), Ok(i32::MAX as u32 - 1));
    assert_eq!(count(MOST - 1), Err(CommandFault::TooLarge));
    assert_eq!(count(MOST), Err(CommandFault::TooLarge));
}
