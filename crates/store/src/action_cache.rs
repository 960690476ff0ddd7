use crate::{Blob, Store, StoreError};
use mizzen_oci::{Digest, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Finds what an action gave when it last ran with this very key.
///
/// The shape of the Remote Execution API's action cache, so that an existing one can serve.
pub trait ActionCache: Send + Sync {
    /// Returns the result of `step` with `key`; `None` if it never ran here, or its record is
    /// damaged.
    ///
    /// # Errors
    /// [`StoreError`] if the cache cannot be asked.
    fn get(&self, step: &str, key: &Digest) -> Result<Option<ActionResult>, StoreError>;

    /// Keeps the result of `step` with `key`.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    fn put(&self, step: &str, key: &Digest, result: &ActionResult) -> Result<(), StoreError>;

    /// Returns the result of `step` with `key` from beyond this machine, for who could not use what
    /// [`get`](Self::get) found here; `None` where nobody else is asked.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept here.
    fn get_elsewhere(&self, _: &str, _: &Digest) -> Result<Option<ActionResult>, StoreError> {
        Ok(None)
    }

    /// Returns a blob that a result names, wherever it lies: its bytes may come only when they are
    /// read. `None` if it is lost.
    fn blob(&self, output: &Output) -> Option<Arc<dyn Blob>>;

    /// Sees to it that blobs are in the store of this machine. Returns the first that cannot be had.
    ///
    /// # Errors
    /// [`StoreError`] if one cannot be kept here.
    fn bring(&self, outputs: &[Output]) -> Result<Option<Output>, StoreError>;
}

/// What an action gave: blobs by name, and facts that need no blob.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ActionResult {
    /// The blobs, by what they are: a package, a layer.
    pub outputs: BTreeMap<String, Output>,
    /// The table of everything that went into the key, so that a miss can name what changed.
    pub inputs: Output,
    /// What else the next step needs to know.
    pub facts: Value,
    /// The shared cache that it was just taken from; `None` for what was found here.
    #[serde(skip)]
    pub origin: Option<String>,
}

/// A blob of an [`ActionResult`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Output {
    /// The digest of the blob's bytes.
    pub digest: Digest,
    /// How many bytes it has.
    #[serde(rename = "size")]
    pub size_bytes: u64,
}

impl Output {
    /// Keeps `bytes` in `store`, and returns what names them in a record.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be kept.
    pub fn keep(bytes: &[u8], store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            digest: store.put(bytes)?,
            size_bytes: bytes.len() as u64,
        })
    }
}

/// The records of a [`Store`]'s folder: `actions-v1/<step>/<hex of the key>`.
#[derive(Debug)]
pub struct FsActionCache<'a>(pub &'a Store);

impl FsActionCache<'_> {
    fn name(step: &str, key: &Digest) -> PathBuf {
        PathBuf::from("actions-v1").join(step).join(key.hex())
    }
}

impl ActionCache for FsActionCache<'_> {
    fn get(&self, step: &str, key: &Digest) -> Result<Option<ActionResult>, StoreError> {
        let Some(body) = self.0.read_sealed(&Self::name(step, key))? else {
            return Ok(None);
        };
        self.0.touch(&Self::name(step, key));
        // Sound bytes of an unknown shape are another version's: a miss, overwritten by the next
        // put.
        Ok(serde_json::from_slice(&body).ok())
    }

    fn put(&self, step: &str, key: &Digest, result: &ActionResult) -> Result<(), StoreError> {
        self.0
            .write_sealed(&Self::name(step, key), &canonical_json(&json!(result)))
    }

    fn blob(&self, output: &Output) -> Option<Arc<dyn Blob>> {
        let blob = self.0.blob(&output.digest, output.size_bytes)?;
        Some(Arc::new(blob))
    }

    fn bring(&self, outputs: &[Output]) -> Result<Option<Output>, StoreError> {
        let is_lost = |output: &&Output| self.blob(output).is_none();
        Ok(outputs.iter().find(is_lost).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::{ActionCache, ActionResult, FsActionCache, Output};
    use crate::Store;
    use fs_err as fs;
    use mizzen_oci::Digest;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_record_is_found_again_and_a_flipped_bit_makes_it_a_miss() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let cache = FsActionCache(&store);
        let output = Output {
            digest: Digest::of(b"x"),
            size_bytes: 1,
        };
        let result = ActionResult {
            outputs: [("a".to_owned(), output)].into(),
            inputs: output,
            facts: json!({"n": 1}),
            origin: None,
        };
        let key = Digest::of(b"key");
        assert_eq!(cache.get("publish", &key).unwrap(), None);
        cache.put("publish", &key, &result).unwrap();
        assert_eq!(cache.get("publish", &key).unwrap(), Some(result.clone()));
        assert_eq!(cache.get("restore", &key).unwrap(), None);

        let path = root.path().join("actions-v1/publish").join(key.hex());
        let sound = fs::read(&path).unwrap();
        for place in 0..sound.len() {
            let mut flipped = sound.clone();
            flipped[place] ^= 1;
            if path.exists() {
                fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
            fs::write(&path, flipped).unwrap();
            assert_eq!(cache.get("publish", &key).unwrap(), None, "byte {place}");
        }
        cache.put("publish", &key, &result).unwrap();
        assert_eq!(cache.get("publish", &key).unwrap(), Some(result));
    }
}
