use crate::records::{from_value, to_value};
use mizzen_oci::{Digest, canonical_json};
use mizzen_store::{ActionCache, ActionResult, Output, Store, StoreError};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Counts up when the record has another shape.
const FORMAT: &str = "mizzen toolchain 1";
/// The name under which it is kept.
pub(crate) const TOOLCHAIN: &str = "toolchain";

/// Which content an SDK of a version has on the machines that built with it: what is in the keys of a
/// machine that has none.
pub(crate) struct ToolchainAlias<'a> {
    pub(crate) cache: &'a dyn ActionCache,
    pub(crate) version: &'a str,
}

impl ToolchainAlias<'_> {
    /// Returns every content that is known.
    fn get(&self) -> Result<BTreeSet<Digest>, StoreError> {
        let result = self.cache.get(TOOLCHAIN, &self.key())?;
        Ok(result.map(|result| ids(&result)).unwrap_or_default())
    }

    /// Keeps that a machine has `id`.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    pub(crate) fn put(&self, id: Digest, store: &Store) -> Result<(), StoreError> {
        let mut ids = self.get()?;
        ids.insert(id);
        let result = of(&ids, Output::keep(b"", store)?);
        self.cache.put(TOOLCHAIN, &self.key(), &result)
    }

    fn key(&self) -> Digest {
        Digest::of(&canonical_json(&json!({
            "sdk": self.version,
            "architecture": std::env::consts::ARCH,
        })))
    }
}

/// Returns what names the bytes of the SDK `version` where others have built with it, for machines of this
/// architecture: one digest, or several if makers differ.
///
/// # Errors
/// [`StoreError`] if the cache cannot be asked.
pub fn known_toolchains(cache: &dyn ActionCache, version: &str) -> Result<Vec<Digest>, StoreError> {
    let alias = ToolchainAlias { cache, version };
    Ok(alias.get()?.into_iter().collect())
}

/// Returns the ids of both.
pub(crate) fn merged(newer: &ActionResult, older: &ActionResult) -> ActionResult {
    let all = ids(newer).union(&ids(older)).copied().collect();
    of(&all, newer.inputs)
}

fn of(ids: &BTreeSet<Digest>, inputs: Output) -> ActionResult {
    ActionResult {
        outputs: BTreeMap::new(),
        inputs,
        facts: to_value(FORMAT, ids),
        origin: None,
    }
}

fn ids(result: &ActionResult) -> BTreeSet<Digest> {
    from_value(FORMAT, &result.facts).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{TOOLCHAIN, ToolchainAlias, known_toolchains, merged};
    use mizzen_oci::Digest;
    use mizzen_store::{ActionCache, FsActionCache, Store};

    #[test]
    fn two_contents_of_one_version_are_both_told_and_none_is_lost_by_another_machine() {
        let folder = tempfile::tempdir().unwrap();
        let stores = ["a", "b"].map(|name| Store::open(&folder.path().join(name)).unwrap());
        let [one, other] = ["one", "other"].map(|id| Digest::of(id.as_bytes()));
        let known = |store: &Store| known_toolchains(&FsActionCache(store), "10.0.401").unwrap();
        assert_eq!(known(&stores[0]), []);
        for (store, id) in stores.iter().zip([one, other]) {
            let cache = &FsActionCache(store);
            let alias = ToolchainAlias {
                cache,
                version: "10.0.401",
            };
            alias.put(id, store).unwrap();
            alias.put(id, store).unwrap();
            assert_eq!(known(store), [id]);
        }
        let key = ToolchainAlias {
            cache: &FsActionCache(&stores[0]),
            version: "10.0.401",
        }
        .key();
        let [a, b] = stores.each_ref().map(|store| {
            let found = FsActionCache(store).get(TOOLCHAIN, &key).unwrap();
            found.unwrap()
        });
        let both = FsActionCache(&stores[0]);
        both.put(TOOLCHAIN, &key, &merged(&a, &b)).unwrap();
        let mut want = vec![one, other];
        want.sort_unstable();
        assert_eq!(known(&stores[0]), want);
        assert_eq!(known_toolchains(&both, "10.0.402").unwrap(), []);
    }
}
