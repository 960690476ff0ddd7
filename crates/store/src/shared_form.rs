use crate::ActionResult;

/// How the results of one step travel between machines.
#[derive(Clone, Copy, Debug)]
pub struct SharedForm {
    /// Whether an output, by its name, travels inside of the record: small texts that are needed at
    /// every hit. All others are blobs of their own, which a hit may never fetch.
    pub is_inside: fn(&str) -> bool,
    /// Whether the table of inputs travels inside, too, for people: the results of this step name
    /// nothing that is reused.
    pub has_inputs: bool,
    /// Whether it was seen what of the machine went into a result; a result of which that is not known
    /// holds on machines of one kind only.
    pub is_watched: fn(&ActionResult) -> bool,
    /// Puts together what two machines know under one key, the newer first; `None` where two results of
    /// one key are equally good.
    pub merge: Option<Merge>,
}

/// Returns what two results of one key say together, the newer first.
pub type Merge = fn(newer: &ActionResult, older: &ActionResult) -> ActionResult;
