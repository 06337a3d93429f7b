//! Replies into the types that a caller asks for.

use super::*;
use crate::error::{Code, Error, ErrorKind, Type, ValueFault};
use crate::resp::{
    Any, Bytes, Each, Entries, FromReply, Items, Outcome, Own, Owned, Pairs, Reply, Status, Text,
};

fn own<T: FromReply>(bytes: &[u8]) -> Result<T, Error> {
    let mut decoder = Decoder::new(bytes);
    let value = T::from_reply(&mut decoder)?;
    assert!(decoder.is_empty());
    Ok(value)
}

fn out<R: Reply>(bytes: &[u8]) -> Result<R::Out<'_>, Error> {
    let mut decoder = Decoder::new(bytes);
    let out = R::decode_one_of_many(&mut decoder);
    assert!(decoder.is_empty(), "{}", bytes.escape_ascii());
    out
}

fn wrong_type(expected: Type, got: Type) -> Error {
    Error::answered(ErrorKind::WrongType { expected, got })
}

fn wrong(fault: ValueFault) -> Error {
    Error::answered(ErrorKind::WrongValue(fault))
}

fn server(code: Code) -> Error {
    Error::answered(ErrorKind::Server(code))
}

#[test]
fn numbers() {
    assert_eq!(own::<i64>(b":-9223372036854775808\r\n"), Ok(i64::MIN));
    assert_eq!(own::<i64>(b"$2\r\n42\r\n"), Ok(42));
    assert_eq!(own::<i64>(b"+7\r\n"), Ok(7));
    assert_eq!(own::<u64>(b"$20\r\n18446744073709551615\r\n"), Ok(u64::MAX));
    assert_eq!(own::<u64>(b"(18446744073709551615\r\n"), Ok(u64::MAX));
    assert_eq!(own::<i16>(b":32767\r\n"), Ok(i16::MAX));
    let not_a_number = wrong(ValueFault::NotANumber);
    assert_eq!(own::<u64>(b":-1\r\n"), Err(not_a_number));
    assert_eq!(own::<i64>(b"(9223372036854775808\r\n"), Err(not_a_number));
    assert_eq!(own::<i16>(b":32768\r\n"), Err(not_a_number));
    assert_eq!(own::<u16>(b":-1\r\n"), Err(not_a_number));
    assert_eq!(own::<i32>(b":2147483648\r\n"), Err(not_a_number));
    assert_eq!(own::<u32>(b":4294967296\r\n"), Err(not_a_number));
    assert_eq!(own::<i64>(b"$3\r\n4 2\r\n"), Err(not_a_number));
    assert_eq!(own::<i64>(b"$0\r\n\r\n"), Err(not_a_number));
    assert_eq!(
        own::<i64>(b"_\r\n"),
        Err(wrong_type(Type::Integer, Type::Null))
    );
    assert_eq!(
        own::<i64>(b",1\r\n"),
        Err(wrong_type(Type::Integer, Type::Double))
    );
    assert_eq!(own::<i64>(b"-ERR no\r\n"), Err(server(Code::Err)));
    assert_eq!(own::<f64>(b",-2.5e-3\r\n"), Ok(-2.5e-3));
    assert_eq!(own::<f64>(b",inf\r\n"), Ok(f64::INFINITY));
    assert_eq!(own::<f64>(b"$4\r\n-inf\r\n"), Ok(f64::NEG_INFINITY));
    assert_eq!(own::<f64>(b",1e999\r\n"), Ok(f64::INFINITY));
    assert_eq!(own::<f64>(b":3\r\n"), Ok(3.0));
    assert!(own::<f64>(b",nan\r\n").unwrap().is_nan());
    assert!(own::<f64>(b",-nan\r\n").unwrap().is_nan());
    assert_eq!(own::<f64>(b"+x\r\n"), Err(not_a_number));
    assert_eq!(own::<bool>(b"#t\r\n"), Ok(true));
    assert_eq!(own::<bool>(b":0\r\n"), Ok(false));
    assert_eq!(own::<bool>(b":2\r\n"), Err(wrong(ValueFault::UnknownWord)));
    assert_eq!(
        own::<bool>(b"+OK\r\n"),
        Err(wrong_type(Type::Boolean, Type::String))
    );
}

