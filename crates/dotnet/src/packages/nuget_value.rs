//! How NuGet reads the values in its configuration: variables, names, paths.

use std::path::{Component, Path, PathBuf};

/// Returns the names between pairs of `%`.
pub(crate) fn variables(value: &str) -> impl Iterator<Item = String> {
    let parts = value.split('%').skip(1);
    parts.filter(|part| !part.is_empty()).map(str::to_owned)
}

/// Returns the name that an XML name stands for: `_x0020_` for a blank.
///
/// Source: `XmlConvert.DecodeName` of .NET.
pub(crate) fn decoded(name: &str) -> String {
    let mut decoded = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("_x") {
        decoded.push_str(before);
        let code = after.get(..4).filter(|_| after[4..].starts_with('_'));
        let letter = code.and_then(|code| u32::from_str_radix(code, 16).ok());
        if let Some(letter) = letter.and_then(char::from_u32) {
            decoded.push(letter);
            rest = &after[5..];
        } else {
            decoded.push_str("_x");
            rest = after;
        }
    }
    decoded + rest
}

/// Returns a value with its variables replaced; a name that is not set stays as it is.
///
/// Source: `Environment.ExpandEnvironmentVariables` of .NET.
pub(crate) fn expanded(value: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('%') {
        expanded.push_str(before);
        let known = after
            .split_once('%')
            .and_then(|(name, behind)| Some((variable(name)?, behind)));
        if let Some((value, behind)) = known {
            expanded.push_str(&value);
            rest = behind;
        } else {
            expanded.push('%');
            rest = after;
        }
    }
    expanded + rest
}

/// Returns a path without `.` and `..`, by its text alone, as NuGet does it.
pub(crate) fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normalized.pop();
            }
            part => normalized.push(part),
        }
    }
    normalized
}
