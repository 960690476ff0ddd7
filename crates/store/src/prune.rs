use crate::housekeeping::{Housekeeping, Removed};
use crate::own_files::{Kind, own_files};
use crate::{ActionResult, StoreError};
use fs_err as fs;
use mizzen_oci::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// How much of a cache may stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Blobs in all; those used longest ago go first.
    pub max_bytes: Option<u64>,
    /// What was not used for so long goes.
    pub max_age: Option<Duration>,
}

/// A record, a blob that no record names, or a small file that only saves work.
struct Unit {
    /// How long before now it was last used.
    unused: Duration,
    path: Option<PathBuf>,
    blobs: BTreeSet<Digest>,
}

impl Housekeeping<'_> {
    /// Removes what goes over `limits`: records by when they were last used, with the blobs that no
    /// record needs any more.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a file cannot be read or removed.
    pub fn prune(&self, limits: Limits) -> Result<Removed, StoreError> {
        let mut blobs = BTreeMap::new();
        let mut units = Vec::new();
        // The file system's clock, which is also the one of the files' times.
        let now = self
            .store
            .temporary_file()?
            .as_file()
            .metadata()?
            .modified()?;
        for file in own_files(self.store.root())? {
            let modified = file.metadata.modified()?;
            let unused = now.duration_since(modified).unwrap_or_default();
            let blobs_of_record = match file.kind {
                Kind::Blob(digest) => {
                    blobs.insert(digest, (file.path, file.metadata.len(), unused));
                    continue;
                }
                Kind::Record => {
                    // A damaged one is removed by the reading.
                    let Some(body) = self.store.read_sealed(&file.name)? else {
                        continue;
                    };
                    let result = serde_json::from_slice::<ActionResult>(&body).ok();
                    let named = result.map(|result| {
                        let outputs = result.outputs.values().map(|output| output.digest);
                        outputs.chain([result.inputs.digest]).collect()
                    });
                    named.unwrap_or_default()
                }
                Kind::Note => BTreeSet::new(),
            };
            units.push(Unit {
                unused,
                path: Some(file.path),
                blobs: blobs_of_record,
            });
        }
        let named: BTreeSet<Digest> = units.iter().flat_map(|unit| unit.blobs.clone()).collect();
        let unnamed = blobs.iter().filter(|(digest, _)| !named.contains(digest));
        units.extend(unnamed.map(|(digest, (_, _, unused))| Unit {
            unused: *unused,
            path: None,
            blobs: BTreeSet::from([*digest]),
        }));
        units.sort_by_key(|unit| unit.unused);

        let mut removed = Removed::default();
        let (mut kept, mut kept_bytes) = (BTreeSet::new(), 0);
        for unit in units {
            let new = unit.blobs.iter().filter(|digest| !kept.contains(*digest));
            let new_bytes: u64 = new.filter_map(|digest| Some(blobs.get(digest)?.1)).sum();
            let is_old = limits.max_age.is_some_and(|age| unit.unused > age);
            let is_much = limits
                .max_bytes
                .is_some_and(|most| kept_bytes + new_bytes > most);
            if !is_old && !is_much {
                kept_bytes += new_bytes;
                kept.extend(unit.blobs);
            } else if let Some(record) = unit.path {
                // Before its blobs: a record without them would be found, and be of no use.
                let bytes = fs::symlink_metadata(&record)?.len();
                removed.take(&record, bytes)?;
            }
        }
        for (digest, (path, bytes, _)) in blobs {
            if !kept.contains(&digest) {
                removed.take(&path, bytes)?;
            }
        }
        Ok(removed)
    }
}
