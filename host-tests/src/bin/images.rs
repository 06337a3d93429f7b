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
use host_tests::frames::Frames;
use host_tests::redis::RedisServer;

type Result<T> = std::result::Result<T, String>;

/// A figure, and the goal for it where there is one.
struct Figure {
    name: &'static str,
    value: u32,
    goal: Option<u32>,
}

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
    match measure().and_then(|figures| compare(&figures, accept)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("images: {why}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<Vec<Figure>> {
    let images = Images::build()?;
    images.find_no_allocator()?;
    images.find_no_panic()?;
    images.print_frames("one")?;
    let empty = images.flash("empty")?;
    println!("flash of the empty image: {empty} B\n");
    let flash = |name| Ok::<_, String>(images.flash(name)?.saturating_sub(empty));
    let base = images.run("empty", "none", None)?.finished()?.number('S')?;
    let stack = |said: Said| Ok::<_, String>(said.number('S')?.saturating_sub(base));
    let trip = images.round_trip()?;
    let bare = instructions(trip.number('B')?);
    let client = instructions(trip.number('C')?);
    let figure = |name, value, goal| Figure { name, value, goal };
    Ok(vec![
        figure("flash of one connection, B", flash("one")?, Some(6 * 1024)),
        figure("flash of a pool of two, B", flash("pool")?, Some(8 * 1024)),
        figure(
            "RAM of a connection, B",
            trip.number('R')? + trip.number('L')?,
            Some(112),
        ),
        figure(
            "stack of one connection, B",
            stack(images.exchange("one")?)?,
            Some(1024),
        ),
        figure(
            "stack of one, hostile server, B",
            images.hostile("one", base)?,
            Some(1024),
        ),
        figure(
            "stack of a pool of two, B",
            stack(images.exchange("pool")?)?,
            None,
        ),
        figure(
            "stack of a pool, hostile server, B",
            images.hostile("pool", base)?,
            None,
        ),
        figure("bare round trip, instructions", bare, None),
        figure("PING round trip, instructions", client, Some(bare * 3 / 2)),
    ])
}

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
                "the images do not build. `error(panic-never)` means that `empty` or `one` can \
                 panic. Otherwise: {}, and binutils-arm-none-eabi",
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
        for name in ["empty", "one", "pool", "round_trip"] {
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

    /// `one` links only where no panic can be reached. The pool is async: that a future is polled
    /// after its end cannot be ruled out by the compiler, and is all that may be left.
    fn find_no_panic(&self) -> Result<()> {
        println!("one: links with panic-never, so nothing in it can panic");
        let code = self.tool(
            "arm-none-eabi-objdump",
            &["-d", "-C", "--no-show-raw-insn"],
            "pool",
        )?;
        let mut within = "";
        let mut found = BTreeMap::<(String, String), u32>::new();
        for line in code.lines() {
            if let Some((_, name)) = line
                .strip_suffix(">:")
                .and_then(|line| line.split_once(" <"))
            {
                within = name;
            } else if let Some((_, target)) = line
                .strip_suffix('>')
                .and_then(|line| line.split_once(" <"))
            {
                let target = target.split("+0x").next().unwrap_or(target);
                if is_panic(target) && target != within {
                    *found
                        .entry((target.to_owned(), within.to_owned()))
                        .or_default() += 1;
                }
            }
        }
        println!("pool: what is left of panics");
        let mut other = false;
        for ((target, within), times) in &found {
            println!("  {target}, {times} times in {within}");
            other |= !target.ends_with("panic_const_async_fn_resumed")
                && !within.ends_with("panic_const_async_fn_resumed");
        }
        match other {
            true => Err("the pool can panic otherwise than by `async_fn_resumed`".to_owned()),
            false => Ok(()),
        }
    }

    /// What the compiler says of the stack, beside what is measured by painting it.
    fn print_frames(&self, name: &str) -> Result<()> {
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
        Ok(())
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

/// Prints the figures; false where one is over what it was last.
fn compare(figures: &[Figure], accept: bool) -> Result<bool> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("images/budgets.txt");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let last: BTreeMap<&str, u32> = text
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
        .collect();
    println!("\n{:<36} {:>8} {:>8} {:>8}", "", "now", "last", "goal");
    let mut holds = true;
    for Figure { name, value, goal } in figures {
        let before = last.get(name).copied();
        let over = before.is_none_or(|before| u64::from(*value) * 100 > u64::from(before) * 102);
        holds &= !over;
        let say = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
        print!("{name:<36} {value:>8} {:>8} {:>8}", say(before), say(*goal));
        match goal {
            Some(goal) if value > goal => print!("  over the goal"),
            _ => {}
        }
        println!(
            "{}",
            if over {
                "  OVER THE LAST BY MORE THAN 2 %"
            } else {
                ""
            }
        );
    }
    if accept {
        let lines = figures
            .iter()
            .map(|Figure { name, value, .. }| format!("{name} = {value}\n"));
        std::fs::write(&path, lines.collect::<String>()).map_err(|error| error.to_string())?;
        println!("accepted: {}", path.display());
    } else if !holds {
        println!("a figure is over its last value; `--accept` accepts what cannot be helped");
    }
    Ok(holds || accept)
}
