use crate::file_edits::FILE_EDITS;
use crate::package_edits::{FEED_GAINS, PACKAGE_EDITS, floating, settle};
use crate::project_edits::{ANYWHERE_EDITS, GENERATED_EDITS};
use crate::same_edits::SAME_EDITS;
use crate::state::{Edit, State};
use crate::workspace::Workspace;

/// The kinds of edits, of which each occurs about as often as any other.
pub(crate) struct Choice {
    /// Each with how often it was chosen.
    kinds: Vec<(&'static str, Edit, usize)>,
}

/// How many steps go by, on average, until what floats is taken away.
const STEPS_THAT_FLOAT: u8 = 8;

impl Choice {
    pub(crate) fn of(workspace: Workspace) -> Self {
        let mut kinds = [SAME_EDITS, FILE_EDITS, ANYWHERE_EDITS].concat();
        if workspace == Workspace::Generated {
            kinds.extend([GENERATED_EDITS, PACKAGE_EDITS].concat());
        }
        let kinds = kinds.into_iter();
        Self {
            kinds: kinds.map(|(name, edit)| (name, edit, 0)).collect(),
        }
    }

    /// Edits the workspace, and returns what kind of edit that was and what it did.
    pub(crate) fn edit(&mut self, state: &mut State) -> (&'static str, String) {
        if let Some(edited) = self.edit_what_floats(state) {
            return edited;
        }
        loop {
            // Of two kinds the one that was rarer: no kind stays behind, and yet any may follow any.
            let [one, two] = [(); 2].map(|()| state.random.usize(..self.kinds.len()));
            let rarer = if self.kinds[one].2 <= self.kinds[two].2 {
                one
            } else {
                two
            };
            if let Some(edited) = self.try_one(rarer, state) {
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
                let is_it = |kind: &(&str, Edit, usize)| kind.0 == FEED_GAINS.0;
                let which = self.kinds.iter().position(is_it)?;
                self.try_one(which, state)
            }
            _ => None,
        }
    }

    fn try_one(&mut self, which: usize, state: &mut State) -> Option<(&'static str, String)> {
        let (name, edit, times) = &mut self.kinds[which];
        let told = edit(state)?;
        *times += 1;
        Some((name, told))
    }
}
