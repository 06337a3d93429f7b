//! Runs the simulation over any number of seeds, or one seed for a person to read.

use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use host_tests::sim::{self, Figures, Run, Telling};
use indicatif::{ProgressBar, ProgressStyle};
use respool::planted::{self, Fault};

/// Simulates the pool over a network and a server that are made up, all from one number, the seed.
///
/// The status is 0 where nothing is wrong; of planted faults, where each was found.
#[derive(Debug, Parser)]
struct Arguments {
    /// One seed.
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// These seeds, the last one not included.
    #[arg(long, value_name = "FROM..TO", default_value = "0..2000", value_parser = range)]
    seeds: Range<u64>,
    /// Print all that happens, as it happens; of one seed.
    #[arg(long, requires = "seed")]
    verbose: bool,
    /// Plant a fault, or one after the other with `all`, and look for it. It needs a build with
    /// RUSTFLAGS='--cfg respool_planted'.
    #[arg(long, value_name = "FAULT", value_parser = faults)]
    planted: Option<Faults>,
    /// Threads that run seeds.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
    threads: usize,
    /// Lines of its log that are printed of a seed in which something is wrong.
    #[arg(long, value_name = "LINES", default_value_t = 40)]
    tail: usize,
}

/// What becomes of many seeds.
#[derive(Default)]
struct Tally {
    runs: u64,
    figures: Figures,
    /// The same for the same seeds, in whatever order they ran.
    digest: u64,
    /// The first seed in which something is wrong.
    wrong: Option<Run>,
}

/// Faults to look for.
#[derive(Clone, Debug)]
struct Faults(Vec<Fault>);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.planted.is_some() && !planted::CAN_BE {
        eprintln!(
            "error: no fault can be planted here; build with RUSTFLAGS='--cfg respool_planted'"
        );
        return ExitCode::from(2);
    }
    let found = match (&arguments.planted, arguments.seed) {
        (Some(faults), None) => faults.0.iter().all(|fault| find(*fault, &arguments)),
        (fault, Some(seed)) => {
            planted::plant(fault.as_ref().and_then(|faults| faults.0.first().copied()));
            show(seed, &arguments)
        }
        (None, None) => survey(&arguments),
    };
    ExitCode::from(u8::from(!found))
}

/// Runs one seed; true where nothing is wrong.
fn show(seed: u64, arguments: &Arguments) -> bool {
    let telling = match arguments.verbose {
        true => Telling::All,
        false => Telling::Last(arguments.tail),
    };
    let run = sim::run(seed, telling);
    match run.wrong {
        Some(_) => tell(&run, arguments),
        None => println!("seed {seed}: nothing wrong; digest {:016x}", run.digest),
    }
    run.wrong.is_none()
}

/// Runs all seeds; true where nothing is wrong.
fn survey(arguments: &Arguments) -> bool {
    let began = Instant::now();
    let tally = run_all(arguments, true);
    if let Some(run) = &tally.wrong {
        tell(
            &sim::run(run.seed, Telling::Last(arguments.tail)),
            arguments,
        );
    }
    let seconds = began.elapsed().as_secs_f64();
    let Figures {
        commands,
        answered,
        failed,
        dropped,
        repeated,
        timed_out,
        closed,
        streams,
        strays,
        polls,
    } = tally.figures;
    println!(
        "{} seeds in {seconds:.1} s, {:.0} a second; digest {:016x}",
        tally.runs,
        tally.runs as f64 / seconds,
        tally.digest
    );
    println!(
        "{commands} commands: {answered} answered, {failed} failed as they may, {dropped} dropped"
    );
    println!(
        "{repeated} ran more than once, as they may; {timed_out} calls ran into their deadline"
    );
    println!("{closed} borrowers refused by a closed pool; {streams} streams, {polls} polls");
    println!("{strays} strays met a connection");
    tally.wrong.is_none()
}

/// Looks for a planted fault; true where it is found.
fn find(fault: Fault, arguments: &Arguments) -> bool {
    planted::plant(Some(fault));
    let first = run_all(arguments, false).wrong;
    planted::plant(None);
    match &first {
        Some(run) => {
            let why = run.wrong.as_deref().unwrap_or_default();
            println!("{fault:?}: found in seed {}: {why}", run.seed);
        }
        None => println!("{fault:?}: not found in the seeds {:?}", arguments.seeds),
    }
    first.is_some()
}

/// Runs the seeds up to the first one in which something is wrong.
fn run_all(arguments: &Arguments, shown: bool) -> Tally {
    let next = AtomicU64::new(arguments.seeds.start);
    let end = AtomicU64::new(arguments.seeds.end);
    let tally = Mutex::new(Tally::default());
    let bar = match shown {
        true => ProgressBar::new(arguments.seeds.end.saturating_sub(arguments.seeds.start)),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} seeds, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                let mut mine = Tally::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end.load(Ordering::Relaxed) {
                        break;
                    }
                    let run = sim::run(seed, Telling::Nothing);
                    if run.wrong.is_some() {
                        // Those before it still run, so that it is the first one that is told.
                        end.fetch_min(seed, Ordering::Relaxed);
                    }
                    mine.add(run);
                    if seed.is_multiple_of(256) {
                        bar.inc(256);
                    }
                }
                if let Ok(mut all) = tally.lock() {
                    all.join(mine);
                }
            });
        }
    });
    bar.finish_and_clear();
    tally.into_inner().unwrap_or_default()
}

fn tell(run: &Run, arguments: &Arguments) {
    for line in &run.last {
        println!("{line}");
    }
    println!(
        "seed {}: {}",
        run.seed,
        run.wrong.as_deref().unwrap_or("nothing wrong")
    );
    let (flags, planted) = match &arguments.planted {
        Some(Faults(faults)) => (
            "RUSTFLAGS='--cfg respool_planted' ",
            faults.first().map(|fault| format!(" --planted {fault:?}")),
        ),
        None => ("", None),
    };
    println!(
        "replay: {flags}cargo run --release -p host-tests --bin simulate -- --seed {} --verbose{}",
        run.seed,
        planted.unwrap_or_default()
    );
}

impl Tally {
    fn add(&mut self, run: Run) {
        self.runs += 1;
        self.figures.add(run.figures);
        self.digest = self
            .digest
            .wrapping_add(run.digest.rotate_left((run.seed % 64) as u32));
        self.note(run);
    }

    fn join(&mut self, other: Self) {
        self.runs += other.runs;
        self.figures.add(other.figures);
        self.digest = self.digest.wrapping_add(other.digest);
        if let Some(run) = other.wrong {
            self.note(run);
        }
    }

    fn note(&mut self, run: Run) {
        let is_first = self
            .wrong
            .as_ref()
            .is_none_or(|first| run.seed < first.seed);
        if run.wrong.is_some() && is_first {
            self.wrong = Some(run);
        }
    }
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let parts = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    match parts {
        Some(range) if range.start < range.end => Ok(range),
        _ => Err("two numbers, the smaller one first: 0..1000".into()),
    }
}

fn faults(text: &str) -> Result<Faults, String> {
    let all = text == "all";
    let is_meant = |fault: &Fault| all || format!("{fault:?}").eq_ignore_ascii_case(text);
    let faults: Vec<Fault> = Fault::ALL.into_iter().filter(is_meant).collect();
    match faults.is_empty() {
        true => Err(format!("`all`, or one of {:?}", Fault::ALL)),
        false => Ok(Faults(faults)),
    }
}
