//! RELIABILITY.md names tests; each of them has to be there.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below `folder`.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether `path` is the file, or a file of the folder, of this name.
fn is_named(path: &Path, name: &str) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    path.file_stem().is_some_and(|stem| stem == name) || folder.is_some_and(|f| f == name)
}

#[test]
fn each_test_that_is_named_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(here.join("RELIABILITY.md")).unwrap();
    let mut files = Vec::new();
    sources(here, &mut files);
    sources(&here.join("../core/src"), &mut files);
    let (mut count, mut missing) = (0, Vec::new());
    // Every second piece stands between backquotes.
    for name in page.split('`').skip(1).step_by(2) {
        let Some((file, test)) = name.split_once("::") else {
            continue;
        };
        let declared = [format!("fn {test}("), format!("fn {test}<")];
        let is_there = files
            .iter()
            .filter(|path| is_named(path, file))
            .any(|path| {
                let text = fs::read_to_string(path).unwrap();
                declared.iter().any(|words| text.contains(words))
            });
        count += 1;
        if !is_there {
            missing.push(name);
        }
    }
    assert!(count > 100, "only {count} tests are named");
    assert!(missing.is_empty(), "not there: {missing:#?}");
}
