use crate::inputs::staged::Staged;
use crate::records::{from_value, to_value};
use mizzen_oci::{Digest, canonical_json};
use mizzen_store::{ActionResult, Output, StoreError};
use serde_json::json;

/// Counts up when the files in a pack have other names.
const FORMAT: &str = "mizzen compressed assets 1";
/// The name under which they are kept.
const NAME: &str = "compressed-assets";
/// The name among the outputs of the pack.
const PACK: &str = "pack";

/// What the static assets of a project were compressed to by its last publish, as one pack.
///
/// A file in it is named by the level and the full hash of what it was made of, and is what the toolchain
/// makes of that, whoever asks: which project it was only tells which are worth to be at hand.
pub(crate) struct CompressedAssets<'a, 'b> {
    staged: &'b Staged<'a>,
    key: Digest,
}

impl<'a, 'b> CompressedAssets<'a, 'b> {
    pub(crate) fn of(staged: &'b Staged<'a>) -> Self {
        let inputs = &staged.inputs;
        let key = Digest::of(&canonical_json(&json!({
            "toolchain": inputs.toolchain.id,
            "project": inputs.project,
        })));
        Self { staged, key }
    }

    /// Returns the pack of the last publish; `None` if there is none, or nothing is to be taken from
    /// earlier builds.
    ///
    /// # Errors
    /// [`StoreError`] if the cache cannot be asked.
    pub(crate) fn get(&self) -> Result<Option<Output>, StoreError> {
        let context = self.staged.context;
        if !self.staged.request.policy.shortcuts {
            return Ok(None);
        }
        let Some(result) = context.records.get(NAME, &self.key)? else {
            return Ok(None);
        };
        if from_value::<()>(FORMAT, &result.facts).is_none() {
            return Ok(None);
        }
        let pack = result.outputs.get(PACK).copied();
        Ok(pack.filter(|pack| context.store.blob(&pack.digest, pack.size_bytes).is_some()))
    }

    /// Keeps the pack of a publish for the next.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    pub(crate) fn put(&self, pack: Output) -> Result<(), StoreError> {
        let result = ActionResult {
            outputs: [(PACK.to_owned(), pack)].into(),
            inputs: pack,
            facts: to_value(FORMAT, &()),
            origin: None,
        };
        self.staged.context.records.put(NAME, &self.key, &result)
    }
}
