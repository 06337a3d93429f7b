//! The vectors that run on any machine: here, in wasm32, and on a Cortex-M, which have 32 bits.
//! All have to come to what the tables say, and each machine to the same digests.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use host_tests::cross;
use portable::{Report, Vector};

#[test]
fn every_vector_comes_to_what_its_table_says() {
    let (mut vectors, mut cases) = (0, 0);
    for vector in portable::all() {
        let report = vector.run();
        assert_eq!(report.wrong, 0, "{}", shown(vector));
        vectors += 1;
        cases += report.cases;
    }
    println!("{vectors} vectors, {cases} cases");
    assert!(vectors > 250 && cases > 25_000);
}

#[test]
fn every_recording_is_there_and_comes_to_what_another_reader_finds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "resp"))
        .collect();
    files.sort();
    let names = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let files: Vec<_> = files.iter().map(names).collect();
    let recordings = portable::RECORDINGS;
    let there: Vec<_> = recordings.iter().map(|stream| stream.name).collect();
    assert_eq!(there, files);
    for stream in recordings {
        let mut bytes = stream.wire.bytes();
        let mut expected = String::new();
        while !bytes.is_empty() {
            expected += &read(&mut bytes).map_or(String::new(), |reply| format!(" {reply}"));
        }
        let mut transcript = String::new();
        Vector::Stream(stream).transcript(&mut transcript);
        assert_eq!(transcript, expected, "{}", stream.name);
    }
}

#[test]
fn elsewhere_in_wasm32_they_come_to_the_same() {
    let needs = format!("needs {}", cross::INSTALL_WASM);
    let module = built(cross::WASM, &["--lib"], "targets.wasm", &needs);
    let mut node = Command::new("node");
    node.arg(folder().join("run.mjs")).arg(module);
    compare(&printed(node, "needs apt-get install nodejs"));
}

#[test]
fn elsewhere_on_a_cortex_m_they_come_to_the_same() {
    let needs = format!("needs {}, and binutils-arm-none-eabi", cross::INSTALL);
    let firmware = built(cross::TARGET, &["--bin", "cortex_m"], "cortex_m", &needs);
    let mut qemu = Command::new("timeout");
    qemu.args(["--kill-after=1", "240", "qemu-system-arm"])
        .args(["-M", "mps2-an386", "-display", "none", "-monitor", "none"])
        .args(["-semihosting-config", "enable=on,target=native"])
        .args(["-serial", "none", "-kernel"])
        .arg(firmware);
    compare(&printed(qemu, "needs apt-get install qemu-system-arm"));
}

/// Where the vectors are made into programs of other machines.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("portable/targets")
}

/// The program of another machine, of this name.
fn built(target: &str, what: &[&str], name: &str, needs: &str) -> PathBuf {
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("portable");
    let mut cargo = cross::cargo_for(target, "build", &folder(), &target_dir);
    cargo.args(what);
    printed(cargo, needs);
    target_dir.join(target).join("release").join(name)
}

/// What a program prints, which has to end well.
fn printed(mut program: Command, needs: &str) -> String {
    let output = program
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program:?}: {error}: {needs}"));
    let said = String::from_utf8_lossy(&output.stderr);
    let status = output.status;
    assert!(status.success(), "{program:?}: {status}\n{said}\n{needs}");
    String::from_utf8(output.stdout).unwrap()
}

/// Holds the lines that another machine printed against what comes of the vectors here.
fn compare(lines: &str) {
    let mut cases = 0;
    let mut lines = lines.lines();
    for vector in portable::all() {
        let Report {
            cases: here,
            wrong,
            digest,
        } = vector.run();
        assert_eq!(wrong, 0, "here, of all places: {}", shown(vector));
        // Cases, those that went wrong, and the digest.
        let expected = format!("{here} 0 {digest:016x}");
        let line = lines.next().unwrap_or("it printed no more");
        assert_eq!(line, expected, "there and here: {}", shown(vector));
        cases += here;
    }
    assert_eq!(lines.next(), None, "there are no more vectors");
    println!("{} vectors, {cases} cases", portable::all().count());
}

/// A vector, what comes of it in one piece here, and what has to.
fn shown(vector: Vector) -> String {
    let mut text = format!("{vector}\n here:");
    vector.transcript(&mut text);
    if let Some(expected) = vector.expected() {
        write!(text, "\ntable: {expected}").unwrap();
    }
    text
}

/// Reads a value as simply as can be, and shares nothing with the decoder; `None` for what answers
/// nothing. It knows what a server sends, and panics at anything else.
fn read(bytes: &mut &'static [u8]) -> Option<String> {
    let len = bytes.windows(2).position(|two| two == b"\r\n").unwrap();
    let (kind, line) = (bytes[0], &bytes[1..len]);
    *bytes = &bytes[len + 2..];
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let number = || std::str::from_utf8(line).unwrap().parse::<i64>().unwrap();
    let mut blob = |skipped: usize| {
        let len = number() as usize;
        let (blob, rest) = bytes.split_at(len);
        *bytes = rest.strip_prefix(b"\r\n").unwrap();
        text(&blob[skipped..])
    };
    Some(match kind {
        b'$' | b'*' if line == b"-1" => "null".into(),
        b'_' => "null".into(),
        b'+' => format!("'{}'", text(line)),
        b'-' => format!("!{}", text(line)),
        b':' => number().to_string(),
        b',' => format!(",{}", text(line)),
        b'(' => format!("({}", text(line)),
        b'#' => (line == b"t").to_string(),
        b'$' => format!("'{}'", blob(0)),
        b'!' => format!("!{}", blob(0)),
        b'=' => format!("'{}'", blob(4)),
        b'*' => format!("[{}]", elements(bytes, number())),
        b'~' => format!("~[{}]", elements(bytes, number())),
        b'%' => format!("{{{}}}", elements(bytes, 2 * number())),
        b'>' => {
            elements(bytes, number());
            return None;
        }
        b'|' => {
            elements(bytes, 2 * number());
            return None;
        }
        other => panic!("{}", other.escape_ascii()),
    })
}

fn elements(bytes: &mut &'static [u8], count: i64) -> String {
    let mut values = Vec::new();
    while (values.len() as i64) < count {
        values.extend(read(bytes));
    }
    values.join(" ")
}
