use crate::BuildError;
use crate::report::Outcome;
use crate::result::app::AppLayer;
use crate::result::kept_layer::KeptLayer;
use fs_err as fs;
use mizzen_image::{Compression, Entry, Layer, LayerBuilder};
use mizzen_oci::{Digest, Hasher};
use mizzen_store::{Cancel, FileState, FsActionCache, StatCache, Store};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A file or a folder of the user's that becomes a layer of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddedFiles {
    /// The file, or the folder whose files are meant; absolute.
    pub source: PathBuf,
    /// Where the file, or what is in the folder, lies in the image; absolute. A file goes into a
    /// destination that ends with a slash under its own name.
    pub destination: String,
    /// The owner.
    pub uid: u32,
    /// The owning group.
    pub gid: u32,
    /// The mode of each file; without one it is 0755 for what its owner may run, else 0644.
    pub mode: Option<u32>,
}

/// The kind of the notes that remember layers.
const KIND: &str = "added";

/// What is to be one entry of the layer.
struct File {
    path: Vec<u8>,
    source: PathBuf,
    mode: u32,
    digest: Digest,
}

impl AddedFiles {
    /// Returns the layer: made again if a byte, a name or a mode of it differs.
    ///
    /// It holds files and no folders: those that are missing in the image will be root's, those that
    /// are there keep their attributes. A link counts as the file that it points to.
    ///
    /// # Errors
    /// [`BuildError::Added`] for a link out of the folder, for what is not a file and for an empty
    /// folder; [`BuildError::Read`]; [`BuildError::Layer`].
    pub fn layer(
        &self,
        compression: Compression,
        store: &Store,
        cancel: &Cancel,
    ) -> Result<AppLayer, BuildError> {
        let files = self.files(store, cancel)?;
        let key = self.key(&files, compression);
        let of_layer = |layer, outcome| AppLayer {
            name: format!("add {}", self.destination),
            layer,
            files: files.len(),
            outcome,
        };
        if let Some(layer) = remembered(&key, compression, store)? {
            return Ok(of_layer(layer, Outcome::Hit));
        }
        let entries = files.iter().map(|file| {
            let entry = Entry::file(file.path.clone(), &file.source);
            entry.with_mode(file.mode).owned_by(self.uid, self.gid)
        });
        let builder: LayerBuilder = entries.collect();
        let layer = builder.compressed_by(compression).write(store, cancel)?;
        // A file that was written to since its digest was taken gives a layer with another key.
        if self.key(&self.files(store, cancel)?, compression) == key {
            let note = serde_json::to_vec(&KeptLayer::of(&of_layer(layer.clone(), Outcome::Ran)));
            store.write_note(KIND, &key, &note.expect("digests and numbers are JSON"))?;
        }
        Ok(of_layer(layer, Outcome::Ran))
    }

    fn key(&self, files: &[File], compression: Compression) -> Digest {
        let mut key = Hasher::default();
        key.field(LayerBuilder::FORMAT.as_bytes());
        key.field(compression.to_string().as_bytes());
        key.field(&self.uid.to_le_bytes());
        key.field(&self.gid.to_le_bytes());
        for file in files {
            key.field(&file.path);
            key.field(&file.mode.to_le_bytes());
            key.field(file.digest.as_bytes());
        }
        key.finish()
    }

    fn files(&self, store: &Store, cancel: &Cancel) -> Result<Vec<File>, BuildError> {
        let source = fs::canonicalize(&self.source).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => refused(&self.source, "it does not exist"),
            _ => BuildError::Read(error),
        })?;
        let mut walk = Walk {
            added: self,
            root: source.clone(),
            digests: StatCache::load(store, &source)?,
            files: Vec::new(),
            cancel,
        };
        let destination = self.destination.trim_start_matches('/').as_bytes().to_vec();
        if source.is_dir() {
            let prefix = destination.strip_suffix(b"/").unwrap_or(&destination);
            walk.folder(&source, prefix, &mut vec![source.clone()])?;
        } else {
            let mut path = destination;
            if path.is_empty() || path.ends_with(b"/") {
                path.extend(self.source.file_name().unwrap_or_default().as_bytes());
            }
            walk.file(source, path)?;
        }
        if walk.files.is_empty() {
            return Err(refused(&self.source, "it is an empty folder"));
        }
        walk.digests.save(store)?;
        walk.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(walk.files)
    }
}

fn refused(path: &Path, why: &'static str) -> BuildError {
    BuildError::Added {
        path: path.to_owned(),
        why,
    }
}

struct Walk<'a> {
    added: &'a AddedFiles,
    root: PathBuf,
    digests: StatCache,
    files: Vec<File>,
    cancel: &'a Cancel,
}

impl Walk<'_> {
    // `within` holds the canonical folders from the root to the one that is read.
    fn folder(
        &mut self,
        folder: &Path,
        prefix: &[u8],
        within: &mut Vec<PathBuf>,
    ) -> Result<(), BuildError> {
        for entry in fs::read_dir(folder).map_err(BuildError::Read)? {
            self.cancel.check()?;
            let entry = entry.map_err(BuildError::Read)?;
            let source = fs::canonicalize(entry.path()).map_err(BuildError::Read)?;
            if !source.starts_with(&self.root) || within.contains(&source) {
                return Err(refused(
                    &entry.path(),
                    "it is a link that leaves the folder or leads in a circle",
                ));
            }
            let name = entry.file_name();
            let path = match prefix {
                b"" => name.as_bytes().to_vec(),
                _ => [prefix, b"/", name.as_bytes()].concat(),
            };
            if source.is_dir() {
                within.push(source.clone());
                self.folder(&source, &path, within)?;
                within.pop();
            } else {
                self.file(source, path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, source: PathBuf, path: Vec<u8>) -> Result<(), BuildError> {
        let metadata = fs::metadata(&source).map_err(BuildError::Read)?;
        if !metadata.is_file() {
            return Err(refused(&source, "it is not a file"));
        }
        let name = String::from_utf8_lossy(source.as_os_str().as_bytes()).into_owned();
        let digest = self
            .digests
            .digest(&name, &source, FileState::of(&metadata))
            .map_err(BuildError::Read)?;
        let is_run = metadata.permissions().mode() & 0o100 != 0;
        let mode = self
            .added
            .mode
            .unwrap_or(if is_run { 0o755 } else { 0o644 });
        self.files.push(File {
            path,
            source,
            mode,
            digest,
        });
        Ok(())
    }
}

fn remembered(
    key: &Digest,
    compression: Compression,
    store: &Store,
) -> Result<Option<Layer>, BuildError> {
    let Some(note) = store.read_note(KIND, key)? else {
        return Ok(None);
    };
    let kept = serde_json::from_slice::<KeptLayer>(&note).ok();
    let found = kept.and_then(|kept| kept.find(compression, &FsActionCache(store)));
    Ok(found.map(|found| found.layer))
}
