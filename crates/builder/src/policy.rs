use mizzen_dotnet::PathPattern;
use std::time::Duration;

/// How a build handles what is no function of the workspace alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// Whether the stage shows git's own files.
    pub git: GitPolicy,
    /// Whether publish may reach the network; then nothing that it gives is kept by a key.
    pub network: bool,
    /// What becomes of projects whose package versions float.
    pub floats: FloatPolicy,
    /// What becomes of projects that make something else each time.
    pub volatile: VolatilePolicy,
}

/// Whether the stage shows git's own files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GitPolicy {
    /// Where a package asks for them that is known to.
    #[default]
    Auto,
    /// All of them.
    Always,
    /// None.
    Never,
}

/// What becomes of projects whose package versions float.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FloatPolicy {
    /// They are restored each time.
    #[default]
    Resolve,
    /// They are restored once the packages that were resolved are as old as this.
    Ttl(Duration),
    /// They are an error.
    Error,
}

/// What becomes of projects that make something else each time: of the clock, of a random number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum VolatilePolicy {
    /// What was made is reused, and warned of.
    #[default]
    Warn,
    /// They are published each time, and nothing of it is kept by a key.
    NeverCache,
    /// They are an error.
    Error,
}

/// What is staged beside, or instead of, what is by itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InputRules {
    /// Files and folders that would be left out, relative to the root, or that lie elsewhere,
    /// absolute.
    pub extra: Vec<String>,
    /// What is left out, relative to the root.
    pub ignore: Vec<PathPattern>,
}
