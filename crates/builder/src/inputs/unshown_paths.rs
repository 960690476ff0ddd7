use crate::inputs::sdk::SDK;
use crate::inputs::stage_layout::{HOME, OUTPUT, PACKAGES, SOURCES, TEMPORARY, WARM_UP};
use crate::inputs::unshown_names::NamedAbove;
use mizzen_stage::{Access, Content, SYSTEM_FOLDERS, Seen, SeenPath};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// What a publish looked for outside of its workspace and no stage shows: as a path that begins with `..`,
/// from the workspace's root, or an absolute one. Whether a machine has something there is asked each
/// time, also of a publish that ran elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct UnshownPaths(BTreeSet<String>);

/// A path of this machine that plain `dotnet publish` would find and no stage shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnshownPath {
    /// Where it is, absolute.
    pub path: PathBuf,
    /// From the workspace's root to it, if the project leads there by `..`.
    above: Option<String>,
}

/// A project that looks for more is one that walks through a disk.
const MOST: usize = 1_000;

/// What `dotnet`, MSBuild, NuGet, git and the compiler look for in each folder on their way up. A
/// workspace that has one of these above it is told so before anything runs.
const ON_THE_WAY_UP: [&str; 4] = [".editorconfig", ".git", "global.json", "head"];
/// The same, by how their names begin.
const ON_THE_WAY_UP_WITH: [&str; 2] = ["directory.", "nuget."];

/// The folders of a stage beside the sources: what lies there is not the machine's.
const OWN: [&str; 6] = [HOME, OUTPUT, PACKAGES, SDK, TEMPORARY, WARM_UP];

/// Where each step has something of its own, whatever the machine has there.
const MADE_UP: [&str; 6] = ["/dev", "/proc", "/run", "/sys", "/var/run", "/var/tmp"];

impl UnshownPaths {
    /// Returns what of `seen` lies outside the workspace, of which the stage at `stage_root` has
    /// `contents`, and is in no stage that shows `mounted`; `None` if nobody watched.
    pub(crate) fn of(
        seen: &Seen,
        mounted: &[PathBuf],
        stage_root: &Path,
        contents: &BTreeMap<String, Content>,
    ) -> Option<Self> {
        let Seen::All(seen) = seen else {
            return None;
        };
        let look = Look {
            stage_root,
            shown: mounted,
            named: &NamedAbove::of(contents),
        };
        Some(look.paths(seen))
    }

    /// Returns those that this machine has, each without what lies below it.
    pub(crate) fn on_machine(&self, root: &Path) -> Vec<UnshownPath> {
        let mut found: Vec<UnshownPath> = Vec::new();
        for path in &self.0 {
            for here in places(path, root) {
                let is_told = |told: &UnshownPath| here.path.starts_with(&told.path);
                if fs_err::symlink_metadata(&here.path).is_ok() && !found.iter().any(is_told) {
                    found.retain(|told| !told.path.starts_with(&here.path));
                    found.push(here);
                }
            }
        }
        found
    }
}

/// Returns what a path can be on a machine that has the workspace at `root`. In a stage three times `..`
/// from the root lead to `/`, and more lead no further: then it may be any folder from there on up.
fn places(path: &str, root: &Path) -> Vec<UnshownPath> {
    let ups = path.split('/').take_while(|part| *part == "..").count();
    if ups == 0 {
        let path = PathBuf::from(path);
        return vec![UnshownPath { path, above: None }];
    }
    let rest: Vec<&str> = path.split('/').skip(ups).collect();
    let most = if ups < TOP { ups } else { usize::MAX };
    let above = root.ancestors().enumerate().skip(ups);
    let above = above.take_while(|(up, _)| *up <= most);
    let place = |(up, folder): (usize, &Path)| UnshownPath {
        path: rest
            .iter()
            .fold(folder.to_owned(), |path, part| path.join(part)),
        above: Some([vec![".."; up], rest.clone()].concat().join("/")),
    };
    above.map(place).collect()
}

/// How many times `..` lead from a stage's sources to `/`.
const TOP: usize = 3;

