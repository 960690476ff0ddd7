use crate::BuildError;
use crate::records::restore_record::RestoreRecord;
use crate::records::stored_records::StoredRecords;
use mizzen_dotnet::is_file_based;
use mizzen_oci::Digest;
use mizzen_plan::{Inputs, PathSet, Record, Records, StepName};

impl StoredRecords<'_> {
    /// Returns whether restoring again over `inputs` is known to give what `restored` has: a restore gave
    /// it, and every path that it looked up answers today as it did. Publish need not find that out then.
    ///
    /// The record alone proves nothing: it may have been found by the names of the files that restore
    /// mostly reads, and a project may ask for a package because of any other.
    ///
    /// # Errors
    /// [`BuildError::Read`] if a path of the machine cannot be read, [`BuildError::Store`] if the cache
    /// cannot be asked.
    pub(crate) fn is_proven(
        &self,
        inputs: &Inputs,
        restored: &RestoreRecord,
    ) -> Result<bool, BuildError> {
        // Feeds decide about what floats, and no path tells what they say. And the SDK restores a
        // file-based app in its own way.
        if !self.has_shortcuts || restored.floating.is_some() || is_file_based(&inputs.project) {
            return Ok(false);
        }
        if let Some(looked_up) = restored.looked_up
            && let Some(paths) = self.store.read(&looked_up.paths.digest)?
            && let Ok(paths) = serde_json::from_slice::<PathSet>(&paths)
        {
            let weak = inputs.weak_restore_key();
            let strong = paths.strong_key(&weak, &inputs.files, &*self.machine()?);
            if strong.map_err(BuildError::Read)? == looked_up.strong {
                return Ok(true);
            }
        }
        // Another run may have found the same by other paths: after an edit that adds a file, say.
        Ok(match self.restored_by_paths(inputs) {
            Record::Found(found) => found.resolved() == restored.resolved(),
            Record::Missing | Record::Unusable(_) => false,
        })
    }

    /// Returns the weak keys by which a publish over `restored` may be found, the most likely one first.
    ///
    /// # Errors
    /// As [`is_proven`](Self::is_proven).
    pub(super) fn weak_publish_keys(
        &self,
        inputs: &Inputs,
        restored: &RestoreRecord,
    ) -> Result<Vec<Digest>, BuildError> {
        let resolved = restored.resolved();
        let with_restore = inputs.weak_publish_key(&resolved);
        Ok(if self.is_proven(inputs, restored)? {
            let without_restore = inputs.weak_publish_key_without_restore(&resolved);
            vec![without_restore, with_restore]
        } else {
            vec![with_restore]
        })
    }

    /// Returns the weak key that leads to what publish over `restored` looks up.
    ///
    /// # Errors
    /// As [`is_proven`](Self::is_proven).
    pub(crate) fn weak_publish_key(
        &self,
        inputs: &Inputs,
        restored: &RestoreRecord,
    ) -> Result<Digest, BuildError> {
        let keys = self.weak_publish_keys(inputs, restored)?;
        for key in &keys {
            if !self.path_sets(StepName::Publish).get(key)?.is_empty() {
                return Ok(*key);
            }
        }
        Ok(keys[0])
    }
}

#[cfg(test)]
mod tests {
    use crate::bench::{Bench, published_of, restored, restored_of};
    use mizzen_testkit::FakeRun;

    const PINNED: &str = "Serilog >= 4.3.0";
    const PROJECT: &str = "src/Api/Api.csproj";
    const CODE: &str = "src/Api/Program.cs";
    /// A project file asks whether it is there.
    const ASKED_FOR: &str = "src/Api/wanted";

    fn publish() -> FakeRun {
        published_of(PINNED, &[PROJECT, CODE])
    }

    fn restore() -> FakeRun {
        restored_of(PINNED, &[PROJECT, ASKED_FOR])
    }

    /// Returns whether the last run was a publish without a restore of its own.
    fn is_short(bench: &Bench) -> bool {
        let action = bench.executor.actions().pop().unwrap();
        assert_eq!(action.command[1], "publish");
        action.command.iter().any(|part| part == "--no-restore")
    }

    #[test]
    fn publish_restores_again_unless_every_path_that_restore_looked_up_answers_as_it_did() {
        let bench = Bench::new();
        bench.will([restore(), publish()]);
        bench.build().unwrap();
        assert!(is_short(&bench));

        bench.write("shop/src/Api/Program.cs", "edited");
        bench.will([publish()]);
        bench.build().unwrap();
        assert!(is_short(&bench));

        // Restore's record is found by the names of what it reads, which this is none of.
        bench.write("shop/src/Api/wanted", "yes");
        bench.write("shop/src/Api/Program.cs", "edited again");
        bench.will([publish()]);
        bench.build().unwrap();
        assert_eq!(bench.ran(), ["restore", "publish", "publish", "publish"]);
        assert!(!is_short(&bench));
    }

    #[test]
    fn a_publish_that_did_not_restore_is_found_only_where_the_same_is_proven_again() {
        let bench = Bench::new();
        bench.will([restore(), publish()]);
        bench.build().unwrap();
        bench.write("shop/README.md", "other");
        assert_eq!(bench.reuses_after_runs().dotnet_calls, 0);
        bench.write("shop/src/Api/wanted", "yes");
        bench.will([publish()]);
        bench.build().unwrap();
        assert_eq!(bench.ran(), ["publish"]);
    }

    #[test]
    fn a_restore_that_nobody_watched_or_that_floats_proves_nothing() {
        let mut bench = Bench::new();
        bench.will([restored(PINNED), publish()]);
        bench.build().unwrap();
        assert!(!is_short(&bench));

        let floating = "Serilog >= 4.*";
        let bench_of_floating = Bench::new();
        bench_of_floating.will([
            restored_of(floating, &[PROJECT]),
            published_of(floating, &[PROJECT]),
        ]);
        bench_of_floating.build().unwrap();
        assert!(!is_short(&bench_of_floating));

        bench.request.policy.shortcuts = false;
        bench.write("shop/src/Api/Api.csproj", "<Project></Project>");
        bench.will([restore(), publish()]);
        bench.build().unwrap();
        assert!(!is_short(&bench));
    }
}
