//! Figures that are held: each may grow by 2 % over what it was last, and is printed beside that and
//! its goal. What they were last stands in a file, with the compiler that made them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// A figure, the less the better, and the goal for it where there is one.
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub goal: Option<f64>,
}

/// What the figures were last, as their file says.
#[derive(Debug, Default, PartialEq)]
pub struct Last {
    /// With what they were made; nothing where the file does not say.
    made_with: Option<String>,
    values: BTreeMap<String, f64>,
}

/// What comes of a comparison.
#[derive(Debug, PartialEq)]
pub struct Verdict {
    /// A table for people.
    pub table: String,
    /// False where a figure has grown, or is new.
    pub holds: bool,
}

impl Figure {
    pub fn new(name: impl Into<String>, value: impl Into<f64>, goal: Option<u32>) -> Self {
        Self {
            name: name.into(),
            // As it stands in the file.
            value: (value.into() * 10.0).round() / 10.0,
            goal: goal.map(f64::from),
        }
    }
}

/// Prints the figures beside those in `file`; false where one does not hold. With `accept` they are
/// written there instead.
///
/// Other compilers make other code: figures that were made with another than `made_with` are
/// printed, and said not to be held.
///
/// # Errors
/// The file cannot be read or written.
pub fn hold(
    file: &Path,
    made_with: &str,
    figures: &[Figure],
    accept: bool,
) -> Result<bool, String> {
    let error = |error| format!("{}: {error}", file.display());
    if accept {
        std::fs::write(file, text(made_with, figures)).map_err(error)?;
        println!("accepted: {}", file.display());
    }
    let last = Last::parse(&std::fs::read_to_string(file).map_err(error)?)?;
    let Verdict { table, holds } = compare(figures, &last, made_with);
    print!("\n{table}");
    if !holds {
        println!("a figure does not hold; `--accept` accepts what cannot be helped");
    }
    Ok(holds)
}

/// Compares figures with what they were last.
pub fn compare(figures: &[Figure], last: &Last, made_with: &str) -> Verdict {
    let is_same = last.made_with.as_deref().is_none_or(|by| by == made_with);
    let width = figures.iter().map(|f| f.name.len()).max().unwrap_or(0);
    let mut table = format!("{:width$} {:>9} {:>9} {:>9}\n", "", "now", "last", "goal");
    let mut holds = true;
    for Figure { name, value, goal } in figures {
        let before = last.values.get(name).copied();
        let say = |number: Option<f64>| number.map_or("-".to_owned(), |n| n.to_string());
        let (now, then, goal_is) = (say(Some(*value)), say(before), say(*goal));
        let mut remark = String::new();
        if goal.is_some_and(|goal| *value > goal) {
            remark += "  over the goal";
        }
        let fault = match before {
            None => Some("  NEW: not held before it is accepted"),
            Some(before) if is_same && *value > before * 1.02 => {
                Some("  OVER THE LAST BY MORE THAN 2 %")
            }
            Some(_) => None,
        };
        remark += fault.unwrap_or_default();
        holds &= fault.is_none();
        let _ = writeln!(
            table,
            "{name:width$} {now:>9} {then:>9} {goal_is:>9}{remark}"
        );
    }
    // A figure that is measured no more is held no more: whoever takes it out says so in the file.
    for name in last.values.keys() {
        if !figures.iter().any(|figure| figure.name == *name) {
            holds = false;
            let _ = writeln!(table, "{name}: IT IS NOT MEASURED ANY MORE");
        }
    }
    if let Some(by) = last.made_with.as_deref().filter(|_| !is_same) {
        let _ = writeln!(
            table,
            "NOT HELD: made with {made_with}, and last with {by}, which makes other code"
        );
    }
    Verdict { table, holds }
}

