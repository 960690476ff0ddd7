use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// An error or a warning that `dotnet` printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct DotnetMessage {
    /// Whether it is an error.
    pub is_error: bool,
    /// The code: `CS1002`, `NU1603`, `NETSDK1045`.
    pub code: String,
    /// The whole line, without the project at its end.
    pub text: String,
}

/// Collects what a command printed: its errors and warnings once each, and its last lines for the
/// case that it marked none.
#[derive(Debug, Default)]
pub(crate) struct DotnetLines {
    messages: Vec<DotnetMessage>,
    last: Vec<String>,
}

const LAST_LINES: usize = 20;

impl DotnetLines {
    pub(crate) fn add(&mut self, line: &str) {
        if let Some(message) = DotnetMessage::parse(line) {
            // MSBuild prints each again in its summary, and a multi-project build once a project.
            if !self.messages.contains(&message) {
                self.messages.push(message);
            }
        } else if !line.trim().is_empty() && !is_stack_frame(line) {
            if self.last.len() == LAST_LINES {
                self.last.remove(0);
            }
            self.last.push(line.to_owned());
        }
    }

    pub(crate) fn warnings(&self) -> Vec<DotnetMessage> {
        self.messages
            .iter()
            .filter(|message| !message.is_error)
            .cloned()
            .collect()
    }

    /// Returns the errors, else the last lines.
    pub(crate) fn failure(self) -> Vec<DotnetMessage> {
        let errors: Vec<_> = self
            .messages
            .into_iter()
            .filter(|message| message.is_error)
            .collect();
        if !errors.is_empty() {
            return errors;
        }
        let line = |text: String| DotnetMessage {
            is_error: true,
            code: String::new(),
            text: text.trim().to_owned(),
        };
        self.last.into_iter().map(line).collect()
    }
}

/// Where an exception came by is for who maintains `dotnet`; what it says stands above.
fn is_stack_frame(line: &str) -> bool {
    let line = line.trim_start();
    let is_call = |call: &str| {
        let method = call.split_once('(').map_or("", |(method, _)| method);
        !method.is_empty() && !method.contains(' ')
    };
    line.strip_prefix("at ").is_some_and(is_call) || line.starts_with("--- End of ")
}

impl DotnetMessage {
    /// Returns each of `messages` once. NuGet tells the same of every project that it concerns: the first
    /// line stands for all, and says for how many.
    pub(crate) fn distinct(messages: &[Self]) -> Vec<Self> {
        let mut distinct: Vec<(Self, usize)> = Vec::new();
        for message in messages {
            let same = distinct
                .iter_mut()
                .find(|(it, _)| it.says_the_same(message));
            match same {
                Some((_, count)) => *count += 1,
                None => distinct.push((message.clone(), 1)),
            }
        }
        let counted = |(mut message, count): (Self, usize)| {
            if count > 1 {
                message.text = format!("{} ({count} times)", message.text);
            }
            message
        };
        distinct.into_iter().map(counted).collect()
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let is_nuget = self.code == other.code && self.code.starts_with("NU");
        is_nuget && self.without_origin() == other.without_origin() || self == other
    }

    fn without_origin(&self) -> &str {
        let place = self.text.find(&self.code).unwrap_or(0);
        &self.text[place..]
    }

    /// Reads a line in MSBuild's canonical form: `origin : error CODE: text [project]`.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        [("error", true), ("warning", false)]
            .into_iter()
            .find_map(|(word, is_error)| {
                let place = line
                    .find(&format!(": {word} "))
                    .map(|place| place + 2)
                    .or(line.starts_with(word).then_some(0))?;
                let (code, _) = line[place + word.len()..].trim_start().split_once(':')?;
                let is_code =
                    !code.is_empty() && code.chars().all(|letter| letter.is_ascii_alphanumeric());
                is_code.then(|| Self {
                    is_error,
                    code: code.to_owned(),
                    text: without_project(line),
                })
            })
    }

    /// Returns the message with `stage` (the sources' path in the stage) replaced by the user's own.
    #[must_use]
    pub(crate) fn with_text(mut self, text: impl FnOnce(&str) -> String) -> Self {
        self.text = text(&self.text);
        self
    }
}

/// Replaces every secret in a line by `***`.
pub(crate) fn without_secrets<'a>(text: &'a str, secrets: &[String]) -> Cow<'a, str> {
    let named = secrets.iter().filter(|secret| !secret.is_empty());
    named.fold(Cow::Borrowed(text), |text, secret| {
        if text.contains(secret.as_str()) {
            Cow::Owned(text.replace(secret, "***"))
        } else {
            text
        }
    })
}

