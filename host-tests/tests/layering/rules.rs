//! Each rule can fail, and fails only where it should.

use crate::walk::{Report, WAITING, check};

fn report(files: &[(&str, &str)]) -> Report {
    check(
        &files
            .iter()
            .map(|(name, text)| (name.to_string(), text.to_string()))
            .collect::<Vec<_>>(),
    )
}

#[track_caller]
fn fine(file: &str, text: &str) -> Report {
    let report = report(&[(file, text)]);
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    report
}

/// Asserts that there is exactly one violation, and what it says.
#[track_caller]
fn wrong(file: &str, text: &str, expected: &str) {
    let violations = report(&[(file, text)]).violations;
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert!(
        violations[0].starts_with(file) && violations[0].contains(expected),
        "{violations:?}"
    );
}

#[test]
fn above_and_beside_may_be_named() {
    let found = fine(
        "resp/scan.rs",
        "use crate::{error::Error, resp::head, time};\nuse super::head::Head;",
    );
    assert_eq!((found.files, found.paths), (1, 4));
    fine(
        "resp/mod.rs",
        "use crate::{Error, ErrorKind, Reached}; use super::Error as E; use self::scan::Scan;",
    );
    fine(
        "lib.rs",
        "pub use crate::client::Pool; pub use client::*; pub mod error;",
    );
    fine(
        "client/pool.rs",
        "use crate::{pool::Seats, io::Link, connection::Connection};",
    );
}

#[test]
fn below_may_not() {
    wrong(
        "resp/scan.rs",
        "use crate::{error::Error, client::Pool};",
        "`resp` may not name `client`",
    );
    wrong(
        "resp/scan.rs",
        "\n\nuse crate::client::Pool;",
        "resp/scan.rs:3: ",
    );
    wrong(
        "error.rs",
        "use crate::time::Instant;",
        "`error` may not name `time`",
    );
    wrong(
        "pool/mod.rs",
        "pub(crate) use crate::io::Link;",
        "`pool` may not name `io`",
    );
    wrong(
        "resp/scan.rs",
        "fn f() { let x = crate::pool::Seats::<3>::new(); }",
        "`pool`",
    );
    wrong(
        "resp/scan.rs",
        "fn f(x: &crate::io::Link<'static>) {}",
        "`io`",
    );
    wrong(
        "resp/scan.rs",
        "pub(in crate::client) fn f() {}",
        "`client`",
    );
}

#[test]
fn each_branch_of_a_tree_is_seen() {
    let text = "use crate::{\n    error::{self, Error},\n    io::{\n        Link,\n        std::{Tcp, *},\n    },\n};";
    let found = report(&[("resp/scan.rs", text)]);
    assert_eq!(
        (found.paths, found.violations.len()),
        (5, 3),
        "{:?}",
        found.violations
    );
    wrong(
        "resp/a/b.rs",
        "use {core::fmt, super::super::super::{error::Error, pool::Seats}};",
        "`pool`",
    );
    wrong(
        "resp/scan.rs",
        "use super::{head, super::client::Pool};",
        "`client`",
    );
}

#[test]
fn super_counts_from_the_module_it_stands_in() {
    fine(
        "resp/scan.rs",
        "mod tests { use super::*; use super::super::head; }",
    );
    wrong(
        "resp/scan.rs",
        "mod tests { use super::super::super::client::Pool; }",
        "`client`",
    );
    wrong(
        "resp/scan.rs",
        "mod a { fn f() { self::super::super::super::client::g() } }",
        "`client`",
    );
    wrong(
        "resp/scan.rs",
        "use super::super::super::x;",
        "leaves the crate",
    );
}

#[test]
fn macros_hide_nothing() {
    wrong(
        "log.rs",
        "macro_rules! m { () => { $crate::client::Pool::new() } }",
        "`client`",
    );
    wrong(
        "resp/scan.rs",
        "fn f() { assert_eq!(1, crate::pool::N); }",
        "`pool`",
    );
}

#[test]
fn comments_strings_and_doc_examples_say_nothing() {
    let text = r####"
        //! crate::client::Pool
        // use crate::client::Pool; x.await
        /* crate::io /* nested */ embedded_io::Read */
        /// ```
        /// respool::client::call().await; nom::x
        /// ```
        fn f<'a>(c: &'a str) -> char {
            let _ = ("crate::client::Pool", r#"std::io "quoted" "#, b"nom::x", c"alloc::x");
            '"'
        }
    "####;
    assert_eq!(fine("resp/scan.rs", text).paths, 0);
}

#[test]
fn the_root_is_not_a_way_around() {
    wrong("io/mod.rs", "use crate::Pool;", "item of the crate's root");
    wrong("io/mod.rs", "use crate::*;", "names the whole crate");
    wrong("io/mod.rs", "use super::*;", "names the whole crate");
    wrong(
        "resp/mod.rs",
        "use crate::{self as root};",
        "names the whole crate",
    );
    wrong(
        "client/mod.rs",
        "use crate::util::x;",
        "item of the crate's root",
    );
    wrong("util/mod.rs", "fn f() {}", "no place in the order");
}

