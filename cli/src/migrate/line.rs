/// An instruction and what becomes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    /// Where it begins, counted from 1.
    pub(crate) number: usize,
    /// As it is written, on one line.
    pub(crate) text: String,
    pub(crate) becomes: Becomes,
    pub(crate) why: String,
}

/// What becomes of an instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Becomes {
    /// mizzen does it without being told.
    AlreadySo,
    /// Options of `mizzen build`.
    Options(Vec<String>),
    /// It has to be done before mizzen runs, or by the machine that builds.
    Outside,
    /// It takes a base image of one's own, which has it.
    OwnBase,
    /// There is nothing that it would be for.
    NotNeeded,
}

/// What becomes of an instruction, and why.
pub(super) type Answer = (Becomes, String);

/// Returns what has to be done before mizzen runs.
pub(super) fn outside(why: &str) -> Answer {
    (Becomes::Outside, why.to_owned())
}

impl Becomes {
    /// Returns the words for people.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::AlreadySo => "already so",
            Self::Options(_) => "option",
            Self::Outside => "outside",
            Self::OwnBase => "own base",
            Self::NotNeeded => "not needed",
        }
    }
}