#[test]
fn strings_and_nulls() {
    assert_eq!(out::<Bytes>(b"$3\r\n\r\n\0\r\n"), Ok(&b"\r\n\0"[..]));
    assert_eq!(out::<Bytes>(b"=7\r\ntxt:abc\r\n"), Ok(&b"abc"[..]));
    assert_eq!(out::<Text>(b"$2\r\n\xc3\xa9\r\n"), Ok("é"));
    assert_eq!(
        out::<Text>(b"$2\r\n\xc3\xff\r\n"),
        Err(wrong(ValueFault::NotUtf8))
    );
    assert_eq!(
        out::<Bytes>(b":1\r\n"),
        Err(wrong_type(Type::String, Type::Integer))
    );
    for null in [
        &b"$-1\r\n"[..],
        b"*-1\r\n",
        b"_\r\n",
        b"|1\r\n+k\r\n:1\r\n_\r\n",
    ] {
        assert_eq!(out::<Option<Bytes>>(null), Ok(None));
        assert_eq!(own::<Option<i64>>(null), Ok(None));
        assert_eq!(
            out::<Bytes>(null),
            Err(wrong_type(Type::String, Type::Null))
        );
        assert!(out::<Option<Items<Bytes>>>(null).unwrap().is_none());
    }
    assert_eq!(out::<Option<Bytes>>(b"-ERR no\r\n"), Err(server(Code::Err)));
    assert_eq!(out::<Status>(b"+OK\r\n"), Ok(()));
    assert_eq!(
        out::<Status>(b":1\r\n"),
        Err(wrong_type(Type::String, Type::Integer))
    );
    assert_eq!(own::<()>(b"*2\r\n:1\r\n-ERR within\r\n"), Ok(()));
    assert_eq!(own::<()>(b"!3\r\nOOM\r\n"), Err(server(Code::Oom)));
    assert_eq!(own::<heapless::String<3>>(b"+abc\r\n").unwrap(), "abc");
    let over = wrong(ValueFault::OverCapacity);
    assert_eq!(own::<heapless::String<2>>(b"+abc\r\n"), Err(over));
    assert_eq!(own::<heapless::Vec<u8, 2>>(b"$3\r\nabc\r\n"), Err(over));
    assert_eq!(
        own::<heapless::Vec<u8, 3>>(b"$3\r\na\xff\0\r\n").unwrap(),
        b"a\xff\0"
    );
}

#[test]
fn arrays_maps_and_tuples() {
    let over = wrong(ValueFault::OverCapacity);
    let length = wrong(ValueFault::WrongLength);
    assert_eq!(
        own::<heapless::Vec<i64, 3>>(b"*2\r\n:1\r\n:2\r\n").unwrap(),
        [1, 2]
    );
    assert_eq!(
        own::<heapless::Vec<i64, 3>>(b"~?\r\n:1\r\n:2\r\n.\r\n").unwrap(),
        [1, 2]
    );
    assert_eq!(
        own::<heapless::Vec<i64, 1>>(b"*2\r\n:1\r\n:2\r\n"),
        Err(over)
    );
    assert_eq!(own::<[i64; 2]>(b"*2\r\n:1\r\n:2\r\n"), Ok([1, 2]));
    assert_eq!(own::<[i64; 2]>(b"*3\r\n:1\r\n:2\r\n:3\r\n"), Err(length));
    assert_eq!(
        own::<[i64; 2]>(b"*2\r\n:1\r\n_\r\n"),
        Err(wrong_type(Type::Integer, Type::Null))
    );
    assert_eq!(own::<(i64, bool)>(b"*2\r\n:1\r\n#t\r\n"), Ok((1, true)));
    assert_eq!(own::<(i64, bool)>(b"*1\r\n:1\r\n"), Err(length));
    assert_eq!(
        own::<(i64, bool)>(b"+x\r\n"),
        Err(wrong_type(Type::Array, Type::String))
    );
    type Pair = (heapless::String<4>, i64);
    for bytes in [
        &b"*4\r\n+a\r\n:1\r\n+b\r\n:2\r\n"[..],
        b"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n",
        b"*2\r\n*2\r\n+a\r\n:1\r\n*2\r\n+b\r\n:2\r\n",
        b"%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n",
        b"*2\r\n|1\r\n+k\r\n:1\r\n*2\r\n+a\r\n:1\r\n*2\r\n+b\r\n:2\r\n",
    ] {
        let pairs = own::<heapless::Vec<Pair, 2>>(bytes).unwrap();
        assert_eq!(
            pairs,
            [("a".try_into().unwrap(), 1), ("b".try_into().unwrap(), 2)]
        );
        let map = own::<heapless::LinearMap<heapless::String<4>, i64, 2>>(bytes).unwrap();
        assert_eq!(map.get("b"), Some(&2));
        assert_eq!(own::<heapless::Vec<Pair, 1>>(bytes), Err(over));
        let pairs = out::<Pairs<Text, i64>>(bytes).unwrap();
        assert_eq!(
            pairs.map(Result::unwrap).collect::<Vec<_>>(),
            [("a", 1), ("b", 2)]
        );
    }
    assert_eq!(own::<heapless::Vec<Pair, 2>>(b"*1\r\n+a\r\n"), Err(length));
    for bytes in [
        &b"*4\r\n+a\r\n:1\r\n+b\r\n:2\r\n"[..],
        b"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n",
    ] {
        let entries = out::<Entries<Text, i64>>(bytes).unwrap();
        assert_eq!(
            entries.map(Result::unwrap).collect::<Vec<_>>(),
            [("a", 1), ("b", 2)]
        );
    }
}

