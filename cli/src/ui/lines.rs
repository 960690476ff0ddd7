use serde::Serialize;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

/// Text for people. What comes from outside (a label, a file's name, what a registry or `dotnet`
/// says) can be in any line of it, for nothing can be said but by whole lines, and each is escaped:
/// it ends no line, moves no cursor, changes no colour and turns no reading direction.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Lines(String);

/// What begins the further lines of a text that has several: in the first column nobody speaks but
/// mizzen.
const INDENT: &str = "    ";

impl Lines {
    /// Adds a line; a line break in it is shown as `\n`.
    pub(crate) fn add(&mut self, line: impl fmt::Display) {
        push(&mut self.0, &line.to_string());
        self.0.push('\n');
    }

    /// Adds a text that may have several lines of its own, such as what a parser says; all but the
    /// first are indented.
    pub(crate) fn add_text(&mut self, text: impl fmt::Display) {
        let text = text.to_string();
        let mut lines = text.trim_end().split('\n');
        self.add(lines.next().unwrap_or_default());
        for line in lines {
            self.add(format_args!("{INDENT}{line}"));
        }
    }

    /// Adds the lines of another.
    pub(crate) fn append(&mut self, lines: &Self) {
        self.0.push_str(&lines.0);
    }

    /// Adds an empty line if there are lines above.
    pub(crate) fn add_gap(&mut self) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns a line without its break.
pub(super) fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    push(&mut text, line);
    text
}

/// Returns the same value as text that is safe to look at: a reader of JSON gets exactly what was
/// there.
pub(super) fn escaped_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        // A line break that is not layout is escaped already.
        if is_hostile(character) && character != '\n' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(character);
        }
    }
    text
}

/// Returns whether text has something in it that a terminal, or the eye of a reader, may take for
/// more than text; line breaks do not count.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.chars().any(|it| is_hostile(it) && it != '\n')
}

fn push(text: &mut String, line: &str) {
    for character in line.chars() {
        if is_hostile(character) {
            // As Rust and most shells write it: `\n`, `\t`, `\u{1b}`.
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
}

/// Controls of ASCII and of Latin-1 (C1: some terminals take U+009B for `ESC [`), line separators,
/// what changes the direction of reading, and what nobody sees.
///
/// Source: ECMA-48; Unicode, UAX #9, "Explicit Directional Formatting"; "Trojan Source",
/// CVE-2021-42574.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Writes a value as JSON over several lines, piece by piece: there can be much of it.
pub(super) fn write_pretty(value: &impl Serialize, to: impl io::Write) -> io::Result<()> {
    let mut to = EscapedJson(io::BufWriter::new(to));
    serde_json::to_writer_pretty(&mut to, value)?;
    to.write_all(b"\n")?;
    to.flush()
}

struct EscapedJson<W>(W);

impl<W: io::Write> io::Write for EscapedJson<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        // No piece ends inside a character: they are cut where something is to be escaped.
        let text = std::str::from_utf8(piece).map_err(io::Error::other)?;
        self.0.write_all(escaped_json(text).as_bytes())?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, escaped_json, is_plain, write_pretty};
    use serde_json::{Value, json};

    const HOSTILE: &str =
        "a\u{1b}[2J\u{9b}31m\rb\n\t\u{7f}\0\u{202e}c\u{2066}\u{2028}\u{feff}\u{e0041}ö→🦀";

    #[test]
    fn a_line_stays_a_line_whatever_it_says() {
        let mut lines = Lines::default();
        lines.add(format_args!("label {HOSTILE}"));
        lines.add("next");
        assert_eq!(
            lines.as_str(),
            "label a\\u{1b}[2J\\u{9b}31m\\rb\\n\\t\\u{7f}\\u{0}\\u{202e}c\\u{2066}\\u{2028}\\u{feff}\\u{e0041}ö→🦀\nnext\n"
        );
        assert!(is_plain(lines.as_str()) && !is_plain(HOSTILE));
    }

    #[test]
    fn further_lines_of_a_text_never_begin_in_the_first_column() {
        let mut lines = Lines::default();
        lines.add_text("no\nerror: forged\n\u{1b}[A");
        assert_eq!(lines.as_str(), "no\n    error: forged\n    \\u{1b}[A\n");
    }

    #[test]
    fn json_is_plain_and_exact() {
        let value = json!({ "label": HOSTILE, HOSTILE: [1] });
        let mut pretty = Vec::new();
        write_pretty(&value, &mut pretty).unwrap();
        let pretty = String::from_utf8(pretty).unwrap();
        for text in [pretty, escaped_json(&value.to_string())] {
            assert!(is_plain(&text), "{text:?}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
