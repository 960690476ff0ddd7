use mizzen_plan::PathSet;

/// What is known of the paths that a step looks up, and since when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KnownLooks {
    /// It was watched.
    Seen {
        /// What it looked up.
        paths: PathSet,
        /// When, in seconds since 1970; `None` if that was not kept.
        at: Option<u64>,
        /// Whether it ran with the SDK, the options and the packages of today.
        is_of_today: bool,
    },
    /// It ran, and nobody knows what it looked up.
    NotSeen {
        /// Why not.
        why: String,
        /// When it ran, in seconds since 1970.
        at: u64,
    },
    /// It has not run here.
    NeverRan,
}
