//! The rules, over the tokens of a file.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

/// The folders (or single files) of `core/src`. Each may name itself and those before it.
const ORDER: [&str; 13] = [
    "error",
    "config",
    "log",
    "planted",
    "time",
    "resp",
    "command",
    "connection",
    "server",
    "route",
    "pool",
    "io",
    "client",
];

/// What `lib.rs` re-exports and anyone may name from there: the items of `error`.
const ROOT_ITEMS: [&str; 3] = ["Error", "ErrorKind", "Reached"];

/// Where bytes move: the only folders that say `.await` and `embedded_io`.
const MOVING: [&str; 2] = ["io", "client"];

/// The one other file that may `.await`: a borrower waits for a connection there.
pub(crate) const WAITING: &str = "pool/wait.rs";

/// What was found.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) files: usize,
    pub(crate) paths: usize,
    pub(crate) awaits: usize,
    pub(crate) embedded_io: usize,
    pub(crate) nom: usize,
    pub(crate) std: usize,
    /// `file:line: what is wrong, and what to do`.
    pub(crate) violations: Vec<String>,
}

pub(crate) fn check(files: &[(String, String)]) -> Report {
    let mut report = Report {
        files: files.len(),
        ..Report::default()
    };
    let mut parsed = Vec::new();
    let mut gated = BTreeSet::new();
    for (name, text) in files {
        match text.parse::<TokenStream>() {
            Ok(tokens) => {
                find_gated_modules(tokens.clone(), &module_of(name), &mut gated);
                parsed.push((name, tokens));
            }
            Err(error) => report
                .violations
                .push(format!("{name}: cannot be read: {error}")),
        }
    }
    for (name, tokens) in parsed {
        let module = module_of(name);
        if let Some(folder) = module.first()
            && !ORDER.contains(&folder.as_str())
        {
            let what = format!("`{folder}` has no place in the order of the folders; give it one");
            report.violations.push(format!("{name}:1: {what}"));
        }
        let has_std = (0..=module.len()).any(|depth| gated.contains(&module[..depth]));
        Walk {
            file: name,
            report: &mut report,
        }
        .stream(tokens, &module, has_std);
    }
    report
}

/// The module path of a file: `resp/mod.rs` is `[resp]`, `resp/scan.rs` is `[resp, scan]`.
fn module_of(file: &str) -> Vec<String> {
    let mut module: Vec<String> = file
        .trim_end_matches(".rs")
        .split('/')
        .map(Into::into)
        .collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

/// Collects the modules that exist only where there is std: `#[cfg(feature = "std")] mod x;`, or a
/// whole file by `#![cfg(...)]`.
fn find_gated_modules(tokens: TokenStream, module: &[String], gated: &mut BTreeSet<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut gate = Gate::default();
    for (at, token) in tokens.iter().enumerate() {
        gate.step(&tokens, at);
        if gate.whole_file {
            gated.insert(module.to_vec());
        }
        if let (TokenTree::Ident(word), Some(TokenTree::Ident(name))) = (token, tokens.get(at + 1))
            && word == "mod"
            && gate.open
        {
            gated.insert(joined(module, name));
        }
    }
}

/// Whether the current item stands under a `#[cfg]` that has std: by `feature = "std"`, by
/// `feature = "tokio"` (which implies it), or by `test`.
#[derive(Default)]
struct Gate {
    open: bool,
    whole_file: bool,
    /// A field or a variant ends at a comma; an item may have commas in its generics.
    is_item: bool,
    /// Closes before the next token.
    ends: bool,
}

impl Gate {
    /// Looks at the token `at`. The gate is open from the attribute to the end of its item.
    fn step(&mut self, tokens: &[TokenTree], at: usize) {
        if self.ends {
            (self.open, self.ends, self.is_item) = (false, false, false);
        }
        match &tokens[at] {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                let inner = is_punct(tokens, at.wrapping_sub(1), '!')
                    && is_punct(tokens, at.wrapping_sub(2), '#');
                let outer = is_punct(tokens, at.wrapping_sub(1), '#');
                let stream: Vec<TokenTree> = group.stream().into_iter().collect();
                if (inner || outer) && is_cfg_with_std(&stream) {
                    self.open |= outer;
                    self.whole_file |= inner;
                }
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                self.ends = self.open
            }
            TokenTree::Ident(word) if self.open => {
                let word = word.to_string();
                self.is_item |= [
                    "impl", "fn", "struct", "enum", "trait", "mod", "use", "type",
                ]
                .contains(&word.as_str());
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => self.ends = self.open,
            TokenTree::Punct(punct) if punct.as_char() == ',' => {
                self.ends = self.open && !self.is_item
            }
            _ => {}
        }
    }
}

/// Whether an attribute is a `cfg(...)` with std in it, outside of a `not(...)`.
fn is_cfg_with_std(attribute: &[TokenTree]) -> bool {
    match attribute {
        [TokenTree::Ident(word), TokenTree::Group(group)] if word == "cfg" => {
            has_std(group.stream())
        }
        _ => false,
    }
}

fn has_std(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    (0..tokens.len()).any(|at| match &tokens[at] {
        TokenTree::Group(group) => {
            !is_ident(&tokens, at.wrapping_sub(1), "not") && has_std(group.stream())
        }
        TokenTree::Ident(word) => word == "test",
        TokenTree::Literal(text) => matches!(text.to_string().as_str(), "\"std\"" | "\"tokio\""),
        TokenTree::Punct(_) => false,
    })
}

/// One file on its way through the rules.
struct Walk<'a> {
    file: &'a str,
    report: &'a mut Report,
}

