//! Keeps the folders of `core/src` in their order.
//!
//! Code in a folder names by `crate::` and `super::` only folders above it; bytes move only in `io`
//! and `client`; nom is known in `resp` alone. There is no exemption for tests inside core: what
//! needs a lower folder belongs into that folder's tests, or into this package.
//!
//! The check works on tokens, so that comments, doc examples and strings say nothing, and whatever
//! the line breaks, macros and nested use-trees, a path is a path.

mod rules;
mod walk;

use std::fs;
use std::path::Path;

use walk::check;

#[test]
fn folders_name_only_what_stands_above_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let mut files = Vec::new();
    read_tree(&root, &root, &mut files);
    let report = check(&files);
    println!(
        "{} files: {} paths by crate:: and super::, {} awaits, {} names of embedded_io, {} of nom, {} of std",
        report.files, report.paths, report.awaits, report.embedded_io, report.nom, report.std
    );
    for violation in &report.violations {
        println!("{violation}");
    }
    assert!(
        report.violations.is_empty(),
        "\n{}\n",
        report.violations.join("\n")
    );
    // A check that finds nothing has checked nothing.
    assert!(
        report.files > 0 && report.paths > 0,
        "no code was found in {}",
        root.display()
    );
    assert!(
        report.awaits > 0 && report.embedded_io > 0,
        "no code that moves bytes was found"
    );
    assert!(
        report.nom > 0 && report.std > 0,
        "no use of nom or of std was found"
    );
}

/// All `.rs` files below `folder`, as (path from `root`, text).
fn read_tree(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read_tree(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}
