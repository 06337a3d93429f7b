//! Exhaustive sweeps, in memory: every operation, with everything that can go wrong, at every place
//! where it can. After each fault two more borrowers of the same pool have to get their own answers,
//! and no write may have been applied twice.
//!
//! `RESPOOL_SWEEPS=1,6 cargo test --release -p host-tests --test sweeps -- --show-output` takes every
//! place of one fault, and of two faults every 6th of the first and every 6th of the second: about
//! three million runs in some minutes. Other numbers take every so manyth, and without that variable
//! it is a small part. `1,1` is every pair of places: 36 times as many pairs, up to a hundred million
//! runs, which take hours and were not yet run to their end. In a terminal a bar says how far it is.
//! What is printed is what was run: each line is a product, and together they are all runs whose
//! fault came up.

mod faults;
mod operations;
mod run;
mod server;
mod table;
mod wire;

use std::collections::HashMap;
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use faults::Case;
use indicatif::{ProgressBar, ProgressStyle};
use operations::Op;
use run::run;
use table::{Line, combinations};

/// Runs whose fault came up.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// Every so manyth place is taken.
#[derive(Clone, Copy, Debug)]
struct Strides {
    /// Of those of one fault.
    places: u32,
    /// Of those of the first of two faults, and of the second.
    pairs: u32,
}

/// All places of a case, or every so manyth; says how many came up.
fn sweep(case: &Case, strides: Strides) -> u64 {
    let fault = case.fault;
    let stride = match fault.is_double() {
        true => strides.pairs,
        false => strides.places,
    };
    let mut places = 0;
    let mut first = fault.first();
    loop {
        let mut second = fault.second(first);
        loop {
            let reach = run(case, [first, second]);
            if !reach.first {
                return places;
            }
            if fault.is_double() && !reach.second {
                break;
            }
            places += 1;
            RUNS.fetch_add(1, Ordering::Relaxed);
            if !fault.is_double() {
                break;
            }
            second += stride;
        }
        first += stride;
    }
}

/// Sweeps all cases, on all cores.
fn sweep_all(cases: &[Case], strides: Strides) -> HashMap<String, u64> {
    let next = AtomicUsize::new(0);
    let places = Mutex::new(HashMap::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    // It is drawn on a terminal only, past what captures the output of tests.
    let bar = ProgressBar::new(cases.len() as u64);
    let style = "{bar:30} {pos}/{len} cases, {msg} runs, {eta} left";
    bar.set_style(ProgressStyle::with_template(style).unwrap());
    bar.enable_steady_tick(Duration::from_millis(500));
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let count = sweep(case, strides);
                    places.lock().unwrap().insert(format!("{case:?}"), count);
                    bar.set_message(RUNS.load(Ordering::Relaxed).to_string());
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    places.into_inner().unwrap()
}

fn strides() -> Strides {
    let text = env::var("RESPOOL_SWEEPS").unwrap_or_else(|_| "61,127".into());
    let numbers = text
        .split_once(',')
        .map(|(one, two)| (one.parse(), two.parse()));
    match numbers {
        Some((Ok(places @ 1..), Ok(pairs @ 1..))) => Strides { places, pairs },
        _ => panic!("RESPOOL_SWEEPS={text} is not two numbers as in 1,3"),
    }
}

#[test]
fn nothing_is_crossed_lost_or_doubled_wherever_something_goes_wrong() {
    let strides = strides();
    let lines = combinations();
    let cases: Vec<Case> = lines.iter().flat_map(Line::cases).collect();
    let places = sweep_all(&cases, strides);
    let places = |case: &Case| places[&format!("{case:?}")];

    println!("operation, fault: worlds x protocols x wires x paces x policies x places = runs");
    let (mut sum, mut by_op) = (0, Vec::new());
    for op in Op::ALL {
        let before = sum;
        for line in lines.iter().filter(|line| line.op == op) {
            for product in line.split(&places).iter().filter(|line| line.places > 0) {
                println!("{product}");
                sum += product.runs();
            }
        }
        by_op.push((op, sum - before));
    }
    println!("runs of each operation: {by_op:?}");
    println!(
        "of the places of one fault, 1 in {} was taken",
        strides.places
    );
    println!(
        "of the places of each of two faults, 1 in {} was taken",
        strides.pairs
    );
    println!("{sum} runs");
    assert_eq!(sum, RUNS.load(Ordering::Relaxed));
    let all = if strides.places == 1 {
        1_000_000
    } else {
        50_000
    };
    assert!(sum >= all, "only {sum}");
}
