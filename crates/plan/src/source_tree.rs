use crate::tree::{Entry, Kind, Node, Tree};
use crate::{FileInput, is_restore_input};
use mizzen_oci::{Digest, canonical_json};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The workspace as staged, by path relative to its root, and files outside of it that the stage shows
/// where they are, by their absolute paths.
///
/// One table serves every project of a workspace: it is shared, and what keys make of it – its digest,
/// the names in each folder – is computed once. A look-up reads no file.
#[derive(Clone, Default)]
pub struct SourceTree(Arc<Table>);

#[derive(Default)]
struct Table {
    files: BTreeMap<String, FileInput>,
    /// The names in each folder of the workspace, the root's under the empty path.
    folders: OnceLock<Folders>,
    digest: OnceLock<Digest>,
    restore_digest: OnceLock<Digest>,
    /// The same with other files in place of some.
    variants: Mutex<Vec<(BTreeMap<String, FileInput>, SourceTree)>>,
}

type Folders = BTreeMap<String, BTreeMap<String, Kind>>;

impl SourceTree {
    /// Makes a tree of `files`.
    pub fn new(files: BTreeMap<String, FileInput>) -> Self {
        Self(Arc::new(Table {
            files,
            ..Table::default()
        }))
    }

    /// Returns the same with `others` added, or in place of what has their paths. The projects of a
    /// workspace mostly ask for the same, so it is made once.
    #[must_use]
    pub fn with(&self, others: BTreeMap<String, FileInput>) -> Self {
        let has = |(path, file): (&String, &FileInput)| self.get(path) == Some(file);
        if others.iter().all(has) {
            return self.clone();
        }
        let variants = self.0.variants.lock();
        let mut variants = variants.unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tree)) = variants.iter().find(|(known, _)| *known == others) {
            return tree.clone();
        }
        let mut files = self.0.files.clone();
        files.extend(others.clone());
        let tree = Self::new(files);
        variants.push((others, tree.clone()));
        tree
    }

    /// Returns the digest of the table.
    pub fn digest(&self) -> Digest {
        *self
            .0
            .digest
            .get_or_init(|| Digest::of(&canonical_json(&json!(self.0.files))))
    }

    /// Returns the digest of the files that restore reads, as far as their names tell.
    pub fn restore_digest(&self) -> Digest {
        *self.0.restore_digest.get_or_init(|| {
            let files = self.0.files.iter();
            let files = files.filter(|(path, _)| is_restore_input(path));
            let files: BTreeMap<_, _> = files.collect();
            Digest::of(&canonical_json(&json!(files)))
        })
    }

    fn folders(&self) -> &Folders {
        self.0.folders.get_or_init(|| {
            let mut folders = Folders::from([(String::new(), BTreeMap::new())]);
            let files = self.0.files.iter();
            for (path, file) in files.filter(|(path, _)| !path.starts_with('/')) {
                let kind = match file {
                    FileInput::File(_) | FileInput::Program(_) => Kind::File,
                    FileInput::Link(_) => Kind::Link,
                    FileInput::Folder => Kind::Folder,
                };
                if kind == Kind::Folder {
                    folders.entry(path.clone()).or_default();
                }
                add_name(&mut folders, path, kind);
            }
            folders
        })
    }
}

fn add_name(folders: &mut Folders, path: &str, kind: Kind) {
    let (mut path, mut kind) = (path, kind);
    loop {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let names = folders.entry(folder.to_owned()).or_default();
        if names.insert(name.to_owned(), kind).is_some() || folder.is_empty() {
            return;
        }
        (path, kind) = (folder, Kind::Folder);
    }
}

impl Tree for SourceTree {
    fn entry(&self, path: &str) -> io::Result<Entry> {
        Ok(match self.0.files.get(path) {
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
            None if self.folders().contains_key(path) => Entry::Node(Node::Folder),
            None => Entry::Node(Node::Absent),
        })
    }

    fn names(&self, path: &str) -> io::Result<Vec<(String, Kind)>> {
        let names = self.folders().get(path).into_iter().flatten();
        Ok(names.map(|(name, kind)| (name.clone(), *kind)).collect())
    }
}

impl Deref for SourceTree {
    type Target = BTreeMap<String, FileInput>;

    fn deref(&self) -> &Self::Target {
        &self.0.files
    }
}

impl FromIterator<(String, FileInput)> for SourceTree {
    fn from_iter<I: IntoIterator<Item = (String, FileInput)>>(files: I) -> Self {
        Self::new(files.into_iter().collect())
    }
}

impl PartialEq for SourceTree {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.files == other.0.files
    }
}

impl Eq for SourceTree {}

impl std::fmt::Debug for SourceTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.files.fmt(f)
    }
}

impl Serialize for SourceTree {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.files.serialize(to)
    }
}

impl<'de> Deserialize<'de> for SourceTree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(from).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::SourceTree;
    use crate::{FileInput, Kind, Tree};
    use mizzen_oci::Digest;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn files(of: &[(&str, &str)]) -> BTreeMap<String, FileInput> {
        let file = |(path, text): &(&str, &str)| {
            let file = FileInput::File(Digest::of(text.as_bytes()));
            ((*path).to_owned(), file)
        };
        of.iter().map(file).collect()
    }

    fn is_shared(one: &SourceTree, other: &SourceTree) -> bool {
        Arc::ptr_eq(&one.0, &other.0)
    }

    #[test]
    fn a_tree_with_other_files_is_made_once_and_is_the_same_where_nothing_is_other() {
        let tree = SourceTree::new(files(&[("a.cs", "a"), ("App.csproj", "app")]));
        assert!(is_shared(&tree.with(files(&[("a.cs", "a")])), &tree));
        let other = tree.with(files(&[("nuget.config", "n"), ("a.cs", "A")]));
        let again = tree.with(files(&[("nuget.config", "n"), ("a.cs", "A")]));
        assert!(is_shared(&other, &again));
        let want = files(&[("a.cs", "A"), ("App.csproj", "app"), ("nuget.config", "n")]);
        assert_eq!(*other, want);
        assert_ne!(other.digest(), tree.digest());
        assert_ne!(other.restore_digest(), tree.restore_digest());
        let source = tree.with(files(&[("a.cs", "A")]));
        assert_eq!(source.restore_digest(), tree.restore_digest());
        assert_ne!(source.digest(), tree.digest());
    }

    #[test]
    fn what_lies_outside_of_the_workspace_is_in_the_digest_and_in_no_folder() {
        let inside = SourceTree::new(files(&[("src/a.cs", "a")]));
        let both = inside.with(files(&[("/srv/b.txt", "b")]));
        assert_ne!(both.digest(), inside.digest());
        let root = vec![("src".to_owned(), Kind::Folder)];
        assert_eq!(both.names("").unwrap(), root);
    }
}
