use super::name::NAME;
use super::nearest;
use crate::error::CommandError;
use std::collections::BTreeSet;
use std::path::Path;
use walkdir::{DirEntry, WalkDir};

/// Checks that each table of `[images]` is of a project: of one of `built`, or of another below `folder`,
/// which is that of the file.
///
/// # Errors
/// The name of a table that is of none.
pub(super) fn check<'a>(
    tables: impl Iterator<Item = &'a str>,
    built: &[&str],
    folder: &Path,
) -> Result<(), CommandError> {
    let others: Vec<&str> = tables.filter(|name| !built.contains(name)).collect();
    if others.is_empty() {
        return Ok(());
    }
    let there = project_names(folder);
    let Some(name) = others.into_iter().find(|name| !there.contains(*name)) else {
        return Ok(());
    };
    let known = there.iter().map(String::as_str);
    let hint = match nearest::nearest(name, known.chain(built.iter().copied())) {
        Some(near) => format!("did you mean [images.\"{near}\"]?"),
        None => "use the name of a project file, without the extension".to_owned(),
    };
    let file = folder.join(NAME);
    Err(CommandError::usage(format!(
        "`{}`: [images.\"{name}\"] matches no project below that folder",
        file.display()
    ))
    .hinted(hint))
}

/// Returns the names of what may be a project below `folder`: those of project files, and of C# files,
/// which may be apps.
fn project_names(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let is_open = |entry: &DirEntry| {
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        entry.depth() == 0 || !is_hidden || !entry.file_type().is_dir()
    };
    let entries = WalkDir::new(folder).into_iter().filter_entry(is_open);
    // What cannot be read is none of the user's projects; a build that needs it says so.
    for entry in entries.flatten().filter(|it| !it.file_type().is_dir()) {
        let path = entry.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str())
            && let Some("csproj" | "fsproj" | "vbproj" | "cs") =
                path.extension().and_then(|extension| extension.to_str())
        {
            names.insert(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::check;
    use fs_err as fs;

    #[test]
    fn a_table_of_images_is_of_a_project_or_an_error_that_names_the_nearest() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "src/Shop.Api/Shop.Api.csproj",
            "src/Web/Web.fsproj",
            "tool.cs",
        ] {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let check = |tables: &[&'static str]| {
            let checked = check(tables.iter().copied(), &["Web"], folder.path());
            checked.map_err(|error| format!("{error:?}"))
        };
        check(&["Web", "Shop.Api", "tool"]).unwrap();
        let error = check(&["Web", "Shop.Apy"]).unwrap_err();
        assert!(
            error.contains("Shop.Apy") && error.contains("Shop.Api"),
            "{error}"
        );
        check(&["shop.api"]).unwrap_err();
    }
}
