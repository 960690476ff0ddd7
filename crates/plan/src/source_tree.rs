use crate::FileInput;
use crate::tree::{Entry, Kind, Node, Tree};
use std::collections::BTreeMap;
use std::io;

/// The workspace as staged, as a tree in which paths can be looked up.
///
/// It is made once a scan and serves every project of the workspace: a look-up reads no file.
#[derive(Clone, Debug, Default)]
pub struct SourceTree<'a> {
    files: BTreeMap<&'a str, &'a FileInput>,
    /// The names in each folder, the root's under the empty path.
    folders: BTreeMap<&'a str, BTreeMap<&'a str, Kind>>,
}

impl<'a> SourceTree<'a> {
    /// Makes a tree of `files`, by paths relative to the root.
    pub fn new(files: impl IntoIterator<Item = (&'a String, &'a FileInput)>) -> Self {
        let mut tree = Self::default();
        tree.folders.entry("").or_default();
        for (path, fact) in files {
            let kind = match fact {
                FileInput::File(_) | FileInput::Program(_) => Kind::File,
                FileInput::Link(_) => Kind::Link,
                FileInput::Folder => Kind::Folder,
            };
            if kind == Kind::Folder {
                tree.folders.entry(path).or_default();
            } else {
                tree.files.insert(path, fact);
            }
            tree.add_name(path, kind);
        }
        tree
    }

    fn add_name(&mut self, path: &'a str, kind: Kind) {
        let (mut path, mut kind) = (path, kind);
        loop {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let names = self.folders.entry(folder).or_default();
            if names.insert(name, kind).is_some() || folder.is_empty() {
                return;
            }
            (path, kind) = (folder, Kind::Folder);
        }
    }
}

impl Tree for SourceTree<'_> {
    fn entry(&self, path: &str) -> io::Result<Entry> {
        Ok(match self.files.get(path) {
            Some(FileInput::Link(target)) => Entry::Link(target.clone()),
            Some(FileInput::File(digest)) => Entry::Node(Node::File {
                digest: *digest,
                executable: false,
            }),
            Some(FileInput::Program(digest)) => Entry::Node(Node::File {
                digest: *digest,
                executable: true,
            }),
            Some(FileInput::Folder) => Entry::Node(Node::Folder),
            None if self.folders.contains_key(path) => Entry::Node(Node::Folder),
            None => Entry::Node(Node::Absent),
        })
    }

    fn names(&self, path: &str) -> io::Result<Vec<(String, Kind)>> {
        let names = self.folders.get(path).into_iter().flatten();
        Ok(names
            .map(|(name, kind)| ((*name).to_owned(), *kind))
            .collect())
    }
}
