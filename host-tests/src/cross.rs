//! Building for a microcontroller with what this machine has.

use std::path::Path;
use std::process::Command;

/// The target of the figures: a Cortex-M4F.
pub const TARGET: &str = "thumbv7em-none-eabihf";

/// What to install where [`cargo`] cannot build.
pub const INSTALL: &str =
    "rustup target add thumbv7em-none-eabihf, or apt-get install rustc-web cargo-web rust-web-src";

/// A cargo that builds the package in `folder` for [`TARGET`], in release: with the target that
/// rustup installed, or else with Debian's compiler, which makes the core library itself.
pub fn cargo(subcommand: &str, folder: &Path, target_dir: &Path) -> Command {
    let mut cargo = match has_target() {
        true => Command::new("cargo"),
        false => {
            let mut cargo = Command::new("/usr/bin/cargo");
            cargo
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1");
            cargo
        }
    };
    cargo.args([subcommand, "--release", "--locked", "--target", TARGET]);
    if !has_target() {
        cargo.args(["-Z", "build-std=core"]);
    }
    // What cargo says to the build of this very program is not meant for the other one.
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "CARGO",
    ] {
        cargo.env_remove(name);
    }
    cargo
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(folder);
    cargo
}

fn has_target() -> bool {
    let list = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output();
    list.is_ok_and(|list| {
        String::from_utf8_lossy(&list.stdout)
            .lines()
            .any(|line| line == TARGET)
    })
}
