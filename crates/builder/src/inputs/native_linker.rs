use crate::BuildError;
use crate::inputs::machine_files::{INSTALLED, MachineFiles, installed_packages};
use fs_err as fs;
use mizzen_store::Store;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// What links native code: the SDK's targets take `clang`, else `gcc`, which take a linker.
const PROGRAMS: [&str; 9] = [
    "clang",
    "gcc",
    "ld",
    "ld.bfd",
    "ld.gold",
    "ld.lld",
    "lld",
    "llvm-objcopy",
    "objcopy",
];

/// Where libraries lie that no distribution put there.
const OWN_LIBRARIES: [&str; 2] = ["usr/local/lib", "usr/local/lib64"];

/// Returns what decides about the bytes that the linker of the machine at `root` makes, by name: its
/// programs, the distribution's packages (start-up code and libraries are from them, so any other
/// package counts, too), and libraries of the machine's own.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn native_linker(
    root: &Path,
    store: &Store,
) -> Result<BTreeMap<String, String>, BuildError> {
    let mut files = MachineFiles::load(store, &root.join("usr"))?;
    let mut linker = BTreeMap::new();
    for name in PROGRAMS {
        if let Some((_, digest)) = files.program(root, name)? {
            linker.insert(format!("program {name}"), digest.to_string());
        }
    }
    linker.extend(installed_packages(root, store)?);
    let mut own = Vec::new();
    for folder in OWN_LIBRARIES {
        own.extend(libraries(&root.join(folder))?);
    }
    if let Some(digest) = files.digest_of_all(&own)? {
        linker.insert("libraries in /usr/local".to_owned(), digest.to_string());
    }
    files.save(store)?;
    Ok(linker)
}

/// Returns whether it is known of what the linker takes its libraries.
pub(crate) fn is_covered(linker: &BTreeMap<String, String>) -> bool {
    linker.contains_key(INSTALLED)
}

/// Returns the libraries and start-up code in `folder`, sorted.
fn libraries(folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect::<io::Result<Vec<_>>>),
    };
    let paths = entries.map_err(BuildError::Read)?.into_iter();
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".a") || name.ends_with(".o") || name.contains(".so")
    };
    let mut paths: Vec<_> = paths.map(|entry| entry.path()).filter(is_library).collect();
    paths.sort_unstable();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::{is_covered, native_linker};
    use fs_err as fs;
    use mizzen_store::Store;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_linker_is_named_by_its_programs_and_by_what_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("cache")).unwrap();
        let root = folder.path().join("root");
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let linker = || native_linker(&root, &store).unwrap();
        assert!(linker().is_empty());

        write("usr/bin/x86_64-linux-gnu-gcc-12", "gcc 12");
        symlink("x86_64-linux-gnu-gcc-12", root.join("usr/bin/gcc")).unwrap();
        let first = linker();
        assert_eq!(first.keys().collect::<Vec<_>>(), ["program gcc"]);
        assert!(!is_covered(&first));

        for (path, name) in [
            ("usr/bin/x86_64-linux-gnu-gcc-12", "program gcc"),
            ("usr/local/bin/ld", "program ld"),
            ("var/lib/dpkg/status", "installed packages"),
            (
                "usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
                "installed packages",
            ),
            ("usr/local/lib/libz.so.1", "libraries in /usr/local"),
            ("usr/local/lib64/crt1.o", "libraries in /usr/local"),
        ] {
            let before = linker();
            write(path, path);
            let after = linker();
            assert_ne!(before.get(name), after.get(name), "{path}");
        }
        assert!(is_covered(&linker()));
        let before = linker();
        write("usr/local/lib/readme.txt", "x");
        write("usr/bin/python3", "x");
        assert_eq!(linker(), before);
        // The one that comes first on the path is taken.
        write("usr/bin/ld", "another");
        assert_eq!(linker(), before);
    }
}
