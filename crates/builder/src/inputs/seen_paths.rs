use crate::inputs::stage_layout::SOURCES;
use mizzen_plan::{Look, Node, PathSet, Tree};
use mizzen_stage::{Access, OWN_FILES, SYSTEM_FOLDERS, SeenPath};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What of the kernel's own files is constant in a stage, or decides about a process alone: how much
/// memory the garbage collector takes, how many threads a pool has, whether it has to label files, which
/// kernel this is, which nobody needs a file for. The runtimes of .NET, Go and Node and the programs of a
/// shell read them as they start.
const KERNELS_OWN: [&str; 17] = [
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/meminfo",
    "/proc/mounts",
    "/proc/self",
    "/proc/stat",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/ostype",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/vm",
    "/proc/thread-self",
    "/proc/version",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/fs/cgroup",
    "/sys/fs/selinux",
    "/sys/kernel/mm/transparent_hugepage",
];

/// What a step did with one path.
#[derive(Clone, Copy, Default)]
struct SeenLook {
    read: bool,
    listed: bool,
    /// The step made it before it looked at it.
    written_first: bool,
}

/// Returns whether a path is one that .NET has made up by chance for the moment in which a file of `obj` is
/// replaced: `obj/Release/fmr0o05z.sp5~`. Who finds such a file takes another name, so it decides about
/// nothing, and a path set that names it would be another one with each run.
fn is_random(path: &str) -> bool {
    let Some((folder, name)) = path.rsplit_once('/') else {
        return false;
    };
    let is_chance = |part: &str, length| {
        let mut letters = part.bytes();
        part.len() == length
            && letters.all(|it| it.is_ascii_lowercase() || (b'0'..=b'5').contains(&it))
    };
    let parts = name.strip_suffix('~').and_then(|name| name.split_once('.'));
    folder.split('/').any(|folder| folder == "obj")
        && parts.is_some_and(|(stem, extension)| is_chance(stem, 8) && is_chance(extension, 3))
}

/// Where the paths lie that a step may look up.
pub(crate) struct Zones<'a> {
    /// The stage's root, absolute.
    pub(crate) stage_root: &'a Path,
    /// Folders and files whose content is in the weak key: the toolchain, folder feeds.
    pub(crate) covered: &'a [PathBuf],
    /// Files and folders outside the workspace that the stage shows where they are.
    pub(crate) mounted: &'a [PathBuf],
    /// The workspace as it was staged.
    pub(crate) sources: &'a dyn Tree,
    /// The machine.
    pub(crate) machine: &'a dyn Tree,
}

enum Zone {
    /// Below the workspace's root, relative to it.
    Sources(String),
    /// The weak key decides what is there.
    Covered,
    Machine,
    /// No key can tell what is there: why.
    Unkeyed(String),
}