#[test]
fn only_what_moves_bytes_awaits() {
    assert_eq!(fine("io/drive.rs", "async fn f() { g().await }").awaits, 1);
    fine("client/call.rs", "async fn f() { g()\n.await?; }");
    fine(WAITING, "async fn f() { g().await }");
    wrong(
        "pool/seats.rs",
        "async fn f() { g().await }",
        "`.await` stands only",
    );
    wrong(
        "connection/step.rs",
        "async fn f() { g()\n    .await }",
        "connection/step.rs:2: `.await`",
    );
}

#[test]
fn only_what_moves_bytes_knows_embedded_io() {
    assert_eq!(
        fine("io/mod.rs", "use embedded_io_async::{Read, Write};").embedded_io,
        1
    );
    wrong(
        "connection/mod.rs",
        "use embedded_io::Read;",
        "embedded_io stands only",
    );
    wrong(
        "connection/mod.rs",
        "use {core::fmt, embedded_io_async::Read};",
        "embedded_io stands only",
    );
    wrong(
        "error.rs",
        "use embedded_io as io;",
        "embedded_io stands only",
    );
    wrong(
        "error.rs",
        "impl From<::embedded_io::ErrorKind> for X {}",
        "embedded_io stands only",
    );
}

#[test]
fn only_resp_knows_nom() {
    assert_eq!(
        fine("resp/line.rs", "use nom::bytes::streaming::tag;").nom,
        1
    );
    wrong("command/mod.rs", "use nom::IResult;", "nom stands only");
    wrong("command/mod.rs", "use nom as parser;", "nom stands only");
}

#[test]
fn std_needs_its_feature() {
    let item = "#[cfg(feature = \"std\")]\n#[derive(Debug)]\n";
    assert_eq!(
        fine(
            "resp/reply.rs",
            &format!("{item} impl<A, B> X for std::vec::Vec<A> {{ fn f() {{ std::x() }} }}")
        )
        .std,
        2
    );
    fine(
        "resp/reply.rs",
        "#[cfg(any(test, feature = \"std\"))] use std::collections::{HashMap, HashSet};",
    );
    fine(
        "resp/reply.rs",
        "#[cfg(test)] mod tests { use std::vec::Vec; }",
    );
    fine(
        "io/mod.rs",
        "enum E { #[cfg(feature = \"tokio\")] Io(std::io::Error), B }",
    );
    fine(
        "io/std.rs",
        "#![cfg(feature = \"std\")] use std::net::TcpStream;",
    );
    wrong("resp/reply.rs", "use std::vec::Vec;", "`std::` needs");
    wrong(
        "resp/reply.rs",
        &format!("{item} fn f() {{}} fn g() {{ std::x() }}"),
        "`std::` needs",
    );
    wrong(
        "resp/reply.rs",
        &format!("{item} use crate::error::{{Error}}; use std::x;"),
        "`std::` needs",
    );
    wrong(
        "resp/reply.rs",
        "struct S { #[cfg(test)] a: u8, b: std::x::Y }",
        "`std::` needs",
    );
    wrong(
        "resp/reply.rs",
        "#[cfg(not(feature = \"std\"))] use std::vec::Vec;",
        "`std::` needs",
    );
    wrong(
        "resp/reply.rs",
        "fn f() -> ::std::vec::Vec<u8> {}",
        "`std::` needs",
    );
    fine("io/mod.rs", "pub use link::{std::Tcp, Link};");
    fine(
        "io/mod.rs",
        "use crate::io::std::Tcp; fn f() { super::io::std::g() }",
    );
}

#[test]
fn a_gated_module_has_std_in_its_own_file() {
    let link = ("io/link/std.rs", "use std::net::TcpStream;");
    let gated = report(&[
        ("io/link/mod.rs", "#[cfg(feature = \"std\")] pub mod std;"),
        link,
    ]);
    assert_eq!((gated.files, gated.violations), (2, vec![]));
    let above = report(&[("io/mod.rs", "#[cfg(feature = \"std\")] mod link;"), link]);
    assert_eq!(above.violations, Vec::<String>::new());
    let open = report(&[("io/link/mod.rs", "pub mod std;"), link]);
    assert_eq!(open.violations.len(), 1);
}

#[test]
fn there_is_no_heap() {
    wrong("resp/reply.rs", "use alloc::vec::Vec;", "no heap");
    wrong("lib.rs", "extern crate alloc;", "no heap");
}

#[test]
fn what_cannot_be_read_is_told() {
    assert_eq!(report(&[("resp/reply.rs", "fn f( {")]).violations.len(), 1);
}
