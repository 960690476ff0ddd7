use crate::StageError;
use crate::materialize::{set_link_time, write_file};
use fs_err as fs;
use mizzen_store::{Output, Store};
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// Stores files as one blob: an uncompressed tar whose bytes depend on paths, contents and execute
/// bits only.
///
/// `paths` are relative to `folder`, sorted.
///
/// # Errors
/// [`StageError::Io`] names the file that cannot be read.
pub(crate) fn pack(store: &Store, folder: &Path, paths: &[String]) -> Result<Output, StageError> {
    let mut archive = tar::Builder::new(store.writer()?);
    for path in paths {
        let file = folder.join(path);
        let metadata = fs::symlink_metadata(&file)?;
        let mut header = tar::Header::new_gnu();
        header.set_mtime(0);
        if metadata.is_symlink() {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            archive.append_link(&mut header, path, fs::read_link(&file)?)?;
        } else {
            let executable = metadata.permissions().mode() & 0o111 != 0;
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(if executable { 0o755 } else { 0o644 });
            header.set_size(metadata.len());
            archive.append_data(&mut header, path, fs::File::open(&file)?)?;
        }
    }
    let (digest, size_bytes) = archive.into_inner()?.commit()?;
    Ok(Output { digest, size_bytes })
}

/// Unpacks what [`pack`] wrote into `folder`, over what is there, with content times.
///
/// # Errors
/// [`StageError::Pack`] if the bytes are not those that were stored.
pub(crate) fn unpack(from: Box<dyn Read + Send>, folder: &Path) -> Result<(), StageError> {
    fs::create_dir_all(folder)?;
    let mut archive = tar::Archive::new(from);
    let mut made = BTreeSet::new();
    for entry in archive.entries().map_err(StageError::Pack)? {
        let mut entry = entry.map_err(StageError::Pack)?;
        let path = entry.path().map_err(StageError::Pack)?.into_owned();
        // The bytes are only known to be ours once the last one is read.
        if !path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(unsafe_path());
        }
        let target = folder.join(&path);
        let parent = path.parent().expect("a path under a folder has a parent");
        make_folders(folder, parent, &mut made)?;
        match fs::symlink_metadata(&target) {
            Ok(_) => fs::remove_file(&target)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(to) = entry.link_name().map_err(StageError::Pack)? {
            fs::os::unix::fs::symlink(to, &target)?;
            set_link_time(&target)?;
        } else {
            let executable = entry.header().mode().map_err(StageError::Pack)? & 0o111 != 0;
            write_file(&target, &mut entry, executable).map_err(StageError::Pack)?;
        }
    }
    // The archive ends before the blob does; reading on to the end is what verifies it.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(StageError::Pack)?;
    Ok(())
}

/// Makes the folders of `path` below `folder`. A link among them, from the pack or from before, would lead
/// what is written out of it.
fn make_folders(
    folder: &Path,
    path: &Path,
    made: &mut BTreeSet<PathBuf>,
) -> Result<(), StageError> {
    let mut here = folder.to_owned();
    for part in path {
        here.push(part);
        if made.contains(&here) {
            continue;
        }
        match fs::symlink_metadata(&here) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(unsafe_path()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&here)?,
            Err(error) => return Err(error.into()),
        }
        made.insert(here.clone());
    }
    Ok(())
}

fn unsafe_path() -> StageError {
    StageError::Pack(io::Error::new(io::ErrorKind::InvalidData, "an unsafe path"))
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};
    use fs_err as fs;
    use mizzen_store::{Blob, Store};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn a_pack_depends_on_paths_contents_and_execute_bits_and_comes_back_with_content_times() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("cache")).unwrap();
        let make = |name: &str, mode: u32| {
            let tree = folder.path().join(name);
            fs::create_dir_all(tree.join("lib")).unwrap();
            fs::write(tree.join("lib/a.dll"), "code").unwrap();
            fs::write(tree.join("tool"), "#!").unwrap();
            fs::set_permissions(tree.join("tool"), std::fs::Permissions::from_mode(mode)).unwrap();
            fs::os::unix::fs::symlink("lib/a.dll", tree.join("link")).unwrap();
            pack(
                &store,
                &tree,
                &["lib/a.dll".to_owned(), "link".to_owned(), "tool".to_owned()],
            )
            .unwrap()
        };
        let one = make("one", 0o744);
        assert_eq!(one, make("two", 0o755));
        assert_ne!(one, make("three", 0o644));

        let to = folder.path().join("unpacked");
        for _ in 0..2 {
            unpack(
                store
                    .blob(&one.digest, one.size_bytes)
                    .unwrap()
                    .open()
                    .unwrap(),
                &to,
            )
            .unwrap();
        }
        let metadata = fs::metadata(to.join("lib/a.dll")).unwrap();
        assert!(
            (315_532_800..815_532_800).contains(&metadata.mtime()) && metadata.mtime_nsec() != 0
        );
        assert_eq!(fs::metadata(to.join("tool")).unwrap().mode() & 0o777, 0o755);
        assert_eq!(
            fs::read_link(to.join("link")).unwrap().to_str(),
            Some("lib/a.dll")
        );
        assert_eq!(fs::read(to.join("link")).unwrap(), b"code");
    }

    #[test]
    fn a_pack_writes_nothing_where_a_link_leads() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("mine");
        fs::create_dir(&mine).unwrap();
        let link = |archive: &mut tar::Builder<Vec<u8>>, path: &str| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, path, &mine).unwrap();
        };
        let file = |archive: &mut tar::Builder<Vec<u8>>, path: &str| {
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            header.set_mode(0o644);
            archive.append_data(&mut header, path, &b"x"[..]).unwrap();
        };
        let unpacked = |archive: tar::Builder<Vec<u8>>, to: &str| {
            let bytes = std::io::Cursor::new(archive.into_inner().unwrap());
            unpack(Box::new(bytes), &folder.path().join(to))
        };
        // One of the pack's own, at the top and below.
        for (place, path) in [("out", "out/a"), ("lib/out", "lib/out/b/a")] {
            let mut archive = tar::Builder::new(Vec::new());
            link(&mut archive, place);
            file(&mut archive, path);
            assert!(unpacked(archive, place).is_err());
        }
        // One that was there before.
        fs::create_dir(folder.path().join("before")).unwrap();
        fs::os::unix::fs::symlink(&mine, folder.path().join("before/out")).unwrap();
        let mut archive = tar::Builder::new(Vec::new());
        file(&mut archive, "out/a");
        assert!(unpacked(archive, "before").is_err());
        assert_eq!(fs::read_dir(&mine).unwrap().count(), 0);
        // A link itself is replaced, not followed.
        let mut archive = tar::Builder::new(Vec::new());
        file(&mut archive, "out");
        unpacked(archive, "before").unwrap();
        assert_eq!(fs::read(folder.path().join("before/out")).unwrap(), b"x");
        assert_eq!(fs::read_dir(&mine).unwrap().count(), 0);
    }
}
