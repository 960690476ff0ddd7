use crate::StageError;
use crate::materialize::{set_link_time, write_file};
use fs_err as fs;
use mizzen_store::{Output, Store};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};

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
    for entry in archive.entries().map_err(StageError::Pack)? {
        let mut entry = entry.map_err(StageError::Pack)?;
        let path = entry.path().map_err(StageError::Pack)?.into_owned();
        // The bytes are only known to be ours once the last one is read.
        if !path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(StageError::Pack(io::Error::new(
                io::ErrorKind::InvalidData,
                "an unsafe path",
            )));
        }
        let target = folder.join(path);
        fs::create_dir_all(target.parent().expect("a path under a folder has a parent"))?;
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
}
