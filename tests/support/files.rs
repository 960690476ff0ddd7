use fs_err as fs;
use std::path::Path;

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, name) = {
            let entry = entry.unwrap();
            let name = entry.file_name();
            (entry, name)
        };
        if entry.file_type().unwrap().is_dir() {
            if name != "bin" && name != "obj" {
                copy(&entry.path(), &to.join(name));
            }
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// Replaces text in a file; it must be there.
pub(crate) fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "`{from}` is not in {}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}