impl Walk<'_> {
    fn stream(&mut self, tokens: TokenStream, module: &[String], has_std: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut gate = Gate::default();
        let mut at = 0;
        while at < tokens.len() {
            gate.step(&tokens, at);
            let has_std = has_std || gate.open;
            match &tokens[at] {
                // The tree of `use other::{a::b, c}`: none of its branches begins a path.
                TokenTree::Group(_)
                    if at
                        .checked_sub(2)
                        .is_some_and(|back| is_double_colon(&tokens, back)) => {}
                TokenTree::Group(group) => match named_module(&tokens, at) {
                    Some(name) => self.stream(group.stream(), &joined(module, name), has_std),
                    None => self.stream(group.stream(), module, has_std),
                },
                TokenTree::Ident(word) if starts_path(&tokens, at) => {
                    let mut leaves = Vec::new();
                    let after = use_tree(&tokens, at, &[], &mut leaves);
                    if ["crate", "super", "self"].iter().any(|start| word == start) {
                        for leaf in leaves {
                            self.path(&leaf, module);
                        }
                        // The gate must see the group of a use-tree, as the end of its item.
                        for seen in at + 1..after {
                            gate.step(&tokens, seen);
                        }
                        at = after;
                        continue;
                    }
                    self.foreign(word, has_std);
                }
                TokenTree::Ident(word) => self.word(word, &tokens, at),
                _ => {}
            }
            at += 1;
        }
    }

    /// A path by `crate::`, `super::` or `self::`, written in `module`.
    fn path(&mut self, leaf: &[Ident], module: &[String]) {
        let line = leaf[0].span().start().line;
        let text = leaf
            .iter()
            .map(Ident::to_string)
            .collect::<Vec<_>>()
            .join("::")
            .replace(GLOB, "*");
        let mut target = if leaf[0] == "crate" {
            Vec::new()
        } else {
            module.to_vec()
        };
        if leaf[0] != "self" {
            self.report.paths += 1;
        }
        for segment in leaf {
            match segment.to_string().as_str() {
                "crate" | "self" => {}
                "super" if target.is_empty() => {
                    return self.fail(line, format!("`{text}` leaves the crate"));
                }
                "super" => drop(target.pop()),
                name => target.push(name.to_owned()),
            }
        }
        let Some(from) = module.first() else {
            return; // lib.rs is the map, and names all.
        };
        let to = match target.first().map(String::as_str) {
            None | Some(GLOB) => {
                return self.fail(
                    line,
                    format!("`{text}` names the whole crate: use the folder's path"),
                );
            }
            Some(item) if ROOT_ITEMS.contains(&item) => "error",
            Some(folder) => folder,
        };
        let place = |folder: &str| ORDER.iter().position(|name| *name == folder);
        match (place(from), place(to)) {
            (_, None) => self.fail(
                line,
                format!("`{text}` is an item of the crate's root: use the folder's path"),
            ),
            (Some(own), Some(named)) if named > own => {
                self.fail(
                    line,
                    format!("`{text}`: `{from}` may not name `{to}`, which stands below it"),
                );
            }
            // A folder without a place was reported by its name.
            _ => {}
        }
    }

    /// The first segment of a path that begins with another crate (or with anything else in scope).
    fn foreign(&mut self, word: &Ident, has_std: bool) {
        let line = word.span().start().line;
        match word.to_string().as_str() {
            "nom" => {
                self.report.nom += 1;
                if !self.is_in(&["resp"]) {
                    self.fail(line, "nom stands only in resp/".into());
                }
            }
            "std" => {
                self.report.std += 1;
                if !has_std {
                    self.fail(
                        line,
                        "`std::` needs `#[cfg(feature = \"std\")]` on its item or its module"
                            .into(),
                    );
                }
            }
            "alloc" => self.fail(line, "there is no heap in core: `alloc::`".into()),
            name if name.starts_with("embedded_io") => self.embedded_io(line),
            _ => {}
        }
    }

    /// A word that begins no path.
    fn word(&mut self, word: &Ident, tokens: &[TokenTree], at: usize) {
        let line = word.span().start().line;
        let previous = |back| at.checked_sub(back).unwrap_or(usize::MAX);
        if word == "await" && is_punct(tokens, previous(1), '.') {
            self.report.awaits += 1;
            if !self.is_in(&MOVING) && self.file != WAITING {
                self.fail(
                    line,
                    format!("`.await` stands only in io/, client/ and {WAITING}"),
                );
            }
        } else if word == "alloc" && is_ident(tokens, previous(1), "crate") {
            self.fail(
                line,
                "there is no heap in core: `extern crate alloc`".into(),
            );
        } else if word.to_string().starts_with("embedded_io")
            && is_ident(tokens, previous(1), "use")
        {
            // `use embedded_io as io;`
            self.embedded_io(line);
        } else if word == "nom" && is_ident(tokens, previous(1), "use") && !self.is_in(&["resp"]) {
            self.fail(line, "nom stands only in resp/".into());
        }
    }

    fn embedded_io(&mut self, line: usize) {
        self.report.embedded_io += 1;
        if !self.is_in(&MOVING) {
            self.fail(line, "embedded_io stands only in io/ and client/".into());
        }
    }

    fn is_in(&self, folders: &[&str]) -> bool {
        module_of(self.file)
            .first()
            .is_some_and(|folder| folders.contains(&folder.as_str()))
    }

    fn fail(&mut self, line: usize, what: String) {
        self.report
            .violations
            .push(format!("{}:{line}: {what}", self.file));
    }
}