#[test]
fn an_element_that_does_not_fit_hides_no_other() {
    let bytes = b"*5\r\n:1\r\n*2\r\n:7\r\n:8\r\n-ERR no\r\n%1\r\n:0\r\n*1\r\n:9\r\n:2\r\n";
    let items: Vec<_> = out::<Items<i64>>(bytes).unwrap().collect();
    let wrong = |got| Err(wrong_type(Type::Integer, got));
    let expected = [
        Ok(1),
        wrong(Type::Array),
        Err(server(Code::Err)),
        wrong(Type::Map),
        Ok(2),
    ];
    assert_eq!(items, expected);
    let bytes = b"*6\r\n+a\r\n*1\r\n:7\r\n*1\r\n:0\r\n:8\r\n+c\r\n:3\r\n";
    let entries: Vec<_> = out::<Entries<Text, i64>>(bytes).unwrap().collect();
    let no_text = Err(wrong_type(Type::String, Type::Array));
    assert_eq!(
        entries,
        [wrong(Type::Array).map(|n| ("", n)), no_text, Ok(("c", 3))]
    );
    let bytes = b"*3\r\n*3\r\n+a\r\n:1\r\n:2\r\n*2\r\n+b\r\n*1\r\n:1\r\n*2\r\n+c\r\n:3\r\n";
    let pairs: Vec<_> = out::<Pairs<Text, i64>>(bytes).unwrap().collect();
    assert_eq!(pairs.len(), 3);
    assert!(pairs[0].is_err() && pairs[1].is_err());
    assert_eq!(pairs[2], Ok(("c", 3)));
    // Bytes that were never scanned end the iteration.
    let items = Items::<i64>::decode(&mut Decoder::new(b"*9\r\n:1\r\n*1\r\n$9\r\n")).unwrap();
    assert!(items.count() <= 9);
    let items = Items::<i64>::decode(&mut Decoder::new(b"*?\r\n:1\r\nx")).unwrap();
    assert_eq!(items.count(), 2);
}

#[test]
fn an_iterator_says_how_many_elements_are_left_where_that_was_said() {
    let mut items = out::<Items<i64>>(b"*3\r\n:1\r\n:2\r\n:3\r\n").unwrap();
    for left in (0..3).rev() {
        assert!(items.next().is_some());
        assert_eq!(items.size_hint(), (left, Some(left)));
    }
    let mut items = out::<Items<i64>>(b"*?\r\n:1\r\n.\r\n").unwrap();
    assert_eq!(items.size_hint(), (0, None));
    assert_eq!((items.next(), items.next()), (Some(Ok(1)), None));
    assert_eq!(items.size_hint(), (0, Some(0)));
}

#[test]
fn what_a_pool_hands_out_is_what_a_lease_does() {
    fn owned<R: Owned>(bytes: &[u8]) -> Result<R::Value, Error> {
        R::own(&mut Decoder::new(bytes))
    }
    assert_eq!(owned::<Status>(b"+OK\r\n"), Ok(()));
    assert_eq!(owned::<Status>(b"-ERR no\r\n"), Err(server(Code::Err)));
    assert_eq!(owned::<Option<i64>>(b"_\r\n"), Ok(None));
    assert_eq!(owned::<Option<i64>>(b":7\r\n"), Ok(Some(7)));
    assert_eq!(owned::<Option<i64>>(b"-ERR\r\n"), Err(server(Code::Err)));
    let two = b"*2\r\n:1\r\n-ERR no\r\n";
    let failed = Err(server(Code::Err));
    assert_eq!(owned::<(i64, Outcome<i64>)>(two), Ok((1, failed)));
    assert_eq!(owned::<(i64, i64)>(two), Err(server(Code::Err)));
    let length = Err(wrong(ValueFault::WrongLength));
    assert_eq!(owned::<(i64, i64, i64)>(two), length);
}

