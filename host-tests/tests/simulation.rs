//! The simulation in a few seeds, and the promises of its command: the same seed is the same run,
//! and what is wrong is told so that it can be run again. `check` runs many more seeds, and plants
//! faults.

use std::process::{Command, Output};

use host_tests::sim::{Figures, Telling, run};

const SEEDS: u64 = 150;

#[test]
fn the_same_seed_is_the_same_run_and_nothing_is_wrong() {
    let mut digests = Vec::new();
    let mut figures = Figures::default();
    for seed in 0..SEEDS {
        let once = run(seed, Telling::Nothing);
        let again = run(seed, Telling::Last(5));
        assert_eq!(once.wrong, None, "seed {seed}");
        assert_eq!(
            (once.digest, once.figures),
            (again.digest, again.figures),
            "seed {seed}"
        );
        assert!(!again.last.is_empty());
        digests.push(once.digest);
        figures.add(once.figures);
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len() as u64, SEEDS, "each seed is a run of its own");
    println!("{SEEDS} seeds: {figures:?}");
    // Each kind of end is there, or the seeds show little.
    assert!(figures.answered > SEEDS && figures.failed > SEEDS && figures.dropped > SEEDS / 2);
    assert!(figures.streams > SEEDS && figures.repeated > 0);
    assert!(figures.timed_out > 0 && figures.closed > 0 && figures.strays > 0);
}

#[test]
fn the_command_prints_the_same_for_the_same_seeds() {
    for arguments in [&["--seed", "7", "--verbose"][..], &["--seed", "7"]] {
        let once = simulate(arguments);
        assert!(once.status.success());
        assert_eq!(once.stdout, simulate(arguments).stdout);
    }
    let digest = |arguments: &[&str]| {
        let output = simulate(arguments);
        assert!(output.status.success());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_once("digest ")
            .map(|(_, rest)| rest[..16].to_owned())
    };
    let one = digest(&["--seeds", "20..60", "--threads", "1"]);
    assert!(one.is_some());
    assert_eq!(one, digest(&["--seeds", "20..60", "--threads", "4"]));
}

#[test]
fn the_command_says_what_it_does_not_understand() {
    for (arguments, expected) in [
        (&["--seeds", "9..3"][..], "the smaller one first"),
        (&["--planted", "nothing"], "NoPoison"),
        (&["--planted", "all"], "RUSTFLAGS='--cfg respool_planted'"),
        (&["--verbose"], "--seed"),
    ] {
        let output = simulate(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}

fn simulate(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_simulate"))
        .args(arguments)
        .output();
    output.expect("the command runs")
}
