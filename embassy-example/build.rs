//! Gives the linker the memory map of the chosen board, and the scripts that its crates bring.

use std::path::PathBuf;
use std::{env, fs};

/// Feature, target, memory map, and a linker script beside those that every board needs.
const BOARDS: [(&str, &str, &str, Option<&str>); 3] = [
    (
        "board-qemu",
        "thumbv7m-none-eabi",
        "memory/qemu-mps2.x",
        None,
    ),
    (
        "board-pico-w5500",
        "thumbv6m-none-eabi",
        "memory/rp2040.x",
        Some("link-rp.x"),
    ),
    (
        "board-stm32f429",
        "thumbv7em-none-eabihf",
        "memory/stm32f429zi.x",
        None,
    ),
];

fn main() {
    let chosen: Vec<_> = BOARDS
        .into_iter()
        .filter(|board| is_chosen(board.0))
        .collect();
    let [(feature, target, memory, script)] = chosen[..] else {
        panic!("choose one board: --no-default-features --features board-...");
    };
    assert_eq!(
        env::var("TARGET").unwrap(),
        target,
        "{feature} needs --target {target}"
    );

    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    fs::copy(memory, out.join("memory.x")).unwrap();
    if feature == "board-qemu" {
        // cortex-m-rt asks for the names of the interrupts. The board has its table in Rust.
        fs::write(out.join("device.x"), "").unwrap();
    }
    println!("cargo:rustc-link-search={}", out.display());
    // No padding of the file to pages: a chip has none.
    println!("cargo:rustc-link-arg-bins=--nmagic");
    for script in ["link.x", "defmt.x"].into_iter().chain(script) {
        println!("cargo:rustc-link-arg-bins=-T{script}");
    }
    println!("cargo:rerun-if-changed={memory}");
    println!("cargo:rerun-if-changed=build.rs");
}

fn is_chosen(feature: &str) -> bool {
    let name = feature.to_uppercase().replace('-', "_");
    env::var_os(format!("CARGO_FEATURE_{name}")).is_some()
}
