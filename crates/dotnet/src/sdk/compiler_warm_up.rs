use crate::sdk::commands::COMPILER_SERVER;
use crate::{Command, SdkVersion};
use fs_err as fs;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// A small program to compile beside a publish, on a core that waits for MSBuild: the compiler's server
/// then knows its own code, the framework and the analyzers by the time the first project comes.
///
/// Nothing reads what it makes, and where it fails, the projects are compiled all the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompilerWarmUp {
    /// The command, which asks the server that the stage's environment names, and starts it.
    pub command: Command,
    /// The files it reads, by their names in its folder.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The major version of the first SDK whose compiler reads the program.
const OLDEST: u64 = 8;

const SETTINGS: &str = "settings.globalconfig";
const RESPONSE: &str = "program.rsp";

impl CompilerWarmUp {
    /// Returns the warm-up for a project of this text, whose files will lie in `folder` (absolute, in the
    /// stage), by the SDK `version` of the installation `root`.
    ///
    /// `None` where there is no C# to compile, or the installation has no packs of the framework.
    ///
    /// # Errors
    /// If a folder of the SDK cannot be read.
    pub fn of(root: &Path, version: &str, project: &str, folder: &str) -> io::Result<Option<Self>> {
        let sdk = root.join("sdk").join(version);
        let compiler = sdk.join("Roslyn/bincore");
        let is_known = version
            .parse()
            .is_ok_and(|version: SdkVersion| version.major() >= OLDEST);
        if !is_known || !compiler.join("csc.dll").is_file() {
            return Ok(None);
        }
        let sdks = sdk.join("Sdks");
        let mut packs = vec!["Microsoft.NETCore.App.Ref"];
        let mut analyzers = vec![sdks.join("Microsoft.NET.Sdk/analyzers")];
        let mut programs = vec![(
            "program.cs",
            include_bytes!("warm_up/program.cs").as_slice(),
        )];
        if is_for_the_web(project) {
            packs.push("Microsoft.AspNetCore.App.Ref");
            analyzers.push(sdks.join("Microsoft.NET.Sdk.Web/analyzers/cs"));
            analyzers.push(sdks.join("Microsoft.NET.Sdk.Razor/source-generators"));
            programs.push(("web.cs", include_bytes!("warm_up/web.cs")));
        }
        let mut lines = Vec::new();
        for pack in packs {
            let Some(pack) = newest(&root.join("packs").join(pack))? else {
                return Ok(None);
            };
            for framework in folders(&pack.join("ref"))? {
                push(&mut lines, "reference", &libraries(&framework)?);
            }
            analyzers.push(pack.join("analyzers/dotnet/cs"));
        }
        for folder in analyzers {
            let mut libraries = libraries(&folder)?;
            libraries.retain(|path| !NOT_BY_DEFAULT.iter().any(|name| path.ends_with(name)));
            push(&mut lines, "analyzer", &libraries);
        }
        let own = |option: &str, name: &str| format!("{option}\"{folder}/{name}\"");
        lines.push(own("/analyzerconfig:", SETTINGS));
        lines.push(own("/out:", "program.dll"));
        lines.extend(programs.iter().map(|(name, _)| own("", name)));
        lines.extend(OPTIONS.map(str::to_owned));
        let response = lines.join("\n") + "\n";
        let settings = include_bytes!("warm_up/settings.globalconfig");
        let others = [
            (SETTINGS, settings.as_slice()),
            (RESPONSE, response.as_bytes()),
        ];
        let files = programs.into_iter().chain(others);
        // SDKs from 10 on have the compiler as a program, too, which is what MSBuild starts there.
        let mut command = if compiler.join("csc").is_file() {
            vec![text(&compiler.join("csc"))]
        } else {
            let assembly = text(&compiler.join("csc.dll"));
            vec![text(&root.join("dotnet")), "exec".to_owned(), assembly]
        };
        command.push(format!("/shared:{COMPILER_SERVER}"));
        command.push("/noconfig".to_owned());
        command.push(format!("@{folder}/{RESPONSE}"));
        Ok(Some(Self {
            command,
            files: files
                .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
                .collect(),
        }))
    }
}

