//! Where a configuration file may have something written: below its own folder. It comes with a
//! repository, and whoever builds that has not read it.

use super::name::NAME;
use super::options::Options;
use crate::error::CommandError;
use fs_err as fs;
use std::path::{Component, Path, PathBuf};
use toml::Value;

/// Options whose value is a place that is written to.
const WRITTEN: [&str; 5] = [
    "cache-dir",
    "digest-file",
    "image-refs",
    "metadata-file",
    "output",
];

/// Checks every place that `options` name.
///
/// # Errors
/// One of them is not below `folder`.
pub(super) fn check_options(options: &Options, folder: &Path) -> Result<(), CommandError> {
    let written = WRITTEN
        .iter()
        .filter_map(|name| Some((*name, options.get(*name)?)));
    for (name, value) in written {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for value in values.iter().filter_map(Value::as_str) {
            let place = super::options::SCHEMES
                .iter()
                .find_map(|scheme| value.strip_prefix(scheme));
            // What has no scheme is a registry's or an engine's, and no place on this machine.
            match place {
                Some(place) => check(name, Path::new(place), folder)?,
                None if name != "output" => check(name, Path::new(value), folder)?,
                None => {}
            }
        }
    }
    Ok(())
}

/// Checks the place that `name` names.
///
/// # Errors
/// It is not below `folder`.
pub(super) fn check(name: &str, place: &Path, folder: &Path) -> Result<(), CommandError> {
    let place = normal(&folder.join(place));
    let is_below = |place: &Path, folder: &Path| place != folder && place.starts_with(folder);
    // A link of the repository may lead out of it.
    let real_folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    if is_below(&place, &normal(folder)) && is_below(&real(&place), &real_folder) {
        return Ok(());
    }
    Err(CommandError::usage(format!(
        "`{}`: `{name}` names `{}`, which is not below that file's folder",
        folder.join(NAME).display(),
        place.display()
    ))
    .hinted(format!(
        "to write elsewhere, say so on the command line: --{name}"
    )))
}

fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

/// Resolves the links of as much of `path` as there is.
fn real(path: &Path) -> PathBuf {
    // A link that leads nowhere may be made to lead somewhere, so it counts as what it names.
    if let Ok(target) = fs::read_link(path) {
        let folder = path.parent().unwrap_or(path);
        let target = normal(&real(folder).join(target));
        return fs::canonicalize(&target).unwrap_or(target);
    }
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(real), ..) => real,
        (Err(_), Some(folder), Some(name)) => real(folder).join(name),
        (Err(_), ..) => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{check, check_options};
    use fs_err as fs;
    use std::path::Path;

    #[test]
    fn a_file_may_have_things_written_below_its_own_folder_only() {
        for (place, is_fine) in [
            ("cache", true),
            ("a/../cache", true),
            ("/w/cache", true),
            ("..", false),
            (".", false),
            ("../w2/cache", false),
            ("a/../../cache", false),
            ("/home/u", false),
        ] {
            let checked = check("cache-dir", Path::new(place), Path::new("/w"));
            assert_eq!(checked.is_ok(), is_fine, "{place}");
        }
        for text in [
            "output = [\"oci:out\", \"oci-archive:../.bashrc\"]",
            "output = \"docker-archive:/home/u/x\"",
            "metadata-file = \"../.bashrc\"",
            "digest-file = \"/x\"",
            "image-refs = \"/x\"",
            "cache-dir = \"..\"",
        ] {
            let options = toml::from_str(text).unwrap();
            let error = check_options(&options, Path::new("/w")).unwrap_err();
            assert!(error.to_string().contains("/w/mizzen.toml"), "{text}");
        }
        let options = "output = [\"docker:\", \"oci:out\"]\nbase = \"oci:/elsewhere\"";
        check_options(&toml::from_str(options).unwrap(), Path::new("/w")).unwrap();
    }

    #[test]
    fn a_link_of_the_repository_does_not_lead_out_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let (repository, home) = (folder.path().join("w"), folder.path().join("home"));
        fs::create_dir(&repository).unwrap();
        fs::create_dir(&home).unwrap();
        let links = [
            ("out", "../home"),
            ("gone", "../home/none"),
            ("inside", "real"),
        ];
        for (link, target) in links {
            fs::os::unix::fs::symlink(target, repository.join(link)).unwrap();
        }
        for place in ["out", "out/cache", "gone"] {
            assert!(
                check("cache-dir", Path::new(place), &repository).is_err(),
                "{place}"
            );
        }
        check("cache-dir", Path::new("inside"), &repository).unwrap();
    }
}
