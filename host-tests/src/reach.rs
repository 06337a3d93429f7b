//! Which functions of core have code in an image, by its line table: what a proof by linking reaches.
//!
//! Functions are found in the source by its indentation, which is rustfmt's. Those that are compiled
//! only by a feature or in tests do not count, nor those that are generic over what an image does not
//! use: what has no code cannot panic.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The lines of each file of core that have code, by its path in `core/src`.
#[derive(Debug, Default)]
pub struct Reach(BTreeMap<String, BTreeSet<u32>>);

/// A function: where it begins, and where it ends.
#[derive(Debug, PartialEq)]
pub struct Function {
    pub name: String,
    pub from: u32,
    pub to: u32,
}

impl Reach {
    /// Adds what `objdump --dwarf=decodedline` says of an image.
    pub fn add(&mut self, lines: &str, core: &Path) {
        let mut file = None;
        for line in lines.lines() {
            if let Some(path) = line.strip_suffix(':') {
                let path = Path::new(path);
                // Relative to the folder of its crate, of whatever crate that is.
                let path = path
                    .strip_prefix("src")
                    .or_else(|_| path.strip_prefix(core));
                let path = path.ok().filter(|path| core.join(path).is_file());
                file = path.map(|path| path.to_string_lossy().into_owned());
            } else if let Some(file) = &file {
                // A name, a line, an address; the line is `-` or 0 where there is none.
                let mut words = line.split_whitespace().skip(1);
                let number = words.next().and_then(|number| number.parse().ok());
                if let (Some(number @ 1..), Some(_)) = (number, words.next()) {
                    self.0.entry(file.clone()).or_default().insert(number);
                }
            }
        }
    }

    /// Whether a function has code.
    pub fn has(&self, file: &str, function: &Function) -> bool {
        let lines = self.0.get(file);
        lines.is_some_and(|lines| lines.range(function.from..=function.to).next().is_some())
    }
}

/// The files that are always compiled, by their paths in `core`, with their functions.
pub fn sources(core: &Path) -> Result<BTreeMap<String, Vec<Function>>, String> {
    let mut sources = BTreeMap::new();
    let mut files = vec![PathBuf::from("lib.rs")];
    while let Some(file) = files.pop() {
        let text = std::fs::read_to_string(core.join(&file))
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let (functions, modules) = items(&text);
        // The modules of `a/mod.rs` stand beside it, those of `a.rs` in the folder `a`.
        let folder = match file
            .file_stem()
            .is_some_and(|stem| stem == "mod" || stem == "lib")
        {
            true => file.with_file_name(""),
            false => file.with_extension(""),
        };
        files.extend(modules.iter().map(|name| {
            let alone = folder.join(name).with_extension("rs");
            match core.join(&alone).is_file() {
                true => alone,
                false => folder.join(name).join("mod.rs"),
            }
        }));
        sources.insert(file.to_string_lossy().into_owned(), functions);
    }
    Ok(sources)
}

