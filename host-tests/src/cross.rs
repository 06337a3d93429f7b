//! Building for a microcontroller, and for wasm32, with what this machine has.

use std::path::Path;
use std::process::Command;

/// The target of the figures: a Cortex-M4F.
pub const TARGET: &str = "thumbv7em-none-eabihf";

/// The other target that tests run on: a module without an operating system below it.
pub const WASM: &str = "wasm32-unknown-unknown";

/// What to install where [`cargo`] cannot build.
pub const INSTALL: &str =
    "rustup target add thumbv7em-none-eabihf, or apt-get install rustc-web cargo-web rust-web-src";

/// What to install where [`cargo_for`] cannot build for [`WASM`].
pub const INSTALL_WASM: &str = "rustup target add wasm32-unknown-unknown, or apt-get install \
     rustc-web cargo-web rust-web-src lld-22";

/// A cargo that builds the package in `folder` for [`TARGET`], in release: with the target that
/// rustup installed, or else with Debian's compiler, which makes the core library itself.
pub fn cargo(subcommand: &str, folder: &Path, target_dir: &Path) -> Command {
    cargo_for(TARGET, subcommand, folder, target_dir)
}

/// The same for another target.
pub fn cargo_for(target: &str, subcommand: &str, folder: &Path, target_dir: &Path) -> Command {
    let installed = has_target(target);
    let mut cargo = match installed {
        true => Command::new("cargo"),
        false => {
            let mut cargo = Command::new("/usr/bin/cargo");
            cargo
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                // Debian's compiler brings no linker for it.
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-22");
            cargo
        }
    };
    cargo.args([subcommand, "--release", "--locked", "--target", target]);
    if !installed {
        cargo.args(["-Z", "build-std=core"]);
    }
    of_its_own(&mut cargo)
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(folder);
    cargo
}

/// A build that hears nothing of what cargo says to that of this very program: it is not meant for
/// another one.
pub fn of_its_own(build: &mut Command) -> &mut Command {
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "CARGO",
    ] {
        build.env_remove(name);
    }
    build
}

/// The compiler of [`cargo`], by its version.
pub fn compiler() -> Result<String, String> {
    version(match has_target(TARGET) {
        true => "rustc",
        false => "/usr/bin/rustc",
    })
}

/// What a compiler says of its version.
pub fn version(rustc: &str) -> Result<String, String> {
    let output = Command::new(rustc).arg("--version").output();
    let output = output.map_err(|error| format!("{rustc}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // Without what comes behind: whose build it is.
    let words = text.split_whitespace().take(2);
    Ok(words.collect::<Vec<_>>().join(" "))
}

fn has_target(target: &str) -> bool {
    let list = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output();
    list.is_ok_and(|list| {
        String::from_utf8_lossy(&list.stdout)
            .lines()
            .any(|line| line == target)
    })
}
