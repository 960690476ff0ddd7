use mizzen_oci::Digest;
use std::collections::VecDeque;
use std::io;

/// How many links one look-up may follow, as in the kernel.
///
/// Source: `path_resolution(7)`.
const MOST_LINKS: usize = 40;

/// A tree of files whose paths can be looked up as a process would, without the process.
///
/// Paths are relative to the tree's root, with `/`; the root is the empty path.
pub trait Tree {
    /// Returns what is at `path` itself. The folders above it are folders, not links.
    ///
    /// # Errors
    /// [`io::Error`] if it is there and cannot be read.
    fn entry(&self, path: &str) -> io::Result<Entry>;

    /// Returns the names in the folder `path`, sorted by bytes, each with its kind.
    ///
    /// # Errors
    /// [`io::Error`] if the folder cannot be read.
    fn names(&self, path: &str) -> io::Result<Vec<(String, Kind)>>;

    /// Follows `path` from the root, and every link on it.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    fn look_up(&self, path: &str) -> io::Result<Lookup> {
        let mut links = Vec::new();
        let mut rest: VecDeque<String> = parts(path).collect();
        let mut here = String::new();
        let ended = |links, end, node, rest: VecDeque<String>| {
            Ok(Lookup {
                links,
                end,
                rest: Vec::from(rest).join("/"),
                node,
            })
        };
        let mut node = Node::Folder;
        while let Some(part) = rest.pop_front() {
            if node != Node::Folder {
                // Something that is not a folder has nothing below it.
                rest.push_front(part);
                return ended(links, here, Node::Absent, rest);
            }
            if part == ".." {
                if here.is_empty() {
                    return ended(links, here, Node::Outside, rest);
                }
                here.truncate(here.rfind('/').unwrap_or(0));
                continue;
            }
            let next = if here.is_empty() {
                part
            } else {
                format!("{here}/{part}")
            };
            match self.entry(&next)? {
                Entry::Link(target) => {
                    links.push((next, target.clone()));
                    if links.len() > MOST_LINKS {
                        return ended(links, here, Node::Absent, rest);
                    }
                    if let Some(absolute) = target.strip_prefix('/') {
                        if !self.is_whole_machine() {
                            return ended(links, here, Node::Outside, rest);
                        }
                        here.clear();
                        prepend(&mut rest, absolute);
                    } else {
                        prepend(&mut rest, &target);
                    }
                }
                Entry::Node(found) => {
                    here = next;
                    node = found;
                }
            }
        }
        ended(links, here, node, rest)
    }

    /// `true` if the tree's root is the machine's, so that an absolute link stays in it.
    fn is_whole_machine(&self) -> bool {
        false
    }
}

/// What is at a path itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// A symbolic link and its target.
    Link(String),
    /// Anything else.
    Node(Node),
}

/// What a look-up ends at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// Nothing.
    Absent,
    /// A place outside of the tree, to which a link or `..` leads.
    Outside,
    /// A file.
    File {
        /// Of its content.
        digest: Digest,
        /// Whether it can be executed.
        executable: bool,
    },
    /// A folder.
    Folder,
    /// Something that has no content, such as a device: which.
    Other(String),
}

/// What a name in a folder is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Anything else.
    Other,
}

/// The way of a look-up and its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lookup {
    /// The links that were followed, in order, each with its target.
    pub links: Vec<(String, String)>,
    /// Where it ended, as far as it came.
    pub end: String,
    /// What of the path was left where its way ended.
    pub rest: String,
    /// What is there.
    pub node: Node,
}

impl Kind {
    /// Returns one letter that stands for it in a key.
    pub(crate) const fn letter(self) -> u8 {
        match self {
            Self::File => b'f',
            Self::Folder => b'd',
            Self::Link => b'l',
            Self::Other => b'?',
        }
    }
}

fn parts(path: &str) -> impl DoubleEndedIterator<Item = String> {
    let parts = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".");
    parts.map(ToOwned::to_owned)
}

fn prepend(rest: &mut VecDeque<String>, path: &str) {
    for part in parts(path).rev() {
        rest.push_front(part);
    }
}