/// The functions with a body, other than `async` ones, and the modules of a file, that are compiled
/// always.
fn items(text: &str) -> (Vec<Function>, Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    let (mut functions, mut modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    let mut only_at_times = false;
    while let Some(line) = lines.get(at) {
        let code = line.trim_start();
        let words: Vec<&str> = code.split(['(', ' ', '<', ';']).collect();
        if code.starts_with("#[cfg(") && !code.contains("not(") {
            only_at_times |= code.contains("test") || code.contains("feature");
        } else if only_at_times && !code.starts_with('#') && !code.starts_with("//") {
            at = end(&lines, at);
            only_at_times = false;
        } else if let Some(place) = words.iter().position(|word| *word == "fn")
            && !words.contains(&"//")
            && words[..place]
                .iter()
                .all(|word| ["pub", "const", "crate)", "super)"].contains(word))
        {
            let to = end(&lines, at);
            if lines[to].trim_end().ends_with('}') {
                functions.push(Function {
                    name: words[place + 1].to_owned(),
                    from: at as u32 + 1,
                    to: to as u32 + 1,
                });
            }
        } else if let Some(name) = code
            .strip_suffix(';')
            .and_then(|code| code.split_once("mod "))
            && ["", "pub ", "pub(crate) ", "pub(super) "].contains(&name.0)
        {
            modules.push(name.1.to_owned());
        }
        at += 1;
    }
    (functions, modules)
}

/// The last line of the item that begins at `from`.
fn end(lines: &[&str], from: usize) -> usize {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let first = depth(lines[from]);
    (from..lines.len())
        .find(|at| {
            let line = lines[*at].trim_end();
            let closes = line.ends_with(';') || line.ends_with('}') || line.ends_with(',');
            depth(line) == first && closes && !line.ends_with("(,")
        })
        .unwrap_or(lines.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
mod inner;
#[cfg(test)]
mod tests;
#[cfg(feature = \"std\")]
pub mod host {
    fn never() {
        x();
    }
}

pub const fn first<T>(
    x: T,
) -> T {
    x
}

impl Thing for That {
    fn declared(&self);

    /// fn in a comment
    pub(crate) fn second(&self) -> [u8; 2] {
        match self {
            _ => [1, 2],
        }
    }

    async fn third() {
        y();
    }
}
";

    #[test]
    fn functions_are_found_by_their_indentation() {
        let (functions, modules) = items(SOURCE);
        let found: Vec<_> = functions.iter().map(|f| (&*f.name, f.from, f.to)).collect();
        assert_eq!(found, [("first", 11, 15), ("second", 21, 25)]);
        assert_eq!(modules, ["inner"]);
    }

    #[test]
    fn a_function_has_code_where_one_of_its_lines_has() {
        let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
        let full = core.join("resp/scan.rs");
        let lines = format!(
            "src/resp/scan.rs:\nscan.rs  12  0x4  x\nscan.rs  -  0x8\nscan.rs  0  0x8\n\n\
             /elsewhere/core/src/time.rs:\ntime.rs  5  0x9  x\n\n\
             {}:\nscan.rs  30  0x10  x\n",
            full.display()
        );
        let mut reach = Reach::default();
        reach.add(&lines, &core);
        let function = |from, to| Function {
            name: String::new(),
            from,
            to,
        };
        assert!(reach.has("resp/scan.rs", &function(10, 12)));
        assert!(reach.has("resp/scan.rs", &function(30, 31)));
        assert!(!reach.has("resp/scan.rs", &function(13, 29)));
        assert!(!reach.has("time.rs", &function(1, 99)));
    }

    #[test]
    fn the_source_is_read_as_far_as_it_is_always_compiled() {
        let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
        let sources = sources(&core).unwrap();
        let scan = &sources["resp/scan.rs"];
        assert!(
            scan.iter().any(|function| function.name == "scan"),
            "{scan:?}"
        );
        assert!(sources.contains_key("command/generic/sort.rs"));
        assert!(sources.contains_key("error/display.rs"));
        assert!(
            !sources
                .keys()
                .any(|file| file.contains("std.rs") || file.contains("test"))
        );
    }

    #[test]
    fn every_command_and_option_is_in_the_proof() {
        let host_tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
        let proof = host_tests.join("images/src/bin/proof");
        let proof = std::fs::read_dir(proof).unwrap();
        let proof: String = proof.map(|entry| read(entry.unwrap().path())).collect();
        // A name that is called stands between something else and its arguments.
        let called: BTreeSet<&str> = proof
            .split(|c: char| !c.is_alphanumeric() && !"_(:".contains(c))
            .flat_map(|words| words.split('(').rev().skip(1))
            .filter_map(|word| word.split("::").find(|word| !word.is_empty()))
            .collect();

        let core = host_tests.with_file_name("core/src");
        let mut left_out = Vec::new();
        let mut count = 0;
        for (file, functions) in sources(&core).unwrap() {
            let group = file.strip_prefix("command/").unwrap_or_default();
            // What commands are made of is in whichever command there is.
            const MADE_OF: [&str; 7] = [
                "handling.rs",
                "list.rs",
                "mod.rs",
                "plain.rs",
                "spec.rs",
                "stream/id.rs",
                "table.rs",
            ];
            if group.is_empty() || MADE_OF.contains(&group) {
                continue;
            }
            let text = read(core.join(&file));
            let lines: Vec<_> = text.lines().collect();
            for function in functions {
                let line = lines[function.from as usize - 1].trim_start();
                if line.starts_with("pub fn ") {
                    count += 1;
                    if !called.contains(&*function.name) {
                        left_out.push(format!("{file}: {}", function.name));
                    }
                }
            }
        }
        assert_eq!(left_out, [""; 0]);
        assert!(count > 150, "{count} only");
    }
}