impl CompilerWarmUp {
    /// Returns the same for a stage that has the installation, which lies in `root`, at another path.
    #[must_use]
    pub fn seen_at(self, root: &Path, seen: &Path) -> Self {
        let (root, seen) = (format!("{}/", text(root)), format!("{}/", text(seen)));
        let with_path = |text: String| text.replace(&root, &seen);
        let file = |(name, bytes): (String, Vec<u8>)| {
            let bytes = match String::from_utf8(bytes) {
                Ok(text) if name == RESPONSE => with_path(text).into_bytes(),
                Ok(text) => text.into_bytes(),
                Err(error) => error.into_bytes(),
            };
            (name, bytes)
        };
        Self {
            command: self.command.into_iter().map(with_path).collect(),
            files: self.files.into_iter().map(file).collect(),
        }
    }
}

/// What only runs where a project asks for it, or is in another language.
const NOT_BY_DEFAULT: [&str; 5] = [
    "Microsoft.AspNetCore.Components.SdkAnalyzers.dll",
    "Microsoft.AspNetCore.Http.RequestDelegateGenerator.dll",
    "Microsoft.AspNetCore.Mvc.Api.Analyzers.dll",
    "Microsoft.CodeAnalysis.VisualBasic.NetAnalyzers.dll",
    "Microsoft.Extensions.Configuration.Binder.SourceGeneration.dll",
];

/// As the SDK's targets call the compiler.
const OPTIONS: [&str; 10] = [
    "/nologo",
    "/nostdlib+",
    "/target:exe",
    "/langversion:latest",
    "/nullable:enable",
    "/optimize+",
    "/debug:portable",
    "/deterministic+",
    "/utf8output",
    // Without it, Razor's generator has the compiler stop.
    "/features:use-roslyn-tokenizer=true",
];

/// Guesses from a project's own text whether it, or what it refers to, is compiled for ASP.NET. A wrong
/// guess costs time and nothing else.
fn is_for_the_web(project: &str) -> bool {
    [
        "Microsoft.NET.Sdk.Web",
        "Microsoft.NET.Sdk.Razor",
        "Microsoft.AspNetCore",
    ]
    .iter()
    .any(|name| project.contains(name))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn push(lines: &mut Vec<String>, option: &str, paths: &[PathBuf]) {
    let lines_of = paths.iter();
    lines.extend(lines_of.map(|path| format!("/{option}:\"{}\"", path.display())));
}

/// Returns the folder of the highest version in `pack`.
fn newest(pack: &Path) -> io::Result<Option<PathBuf>> {
    let versions = folders(pack)?.into_iter().filter_map(|folder| {
        let version: SdkVersion = folder.file_name()?.to_str()?.parse().ok()?;
        Some((version, folder))
    });
    Ok(versions.max().map(|(_, folder)| folder))
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    entries(folder, Path::is_dir)
}

fn libraries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    entries(folder, |path| {
        path.extension().is_some_and(|extension| extension == "dll")
    })
}

