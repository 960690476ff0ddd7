mod conversions;

use crate::hints;
use crate::ui::Lines;
use mizzen_builder::DotnetMessage;
use mizzen_shared_cache::LostBlob;
use mizzen_store::DamagedBlob;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt;
use std::io;

/// A bug in mizzen.
const BUG: u8 = 1;
/// Bad usage or configuration, no project, wrong platform.
pub(crate) const USAGE: u8 = 2;
/// No usable SDK, or the project did not restore or publish.
const DOTNET: u8 = 3;
/// A registry said no.
const REGISTRY_SAID_NO: u8 = 4;
/// Network or registry failed after retries.
const NETWORK: u8 = 5;
/// A check failed.
const CHECK: u8 = 6;
/// Local disk or cache.
const LOCAL: u8 = 7;
/// Interrupted, where no signal says which.
const INTERRUPTED: u8 = 130;

/// Why a command failed: what the user reads, and the exit code.
#[derive(Debug)]
pub(crate) struct CommandError {
    exit_code: u8,
    message: Box<str>,
    /// What `dotnet` itself said.
    said: Vec<DotnetMessage>,
    causes: Vec<String>,
    hint: Option<Box<str>>,
    /// What of the cache was damaged and is removed: trying again heals.
    healed: Option<Box<str>>,
    /// The project that it is about, where there is one.
    project: Option<Box<str>>,
}

impl CommandError {
    /// The user asked for something that cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit_code: USAGE,
            message: message.into().into(),
            said: Vec::new(),
            causes: Vec::new(),
            hint: None,
            healed: None,
            project: None,
        }
    }

    /// There is no SDK to build with.
    pub(crate) fn no_sdk(message: impl Into<String>) -> Self {
        Self {
            exit_code: DOTNET,
            ..Self::usage(message)
        }
    }

    /// A file of the user's cannot be read or written.
    pub(crate) fn local(message: impl Into<String>, error: &io::Error) -> Self {
        Self {
            exit_code: LOCAL,
            causes: causes(error, true),
            ..Self::usage(message)
        }
    }

    /// Something was checked and has these defects.
    pub(crate) fn check(message: String, defects: &[impl fmt::Display]) -> Self {
        let causes = defects.iter().map(ToString::to_string).collect();
        Self {
            exit_code: CHECK,
            causes,
            ..Self::usage(message)
        }
    }

    /// Of several images some were not made; the first failure's exit code is that of all.
    pub(crate) fn of_some(failed: &[(String, Self)], all: usize) -> Self {
        let causes = failed.iter();
        let causes = causes.map(|(name, error)| format!("{name}: {}", error.message));
        Self {
            exit_code: failed.first().map_or(BUG, |(_, first)| first.exit_code),
            causes: causes.collect(),
            ..Self::usage(format!("{} of {all} images failed", failed.len()))
        }
    }

    /// The same, where it makes something larger fail; `hint` is a further way on.
    #[must_use]
    pub(crate) fn within(mut self, message: String, hint: &str) -> Self {
        self.causes.insert(
            0,
            std::mem::replace(&mut self.message, message.into()).into(),
        );
        self.hint = Some(match self.hint {
            Some(first) if hint.is_empty() => first,
            Some(first) => format!("{first}; {hint}").into(),
            None => hint.into(),
        });
        self
    }

    pub(crate) fn bug(message: &str, error: impl Error) -> Self {
        Self {
            exit_code: BUG,
            causes: causes(&error, true),
            ..Self::usage(message)
        }
        .hinted(hints::REPORT)
    }

    pub(crate) fn panicked() -> Self {
        Self {
            exit_code: BUG,
            ..Self::usage("mizzen has a bug; the lines above say where")
        }
        .hinted(hints::REPORT)
    }

    /// The same, with lines that say why.
    #[must_use]
    pub(crate) fn because(mut self, causes: Vec<String>) -> Self {
        self.causes = causes;
        self
    }

    #[must_use]
    pub(crate) fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into().into());
        self
    }

    /// The same, as a check that failed.
    #[must_use]
    pub(crate) fn into_check(mut self) -> Self {
        self.exit_code = CHECK;
        self
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// Returns what is no longer in the cache, because it was damaged, and made the command fail.
    pub(crate) fn healed(&self) -> Option<&str> {
        self.healed.as_deref()
    }

    /// The same, of a project.
    #[must_use]
    pub(crate) fn of_project(mut self, project: Option<&str>) -> Self {
        self.project = project.map(Into::into);
        self
    }

    /// Returns the same for machines.
    pub(crate) fn to_json(&self, exit_code: u8) -> Value {
        let said: Vec<&str> = self.said.iter().map(|line| line.text.as_str()).collect();
        let mut event = json!({
            "event": "error", "exitCode": exit_code, "message": self.message, "said": said,
            "causes": self.causes, "hint": self.hint,
        });
        if let Some(project) = &self.project {
            event["project"] = json!(project);
        }
        event
    }

    /// Returns the same for people.
    pub(crate) fn lines(&self) -> Lines {
        let mut lines = Lines::default();
        for message in &self.said {
            lines.add_text(&message.text);
        }
        lines.add_text(format_args!("error: {}", self.message));
        for cause in &self.causes {
            lines.add_text(format_args!("  caused by: {cause}"));
        }
        if let Some(hint) = &self.hint {
            lines.add_text(format_args!("hint: {hint}"));
        }
        lines
    }

    pub(crate) fn is_interruption(&self) -> bool {
        self.exit_code == INTERRUPTED
    }

    fn of(exit_code: u8, error: &(dyn Error + 'static), hint: Option<String>) -> Self {
        Self {
            exit_code,
            causes: causes(error, false),
            hint: hint.map(Into::into),
            healed: healed(error).map(Into::into),
            ..Self::usage(error.to_string())
        }
    }
}

/// Returns what is not tried again, where it was what failed.
fn healed(error: &(dyn Error + 'static)) -> Option<String> {
    let damaged = DamagedBlob::within(error).map(ToString::to_string);
    damaged.or_else(|| LostBlob::within(error).map(ToString::to_string))
}

/// The chain below `error`, outermost first, `error` itself only if `with_first`.
fn causes(error: &dyn Error, with_first: bool) -> Vec<String> {
    let mut chain = if with_first {
        vec![error.to_string()]
    } else {
        Vec::new()
    };
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        // A transparent wrapper says what its cause says.
        if chain.last() != Some(&text) {
            chain.push(text);
        }
        source = error.source();
    }
    chain
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.lines().as_str())
    }
}

impl Error for CommandError {}