#[test]
fn several_replies_and_one_reply_of_several() {
    let frames = b"$1\r\na\r\n-WRONGTYPE no\r\n*2\r\n-ERR in\r\n:1\r\n:5\r\n";
    type Four = Each<(Bytes, Outcome<i64>, Outcome<Items<Outcome<i64>>>, i64)>;
    let mut decoder = Decoder::new(frames);
    let (a, failed, items, last) = Four::decode(&mut decoder).unwrap();
    assert_eq!(
        (a, failed, last),
        (&b"a"[..], Err(server(Code::WrongType)), 5)
    );
    let items: Vec<_> = items.unwrap().map(Result::unwrap).collect();
    assert_eq!(items, [Err(server(Code::Err)), Ok(1)]);
    // The same as one array: what EXEC answers.
    let array = [b"*4\r\n", &frames[..]].concat();
    type Exec = (Bytes, Outcome<i64>, Any, Own<u64>);
    let (a, failed, any, last) = out::<Exec>(&array).unwrap();
    assert_eq!(
        (a, failed, last),
        (&b"a"[..], Err(server(Code::WrongType)), 5)
    );
    assert_eq!(any.rest(), b"*2\r\n-ERR in\r\n:1\r\n");
    assert_eq!(
        out::<(Bytes, i64)>(&array),
        Err(wrong(ValueFault::WrongLength))
    );
    // An outcome of a value that is no error, but not what was asked for.
    let outcome = out::<Outcome<Own<[i64; 2]>>>(b"*2\r\n:1\r\n*1\r\n:2\r\n");
    assert_eq!(outcome, Ok(Err(wrong_type(Type::Integer, Type::Array))));
    assert_eq!(
        out::<Any>(b"-NOAUTH x\r\n").unwrap_err(),
        server(Code::NoAuth)
    );
}

#[cfg(feature = "std")]
#[test]
fn std_types_and_trees() {
    use crate::resp::Value;
    use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

    assert_eq!(own::<String>(b"+abc\r\n"), Ok("abc".into()));
    assert_eq!(own::<Vec<u8>>(b"$2\r\n\xff\0\r\n"), Ok(vec![0xff, 0]));
    assert_eq!(own::<Vec<String>>(b"*1\r\n+a\r\n"), Ok(vec!["a".into()]));
    let flat = b"*4\r\n+a\r\n:1\r\n+b\r\n:2\r\n";
    let map = b"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n";
    for bytes in [&flat[..], map] {
        let pairs = [("a".to_string(), 1), ("b".to_string(), 2)];
        assert_eq!(
            own::<HashMap<String, i64>>(bytes),
            Ok(HashMap::from(pairs.clone()))
        );
        assert_eq!(
            own::<BTreeMap<String, i64>>(bytes),
            Ok(BTreeMap::from(pairs.clone()))
        );
        assert_eq!(own::<Vec<(String, i64)>>(bytes), Ok(Vec::from(pairs)));
    }
    assert_eq!(
        own::<HashSet<i64>>(b"~2\r\n:1\r\n:2\r\n"),
        Ok(HashSet::from([1, 2]))
    );
    assert_eq!(
        own::<BTreeSet<i64>>(b"*2\r\n:2\r\n:1\r\n"),
        Ok(BTreeSet::from([1, 2]))
    );
    // Nothing is reserved on the word of the peer, and nothing nests on the stack.
    assert!(own::<Vec<i64>>(b"*2147483647\r\n:1\r\n").is_err());
    let deep = "*1\r\n".repeat(100_000) + "*0\r\n";
    let mut value = own::<Value>(deep.as_bytes()).unwrap();
    let mut depth = 0;
    while let Value::Array(mut values) = value {
        depth += 1;
        match values.pop() {
            Some(inner) => value = inner,
            None => break,
        }
    }
    assert_eq!(depth, 100_001);
    let value = own::<Value>(b"*3\r\n-ERR in\r\n%1\r\n(1\r\n~1\r\n#t\r\n,0.5\r\n").unwrap();
    let key = Value::BigNumber("1".into());
    let set = Value::Set(vec![Value::Boolean(true)]);
    let map = Value::Map(vec![(key, set)]);
    let error = Value::Error("ERR in".into());
    assert_eq!(value, Value::Array(vec![error, map, Value::Double(0.5)]));
    assert_eq!(own::<Value>(b"-ERR\r\n"), Err(server(Code::Err)));
    let odd = own::<Value>(b"%?\r\n+a\r\n.\r\n");
    assert_eq!(odd, Err(wrong(ValueFault::WrongLength)));
}
