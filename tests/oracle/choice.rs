use crate::file_edits::FILE_EDITS;
use crate::machine_edits::{MACHINE_EDITS, SAME_MACHINE_EDITS};
use crate::package_edits::{FEED_GAINS, GRAPH_EDITS, PACKAGE_EDITS, floating, settle};
use crate::project_edits::{ANYWHERE_EDITS, GENERATED_EDITS};
use crate::same_edits::SAME_EDITS;
use crate::state::{Edit, State};
use crate::workspace::Workspace;

/// The kinds of edits. Half of the edits are of a kind that gives builds nothing new to do; of either
/// half each kind occurs about as often as any other.
pub(crate) struct Choice {
    same: Vec<Kind>,
    new: Vec<Kind>,
}

/// A name, an edit, and how often it was chosen.
type Kind = (&'static str, Edit, usize);

/// How many steps go by, on average, until what floats is taken away.
const STEPS_THAT_FLOAT: u8 = 8;

impl Choice {
    pub(crate) fn of(workspace: Workspace) -> Self {
        let mut new = vec![FILE_EDITS, ANYWHERE_EDITS, MACHINE_EDITS];
        match workspace {
            Workspace::Sample => {}
            Workspace::Generated => new.extend([GENERATED_EDITS, GRAPH_EDITS, PACKAGE_EDITS]),
            Workspace::Single => new.push(PACKAGE_EDITS),
        }
        let never_chosen = |kinds: &[(&'static str, Edit)]| {
            let kinds = kinds.iter().map(|&(name, edit)| (name, edit, 0));
            kinds.collect()
        };
        Self {
            same: never_chosen(&[SAME_EDITS, SAME_MACHINE_EDITS].concat()),
            new: never_chosen(&new.concat()),
        }
    }

    /// Edits the workspace, and returns what kind of edit that was and what it did.
    pub(crate) fn edit(&mut self, state: &mut State) -> (&'static str, String) {
        if let Some(edited) = self.edit_what_floats(state) {
            return edited;
        }
        loop {
            let kinds = if state.random.bool() {
                &mut self.same
            } else {
                &mut self.new
            };
            // Of two kinds the one that was rarer: no kind stays behind, and yet any may follow any.
            let [one, two] = [(); 2].map(|()| state.random.usize(..kinds.len()));
            let rarer = if kinds[one].2 <= kinds[two].2 {
                one
            } else {
                two
            };
            if let Some(edited) = try_one(&mut kinds[rarer], state) {
                return edited;
            }
        }
    }

    /// While something floats, restore runs at each step, and no step tells whether it was reused
    /// rightly. So that ends soon; meanwhile the feed grows now and then, which matters to nobody else.
    fn edit_what_floats(&mut self, state: &mut State) -> Option<(&'static str, String)> {
        if floating(state).is_empty() {
            return None;
        }
        match state.random.u8(..STEPS_THAT_FLOAT) {
            0 => Some(("nothing floats any more", settle(state)?)),
            1 => {
                let mut kinds = self.new.iter_mut();
                try_one(kinds.find(|kind| kind.0 == FEED_GAINS.0)?, state)
            }
            _ => None,
        }
    }
}

fn try_one(kind: &mut Kind, state: &mut State) -> Option<(&'static str, String)> {
    let (name, edit, times) = kind;
    let told = edit(state)?;
    *times += 1;
    Some((name, told))
}