impl fmt::Display for UnshownPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.above.clone();
        let path = path.unwrap_or_else(|| self.path.display().to_string());
        write!(
            f,
            "publish looked for `{path}`, which is outside the workspace: plain `dotnet publish` finds \
             it, but no build sees it; "
        )?;
        match &self.above {
            Some(above) => {
                let up: Vec<&str> = above.split('/').take_while(|part| *part == "..").collect();
                let up = up.join("/");
                write!(
                    f,
                    "raise the workspace: [inputs] root = \"{up}\" in its mizzen.toml"
                )
            }
            None => write!(f, "list it under [inputs] extra in mizzen.toml"),
        }
    }
}

struct Look<'a> {
    stage_root: &'a Path,
    /// Files and folders of the machine that the stage shows where they are.
    shown: &'a [PathBuf],
    named: &'a NamedAbove,
}

impl Look<'_> {
    fn paths(&self, seen: &[SeenPath]) -> UnshownPaths {
        let mut paths = BTreeSet::new();
        for looks in seen.chunk_by(|one, other| one.path == other.path) {
            let is_made =
                |seen: &SeenPath| matches!(seen.access, Access::Written | Access::WrittenFirst);
            let path = plain(&looks[0].path);
            // What the step makes there itself is its own.
            if let Some(path) = path.filter(|_| !looks.iter().any(is_made)) {
                let is_listed = looks
                    .iter()
                    .any(|seen| matches!(seen.access, Access::Listed | Access::Read));
                self.add(&path, is_listed, &mut paths);
            }
            if paths.len() > MOST {
                break;
            }
        }
        UnshownPaths(paths)
    }

    fn add(&self, path: &Path, is_listed: bool, paths: &mut BTreeSet<String>) {
        let Some(text) = path.to_str() else {
            return;
        };
        let sources = self.stage_root.join(SOURCES);
        if path.starts_with(&sources) || self.is_shown(path) {
            return;
        }
        let mut above = sources.ancestors().enumerate().skip(1);
        let above = above.find_map(|(up, folder)| Some((up, path.strip_prefix(folder).ok()?)));
        let Some((up, rest)) = above else {
            return;
        };
        let is_top = up == sources.ancestors().count() - 1;
        let Some(first) = rest.iter().next().and_then(|first| first.to_str()) else {
            // The folder itself, which every step asks for; to list it is to ask for all that is in it.
            if is_listed && !is_top {
                paths.insert(vec![".."; up].join("/"));
            }
            return;
        };
        let is_alone = rest.iter().nth(1).is_none();
        let lower = first.to_ascii_lowercase();
        let is_on_the_way = ON_THE_WAY_UP.contains(&&*lower)
            || ON_THE_WAY_UP_WITH
                .iter()
                .any(|begin| lower.starts_with(begin));
        // Locks and sockets of the runtime, in a `/tmp` that the stage has for itself.
        let is_runtimes = path.starts_with("/tmp") && first.starts_with(".dotnet");
        if is_alone && is_on_the_way || is_runtimes {
            return;
        }
        // MSBuild looks for many a file at `/`, where a property in front of its name is empty.
        let is_ambiguous = is_top || up == 1 && OWN.contains(&first);
        if !is_ambiguous || self.named.has(first) {
            let up = if is_top { TOP } else { up };
            paths.insert(format!("{}/{}", vec![".."; up].join("/"), rest.display()));
        }
        if up > 1 && !(is_top && is_alone) {
            paths.insert(text.to_owned());
        }
    }

    /// Whether the stage has something there that is the machine's or nobody's, or it leads to that.
    fn is_shown(&self, path: &Path) -> bool {
        let is_on_the_way = |folder: &Path| path.starts_with(folder) || folder.starts_with(path);
        let mut fixed = SYSTEM_FOLDERS.iter().chain(&MADE_UP).map(Path::new);
        fixed.any(|folder| path.starts_with(folder))
            || self.shown.iter().any(|folder| {
                let resolved = fs_err::canonicalize(folder);
                is_on_the_way(folder) || resolved.is_ok_and(|folder| is_on_the_way(&folder))
            })
    }
}

