use crate::RuntimeIdentifier;
use glob::{MatchOptions, Pattern, PatternError};
use std::collections::BTreeSet;
use std::str::FromStr;

/// What decides about a published file beside the publish folder itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayerRules {
    /// What stands before each path: `app/`.
    pub prefix: String,
    /// What the image runs on.
    pub runtime_identifier: RuntimeIdentifier,
    /// Published paths whose sources in the workspace have the x bit.
    pub executables: BTreeSet<Vec<u8>>,
    /// Files that enter the image whatever else the rules say.
    pub keep: Vec<PathPattern>,
    /// Which symbols enter the image.
    pub debug_symbols: DebugSymbols,
}

/// Which symbols (`.pdb`, `.dbg`) enter an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DebugSymbols {
    /// Those of the projects: stack traces in production have line numbers.
    #[default]
    Own,
    /// Those of packages and native programs, too.
    All,
    /// None.
    None,
    /// None, and all of them lie beside the image, to be fetched by whoever debugs it.
    Separate,
}

impl DebugSymbols {
    /// Returns the name as `--debug-symbols` takes it; keys have it, too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::All => "all",
            Self::None => "none",
            Self::Separate => "separate",
        }
    }
}

/// A pattern for paths in a publish folder: `*` and `?` stop at slashes, `**` does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathPattern(Pattern);

impl LayerRules {
    /// Returns the rules without exceptions.
    pub fn new(prefix: impl Into<String>, runtime_identifier: RuntimeIdentifier) -> Self {
        Self {
            prefix: prefix.into(),
            runtime_identifier,
            executables: BTreeSet::new(),
            keep: Vec::new(),
            debug_symbols: DebugSymbols::default(),
        }
    }

    pub(crate) fn keeps(&self, path: &str) -> bool {
        self.keep.iter().any(|pattern| pattern.matches(path))
    }
}

impl PathPattern {
    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// `true` if the pattern means this path.
    pub fn matches(&self, path: &str) -> bool {
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        self.0.matches_with(path, options)
    }
}

impl FromStr for PathPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::PathPattern;

    #[test]
    fn one_star_stops_at_a_slash_and_two_do_not() {
        let matches = |pattern: &str, path| pattern.parse::<PathPattern>().unwrap().matches(path);
        assert!(matches("*.pdb", "Serilog.pdb"));
        assert!(!matches("*.pdb", "de/Serilog.pdb"));
        assert!(matches("**/*.pdb", "Serilog.pdb"));
        assert!(matches(
            "runtimes/win-*/**",
            "runtimes/win-x64/native/x.dll"
        ));
        assert!("a[".parse::<PathPattern>().is_err());
    }
}
