use crate::own_files::TEMPORARY;
use crate::{Store, StoreError};
use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt;
use mizzen_oci::Digest;
use std::io::{self, Read, Write};

/// The secret of one cache, under which values are digested that nobody may learn from its records.
///
/// A plain digest of a short value is as good as the value: whoever has a record tries all values until
/// one fits. Without this key they cannot.
pub struct ValueKey([u8; LENGTH]);

const LENGTH: usize = 32;
const FILE: &str = "value-key";

impl ValueKey {
    /// Reads the key of a cache, or makes one of random bytes.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it can be neither read nor made.
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        let path = store.root().join(FILE);
        if let Some(key) = read(&path)? {
            return Ok(Self(key));
        }
        let mut random = [0; LENGTH];
        fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(store.root().join("tmp"))?;
        file.write_all(&random)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(Self(random)),
            // Another process was first: its key is the key.
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                let other = read(&path)?;
                other.map(Self).ok_or_else(|| error.error.into())
            }
            Err(error) => Err(error.error.into()),
        }
    }

    /// Returns the keyed digest (HMAC-SHA-256) of the value of `name`.
    pub fn digest(&self, name: &str, value: &str) -> Digest {
        let mut message = Vec::with_capacity(name.len() + value.len() + 1);
        // No variable has a zero byte in its name.
        message.extend_from_slice(name.as_bytes());
        message.push(0);
        message.extend_from_slice(value.as_bytes());
        Digest::keyed(&self.0, &message)
    }
}

/// Reads the key; one of another length was cut short, and is none.
fn read(path: &std::path::Path) -> io::Result<Option<[u8; LENGTH]>> {
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path);
    let mut key = Vec::new();
    match file {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?.read_to_end(&mut key)?,
    };
    if let Ok(key) = key.try_into() {
        return Ok(Some(key));
    }
    fs::remove_file(path)?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::ValueKey;
    use crate::Store;
    use fs_err as fs;
    use mizzen_oci::Digest;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_value_has_one_digest_in_a_cache_and_another_in_every_other() {
        let folder = tempfile::tempdir().unwrap();
        let digest = |cache: &str, name: &str, value: &str| {
            let store = Store::open(&folder.path().join(cache)).unwrap();
            ValueKey::of(&store).unwrap().digest(name, value)
        };
        let first = digest("a", "TOKEN", "7");
        assert_eq!(digest("a", "TOKEN", "7"), first);
        assert_ne!(digest("a", "TOKEN", "8"), first);
        assert_ne!(digest("a", "TOKEN7", ""), first);
        assert_ne!(digest("b", "TOKEN", "7"), first);
        assert_ne!(Digest::of(b"7"), first);
        let file = folder.path().join("a/value-key");
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // A key that was cut short would let values be guessed; the next one is another.
        fs::write(&file, "short").unwrap();
        assert_ne!(digest("a", "TOKEN", "7"), first);
    }
}