/// Returns the path without `.` and `..`, by its text alone; `None` if it is relative.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain.is_absolute().then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::{Look, UnshownPaths};
    use crate::inputs::unshown_names::NamedAbove;
    use fs_err as fs;
    use mizzen_oci::Digest;
    use mizzen_stage::{Access, Content, SeenPath};
    use std::path::{Path, PathBuf};

    fn looked_for(project: &str, seen: &[(&str, Access)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("a.csproj");
        fs::write(&source, project).unwrap();
        let file = Content::File {
            source,
            digest: Digest::of(b""),
            executable: false,
        };
        let look = Look {
            stage_root: Path::new("/tmp/mizzen-stage"),
            shown: &[PathBuf::from("/home/me/.dotnet/sdk")],
            named: &NamedAbove::of(&[("a.csproj".to_owned(), file)].into()),
        };
        let seen = seen.iter().map(|(path, access)| SeenPath {
            path: PathBuf::from(path),
            access: *access,
        });
        let seen: Vec<SeenPath> = seen.collect();
        look.paths(&seen).0.into_iter().collect()
    }

    #[test]
    fn what_every_publish_looks_for_is_not_told() {
        let seen = [
            ("/", Access::Listed),
            ("/.git", Access::Probed),
            ("/Microsoft.Common.props", Access::Probed),
            ("/home/me", Access::Probed),
            ("/home/me/.dotnet/sdk/a", Access::Read),
            ("/proc/self/maps", Access::Read),
            ("/tmp", Access::Probed),
            ("/tmp/.dotnet/shm/session0", Access::Listed),
            ("/tmp/Directory.Build.rsp", Access::Probed),
            ("/tmp/made", Access::WrittenFirst),
            ("/tmp/mizzen-stage", Access::Probed),
            ("/tmp/mizzen-stage/NuGet.Config", Access::Probed),
            ("/tmp/mizzen-stage/packages/a/a.nuspec", Access::Read),
            ("/tmp/mizzen-stage/src/a.csproj", Access::Read),
            ("/tools", Access::Probed),
            ("/usr/lib/x", Access::Probed),
            ("/var/run/nscd/socket", Access::Probed),
        ];
        assert_eq!(looked_for("<Project />", &seen), [""; 0]);
    }

    #[test]
    fn what_a_project_leads_to_is_told_however_it_gets_there() {
        let seen = [
            ("/opt/vendor/a.dll", Access::Probed),
            ("/tmp/mizzen-stage", Access::Listed),
            ("/tmp/mizzen-stage/packages/a.json", Access::Probed),
            ("/tmp/mizzen-stage/src/../shared/./a.json", Access::Probed),
            ("/tmp/one", Access::Probed),
            ("/tools", Access::Probed),
        ];
        let want = ["..", "../../../tools", "../../one", "../packages/a.json"];
        let want = want.into_iter().chain([
            "../shared/a.json",
            "/opt/vendor/a.dll",
            // As it is named, or by `..`.
            "/tmp/one",
        ]);
        let project = "<Import Project=\"..\\packages\\a.json;../../../tools/*\" />";
        // The top level by a name that a project says, for MSBuild asks for many there.
        let all: Vec<&str> = want.collect();
        let mut got = looked_for(project, &seen);
        got.retain(|path| path != "../../../opt/vendor/a.dll");
        assert_eq!(got, all);
    }

    #[test]
    fn a_folder_is_told_once_and_more_levels_than_a_stage_has_are_looked_through() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("1/2/3/4/5/root");
        for path in ["1/2/3/4/5/shared/sub", "1/tools"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let paths = ["../shared", "../shared/sub", "../none", "../../../tools"];
        let paths = UnshownPaths(paths.map(str::to_owned).into());
        let told: Vec<String> = paths
            .on_machine(&root)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("`../../../../../tools`"), "{told:?}");
        assert!(told[0].contains("root = \"../../../../..\""), "{told:?}");
        assert!(told[1].contains("`../shared`"), "{told:?}");
    }
}
