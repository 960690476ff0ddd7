use crate::entry::lossy;
use crate::layer_check::normal;
use crate::layer_entries::{Bounds, each_entry};
use crate::{Image, Layer, layer_tar};
use mizzen_oci::{Digest, HashingReader};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Read};
use tar::{Entry, EntryType};

/// The files that a container of an image sees, and which layer each is from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileTree {
    files: BTreeMap<Vec<u8>, TreeFile>,
}

/// A file, a folder or a link in an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TreeFile {
    /// The layer, counted from the bottom, from 0.
    pub layer: usize,
    /// What it is.
    pub kind: FileKind,
    /// Permissions with set-id and sticky bits.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The owning group.
    pub gid: u64,
    /// How many bytes a file has.
    pub size_bytes: u64,
    /// The digest of a file's bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Where a link leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_target: Option<String>,
}

/// Some of the bytes of a file, in their order; none of them at its end.
#[derive(Clone, Copy, Debug)]
pub struct FilePart<'a> {
    /// The path, without a slash in front.
    pub path: &'a [u8],
    /// The layer, counted from the bottom, from 0.
    pub layer: usize,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// What a path in an image is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device or a pipe.
    Special,
}

/// A layer whose files cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum FileTreeError {
    /// It cannot be read to its end.
    #[error("layer {layer} cannot be read")]
    Layer {
        /// The layer.
        layer: Digest,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
}

/// What Linux follows before it takes a path for a circle.
const MOST_LINKS: usize = 40;

impl FileTree {
    /// Reads every layer of an image, bottom first, and applies it: files over files, and the
    /// whiteouts that remove what is below.
    ///
    /// # Errors
    /// [`FileTreeError`] names the layer.
    ///
    /// Source: OCI image-spec, layer.md, "Applying Changesets".
    pub fn of(image: &Image) -> Result<Self, FileTreeError> {
        Self::reading(image.layers(), &mut |_| {})
    }

    /// Reads layers as [`FileTree::of`] does those of an image, and gives the bytes of each file of
    /// each of them to `read`, piece by piece: also of those that a layer above removes.
    ///
    /// # Errors
    /// The same.
    pub fn reading(
        layers: &[Layer],
        read: &mut dyn FnMut(&FilePart<'_>),
    ) -> Result<Self, FileTreeError> {
        let mut tree = Self::default();
        let mut bounds = Bounds::default();
        for (index, layer) in layers.iter().enumerate() {
            tree.apply(layer, index, &mut bounds, read)?;
        }
        Ok(tree)
    }

    /// Returns what is at this path, written without a slash in front.
    pub fn get(&self, path: &[u8]) -> Option<&TreeFile> {
        self.files.get(path)
    }

    /// Returns what a program finds at this path: links on the way lead on, from the image's own root.
    pub fn follow(&self, path: &str) -> Option<&TreeFile> {
        let mut reached: Vec<&str> = Vec::new();
        let mut ahead: Vec<&str> = path.split('/').rev().collect();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            match part {
                "" | "." => continue,
                ".." => {
                    reached.pop();
                    continue;
                }
                part => reached.push(part),
            }
            let file = self.get(reached.join("/").as_bytes());
            let Some(target) = file.and_then(|file| file.link_target.as_deref()) else {
                continue;
            };
            // A hard link names a file, and is one.
            if file.is_some_and(|file| file.kind != FileKind::Symlink) {
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            reached.pop();
            if target.starts_with('/') {
                reached.clear();
            }
            ahead.extend(target.split('/').rev());
        }
        self.get(reached.join("/").as_bytes())
    }

    /// Returns every path, sorted by its bytes, and what is there.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &TreeFile)> {
        self.files.iter().map(|(path, file)| (&path[..], file))
    }

    /// Returns every path and what is there, leaving nothing in memory twice.
    pub(crate) fn into_files(self) -> impl Iterator<Item = (Vec<u8>, TreeFile)> {
        self.files.into_iter()
    }

