use crate::BuildError;
use crate::inputs::floating::assets_below;
use crate::inputs::project_findings::Findings;
use fs_err as fs;
use mizzen_dotnet::{
    BuildPackages, GitReads, Oddity, is_git_library, is_native_compiler, known_to_ask_git,
    may_ask_git, project_text,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Returns what is odd in the packages whose own targets take part in a build, by package: those that
/// ask git, or may well, whoever asked for them, and those that compile to native code.
///
/// `written` is where restore wrote, as for [`floating`](crate::inputs::floating::floating); `folders` are those
/// with packages in them, the first of which was empty before.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn package_findings(
    written: &[PathBuf],
    folders: &[PathBuf],
) -> Result<Findings, BuildError> {
    let mut odd = Findings::new();
    let (mut all, mut imported) = (BTreeSet::new(), BTreeSet::new());
    for file in assets_below(written)? {
        let bytes = fs::read(&file).map_err(BuildError::Read)?;
        let Some(packages) = BuildPackages::parse(&bytes) else {
            let who = "a project whose packages cannot be told".to_owned();
            let reads = GitReads::Everything;
            let oddity = Oddity::GitAware { who, reads };
            odd.insert("project.assets.json".to_owned(), vec![oddity]);
            continue;
        };
        all.extend(packages.all);
        imported.extend(packages.imported);
    }
    // An MSBuild SDK that is a package is in no assets file.
    let fetched = folders
        .first()
        .map_or_else(|| Ok(Vec::new()), |folder| fetched(folder))?;
    for package in all.iter().chain(&fetched) {
        let id = id_of(package);
        if is_native_compiler(id) {
            let who = id.to_owned();
            odd.insert(name_of(package), vec![Oddity::NativeCode { who }]);
        }
    }
    imported.extend(fetched.into_iter().filter(|package| !all.contains(package)));
    for package in imported {
        let id = id_of(&package);
        let reads = match known_to_ask_git(id) {
            Some(reads) => Some(reads),
            None => asks_by_its_files(&package, folders)?,
        };
        if let Some(reads) = reads {
            let who = id.to_owned();
            let found = odd.entry(name_of(&package)).or_default();
            found.push(Oddity::GitAware { who, reads });
        }
    }
    Ok(odd)
}

fn id_of(package: &str) -> &str {
    package.split('/').next().unwrap_or_default()
}

fn name_of(package: &str) -> String {
    format!("package {}", package.replace('/', " "))
}

/// Returns each `id/version` below the folder of packages.
fn fetched(folder: &Path) -> Result<Vec<String>, BuildError> {
    let names = |folder: &Path| -> Result<Vec<String>, BuildError> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(BuildError::Read)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(BuildError::Read)?;
            if entry.path().is_dir() {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    };
    let mut packages = Vec::new();
    for id in names(folder)? {
        let versions = names(&folder.join(&id))?;
        packages.extend(versions.iter().map(|version| format!("{id}/{version}")));
    }
    Ok(packages)
}

/// Returns how much a package may read of which nothing is known but its files.
fn asks_by_its_files(package: &str, folders: &[PathBuf]) -> Result<Option<GitReads>, BuildError> {
    let places = folders.iter().map(|folder| folder.join(package));
    let Some(root) = places.into_iter().find(|place| place.is_dir()) else {
        return Ok(None);
    };
    for entry in WalkDir::new(root).follow_links(true) {
        let entry = entry.map_err(|error| BuildError::Read(error.into()))?;
        if entry.file_type().is_dir() {
            continue;
        }
        let name = entry.path().to_string_lossy().to_ascii_lowercase();
        let extension = name.rsplit('.').next().unwrap_or_default();
        let is_import = ["props", "targets"].contains(&extension);
        let may_ask = is_import && {
            let bytes = fs::read(entry.path()).map_err(BuildError::Read)?;
            may_ask_git(&project_text(&bytes))
        };
        if may_ask || is_git_library(&name) {
            return Ok(Some(GitReads::Everything));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::package_findings;
    use fs_err as fs;
    use serde_json::json;
    use std::path::Path;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn packages_that_ask_git_or_may_are_found_whoever_asked_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let written = [at("src")];
        let imported = |id: &str| json!({ id: { "build": { "build/x.targets": {} } } });
        let assets = |project: &str, targets: serde_json::Value, libraries: &[&str]| {
            let library = |name: &&str| {
                let path = name.to_lowercase();
                (
                    (*name).to_owned(),
                    json!({ "type": "package", "path": path }),
                )
            };
            let libraries: serde_json::Map<_, _> = libraries.iter().map(library).collect();
            let text = json!({ "targets": { "net10.0": targets }, "libraries": libraries });
            write(
                &at(project).join("obj/project.assets.json"),
                &text.to_string(),
            );
        };
        let found = || {
            let odd = package_findings(&written, &[at("packages"), at("fallback")]).unwrap();
            let lines = odd
                .into_iter()
                .map(|(package, odd)| format!("{package}: {}", odd[0]));
            lines.collect::<Vec<_>>()
        };
        assets(
            "src/App",
            imported("Quiet/1.0.0"),
            &["Quiet/1.0.0", "Lib/1.0.0"],
        );
        assets("src/Lib", imported("MinVer/8.0.0"), &["MinVer/8.0.0"]);
        write(&at("packages/quiet/1.0.0/build/x.targets"), "<Project />");
        let git = "<Project><Exec Command=\"git log\" /></Project>";
        // A library's own targets, which no project imports.
        write(&at("packages/lib/1.0.0/build/x.targets"), git);
        let minver = "package minver 8.0.0: git-aware: minver asks git";
        assert_eq!(found(), [minver]);

        assets(
            "src/App",
            imported("Own/1.0.0"),
            &["Own/1.0.0", "Lib/1.0.0"],
        );
        write(&at("fallback/own/1.0.0/build/x.targets"), git);
        write(&at("packages/sdk.own/2.0.0/Sdk/Sdk.targets"), git);
        write(&at("packages/sdk.other/2.0.0/tools/LibGit2Sharp.dll"), "");
        let others = [
            "package own 1.0.0: git-aware: own asks git",
            "package sdk.other 2.0.0: git-aware: sdk.other asks git",
            "package sdk.own 2.0.0: git-aware: sdk.own asks git",
        ];
        assert_eq!(found(), [&[minver][..], &others].concat());

        write(&at("src/Odd/obj/project.assets.json"), "{}");
        assert_eq!(found().len(), 5);

        let compiler = "runtime.linux-x64.microsoft.dotnet.ilcompiler";
        write(&at(&format!("packages/{compiler}/10.0.0/tools/ilc")), "");
        let native = found().into_iter().find(|line| line.contains(compiler));
        let says = "this machine's linker links what";
        assert!(native.is_some_and(|line| line.contains(says)));
    }
}
