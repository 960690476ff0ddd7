use crate::DotnetMessage;
use mizzen_oci::Digest;
use mizzen_plan::{MissReason, StepName};
use std::time::Duration;

/// Hears what a build does while it does it.
pub trait Reporter: Send + Sync {
    /// Takes one event. Must not block for long.
    fn event(&self, event: &Event<'_>);
}

/// Something a person may want to see.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step starts, for these reasons.
    StepStarted(StepName, &'a [MissReason]),
    /// A step is over.
    StepEnded(&'a StepReport),
    /// Something else has to end before it goes on; what begins or goes on next ends the wait.
    Waiting(&'a str),
    /// The step goes on after a wait.
    GoesOn(StepName),
    /// So many packages have been fetched so far.
    Packages(usize),
    /// MSBuild compiles the project with this name.
    Compiling(&'a str),
    /// A line of `dotnet`'s own output, with the user's paths.
    DotnetLine(&'a str),
    /// A warning or an error of the compiler or of NuGet.
    Message(&'a DotnetMessage),
    /// The warnings of the run that is reused; perhaps none.
    Reused(&'a [DotnetMessage]),
    /// Something to know about the build that is not an error.
    Note(&'a str),
    /// Something to mend.
    Warning(&'a str),
}

/// What became of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepReport {
    /// The step.
    pub step: StepName,
    /// Its key.
    pub key: Digest,
    /// Whether it ran.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// Why it ran; empty on a hit.
    pub reasons: Vec<MissReason>,
    /// Whether it was watched what it looked up, and if not, why; `None` if it did not run, or what it
    /// gave is not kept, of which a warning tells.
    pub watched: Option<Result<(), String>>,
}

/// Whether something was made or found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Found in the cache.
    Hit,
    /// Found in a shared cache.
    RemoteHit,
    /// Made now.
    Ran,
}

impl Outcome {
    /// Returns the word that results for machines have.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::RemoteHit => "remote-hit",
            Self::Ran => "ran",
        }
    }
}
