use crate::file_edits::outside;
use crate::package_edits::floating;
use crate::tree::{self, Entry, Snapshot};
use crate::workspace::Shape;
use fs_err as fs;
use mizzen_oci::{Digest, Hasher};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A workspace on its way, and what a person would have set around it.
pub(crate) struct State {
    pub(crate) root: PathBuf,
    pub(crate) feed: PathBuf,
    /// What the machine has in a folder that projects read.
    pub(crate) machine: PathBuf,
    pub(crate) shape: Shape,
    pub(crate) random: fastrand::Rng,
    /// Counts up, for names and texts that were not there before.
    pub(crate) number: usize,
    /// Variables of the user's shell; they may change nothing.
    pub(crate) environment: BTreeMap<String, String>,
    /// Options of the command line.
    pub(crate) options: Vec<String>,
    /// Trees that were built and can be gone back to, the newest first, with their options.
    pub(crate) earlier: Vec<(Snapshot, Vec<String>)>,
}

/// Changes something and says what; `None` if there was nothing of the kind to change.
pub(crate) type Edit = fn(&mut State) -> Option<String>;

impl State {
    /// Makes the workspace an earlier one again; 0 is the newest.
    pub(crate) fn back(&mut self, which: usize) {
        let (snapshot, options) = &self.earlier[which];
        tree::write(&self.root, snapshot);
        self.options.clone_from(options);
    }

    /// Keeps a tree that was built, to go back to.
    pub(crate) fn keep(&mut self, snapshot: Snapshot) {
        let built = (snapshot, self.options.clone());
        if self.earlier.first() != Some(&built) {
            self.earlier.insert(0, built);
            self.earlier.truncate(12);
        }
    }

    /// Names everything that decides about a clean build: the tree, what it links to, what it reads of the machine, the packages of
    /// the feed where a project takes the newest, the options.
    pub(crate) fn world(&self, snapshot: &Snapshot) -> Digest {
        let mut hasher = Hasher::default();
        let machine = tree::read(&self.machine.join("acme"));
        for (path, entry) in snapshot.iter().chain(&machine) {
            hasher.field(path.as_bytes());
            match entry {
                Entry::File { bytes, mode } => {
                    hasher.field(format!("file {mode:o}").as_bytes());
                    hasher.field(bytes);
                }
                Entry::Link(target) => {
                    hasher.field(format!("link {}", target.display()).as_bytes());
                }
                Entry::Folder => hasher.field(b"folder"),
            }
        }
        hasher.field(&fs::read(outside(self)).unwrap_or_default());
        if !floating(self).is_empty() {
            for package in tree::files(&self.feed, |_| true) {
                hasher.field(package.as_bytes());
            }
        }
        for option in &self.options {
            hasher.field(option.as_bytes());
        }
        hasher.finish()
    }

    pub(crate) fn next(&mut self) -> usize {
        self.number += 1;
        self.number
    }
}
