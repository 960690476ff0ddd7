use crate::Framework;
use crate::publish::portable_executable;
use crate::publish::publish_folder::PublishedFile;
use std::collections::BTreeSet;
use std::io;

/// Native files of the runtime, by how their names begin; they have no version that could be read.
const NATIVES: [&str; 11] = [
    "createdump",
    "libSystem.",
    // Before .NET 5.
    "System.",
    "libclrgc",
    "libclrjit",
    "libcoreclr",
    "libdbgshim",
    "libhostfxr",
    "libhostpolicy",
    "libmscordaccore",
    "libmscordbi",
];

/// Returns the paths of the files that a self-contained publish took from the runtime, for one without
/// a deps.json, which would list them.
///
/// Of assemblies it is those of Microsoft whose product version is that of an included framework. A
/// package of the same version is among them where restore does not tell otherwise: it comes with the
/// runtime and is replaced with it.
pub(crate) fn runtime_files(
    files: &[PublishedFile],
    included: &[Framework],
) -> io::Result<BTreeSet<Vec<u8>>> {
    let mut found = BTreeSet::new();
    for file in files {
        let is_of_runtime = if file.path.ends_with(b".dll") {
            is_assembly_of(file, included)?
        } else {
            is_native(&file.path)
        };
        if is_of_runtime {
            found.insert(file.path.clone());
        }
    }
    Ok(found)
}

fn is_assembly_of(file: &PublishedFile, included: &[Framework]) -> io::Result<bool> {
    let Some(product) = portable_executable::product(&file.source)? else {
        return Ok(false);
    };
    // `10.0.12+95017c7`, `3.1.2-servicing.20068.1`; a preview has its label in both.
    let is_version = |framework: &Framework| {
        let rest = product.version.strip_prefix(framework.version.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', '-', '.', ' ']))
    };
    Ok(product.company.starts_with("Microsoft") && included.iter().any(is_version))
}

fn is_native(path: &[u8]) -> bool {
    let is_library = path.ends_with(b".so") || path == b"createdump";
    let is_named = |native: &&str| path.starts_with(native.as_bytes());
    is_library && !path.contains(&b'/') && NATIVES.iter().any(is_named)
}

#[cfg(test)]
mod tests {
    use super::runtime_files;
    use crate::publish::portable_executable::tests::versioned;
    use crate::publish::publish_folder;
    use crate::{Framework, FrameworkRollForward};
    use fs_err as fs;

    #[test]
    fn assemblies_of_the_included_version_and_known_natives_are_the_runtimes() {
        let assembly =
            |company, version| versioned(&[("CompanyName", company), ("ProductVersion", version)]);
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [
            (
                "System.Runtime.dll",
                assembly("Microsoft Corporation", "10.0.12+abc"),
            ),
            (
                "WindowsBase.dll",
                assembly("Microsoft Corporation", "10.0.12-servicing.1+abc"),
            ),
            (
                "Microsoft.Data.SqlClient.dll",
                assembly("Microsoft Corporation", "10.0.1+abc"),
            ),
            ("Newer.dll", assembly("Microsoft Corporation", "10.0.120")),
            ("Shop.dll", assembly("Shop", "10.0.12")),
            ("Old.dll", b"MZ".to_vec()),
            ("libcoreclr.so", Vec::new()),
            ("libSystem.Native.so", Vec::new()),
            ("createdump", Vec::new()),
            ("libe_sqlite3.so", Vec::new()),
            ("System.txt", Vec::new()),
        ] {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let files = publish_folder::read(folder.path()).unwrap();
        let included = Framework {
            name: "Microsoft.NETCore.App".to_owned(),
            version: "10.0.12".to_owned(),
            roll_forward: FrameworkRollForward::default(),
        };
        let found = runtime_files(&files, &[included]).unwrap();
        let found: Vec<&str> = found
            .iter()
            .map(|it| std::str::from_utf8(it).unwrap())
            .collect();
        assert_eq!(
            found,
            [
                "System.Runtime.dll",
                "WindowsBase.dll",
                "createdump",
                "libSystem.Native.so",
                "libcoreclr.so",
            ]
        );
    }
}
