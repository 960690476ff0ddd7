use super::lines::escaped;
use crate::Process;

/// Whether what is said to people is in colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Colours {
    On,
    Off,
}

const RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[1;32m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[1;36m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// What begins a line, and what it means.
const BEGINNINGS: [(&str, &str); 14] = [
    ("error:", RED),
    ("warning:", YELLOW),
    ("note:", CYAN),
    ("hint:", CYAN),
    ("done ", GREEN),
    ("failed ", RED),
    ("fetched ", GREEN),
    ("loaded ", GREEN),
    ("mounted ", GREEN),
    ("pushed ", GREEN),
    ("ready ", GREEN),
    ("skipped ", GREEN),
    ("uploaded ", GREEN),
    ("written ", GREEN),
];

/// Other words that begin a line and say what it is about.
const ABOUT: [&str; 10] = [
    "image ",
    "layers ",
    "left out ",
    "project ",
    "publish ",
    "restore ",
    "SDK ",
    "solution ",
    "symbols ",
    "writing ",
];

impl Colours {
    /// Decides by what stderr is and what the user wants: <https://no-color.org>.
    pub(crate) fn of(process: &Process) -> Self {
        let is_unwanted = process.variable("NO_COLOR").is_some()
            || process.variable("TERM") == Some("dumb")
            || is_ci(process);
        if process.stderr_is_terminal && !is_unwanted {
            Self::On
        } else {
            Self::Off
        }
    }

    /// Returns a line without its break, as a terminal shows it. Only mizzen's own words at its
    /// beginning have a colour, and what is after them is escaped.
    pub(crate) fn paint(self, line: &str) -> String {
        let line = escaped(line);
        if self == Self::Off {
            return line;
        }
        let known = BEGINNINGS
            .iter()
            .find(|(word, _)| line.starts_with(word))
            .map(|(word, colour)| (word.len(), *colour));
        let about = || {
            let word = ABOUT.iter().find(|word| line.starts_with(**word))?;
            let colour = if line[word.len()..].trim_start().starts_with("reused") {
                GREEN
            } else {
                CYAN
            };
            Some((word.len(), colour))
        };
        match known.or_else(about) {
            Some((length, colour)) => {
                let (word, rest) = line.split_at(length);
                format!("{colour}{word}{PLAIN}{rest}")
            }
            None => painted_diagnostic(&line),
        }
    }

    /// Returns the word that says what is under way.
    pub(super) fn under_way(self, word: &str) -> String {
        match self {
            Self::On => format!("{CYAN}{word}{PLAIN}"),
            Self::Off => word.to_owned(),
        }
    }

    /// Returns the name of the image that a line is about.
    pub(super) fn name(self, name: &str) -> String {
        let name = escaped(name);
        match self {
            Self::On => format!("{DIM}{name}{PLAIN}"),
            Self::Off => name,
        }
    }
}

/// Returns whether no person watches, as CI systems say it.
pub(super) fn is_ci(process: &Process) -> bool {
    let value = process.variable("CI");
    value.is_some_and(|value| !matches!(value, "0" | "false"))
}

/// Colours the severity of what a compiler says: `Api.cs(1,2): error CS1002: ; expected`.
fn painted_diagnostic(line: &str) -> String {
    for (severity, colour) in [(": error ", RED), (": warning ", YELLOW)] {
        if let Some((before, after)) = line.split_once(severity) {
            let severity = severity.trim_start_matches(": ");
            return format!("{before}: {colour}{severity}{PLAIN}{after}");
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::Colours;
    use crate::Process;

    #[test]
    fn a_colour_is_given_to_mizzens_own_words_alone() {
        let paint = |line| Colours::On.paint(line);
        assert_eq!(paint("error: no"), "\x1b[1;31merror:\x1b[0m no");
        assert_eq!(paint("restore  reused"), "\x1b[1;32mrestore \x1b[0m reused");
        assert_eq!(
            paint("restore  runs: x"),
            "\x1b[1;36mrestore \x1b[0m runs: x"
        );
        assert_eq!(
            paint("A.cs(1,2): error CS1002: ;"),
            "A.cs(1,2): \x1b[1;31merror \x1b[0mCS1002: ;"
        );
        assert_eq!(paint("an error: no"), "an error: no");
        assert_eq!(
            paint("note: \x1b[31mred"),
            "\x1b[1;36mnote:\x1b[0m \\u{1b}[31mred"
        );
        assert_eq!(Colours::Off.paint("error: \x1b"), "error: \\u{1b}");
    }

    #[test]
    fn colours_are_for_people_who_want_them() {
        let mut process = Process::in_folder("/");
        assert_eq!(Colours::of(&process), Colours::Off);
        process.stderr_is_terminal = true;
        assert_eq!(Colours::of(&process), Colours::On);
        for (name, value, want) in [
            ("NO_COLOR", "1", Colours::Off),
            ("NO_COLOR", "", Colours::On),
            ("TERM", "dumb", Colours::Off),
            ("CI", "true", Colours::Off),
            ("CI", "false", Colours::On),
        ] {
            let mut process = process.clone();
            process
                .environment
                .insert(name.to_owned(), value.to_owned());
            assert_eq!(Colours::of(&process), want, "{name}={value}");
        }
    }
}