/// Returns the message without the project at its end. A file named relative to that project's
/// folder, as old SDKs do, is named in full.
fn without_project(line: &str) -> String {
    let (message, project) = match line.rsplit_once(" [") {
        Some((message, project)) if project.contains("proj") && project.ends_with(']') => {
            (message, project)
        }
        _ => return line.to_owned(),
    };
    let starts_with_file = message
        .split_once('(')
        .is_some_and(|(file, _)| !file.starts_with('/') && !file.contains(char::is_whitespace));
    match project.rsplit_once('/') {
        Some((folder, _)) if starts_with_file => format!("{folder}/{message}"),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{DotnetLines, DotnetMessage};

    #[test]
    fn an_exception_is_what_it_says_and_not_where_it_came_by() {
        let mut lines = DotnetLines::default();
        for line in [
            "Unhandled exception: System.Text.Json.JsonException: Expected depth to be zero",
            "   at System.Text.Json.Utf8JsonReader.ReadSingleSegment()",
            "   --- End of inner exception stack trace ---",
            "  at least one project (of two) is broken",
        ] {
            lines.add(line);
        }
        let texts: Vec<String> = lines.failure().into_iter().map(|it| it.text).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].starts_with("Unhandled exception: "), "{texts:?}");
    }

    #[test]
    fn errors_are_told_from_warnings_and_shown_once_with_the_users_paths() {
        let mut lines = DotnetLines::default();
        for line in [
            "/stage/src/App/Program.cs(3,1): error CS1002: ; expected [/stage/src/App/App.csproj]",
            "    /stage/src/App/Program.cs(3,1): error CS1002: ; expected [/stage/src/App/App.csproj]",
            "/stage/src/App/App.csproj : warning NU1903: Package 'x' has a known vulnerability",
            "MSBUILD : error MSB1009: Project file does not exist.",
            "  Determining projects to restore...",
            "Old.cs(1,2): error CS1003: , expected [/stage/src/Lib/Lib.csproj]",
            "    0 Error(s)",
        ] {
            lines.add(line);
        }
        assert_eq!(lines.warnings().len(), 1);
        let failure: Vec<_> = lines
            .failure()
            .into_iter()
            .map(|message| message.with_text(|text| text.replace("/stage/src", "/home/u/shop")))
            .collect();
        assert_eq!(
            failure[0].text,
            "/home/u/shop/App/Program.cs(3,1): error CS1002: ; expected"
        );
        assert_eq!(failure[0].code, "CS1002");
        assert_eq!(failure[1].code, "MSB1009");
        assert_eq!(
            failure[2].text,
            "/home/u/shop/Lib/Old.cs(1,2): error CS1003: , expected"
        );
        assert_eq!(failure.len(), 3);
    }

    #[test]
    fn a_failure_without_marked_errors_keeps_its_last_lines() {
        let mut lines = DotnetLines::default();
        for number in 0..30 {
            lines.add(&format!("line {number}"));
        }
        let failure = lines.failure();
        assert_eq!((failure.len(), failure[19].text.as_str()), (20, "line 29"));
    }

    #[test]
    fn what_nuget_tells_of_every_project_is_told_once_with_a_count() {
        let lines = [
            "/s/A.csproj : warning NU1603: A depends on B (>= 1.0)",
            "/s/B.csproj : warning NU1603: A depends on B (>= 1.0)",
            "/s/B.csproj : warning NU1603: C depends on D (>= 1.0)",
            "/s/A.cs(1,1): warning CS0168: never used",
            "/s/B.cs(1,1): warning CS0168: never used",
        ];
        let messages = lines.map(|line| DotnetMessage::parse(line).unwrap());
        let distinct = DotnetMessage::distinct(&messages);
        let texts: Vec<_> = distinct
            .iter()
            .map(|message| message.text.as_str())
            .collect();
        assert_eq!(
            texts,
            [
                "/s/A.csproj : warning NU1603: A depends on B (>= 1.0) (2 times)",
                lines[2],
                lines[3],
                lines[4]
            ]
        );
    }

    #[test]
    fn a_bare_error_has_a_code_too() {
        let message = DotnetMessage::parse("error : no code here");
        assert_eq!(message, None);
        assert_eq!(
            DotnetMessage::parse("error NETSDK1045: too old")
                .unwrap()
                .code,
            "NETSDK1045"
        );
    }
}