impl Zones<'_> {
    /// Returns the path set of what a step looked up; without one, the reason why no key covers it.
    ///
    /// # Errors
    /// [`io::Error`] if a file of the machine cannot be read.
    pub(crate) fn path_set(&self, seen: &[SeenPath]) -> io::Result<Result<PathSet, String>> {
        let mut set = PathSet::default();
        for same in seen.chunk_by(|one, other| one.path == other.path) {
            let mut look = SeenLook::default();
            for seen in same {
                match seen.access {
                    Access::Probed | Access::Link | Access::Written => {}
                    Access::Read | Access::Executed => look.read = true,
                    Access::Listed => look.listed = true,
                    Access::WrittenFirst => look.written_first = true,
                }
            }
            if let Err(why) = self.add(&mut set, &same[0].path, look)? {
                return Ok(Err(why));
            }
        }
        Ok(Ok(set))
    }

    fn add(
        &self,
        set: &mut PathSet,
        path: &Path,
        look: SeenLook,
    ) -> io::Result<Result<(), String>> {
        let Some(path) = path.to_str() else {
            // Such a name is never staged, and what a system folder has of that name is in no key.
            let is_ours = path.starts_with(self.stage_root);
            let why = format!(
                "`{}` is not UTF-8, and a record can't name it",
                path.display()
            );
            return Ok(if is_ours { Ok(()) } else { Err(why) });
        };
        let Some(path) = self.without_parents(set, path)? else {
            return Ok(Ok(()));
        };
        match self.zone(&path) {
            Zone::Covered => {}
            Zone::Unkeyed(why) => return Ok(Err(why)),
            Zone::Sources(relative) => {
                let node = self.sources.look_up(&relative)?.node;
                let is_absent = node == Node::Absent;
                if is_absent && (look.written_first || is_random(&relative)) {
                    // It learned nothing of the workspace, and its name may be a random one.
                    return Ok(Ok(()));
                }
                set.add_source(relative, asked(look, &node));
            }
            Zone::Machine => {
                let node = self.machine.look_up(&path)?.node;
                set.add_machine(path, asked(look, &node));
            }
        }
        Ok(Ok(()))
    }

    /// Resolves every `..`: what it means depends on the links before it. The way up to each is looked
    /// up, too. `None` if the way ends before.
    fn without_parents(&self, set: &mut PathSet, path: &str) -> io::Result<Option<String>> {
        let mut here = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if part != ".." {
                here = format!("{here}/{part}");
                continue;
            }
            let (tree, prefix, relative) = match self.zone(&here) {
                Zone::Sources(relative) => {
                    set.add_source(relative.clone(), Look::Probed);
                    (self.sources, self.sources_root(), relative)
                }
                Zone::Machine => {
                    set.add_machine(here.clone(), Look::Probed);
                    (self.machine, String::new(), here.clone())
                }
                Zone::Covered | Zone::Unkeyed(_) => {
                    here.truncate(here.rfind('/').unwrap_or(0));
                    continue;
                }
            };
            let found = tree.look_up(&relative)?;
            if found.node != Node::Folder {
                return Ok(None);
            }
            here = format!("{prefix}/{}", found.end);
            let kept = here.trim_end_matches('/').rfind('/').unwrap_or(0);
            here.truncate(kept);
        }
        Ok(Some(if here.is_empty() {
            "/".to_owned()
        } else {
            here
        }))
    }

    fn sources_root(&self) -> String {
        format!("{}/{SOURCES}", self.stage_root.display())
    }

    fn zone(&self, path: &str) -> Zone {
        let place = Path::new(path);
        if let Ok(relative) = place.strip_prefix(self.sources_root()) {
            return Zone::Sources(relative.to_string_lossy().into_owned());
        }
        let is_below = |folder: &&str| place.starts_with(folder);
        if place.starts_with(self.stage_root)
            || self.covered.iter().any(|folder| place.starts_with(folder))
        {
            return Zone::Covered;
        }
        // Only where a stage has its own of these is anything watched.
        if OWN_FILES.contains(&path) {
            return Zone::Covered;
        }
        if place.starts_with("/proc") || place.starts_with("/sys") {
            let is_a_process =
                |part: &std::ffi::OsStr| part.as_bytes().iter().all(u8::is_ascii_digit);
            let is_own = KERNELS_OWN
                .iter()
                .any(|own| is_below(own) || Path::new(own).starts_with(place))
                || place
                    .components()
                    .nth(2)
                    .is_some_and(|part| is_a_process(part.as_os_str()));
            return if is_own {
                Zone::Covered
            } else {
                Zone::Unkeyed(format!("`{path}` differs from machine to machine"))
            };
        }
        let is_mounted = self.mounted.iter().any(|shown| place.starts_with(shown));
        if is_mounted || SYSTEM_FOLDERS.iter().any(is_below) {
            return Zone::Machine;
        }
        // The stage's new root has nothing else of the machine: it is empty there, on every machine.
        Zone::Covered
    }
}

/// Returns how much was asked of a path where `node` is: a folder that was opened may have been listed.
fn asked(look: SeenLook, node: &Node) -> Look {
    match node {
        Node::Folder if look.read || look.listed => Look::Listed,
        _ if look.read => Look::Read,
        _ if look.listed => Look::Listed,
        _ => Look::Probed,
    }
}

#[cfg(test)]
mod tests {
    use super::Zones;
    use mizzen_oci::Digest;
    use mizzen_plan::{FileInput, Look, PathSet, SourceTree};
    use mizzen_stage::{Access, SeenPath};
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    const ROOT: &str = "/tmp/stage";

    fn files() -> BTreeMap<String, FileInput> {
        let file = || FileInput::File(Digest::of(b""));
        [
            ("src/Api/Api.csproj", file()),
            (
                "src/Api/shared",
                FileInput::Link("../Lib/content".to_owned()),
            ),
            ("src/Lib/content/a.txt", file()),
        ]
        .map(|(path, fact)| (path.to_owned(), fact))
        .into()
    }

