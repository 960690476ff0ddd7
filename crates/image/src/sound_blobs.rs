use fs_err as fs;
use mizzen_oci::{Descriptor, Digest, HashingReader};
use mizzen_store::{FileState, StatCache, Store, StoreError};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Returns those of the `wanted` blobs below `folder` that need not be written: there they are what
/// their names say. Anybody may have written there: length and name prove nothing.
///
/// With a store a file that was read once is known again by what the file system says of it. `part`
/// tells apart what is written into one folder at several times, for a store keeps what it saw the last
/// time.
///
/// # Errors
/// The store cannot be read or written.
pub(crate) fn sound_blobs<'a>(
    folder: &Path,
    part: &str,
    wanted: impl IntoIterator<Item = &'a Descriptor>,
    store: Option<&Store>,
) -> io::Result<BTreeSet<Digest>> {
    Ok(look(folder, part, wanted, store)?.0)
}

/// Returns also how many files were read.
fn look<'a>(
    folder: &Path,
    part: &str,
    wanted: impl IntoIterator<Item = &'a Descriptor>,
    store: Option<&Store>,
) -> io::Result<(BTreeSet<Digest>, usize)> {
    let stored = |error| match error {
        StoreError::Io(error) => error,
        other => io::Error::other(other),
    };
    let place = fs::canonicalize(folder)?.join(part);
    let known = store.map(|store| StatCache::load(store, &place));
    let mut known = known.transpose().map_err(stored)?;
    let (mut digests, mut files_read) = (BTreeSet::new(), 0);
    for descriptor in wanted {
        let digest = &descriptor.digest;
        let path = folder.join(digest.hex());
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if metadata.len() != descriptor.size_bytes || digests.contains(digest) {
            continue;
        }
        let got = if let Some(known) = &mut known {
            known.digest(&digest.hex(), &path, FileState::of(&metadata))
        } else {
            files_read += 1;
            read(&path)
        };
        // What cannot be read is written again.
        if got.is_ok_and(|got| got == *digest) {
            digests.insert(*digest);
        }
    }
    if let (Some(mut known), Some(store)) = (known, store) {
        files_read = known.files_read();
        known.save(store).map_err(stored)?;
    }
    Ok((digests, files_read))
}

fn read(path: &Path) -> io::Result<Digest> {
    let mut reader = HashingReader::new(fs::File::open(path)?);
    io::copy(&mut reader, &mut io::sink())?;
    Ok(reader.finish().0)
}

#[cfg(test)]
mod tests {
    use super::look;
    use fs_err as fs;
    use mizzen_oci::{Descriptor, MediaType};
    use mizzen_store::Store;
    use std::time::Duration;

    #[test]
    fn a_blob_is_read_once_and_again_when_somebody_wrote_it() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = folder.path().join("blobs");
        fs::create_dir(&blobs).unwrap();
        let store = Store::open(&folder.path().join("cache")).unwrap();
        let wanted =
            ["one", "two"].map(|text| Descriptor::of(MediaType::ImageLayerGzip, text.as_bytes()));
        let one = blobs.join(wanted[0].digest.hex());
        fs::write(&one, "one").unwrap();
        // Younger than a tick of the file system's clock it would not be remembered.
        std::thread::sleep(Duration::from_millis(120));
        let find = |store| {
            let (sound, files_read) = look(&blobs, "images", &wanted, store).unwrap();
            (sound.len(), files_read)
        };
        assert_eq!(find(Some(&store)), (1, 1));
        assert_eq!(find(Some(&store)), (1, 0));
        fs::write(&one, "oNe").unwrap();
        assert_eq!(find(Some(&store)), (0, 1));
        fs::write(&one, "ones").unwrap();
        assert_eq!(find(Some(&store)), (0, 0));
        fs::write(&one, "one").unwrap();
        assert_eq!([find(None), find(None)], [(1, 1), (1, 1)]);
    }
}
