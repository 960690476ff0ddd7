use crate::error::CommandError;
use fs_err as fs;
use std::io::{self, Read};
use std::path::Path;

/// No file that people write is larger.
const MOST_BYTES: u64 = 1 << 20;

/// Reads a text that comes with a repository; `None` if there is no such file in `folder`.
///
/// A message may quote a line of it. So what is read is a file, no device and no pipe, and lies below that
/// folder: a link to a secret would show a line of that.
///
/// # Errors
/// It is something else, is larger than a mebibyte, or cannot be read.
pub(crate) fn read_repository_file(
    folder: &Path,
    name: &str,
) -> Result<Option<String>, CommandError> {
    let file = folder.join(name);
    let unfit = |why: &str| CommandError::usage(format!("`{}` {why}", file.display()));
    let failed = |error: io::Error| {
        CommandError::local(format!("`{}` cannot be read", file.display()), &error)
    };
    let found = match fs::symlink_metadata(&file) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        found => found.map_err(failed)?,
    };
    let is_below = || -> io::Result<bool> {
        Ok(fs::canonicalize(&file)?.starts_with(fs::canonicalize(folder)?))
    };
    if found.is_symlink() && !is_below().map_err(failed)? {
        return Err(unfit("is a link out of its folder").hinted("put a copy of the file there"));
    }
    if !fs::metadata(&file).map_err(failed)?.is_file() {
        return Err(unfit("is no file"));
    }
    let mut text = String::new();
    let opened = fs::File::open(&file).map_err(failed)?;
    let mut most = opened.take(MOST_BYTES + 1);
    most.read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(unfit("is larger than a mebibyte"));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, read_repository_file};
    use fs_err as fs;
    use fs_err::os::unix::fs::symlink;

    #[test]
    fn only_a_file_below_the_folder_is_read() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("w");
        fs::create_dir(&folder).unwrap();
        fs::write(top.path().join("secret"), "hunter2").unwrap();
        let file = folder.join("mizzen.toml");
        let read = || read_repository_file(&folder, "mizzen.toml");
        assert_eq!(read().unwrap(), None);
        fs::write(folder.join("other"), "a").unwrap();
        symlink("other", &file).unwrap();
        assert_eq!(read().unwrap().as_deref(), Some("a"));
        for target in ["../secret", "/dev/zero", "/etc/passwd"] {
            fs::remove_file(&file).unwrap();
            symlink(target, &file).unwrap();
            let error = read().unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains("is a link out of its folder"));
        }
        fs::remove_file(&file).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &file,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        assert!(read().unwrap_err().to_string().contains("is no file"));
        fs::remove_file(&file).unwrap();
        let large = usize::try_from(MOST_BYTES).unwrap() + 1;
        fs::write(&file, " ".repeat(large)).unwrap();
        assert!(read().unwrap_err().to_string().contains("larger"));
    }
}