impl Last {
    /// `made with = something`, and a line `name = number` for each figure.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut last = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let wrong = || format!("no figure: {line}");
            let (name, value) = line.split_once(" = ").ok_or_else(wrong)?;
            if name == MADE_WITH {
                last.made_with = Some(value.to_owned());
            } else {
                let value = value.parse().map_err(|_| wrong())?;
                last.values.insert(name.to_owned(), value);
            }
        }
        Ok(last)
    }
}

/// What [`Last::parse`] reads.
fn text(made_with: &str, figures: &[Figure]) -> String {
    let values = figures
        .iter()
        .map(|f| format!("{} = {}\n", f.name, f.value));
    format!("{MADE_WITH} = {made_with}\n{}", values.collect::<String>())
}

const MADE_WITH: &str = "made with";

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "made with = rustc 1\nflash, B = 1000\nstack, B = 99.5\n";

    fn figures(flash: f64, stack: f64) -> [Figure; 2] {
        [
            Figure::new("flash, B", flash, Some(900)),
            Figure::new("stack, B", stack, None),
        ]
    }

    fn verdict(flash: f64, stack: f64, made_with: &str) -> Verdict {
        compare(
            &figures(flash, stack),
            &Last::parse(FILE).unwrap(),
            made_with,
        )
    }

    #[test]
    fn a_figure_may_grow_by_two_percent() {
        assert!(verdict(1000.0, 99.5, "rustc 1").holds);
        assert!(verdict(1020.0, 101.4, "rustc 1").holds);
        assert!(verdict(1.0, 1.0, "rustc 1").holds);
        let grown = verdict(1020.1, 99.5, "rustc 1");
        assert!(!grown.holds);
        assert!(grown.table.contains("OVER THE LAST BY MORE THAN 2 %"));
        assert!(!verdict(1000.0, 101.6, "rustc 1").holds);
    }

    #[test]
    fn the_goal_is_said_and_does_not_fail() {
        let over = verdict(1000.0, 99.5, "rustc 1");
        assert!(
            over.table.contains("      900  over the goal\n"),
            "{}",
            over.table
        );
        assert!(!verdict(900.0, 99.5, "rustc 1").table.contains("over"));
    }

    #[test]
    fn what_is_new_or_gone_does_not_hold() {
        let last = Last::parse("flash, B = 1000\n").unwrap();
        let new = compare(&figures(1000.0, 1.0), &last, "rustc 1");
        assert!(!new.holds && new.table.contains("NEW"));
        let gone = compare(
            &figures(1000.0, 1.0)[..1],
            &Last::parse(FILE).unwrap(),
            "rustc 1",
        );
        assert!(!gone.holds && gone.table.contains("stack, B: IT IS NOT MEASURED"));
    }

    #[test]
    fn figures_of_another_compiler_are_said_not_to_be_held() {
        let other = verdict(2000.0, 99.5, "rustc 2");
        assert!(other.holds);
        assert!(
            other
                .table
                .contains("NOT HELD: made with rustc 2, and last with rustc 1")
        );
        assert!(!verdict(2000.0, 99.5, "rustc 1").holds);
        // A file that does not say holds for all.
        let last = Last::parse("flash, B = 1000\nstack, B = 99.5\n").unwrap();
        assert!(!compare(&figures(2000.0, 1.0), &last, "rustc 2").holds);
    }

    #[test]
    fn what_was_accepted_is_read_back_and_holds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("figures.txt");
        assert!(hold(&file, "rustc 1", &figures(1.0, 1.0), false).is_err());
        assert_eq!(
            hold(&file, "rustc 1", &figures(1000.04, 99.52), true),
            Ok(true)
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), FILE);
        assert_eq!(
            hold(&file, "rustc 1", &figures(1000.0, 99.5), false),
            Ok(true)
        );
        assert_eq!(
            hold(&file, "rustc 1", &figures(1100.0, 99.5), false),
            Ok(false)
        );
        assert!(Last::parse("flash 1000\n").is_err());
        assert!(Last::parse("flash = many\n").is_err());
    }
}