/// Stands for `*` among the segments of a path.
const GLOB: &str = "__glob";

/// Whether the word `at` is the first segment of a path with two segments or more.
fn starts_path(tokens: &[TokenTree], at: usize) -> bool {
    let behind = at
        .checked_sub(2)
        .is_some_and(|back| is_double_colon(tokens, back));
    // `::std::io` begins with two colons, and nothing that could be a segment before them.
    let rooted = behind
        && !at
            .checked_sub(3)
            .is_some_and(|back| ends_segment(tokens, back));
    (!behind || rooted) && is_double_colon(tokens, at + 1)
}

/// Whether a token can be the end of a segment: `a` of `a::b`, or `>` of `<T>::b`.
fn ends_segment(tokens: &[TokenTree], at: usize) -> bool {
    match &tokens[at] {
        TokenTree::Ident(word) => ![
            "use", "return", "in", "as", "impl", "dyn", "for", "mut", "else",
        ]
        .iter()
        .any(|key| word == key),
        // Not the `>` of `->` and `=>`.
        TokenTree::Punct(punct) => {
            let arrow = at
                .checked_sub(1)
                .is_some_and(|back| is_punct(tokens, back, '-') || is_punct(tokens, back, '='));
            punct.as_char() == '>' && !arrow
        }
        _ => false,
    }
}

/// Reads the path or use-tree that begins at `at`, appends each of its leaves to `leaves`, and
/// returns the place behind it. Not recursive over long input: the depth is that of the braces.
fn use_tree(
    tokens: &[TokenTree],
    mut at: usize,
    prefix: &[Ident],
    leaves: &mut Vec<Vec<Ident>>,
) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(segment)) => path.push(segment.clone()),
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                path.push(Ident::new(GLOB, star.span()))
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for branch in inner.split(
                    |token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','),
                ) {
                    if !branch.is_empty() {
                        use_tree(branch, 0, &path, leaves);
                    }
                }
                return at + 1;
            }
            // `<` of a turbofish, or `$name` in a macro: the segments so far say enough.
            _ => break,
        }
        at += 1;
        if !is_double_colon(tokens, at) {
            break;
        }
        at += 2;
    }
    leaves.push(path);
    at
}

/// The name of the module whose body is the brace group `at`.
fn named_module(tokens: &[TokenTree], at: usize) -> Option<&Ident> {
    let (word, name) = (
        tokens.get(at.checked_sub(2)?)?,
        tokens.get(at.checked_sub(1)?)?,
    );
    match (word, name) {
        (TokenTree::Ident(word), TokenTree::Ident(name)) if word == "mod" => Some(name),
        _ => None,
    }
}

fn joined(module: &[String], name: &Ident) -> Vec<String> {
    module.iter().cloned().chain([name.to_string()]).collect()
}

fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens, at, ':') && is_punct(tokens, at + 1, ':')
}

fn is_punct(tokens: &[TokenTree], at: usize, expected: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

fn is_ident(tokens: &[TokenTree], at: usize, expected: &str) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Ident(word)) if word == expected)
}
