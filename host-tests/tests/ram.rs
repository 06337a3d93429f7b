//! The RAM of a connection, computed for thumbv7em by the compiler, is what the README states.

use std::path::Path;

use host_tests::cross;

#[test]
fn ram_of_a_connection_is_what_the_readme_states() {
    let assembly = assembly();
    let client = size_of(&assembly, "RAM_OF_CLIENT");
    // The smallest windows are no part of what a connection takes beyond its windows.
    let levels = size_of(&assembly, "RAM_OF_MEMORY") - 64 - 64;
    let readme = include_str!("../../README.md");
    let states = format!(
        "**{} bytes** beyond its two windows and its link: {client} of state, and {levels} for eight levels of nesting",
        client + levels
    );
    // A paragraph may be broken anywhere.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words(readme).contains(&words(&states)),
        "README.md does not state: {states}"
    );
}

/// The size of a static, as the assembler is told it.
fn size_of(assembly: &str, name: &str) -> usize {
    let mut lines = assembly
        .lines()
        .filter(|line| line.contains(".size") && line.contains(name));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("no size of {name} in the assembly"));
    line.rsplit(',')
        .next()
        .unwrap()
        .trim()
        .parse()
        .expect("a number of bytes")
}

/// What the compiler makes of the crate `ram` for the target.
fn assembly() -> String {
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ram");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ram");
    let mut cargo = cross::cargo("rustc", &folder, &target_dir);
    cargo.args(["--", "--emit", "asm"]);
    let install = format!("needs {}", cross::INSTALL);
    let output = cargo
        .output()
        .unwrap_or_else(|error| panic!("{error}: {install}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{install}");
    let deps = target_dir.join(cross::TARGET).join("release/deps");
    let mut files: Vec<_> = std::fs::read_dir(deps)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("ram-") && name.ends_with(".s")
        })
        .collect();
    files.sort_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap());
    std::fs::read_to_string(files.pop().expect("an assembly file")).unwrap()
}
