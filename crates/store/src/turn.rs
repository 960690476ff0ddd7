use crate::cache_folder::open_lock;
use crate::{Cancel, Store, StoreError, lock_file};
use fs_err as fs;
use mizzen_oci::Digest;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// The right to make what one key names, which one process at a time has; it goes when the value is
/// dropped, or with the process.
#[derive(Debug)]
pub struct Turn {
    path: PathBuf,
    /// Holds the lock.
    _file: fs::File,
}

impl Store {
    /// Waits until no other process makes what `step` gives for `key`, and says so once, to `on_wait`.
    ///
    /// Whoever had the turn before may have kept a record: look for it again.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `tmp/` cannot be written; [`StoreError::Cancelled`] if asked to stop while
    /// it waits.
    pub fn turn(
        &self,
        step: &str,
        key: &Digest,
        cancel: &Cancel,
        on_wait: impl FnOnce(),
    ) -> Result<Turn, StoreError> {
        // In the folder that is swept: a process that was killed leaves the file, and it is empty.
        let path = self
            .root()
            .join("tmp")
            .join(format!("{step}-{}", key.hex()));
        let mut on_wait = Some(on_wait);
        loop {
            let file = open_lock(&path)?;
            lock_file(&file, cancel, || {
                if let Some(on_wait) = on_wait.take() {
                    on_wait();
                }
            })?;
            // Whoever had the turn has removed the file meanwhile: nobody else would find this one.
            let own = file.metadata()?;
            let is_own =
                |there: std::fs::Metadata| (there.dev(), there.ino()) == (own.dev(), own.ino());
            if fs::symlink_metadata(&path).is_ok_and(is_own) {
                return Ok(Turn { path, _file: file });
            }
        }
    }
}

impl Drop for Turn {
    // Before the lock goes, so that what is removed is what is locked.
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Cancel, Store, StoreError};
    use fs_err as fs;
    use mizzen_oci::Digest;
    use std::sync::atomic::Ordering;

    #[test]
    fn who_waited_has_the_turn_as_the_one_before_had_it_and_no_file_is_left() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let key = Digest::of(b"key");
        let is_taken = || {
            let cancel = Cancel::default();
            let turn = store.turn("step", &key, &cancel, || cancel.cancel());
            matches!(turn, Err(StoreError::Cancelled(_)))
        };
        let first = store.turn("step", &key, &Cancel::default(), || ());
        assert!(is_taken());
        let (waits, waiting) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let on_wait = || waits.send(()).unwrap();
                let _second = store.turn("step", &key, &Cancel::default(), on_wait);
                // What it waited for was a file that is removed.
                assert!(is_taken());
            });
            waiting.recv().unwrap();
            drop(first.unwrap());
        });
        assert!(!is_taken());
        assert_eq!(fs::read_dir(root.path().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn of_two_who_wait_one_has_the_turn_and_the_other_waits_on() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let key = Digest::of(b"key");
        let first = store.turn("step", &key, &Cancel::default(), || ()).unwrap();
        let (waits, waiting) = std::sync::mpsc::channel();
        let having = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let (waits, having, store, key) = (waits.clone(), &having, &store, &key);
                scope.spawn(move || {
                    let on_wait = || waits.send(()).unwrap();
                    let turn = store
                        .turn("step", key, &Cancel::default(), on_wait)
                        .unwrap();
                    assert_eq!(having.fetch_add(1, Ordering::SeqCst), 0);
                    // Longer than who waits takes to look again.
                    std::thread::sleep(std::time::Duration::from_millis(150));
                    having.fetch_sub(1, Ordering::SeqCst);
                    drop(turn);
                });
            }
            waiting.recv().unwrap();
            waiting.recv().unwrap();
            drop(first);
        });
    }

    #[test]
    fn another_key_or_step_is_not_waited_for_and_waiting_can_be_stopped() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let (key, cancel) = (Digest::of(b"key"), Cancel::default());
        let _turn = store.turn("step", &key, &cancel, || ()).unwrap();
        let free = || panic!("nobody has it");
        drop(store.turn("other", &key, &cancel, free).unwrap());
        drop(
            store
                .turn("step", &Digest::of(b"other"), &cancel, free)
                .unwrap(),
        );
        let mut told = 0;
        let stopped = store.turn("step", &key, &cancel, || {
            told += 1;
            cancel.cancel();
        });
        assert!(matches!(stopped, Err(StoreError::Cancelled(_))));
        assert_eq!(told, 1);
    }
}
