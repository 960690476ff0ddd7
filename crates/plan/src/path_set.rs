use crate::Tree;
use crate::tree::{Lookup, Node};
use mizzen_oci::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::io;

/// The paths that a step was seen to look up, by where they lie.
///
/// Its *strong key* over a tree is the digest of what exactly these paths answer there. A step whose
/// every look-up is answered as it was the last time does what it did the last time, so a record may
/// be found by this key; `docs/decisions/path-sets.md` has the argument.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PathSet {
    /// Below the workspace's root, relative to it; the root itself is the empty path.
    pub sources: BTreeMap<String, Look>,
    /// Elsewhere on the machine, absolute.
    pub machine: BTreeMap<String, Look>,
}

/// How much of a path a step asked for; each kind includes those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// It asked for attributes: whether the path is there, what it is, how long, how old.
    Probed,
    /// It read the content, or ran the program.
    Read,
    /// It listed the folder.
    Listed,
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probed => "looked for",
            Self::Read => "read",
            Self::Listed => "listed",
        })
    }
}

impl PathSet {
    /// Adds a look-up below the workspace's root.
    pub fn add_source(&mut self, path: impl Into<String>, look: Look) {
        add(&mut self.sources, path.into(), look);
    }

    /// Adds a look-up elsewhere on the machine.
    pub fn add_machine(&mut self, path: impl Into<String>, look: Look) {
        add(&mut self.machine, path.into(), look);
    }

    /// Returns how many paths it names.
    pub fn len(&self) -> usize {
        self.sources.len() + self.machine.len()
    }

    /// `true` if the step looked at nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the key of the step's record over what `sources` and `machine` hold now.
    ///
    /// `weak` is the step's weak key: whatever is known before the first look-up.
    ///
    /// # Errors
    /// [`io::Error`] if a path is there and cannot be read: then nobody can tell what it answers.
    pub fn strong_key(
        &self,
        weak: &Digest,
        sources: &dyn Tree,
        machine: &dyn Tree,
    ) -> io::Result<Digest> {
        let mut answers = Vec::with_capacity(128 * self.len());
        answers.extend(b"mizzen strong key 1\n");
        answers.extend(weak.as_bytes());
        for (tree, paths) in [(sources, &self.sources), (machine, &self.machine)] {
            answers.extend((paths.len() as u64).to_le_bytes());
            for (path, look) in paths {
                put(&mut answers, path.as_bytes());
                answer(&mut answers, tree, path, *look)?;
            }
        }
        Ok(Digest::of(&answers))
    }

    /// Returns the paths of the workspace that answer otherwise in `now` than in `earlier`, in order.
    ///
    /// # Errors
    /// As [`strong_key`](Self::strong_key).
    pub fn changed_sources<'a>(
        &'a self,
        earlier: &dyn Tree,
        now: &dyn Tree,
    ) -> io::Result<Vec<(&'a str, Look)>> {
        let mut changed = Vec::new();
        for (path, look) in &self.sources {
            let (mut before, mut after) = (Vec::new(), Vec::new());
            answer(&mut before, earlier, path, *look)?;
            answer(&mut after, now, path, *look)?;
            if before != after {
                changed.push((path.as_str(), *look));
            }
        }
        Ok(changed)
    }
}

fn add(paths: &mut BTreeMap<String, Look>, path: String, look: Look) {
    let known = paths.entry(path).or_insert(look);
    *known = look.max(*known);
}

/// Writes what `tree` answers to a look-up of `path`: every link on the way, then what is there.
///
/// A file's answer is its content, whatever was asked: in a stage its time is a function of the
/// content, so `stat` tells of the content, too.
pub(crate) fn answer(
    answers: &mut Vec<u8>,
    tree: &dyn Tree,
    path: &str,
    look: Look,
) -> io::Result<()> {
    let Lookup {
        links, end, node, ..
    } = tree.look_up(path)?;
    for (link, target) in &links {
        answers.push(b'l');
        put(answers, link.as_bytes());
        put(answers, target.as_bytes());
    }
    match node {
        Node::Absent => answers.push(b'-'),
        Node::Outside => answers.push(b'o'),
        Node::File { digest, executable } => {
            answers.push(if executable { b'x' } else { b'f' });
            answers.extend(digest.as_bytes());
        }
        Node::Folder => {
            answers.push(b'd');
            if look == Look::Listed {
                let names = tree.names(&end)?;
                answers.extend((names.len() as u64).to_le_bytes());
                for (name, kind) in names {
                    put(answers, name.as_bytes());
                    answers.push(kind.letter());
                }
            }
        }
        Node::Other(what) => {
            answers.push(b'?');
            put(answers, what.as_bytes());
        }
    }
    Ok(())
}

/// With its length, so that no two sequences of texts have the same bytes.
fn put(answers: &mut Vec<u8>, text: &[u8]) {
    answers.extend((text.len() as u64).to_le_bytes());
    answers.extend(text);
}