    fn apply(
        &mut self,
        layer: &Layer,
        index: usize,
        bounds: &mut Bounds,
        read: &mut dyn FnMut(&FilePart<'_>),
    ) -> Result<(), FileTreeError> {
        let digest = layer.descriptor.digest;
        let unreadable = |source| FileTreeError::Layer {
            layer: digest,
            source,
        };
        let mut tar = layer_tar::open(layer).map_err(unreadable)?;
        let mut added = Self::default();
        let entries = each_entry(&mut tar, bounds, |entry| {
            let Some(path) = normal(&entry.path_bytes()) else {
                return Ok(());
            };
            match whiteout(&path) {
                // It removes what layers below put there, whatever this one does.
                Some(Whiteout::Below(folder)) => self.remove_below(&folder),
                Some(Whiteout::Path(path)) => {
                    self.remove_below(&path);
                    self.files.remove(&path);
                }
                None => added.add(entry, path, index, (self, read))?,
            }
            Ok(())
        });
        entries.map_err(unreadable)?;
        // The bytes behind the archive belong to the blob that is verified at its end.
        io::copy(&mut tar, &mut io::sink()).map_err(unreadable)?;
        for (path, file) in added.files {
            if file.kind != FileKind::Directory {
                self.remove_below(&path);
            }
            self.files.insert(path, file);
        }
        Ok(())
    }

    fn add(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        path: Vec<u8>,
        layer: usize,
        (below, read): (&Self, &mut dyn FnMut(&FilePart<'_>)),
    ) -> io::Result<()> {
        let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
        let kind = match entry.header().entry_type() {
            EntryType::Directory => FileKind::Directory,
            EntryType::Symlink => FileKind::Symlink,
            EntryType::Link => {
                // The same file by another name, which is in the archive before it or in a layer
                // below.
                let target = target.as_deref().and_then(normal).unwrap_or_default();
                let file = self.get(&target).or_else(|| below.get(&target));
                if let Some(file) = file.cloned() {
                    self.files.insert(path, TreeFile { layer, ..file });
                }
                return Ok(());
            }
            kind if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() => {
                FileKind::File
            }
            EntryType::XGlobalHeader => return Ok(()),
            _ => FileKind::Special,
        };
        let header = entry.header();
        let mut file = TreeFile {
            layer,
            kind,
            // Some tools leave a field empty that is zero.
            mode: header.mode().unwrap_or(0) & 0o7777,
            uid: header.uid().unwrap_or(0),
            gid: header.gid().unwrap_or(0),
            size_bytes: 0,
            digest: None,
            link_target: target
                .filter(|_| kind == FileKind::Symlink)
                .map(|target| lossy(&target)),
        };
        if kind == FileKind::File {
            let mut content = HashingReader::new(entry);
            let mut buffer = [0; 16 << 10];
            loop {
                let count = content.read(&mut buffer)?;
                // An empty file is told of, too.
                read(&FilePart {
                    path: &path,
                    layer,
                    bytes: &buffer[..count],
                });
                if count == 0 {
                    break;
                }
            }
            let (digest, size_bytes) = content.finish();
            (file.digest, file.size_bytes) = (Some(digest), size_bytes);
        }
        self.files.insert(path, file);
        Ok(())
    }

    fn remove_below(&mut self, folder: &[u8]) {
        let below = if folder.is_empty() {
            Vec::new()
        } else {
            [folder, b"/"].concat()
        };
        let gone: Vec<Vec<u8>> = self
            .files
            .range(below.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&below))
            .cloned()
            .collect();
        for path in gone {
            self.files.remove(&path);
        }
    }
}

enum Whiteout {
    Path(Vec<u8>),
    Below(Vec<u8>),
}

fn whiteout(path: &[u8]) -> Option<Whiteout> {
    let place = path.iter().rposition(|&byte| byte == b'/');
    let (folder, name) = match place {
        Some(place) => (&path[..place], &path[place + 1..]),
        None => (&b""[..], path),
    };
    let hidden = name.strip_prefix(b".wh.")?;
    if hidden == b".wh..opq" {
        return Some(Whiteout::Below(folder.to_vec()));
    }
    let path = if folder.is_empty() {
        hidden.to_vec()
    } else {
        [folder, b"/", hidden].concat()
    };
    Some(Whiteout::Path(path))
}
