use std::path::{Path, PathBuf};

/// Returns what `./test` has prepared and named by a variable.
pub(crate) fn prepared(variable: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
    let value = std::env::var_os(variable);
    value
        .unwrap_or_else(|| {
            panic!("{variable} is not set: run ./test, which prepares what this suite needs")
        })
        .into()
}

pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(name)
}

/// Returns whether a variable asks the tests for something.
pub(crate) fn is_set(name: &str) -> bool {
    variable(name).is_some()
}

/// Returns what a variable asks the tests for.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
    std::env::var(name).ok()
}
