//! Makes a table of the recordings in `host-tests/vectors`.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() {
    let here = env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where");
    let folder = Path::new(&here).join("../vectors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let files = fs::read_dir(folder).expect("the folder of the recordings");
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "resp"));
    files.sort();
    let mut table = String::new();
    table += "/// One stream for each file of `host-tests/vectors`.\n";
    table += "pub static RECORDINGS: &[Stream] = &[\n";
    for path in files {
        let name = path.file_stem().expect("a name").display();
        writeln!(
            table,
            "    recording({:?}, include_bytes!({path:?})),",
            name.to_string()
        )
        .unwrap();
    }
    table += "];\n";
    let out = env::var_os("OUT_DIR").expect("cargo says where to");
    fs::write(Path::new(&out).join("recordings.rs"), table).unwrap();
}
