//! Measures the client on a microcontroller: flash, RAM, stack, instructions, and what can panic.
//! Prints each figure beside its goal, and fails where one is over its last value by more than 2 %.
//!
//! The images are those of `host-tests/images`, run by QEMU; the figures are kept in its
//! `budgets.txt`. `--accept` writes them anew.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use host_tests::cross;
use host_tests::figures::{Figure, hold};
use host_tests::frames::Frames;
use host_tests::reach::{self, Reach};
use host_tests::redis::RedisServer;

type Result<T> = std::result::Result<T, String>;

/// A folder of images that were built.
struct Images {
    folder: PathBuf,
}

/// What an image said before it ended: a number for each letter.
struct Said {
    status: Option<i32>,
    numbers: BTreeMap<char, u32>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let accept = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--accept"] => true,
        _ => {
            eprintln!("usage: images [--accept]\n\nMeasures the client on a microcontroller.");
            eprintln!("--accept makes the figures of today the ones to hold.");
            return ExitCode::from(2);
        }
    };
    match measure().and_then(|figures| hold(&file(), &cross::compiler()?, &figures, accept)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("images: {why}");
            ExitCode::FAILURE
        }
    }
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("images/budgets.txt")
}

fn measure() -> Result<Vec<Figure>> {
    let images = Images::build()?;
    images.find_no_allocator()?;
    images.find_no_panic()?;
    images.find_all_of_core()?;
    let empty = images.flash("empty")?;
    println!("\nflash of the empty image: {empty} B");
    let flash = |name| Ok::<_, String>(images.flash(name)?.saturating_sub(empty));
    let base = images.run("empty", "none", None)?.finished()?.number('S')?;
    let stack = |name| {
        let said = images.exchange(name)?.number('S')?;
        Ok::<_, String>(said.saturating_sub(base))
    };
    let trip = images.round_trip()?;
    let bare = instructions(trip.number('B')?);
    let client = instructions(trip.number('C')?);
    let ram = trip.number('R')? + trip.number('L')?;
    let figures = [
        ("flash of one connection, B", flash("one")?, Some(6 * 1024)),
        ("flash of a pool of two, B", flash("pool")?, Some(8 * 1024)),
        ("RAM of a connection, B", ram, Some(112)),
        ("stack of one connection, B", stack("one")?, STACK),
        (
            "stack of one, hostile server, B",
            images.hostile("one", base)?,
            STACK,
        ),
        (
            "stack of one by its frames, B",
            images.frames("one")?,
            STACK,
        ),
        ("stack of a pool of two, B", stack("pool")?, STACK),
        (
            "stack of a pool, hostile server, B",
            images.hostile("pool", base)?,
            STACK,
        ),
        (
            "stack of a pool by its frames, B",
            images.frames("pool")?,
            STACK,
        ),
        ("bare round trip, instructions", bare, None),
        ("PING round trip, instructions", client, Some(bare * 3 / 2)),
    ];
    Ok(figures
        .map(|(name, value, goal)| Figure::new(name, value, goal))
        .into())
}

/// The goal for the deepest call of the client, whatever the input.
const STACK: Option<u32> = Some(1024);

/// Instructions of one of a thousand rounds. A tick is 40 ns of the machine's time, and with
/// `-icount shift=8` an instruction takes 256 ns.
fn instructions(ticks: u32) -> u32 {
    (u64::from(ticks) * 40 / 256 / 1000) as u32
}