    fn set(looks: &[(&str, &str)]) -> Result<PathSet, String> {
        let files = files();
        let (sources, machine) = (SourceTree::new(files), SourceTree::default());
        let covered = [PathBuf::from("/usr/share/dotnet")];
        let zones = Zones {
            stage_root: Path::new(ROOT),
            covered: &covered,
            mounted: &[],
            sources: &sources,
            machine: &machine,
        };
        let looks = looks.iter().flat_map(|(path, how)| {
            let accesses = how.chars().map(|how| match how {
                'r' => Access::Read,
                'l' => Access::Listed,
                'w' => Access::WrittenFirst,
                _ => Access::Probed,
            });
            accesses.map(move |access| SeenPath {
                path: PathBuf::from(path),
                access,
            })
        });
        let looks: Vec<SeenPath> = looks.collect();
        zones.path_set(&looks).unwrap()
    }

    #[test]
    fn paths_are_named_by_where_they_lie_and_what_the_weak_key_covers_is_left_out() {
        let set = set(&[
            ("/", "l"),
            ("/.editorconfig", "p"),
            ("/etc/hostname", "r"),
            ("/etc/passwd", "r"),
            ("/home/me/.nuget", "p"),
            ("/proc/28051/stat", "r"),
            ("/proc/self/maps", "r"),
            ("/sys/fs/cgroup", "p"),
            ("/tmp/HEAD", "p"),
            ("/tmp/stage/Directory.Build.props", "p"),
            ("/tmp/stage/home/.nuget", "l"),
            ("/tmp/stage/src", "p"),
            ("/tmp/stage/src/src/Api", "r"),
            ("/tmp/stage/src/src/Api/Api.csproj", "r"),
            ("/tmp/stage/src/src/Api/obj/x1~", "wr"),
            ("/tmp/stage/src/src/Api/obj/r/fmr0o05z.sp5~", "p"),
            ("/tmp/stage/src/src/Api/obj/r/fmr0o05z.sp9~", "p"),
            ("/tmp/stage/src/src/Api/obj/y.cache", "r"),
            ("/usr/share/dotnet/sdk", "l"),
            ("/usr/share/dotnetx", "p"),
        ])
        .unwrap();
        let sources = [
            ("", Look::Probed),
            ("src/Api", Look::Listed),
            ("src/Api/Api.csproj", Look::Read),
            ("src/Api/obj/r/fmr0o05z.sp9~", Look::Probed),
            ("src/Api/obj/y.cache", Look::Read),
        ];
        let machine = [
            ("/etc/hostname", Look::Read),
            ("/usr/share/dotnetx", Look::Probed),
        ];
        let named = |(path, look): (&str, Look)| (path.to_owned(), look);
        assert_eq!(set.sources, sources.map(named).into());
        assert_eq!(set.machine, machine.map(named).into());
    }

    #[test]
    fn a_file_of_the_kernel_that_differs_each_time_has_no_key() {
        for path in [
            "/proc/uptime",
            "/proc/sys/kernel/random/uuid",
            "/sys/class/net",
        ] {
            let why = set(&[(path, "r")]).unwrap_err();
            assert_eq!(why, format!("`{path}` differs from machine to machine"));
        }
        assert!(set(&[("/proc", "p"), ("/sys", "p"), ("/proc/sys", "p")]).is_ok());
    }

    #[test]
    fn parents_are_those_of_where_a_link_leads() {
        let set = set(&[
            ("/tmp/stage/src/src/Api/shared/../up.txt", "p"),
            ("/tmp/stage/src/src/Api/../Lib/content/a.txt", "r"),
            ("/tmp/stage/src/src/none/../x.txt", "p"),
            ("/tmp/stage/src/../../../etc/hosts", "r"),
            ("/usr/../etc/passwd", "r"),
        ])
        .unwrap();
        let sources: Vec<&str> = set.sources.keys().map(String::as_str).collect();
        assert_eq!(
            sources,
            [
                "",
                "src/Api",
                "src/Api/shared",
                "src/Lib/content/a.txt",
                "src/Lib/up.txt",
                "src/none",
            ]
        );
        // This machine has no `/usr`, so nothing was looked up above it.
        let machine: Vec<&str> = set.machine.keys().map(String::as_str).collect();
        assert_eq!(machine, ["/etc/hosts", "/usr"]);
    }
}
