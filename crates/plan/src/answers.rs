use crate::path_set::{Look, PathSet, answer};
use crate::tree::Tree;
use mizzen_oci::{Digest, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use std::io;

/// What paths of the machine answered to a step, each as a digest of its answer.
///
/// A key over a whole workspace says nothing of the machine beside it, so a record that is found by
/// such a key is good only where all of these paths still answer as they did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Answers(BTreeSet<Answer>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
struct Answer {
    path: String,
    look: Look,
    digest: Digest,
}

impl Answers {
    /// Asks `machine` for each path of the machine that `paths` names.
    ///
    /// # Errors
    /// [`io::Error`] if a path is there and cannot be read.
    pub fn of(paths: &PathSet, machine: &dyn Tree) -> io::Result<Self> {
        let answers = paths.machine.iter().map(|(path, look)| {
            Ok(Answer {
                path: path.clone(),
                look: *look,
                digest: ask(machine, path, *look)?,
            })
        });
        answers.collect::<io::Result<_>>().map(Self)
    }

    /// Returns these and `others`: what one step and the next were answered.
    ///
    /// Where the machine changed between the two, one path has two answers, and no machine gives both.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Returns the first path, by name, to which `machine` has another answer, and what was asked of it.
    ///
    /// # Errors
    /// [`io::Error`] if a path is there and cannot be read.
    pub fn first_change(&self, machine: &dyn Tree) -> io::Result<Option<(&str, Look)>> {
        for answer in &self.0 {
            if ask(machine, &answer.path, answer.look)? != answer.digest {
                return Ok(Some((&answer.path, answer.look)));
            }
        }
        Ok(None)
    }

    /// Returns how many answers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// `true` if nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the table as the bytes that are kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(&json!(self))
    }

    /// Reads a table that was kept; `None` if it is of another shape.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

fn ask(machine: &dyn Tree, path: &str, look: Look) -> io::Result<Digest> {
    let mut answered = Vec::new();
    answer(&mut answered, machine, path, look)?;
    Ok(Digest::of(&answered))
}

#[cfg(test)]
mod tests {
    use super::Answers;
    use crate::{FileInput, Look, PathSet, SourceTree};
    use mizzen_oci::Digest;
    use std::collections::BTreeMap;

    type Files = BTreeMap<String, FileInput>;

    fn files(of: &[(&str, &str)]) -> Files {
        let file = |(path, text): &(&str, &str)| {
            let file = FileInput::File(Digest::of(text.as_bytes()));
            ((*path).to_owned(), file)
        };
        of.iter().map(file).collect()
    }

    fn answers(paths: &[(&str, Look)], machine: &Files) -> Answers {
        let mut set = PathSet::default();
        for (path, look) in paths {
            set.add_machine(*path, *look);
        }
        Answers::of(&set, &SourceTree::new(machine.clone())).unwrap()
    }

    #[test]
    fn the_first_path_that_answers_otherwise_is_named_and_no_other_counts() {
        let before = files(&[("etc/a", "a"), ("etc/b", "b"), ("lib/x", "x")]);
        let kept = answers(
            &[
                ("etc/a", Look::Read),
                ("etc/none", Look::Probed),
                ("lib", Look::Listed),
            ],
            &before,
        );
        let kept = Answers::parse(&kept.to_bytes()).unwrap();
        let change = |now: &[(&str, &str)]| {
            let now = files(now);
            let change = kept.first_change(&SourceTree::new(now)).unwrap();
            change.map(|(path, look)| (path.to_owned(), look))
        };
        let same = [("etc/a", "a"), ("etc/b", "other"), ("lib/x", "other")];
        assert_eq!(change(&same), None);
        let read = Some(("etc/a".to_owned(), Look::Read));
        assert_eq!(change(&[("etc/a", "A"), ("lib/x", "x")]), read);
        assert_eq!(change(&[("lib/x", "x")]), read);
        let appeared = [("etc/a", "a"), ("etc/none", ""), ("lib/x", "x")];
        let probed = Some(("etc/none".to_owned(), Look::Probed));
        assert_eq!(change(&appeared), probed);
        let grown = [("etc/a", "a"), ("lib/x", "x"), ("lib/y", "")];
        assert_eq!(change(&grown), Some(("lib".to_owned(), Look::Listed)));
    }

    #[test]
    fn the_answers_of_two_steps_hold_only_if_both_do() {
        let before = files(&[("etc/a", "a"), ("lib/x", "x")]);
        let one = answers(&[("etc/a", Look::Read), ("lib", Look::Probed)], &before);
        let other = answers(&[("lib", Look::Listed)], &before);
        for both in [one.clone().and(other.clone()), other.and(one)] {
            assert_eq!(both.len(), 3);
            let grown = files(&[("etc/a", "a"), ("lib/x", "x"), ("lib/y", "")]);
            let change = both.first_change(&SourceTree::new(grown)).unwrap();
            assert_eq!(change, Some(("lib", Look::Listed)));
        }
        let edited = files(&[("etc/a", "A")]);
        let torn = answers(&[("etc/a", Look::Read)], &before);
        let torn = torn.and(answers(&[("etc/a", Look::Read)], &edited));
        for machine in [before, edited] {
            let change = torn.first_change(&SourceTree::new(machine)).unwrap();
            assert_eq!(change, Some(("etc/a", Look::Read)));
        }
    }
}