impl Images {
    fn build() -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
        let me = std::env::current_exe().map_err(|error| error.to_string())?;
        let target = me
            .ancestors()
            .nth(2)
            .ok_or("this program is in no target folder")?;
        let target_dir = target.join("firmware");
        let status = cross::cargo("build", &folder, &target_dir)
            .arg("--bins")
            // Says the frames in a section that is not flashed; only an unstable flag does.
            .env("RUSTC_BOOTSTRAP", "1")
            .env(
                "CARGO_TARGET_THUMBV7EM_NONE_EABIHF_RUSTFLAGS",
                "-Z emit-stack-sizes",
            )
            .status()
            .map_err(|error| format!("{error}: {}", cross::INSTALL))?;
        if !status.success() {
            return Err(format!(
                "the images do not build. `error(panic-never)` means that `empty`, `one` or `proof` \
                 can panic. Otherwise: {}, and binutils-arm-none-eabi",
                cross::INSTALL
            ));
        }
        Ok(Self {
            folder: target_dir.join(cross::TARGET).join("release"),
        })
    }

    /// Bytes that are flashed.
    fn flash(&self, name: &str) -> Result<u32> {
        let table = self.tool("arm-none-eabi-size", &["-A"], name)?;
        let sections = table.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?.parse::<u32>().ok()?))
        });
        let flashed = [".text", ".rodata", ".data"];
        Ok(sections
            .filter(|(name, _)| flashed.contains(name))
            .map(|(_, size)| size)
            .sum())
    }

    fn find_no_allocator(&self) -> Result<()> {
        const ALLOCATOR: [&str; 5] = [
            "__rust_alloc",
            "__rust_dealloc",
            "__rg_",
            "__rdl_",
            "malloc",
        ];
        for name in [
            "empty",
            "one",
            "pool",
            "round_trip",
            "proof",
            "doubles",
            "tasks",
        ] {
            let symbols = self.tool("arm-none-eabi-nm", &[], name)?;
            if let Some(found) = symbols
                .lines()
                .find(|line| ALLOCATOR.iter().any(|a| line.contains(a)))
            {
                return Err(format!("{name} has an allocator: {found}"));
            }
        }
        println!("no allocator in any image");
        Ok(())
    }

    /// `one` and `proof` link only where no panic can be reached. Of the two kinds of code that can
    /// not be proved so, all that is left has to be what the compiler cannot rule out: that a future
    /// is polled after its end, and the bounds checks in the core library's parser of floating point
    /// numbers.
    fn find_no_panic(&self) -> Result<()> {
        println!("one, proof: link with panic-never, so nothing in them can panic");
        self.find_no_panic_but("tasks", |panic, _| {
            panic.ends_with("::panic_const_async_fn_resumed")
        })?;
        self.find_no_panic_but("doubles", |_, within| {
            within.contains("::dec2flt::") || within.starts_with("<f64 as ")
        })
    }

    /// Lists what an image has of calls that end in a panic; an error where one `may_stay` not.
    fn find_no_panic_but(&self, name: &str, may_stay: fn(&str, &str) -> bool) -> Result<()> {
        let args = ["-d", "-C", "--no-show-raw-insn"];
        let code = self.tool("arm-none-eabi-objdump", &args, name)?;
        let mut within = "";
        let mut found = BTreeMap::<(String, bool), u32>::new();
        for line in code.lines() {
            if let Some((_, function)) = line
                .strip_suffix(">:")
                .and_then(|line| line.split_once(" <"))
            {
                within = function;
            } else if let Some((_, target)) = line
                .strip_suffix('>')
                .and_then(|line| line.split_once(" <"))
            {
                let target = target.split("+0x").next().unwrap_or(target);
                // What a panic calls in its turn was counted where it began.
                if is_panic(target) && !is_panic(within) {
                    let what = format!("{target} in {within}");
                    *found.entry((what, may_stay(target, within))).or_default() += 1;
                }
            }
        }
        println!("{name}: what is left of panics");
        for ((what, _), times) in &found {
            println!("  {times} times {what}");
        }
        // With none at all the look would be at something else than what it was made for.
        match found.keys().all(|(_, may_stay)| *may_stay) && !found.is_empty() {
            true => Ok(()),
            false => Err(format!("{name} can panic otherwise than it has to")),
        }
    }

    /// The proofs reach all of core: each of its files has code in them, but for those that hold
    /// nothing except constants and constructors, which are folded into who calls them.
    fn find_all_of_core(&self) -> Result<()> {
        const FOLDED: [&str; 7] = [
            "command/generic/mod.rs",
            "command/stream/mod.rs",
            "command/table.rs",
            "command/transaction.rs",
            "config/limits.rs",
            "config/retry.rs",
            "planted.rs",
        ];
        let core = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("core/src");
        let mut reach = Reach::default();
        for name in ["proof", "doubles", "tasks"] {
            let args = ["--dwarf=decodedline"];
            reach.add(&self.tool("arm-none-eabi-objdump", &args, name)?, &core);
        }
        let (mut there, mut all, mut missing) = (0, 0, Vec::new());
        for (file, functions) in reach::sources(&core)? {
            let with_code = functions.iter().filter(|f| reach.has(&file, f)).count();
            there += with_code;
            all += functions.len();
            if with_code == 0 && !functions.is_empty() && !FOLDED.contains(&&*file) {
                missing.push(file);
            }
        }
        println!("proof, doubles, tasks: code of {there} of the {all} functions of core");
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!("the proofs have no code of {}", missing.join(", "))),
        }
    }

    /// What the compiler says of the stack, beside what is measured by painting it: the deepest chain
    /// of direct calls.
    fn frames(&self, name: &str) -> Result<u32> {
        let sizes = self.folder.join(format!("{name}.stack_sizes"));
        let status = Command::new("arm-none-eabi-objcopy")
            .args(["-O", "binary", "--only-section=.stack_sizes"])
            .args(["--set-section-flags", ".stack_sizes=alloc"])
            .args([&self.folder.join(name), &sizes])
            .status();
        if !status.is_ok_and(|status| status.success()) {
            return Err("arm-none-eabi-objcopy: apt-get install binutils-arm-none-eabi".to_owned());
        }
        let sizes = std::fs::read(&sizes).map_err(|error| error.to_string())?;
        let args = ["-d", "-C", "--no-show-raw-insn"];
        let code = self.tool("arm-none-eabi-objdump", &args, name)?;
        let frames = Frames::new(&sizes, &code);
        println!("\n{name}: the largest frames, B");
        for (frame, function) in frames.largest(12) {
            println!("  {frame:>5} {function}");
        }
        let (sum, chain) = frames.deepest();
        println!(
            "{name}: the deepest chain of direct calls, {sum} B; calls by a pointer not counted"
        );
        for (frame, function) in chain {
            println!("  {frame:>5} {function}");
        }
        Ok(sum)
    }

    fn tool(&self, tool: &str, args: &[&str], name: &str) -> Result<String> {
        let output = Command::new(tool)
            .args(args)
            .arg(self.folder.join(name))
            .output()
            .map_err(|error| format!("{tool}: {error}; apt-get install binutils-arm-none-eabi"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!(
                "{tool}: {}",
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    /// Runs an image to its end.
    fn run(&self, name: &str, serial: &str, icount: Option<&str>) -> Result<Said> {
        let mut qemu = Command::new("timeout");
        qemu.args([
            "--kill-after=1",
            "20",
            "qemu-system-arm",
            "-M",
            "mps2-an386",
        ]);
        qemu.args(["-display", "none", "-monitor", "none", "-serial", serial]);
        qemu.args(["-semihosting-config", "enable=on,target=native"]);
        qemu.args(icount.map(|icount| ["-icount", icount]).iter().flatten());
        qemu.arg("-kernel")
            .arg(self.folder.join(name))
            .stdin(Stdio::null());
        let output = qemu.output().map_err(|error| format!("timeout: {error}"))?;
        // QEMU prints what the image says on one of the two.
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let status = output.status.code();
        match status {
            Some(124) => return Err(format!("{name} did not end within 20 s")),
            Some(127) => return Err("apt-get install qemu-system-arm".to_owned()),
            _ => {}
        }
        let numbers = text.lines().filter_map(|line| {
            let letter = line.chars().next()?;
            Some((letter, u32::from_str_radix(line.get(1..)?, 16).ok()?))
        });
        let numbers: BTreeMap<_, _> = numbers.collect();
        match numbers.is_empty() {
            true => Err(format!("{name} said nothing, status {status:?}: {text}")),
            false => Ok(Said { status, numbers }),
        }
    }

    /// An exchange with a real server.
    fn exchange(&self, name: &str) -> Result<Said> {
        let server = RedisServer::start();
        let said = self
            .run(name, &format!("tcp:{}", server.addr()), None)?
            .finished()?;
        match server.cli(&["GET", "key"]).as_str() {
            "value" => Ok(said),
            other => Err(format!(
                "{name} has ended well, but the server has {other:?}"
            )),
        }
    }

    /// The deepest stack beyond `base` while a server sends what it should not.
    fn hostile(&self, name: &str, base: u32) -> Result<u32> {
        let mut deepest = 0;
        for (says, first, again) in hostilities() {
            let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            let server = thread::spawn(move || flood(&listener, &first, &again));
            let said = self.run(name, &format!("tcp:{address}"), None);
            let said = said.map_err(|why| format!("under {says}: {why}"))?;
            server.join().map_err(|_| "the hostile server panicked")?;
            if said.status != Some(1) {
                return Err(format!(
                    "{name} under {says}: ended with {:?}, not an error",
                    said.status
                ));
            }
            deepest = deepest.max(said.number('S')?.saturating_sub(base));
        }
        Ok(deepest)
    }

    /// Counts instructions, twice: the machine is deterministic.
    fn round_trip(&self) -> Result<Said> {
        let count = || {
            self.run("round_trip", "none", Some("shift=8,sleep=off"))?
                .finished()
        };
        let (first, second) = (count()?, count()?);
        match first.numbers == second.numbers {
            true => Ok(first),
            false => Err(format!(
                "two runs differ: {:?}, {:?}",
                first.numbers, second.numbers
            )),
        }
    }
}

fn is_panic(symbol: &str) -> bool {
    let words = [
        "core::panicking::",
        "unwrap_failed",
        "expect_failed",
        "slice_index_fail",
        "len_mismatch_fail",
    ];
    symbol.contains("panic") || words.iter().any(|word| symbol.contains(word))
}

impl Said {
    fn finished(self) -> Result<Self> {
        match self.status {
            Some(0) => Ok(self),
            other => Err(format!(
                "an image ended with status {other:?}: {:x?}",
                self.numbers
            )),
        }
    }

    fn number(&self, letter: char) -> Result<u32> {
        let number = self.numbers.get(&letter).copied();
        number.ok_or_else(|| format!("an image did not say {letter}: {:x?}", self.numbers))
    }
}

/// What a hostile server sends: a name, the beginning, and what is then sent for ever.
fn hostilities() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let long = |kind: u8| [&[kind][..], &[b'a'; 3000]].concat();
    let nested = |head: &str, depth: usize| head.repeat(depth).into_bytes();
    let push = [">1\r\n", &"~1\r\n".repeat(7), ":1\r\n"].concat();
    // A fixed sequence that looks random.
    let mut seed = 0x2545_f491_u32;
    let junk = std::iter::repeat_with(|| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as u8
    });
    let floods = [
        ("arrays in arrays", nested("*1\r\n", 500)),
        (
            "arrays as deep as allowed",
            [nested("*1\r\n", 8), b"+x\r\n".to_vec()].concat(),
        ),
        ("maps in maps", nested("%1\r\n", 500)),
        ("attributes in attributes", nested("|1\r\n", 500)),
        ("pushes in pushes", nested(">1\r\n", 500)),
        // Without a clock a client waits behind pushes for ever, so they have an end.
        (
            "deep pushes",
            [nested(&push, 20), b"?\r\n".to_vec()].concat(),
        ),
        ("streamed arrays", nested("*?\r\n", 500)),
        (
            "a streamed string",
            b"$?\r\n;3\r\nabc\r\n;100\r\n".repeat(50),
        ),
        ("a line without an end", long(b'+')),
        ("a long error", [long(b'-'), b"\r\n".to_vec()].concat()),
        ("a bulk over all limits", b"$4294967295\r\n".repeat(50)),
        (
            "a bulk that does not fit",
            [b"$3000\r\n".to_vec(), long(b'a')].concat(),
        ),
        ("doubles", b",1e\r\n,1.5\r\n".repeat(50)),
        ("junk", junk.take(4096).collect()),
    ];
    let greeted = b"+OK\r\n+OK\r\n+OK\r\n".to_vec();
    floods
        .into_iter()
        .flat_map(|(name, flood)| {
            [
                (name, Vec::new(), flood.clone()),
                (name, greeted.clone(), flood),
            ]
        })
        .collect()
}

/// Accepts one connection and sends, whatever is asked, until the other side is gone.
fn flood(listener: &TcpListener, first: &[u8], again: &[u8]) {
    let Ok((mut stream, _)) = listener.accept() else {
        return;
    };
    let _ = stream.set_write_timeout(Some(Duration::from_secs(60)));
    let asked = stream
        .try_clone()
        .map(|asked| thread::spawn(|| swallow(asked)));
    if stream.write_all(first).is_ok() {
        while stream.write_all(again).is_ok() {}
    }
    drop(stream);
    if let Ok(asked) = asked {
        let _ = asked.join();
    }
}

fn swallow(mut stream: TcpStream) {
    let mut bytes = [0; 256];
    while stream.read(&mut bytes).is_ok_and(|n| n > 0) {}
}