/// Returns the sorted entries of a folder that are wanted; none if it is not there.
fn entries(folder: &Path, is_wanted: impl Fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_wanted(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::CompilerWarmUp;
    use fs_err as fs;
    use std::path::Path;

    const WEB: &str = "<Project Sdk=\"Microsoft.NET.Sdk.Web\" />";
    const PLAIN: &str = "<Project Sdk=\"Microsoft.NET.Sdk\" />";

    fn installation(version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            &format!("sdk/{version}/Roslyn/bincore/csc.dll"),
            &format!("sdk/{version}/Sdks/Microsoft.NET.Sdk/analyzers/Rules.dll"),
            &format!("sdk/{version}/Sdks/Microsoft.NET.Sdk/analyzers/de/Rules.resources.dll"),
            &format!(
                "sdk/{version}/Sdks/Microsoft.NET.Sdk/analyzers/Microsoft.CodeAnalysis.VisualBasic.NetAnalyzers.dll"
            ),
            "packs/Microsoft.NETCore.App.Ref/10.0.2/ref/net10.0/System.Old.dll",
            "packs/Microsoft.NETCore.App.Ref/10.0.12/ref/net10.0/System.dll",
            "packs/Microsoft.NETCore.App.Ref/10.0.12/ref/net10.0/System.xml",
            "packs/Microsoft.NETCore.App.Ref/10.0.12/analyzers/dotnet/cs/Json.dll",
            "packs/Microsoft.AspNetCore.App.Ref/10.0.12/ref/net10.0/Web.dll",
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn of(root: &Path, version: &str, project: &str) -> Option<CompilerWarmUp> {
        CompilerWarmUp::of(root, version, project, "/stage/warm up").unwrap()
    }

    fn response(warm_up: &CompilerWarmUp, root: &Path) -> Vec<String> {
        let text = String::from_utf8(warm_up.files["program.rsp"].clone()).unwrap();
        let text = text.replace(root.to_str().unwrap(), "");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn it_is_compiled_with_the_newest_framework_and_the_rules_that_projects_have() {
        let folder = installation("10.0.401");
        let root = folder.path();
        let plain = of(root, "10.0.401", PLAIN).unwrap();
        assert_eq!(
            response(&plain, root)[..6],
            [
                "/reference:\"/packs/Microsoft.NETCore.App.Ref/10.0.12/ref/net10.0/System.dll\"",
                "/analyzer:\"/sdk/10.0.401/Sdks/Microsoft.NET.Sdk/analyzers/Rules.dll\"",
                "/analyzer:\"/packs/Microsoft.NETCore.App.Ref/10.0.12/analyzers/dotnet/cs/Json.dll\"",
                "/analyzerconfig:\"/stage/warm up/settings.globalconfig\"",
                "/out:\"/stage/warm up/program.dll\"",
                "\"/stage/warm up/program.cs\"",
            ]
        );
        let web = of(root, "10.0.401", WEB).unwrap();
        let lines = response(&web, root);
        for line in [
            "/reference:\"/packs/Microsoft.AspNetCore.App.Ref/10.0.12/ref/net10.0/Web.dll\"",
            "\"/stage/warm up/web.cs\"",
        ] {
            assert!(lines.iter().any(|other| other == line), "{line}");
        }
    }

    #[test]
    fn the_compiler_is_called_as_the_sdk_has_it() {
        let folder = installation("10.0.401");
        let root = folder.path();
        let words = |warm_up: Option<CompilerWarmUp>| {
            let command = warm_up.unwrap().command.join(" ");
            command.replace(root.to_str().unwrap(), "")
        };
        assert_eq!(
            words(of(root, "10.0.401", PLAIN)),
            "/dotnet exec /sdk/10.0.401/Roslyn/bincore/csc.dll /shared:mizzen /noconfig \
             @/stage/warm up/program.rsp"
        );
        fs::write(root.join("sdk/10.0.401/Roslyn/bincore/csc"), "").unwrap();
        assert_eq!(
            words(of(root, "10.0.401", PLAIN)),
            "/sdk/10.0.401/Roslyn/bincore/csc /shared:mizzen /noconfig @/stage/warm up/program.rsp"
        );
    }

    #[test]
    fn there_is_none_without_a_compiler_that_reads_it_or_without_packs() {
        let folder = installation("10.0.401");
        assert_eq!(of(folder.path(), "10.0.402", PLAIN), None);
        fs::remove_dir_all(folder.path().join("packs/Microsoft.AspNetCore.App.Ref")).unwrap();
        assert_eq!(of(folder.path(), "10.0.401", WEB), None);
        assert!(of(folder.path(), "10.0.401", PLAIN).is_some());
        let old = installation("7.0.100");
        assert_eq!(of(old.path(), "7.0.100", PLAIN), None);
    }
}
