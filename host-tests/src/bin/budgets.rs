//! Counts instructions, deterministically: each case runs under callgrind once and twice, and the
//! difference is its cost. Prints each beside its goal, and fails where one is over its last value
//! by more than 2 %.
//!
//! What they were last stands in `budgets.txt`; `--accept` writes it anew. They are the same in every
//! run of the same program, and differ with the compiler, with what vectors the processor has, and a
//! little with the system's library.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command as Process, ExitCode};

use host_tests::cross;
use host_tests::figures::{Figure, hold};
use respool::command::{encode, get, mset, set};
use respool::resp::{Bytes, Items};
use respool::{Connection, Memory, Until, Want};

/// What is counted: a name, what one run consists of, and the goal for one unit of it.
struct Case {
    name: &'static str,
    /// Elements, commands or operations in one run.
    units: u64,
    unit: &'static str,
    goal: u32,
    run: fn(),
}

const CASES: &[Case] = &[
    Case {
        name: "decode 100 arrays of 1000 bulks of 16 B",
        units: 100_000,
        unit: "element",
        goal: 100,
        run: || decode(&array_of_bulks(), 100, usize::MAX),
    },
    Case {
        name: "the same, dribbled in pieces of 64 B",
        units: 100_000,
        unit: "element",
        goal: 150,
        run: || decode(&array_of_bulks(), 100, 64),
    },
    Case {
        name: "encode SET of a 16 B key and a 64 B value",
        units: 1000,
        unit: "command",
        goal: 350,
        run: encode_set,
    },
    Case {
        name: "encode MSET of 100 such pairs",
        units: 100,
        unit: "pair",
        goal: 170,
        run: encode_mset,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => report(false),
        ["--accept"] => report(true),
        ["--run", name, times] => {
            let case = CASES
                .iter()
                .find(|case| case.name == name)
                .expect("a known case");
            for _ in 0..times.parse().expect("a number") {
                (case.run)();
            }
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: budgets [--accept]\n\nCounts instructions. Needs valgrind.");
            eprintln!("--accept makes the figures of today the ones to hold.");
            ExitCode::from(2)
        }
    }
}

fn report(accept: bool) -> ExitCode {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("budgets.txt");
    let held = measure().and_then(|figures| hold(&file, &made_with()?, &figures, accept));
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("budgets: {why}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<Vec<Figure>, String> {
    let cases = CASES.iter().map(|case| {
        let (once, twice) = (count(case.name, 1)?, count(case.name, 2)?);
        let each = (twice - once) as f64 / case.units as f64;
        let name = format!("{}: instructions for each {}", case.name, case.unit);
        Ok(Figure::new(name, each, Some(case.goal)))
    });
    cases.collect()
}

/// The compiler, and whether the search of a byte has wide vectors to do it with.
fn made_with() -> Result<String, String> {
    #[cfg(target_arch = "x86_64")]
    let wide = std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let wide = false;
    let vectors = if wide { "with" } else { "without" };
    Ok(format!("{} {vectors} AVX2", cross::version("rustc")?))
}

/// Instructions of this very program that runs a case so many times.
fn count(name: &str, times: u32) -> Result<u64, String> {
    let me = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Process::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(me)
        .args(["--run", name, &times.to_string()])
        // `rep movsb` would count one instruction a byte.
        .env(
            "GLIBC_TUNABLES",
            "glibc.cpu.x86_rep_movsb_threshold=1000000000:glibc.cpu.x86_rep_stosb_threshold=1000000000",
        )
        .output()
        .map_err(|error| format!("valgrind: {error}; install it: apt-get install valgrind"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines()
        .find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok())
        .ok_or_else(|| format!("valgrind counted nothing:\n{text}"))
}

fn array_of_bulks() -> Vec<u8> {
    let mut wire = b"*1000\r\n".to_vec();
    for n in 0..1000 {
        wire.extend_from_slice(format!("$16\r\nelement-{n:08}\r\n").as_bytes());
    }
    wire
}

/// Takes the same reply so many times, and looks at each element.
fn decode(wire: &[u8], times: usize, piece: usize) {
    let mut memory = Box::new(Memory::<32768, 256>::new());
    let mut connection = Connection::new(&mut memory);
    let request = Elements;
    for _ in 0..times {
        let mut rest = wire;
        loop {
            match connection
                .step(&request, Until::Whole)
                .expect("well-formed")
            {
                Want::Write(bytes) => {
                    let n = bytes.len();
                    connection.wrote(n).expect("as offered");
                }
                Want::Flush => connection.flushed(),
                Want::Read(window) => {
                    let n = window.len().min(rest.len()).min(piece);
                    let (now, later) = rest.split_at(n);
                    window[..n].copy_from_slice(now);
                    rest = later;
                    connection.got(n).expect("as lent");
                }
                Want::Done => break,
                _ => unreachable!("no such want for this request"),
            }
        }
        let mut bytes = 0;
        for element in connection.reply(&request).expect("an array") {
            bytes += black_box(element.expect("a bulk")).len();
        }
        assert_eq!(bytes, 16_000);
    }
}

/// `LRANGE` in as many words as the measurement needs.
struct Elements;

impl respool::command::Encode for Elements {
    fn spec(&self) -> &'static respool::command::Spec {
        static SPEC: respool::command::Spec = respool::command::Spec::read(&["LRANGE"], 4);
        &SPEC
    }

    fn args<'a>(&'a self, args: &mut respool::resp::Args<'_, 'a>) {
        args.word("k").int(0).int(-1);
    }
}

impl respool::Command for Elements {
    type Reply = Items<Bytes>;
}

fn encode_set() {
    let value = [b'v'; 64];
    let mut out = [0; 256];
    for _ in 0..1000 {
        let n = encode(black_box(&set("key:000000000001", &value[..])), &mut out).expect("fits");
        black_box(&out[..n]);
    }
}

fn encode_mset() {
    let value = [b'v'; 64];
    let pairs = [("key:000000000001", &value[..]); 100];
    let mut out = vec![0; 16 * 1024];
    let n = encode(black_box(&mset(pairs)), &mut out).expect("fits");
    black_box(&out[..n]);
    black_box(get("k"));
}
