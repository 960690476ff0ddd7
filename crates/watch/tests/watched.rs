//! What the processes of a real program look up is seen, in whatever way they do it.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use fs_err as fs;
use mizzen_watch::{Kinds, NotWatched, Seen, Watch, cannot_watch, start_watched};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A folder for one test, and the program `looker` in it under both names.
struct Place {
    folder: tempfile::TempDir,
    root: PathBuf,
}

/// How the program is linked: whether the library that is loaded first sees its calls.
const BUILDS: [&str; 2] = ["dynamic", "static"];

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Without links, whatever the machine's own temporary folder is.
        let root = fs::canonicalize(folder.path()).unwrap();
        for name in ["a", "b", "c"] {
            fs::write(root.join(name), name).unwrap();
        }
        Self { folder, root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a script that does nothing.
    fn script(&self, name: &str, interpreter: &Path) {
        let path = self.path(name);
        fs::write(&path, format!("#!{}\n:\n", interpreter.display())).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a program in the folder, watched.
    fn run(&self, program: &Path, arguments: &[&str]) -> (Output, Result<Seen, NotWatched>) {
        self.run_with(program, arguments, |_| ())
    }

    fn run_with(
        &self,
        program: &Path,
        arguments: &[&str],
        before: impl FnOnce(&Path),
    ) -> (Output, Result<Seen, NotWatched>) {
        let (output, seen, _) = self.run_and_count(program, arguments, before);
        (output, seen)
    }

    fn run_and_count(
        &self,
        program: &Path,
        arguments: &[&str],
        before: impl FnOnce(&Path),
    ) -> (Output, Result<Seen, NotWatched>, u64) {
        let folder = self.path(".watch");
        let watch = Watch::create(&folder, &folder).unwrap();
        before(&folder.join("log"));
        let output = start_watched(&folder, |library| {
            #[expect(clippy::disallowed_methods, reason = "a program that is watched")]
            let mut command = Command::new(program);
            command
                .args(arguments)
                .current_dir(&self.root)
                .stdin(Stdio::null())
                .env("LD_PRELOAD", library.expect("this machine allows watching"))
                .output()
                .unwrap()
        });
        let (seen, asked) = (watch.seen(), watch.asked().unwrap());
        fs::remove_dir_all(&folder).unwrap();
        (output.unwrap(), seen, asked)
    }

    /// Runs `looker`, which has to succeed and to be seen, and returns what was below the folder.
    fn look(&self, build: &str, arguments: &[&str]) -> Vec<String> {
        self.look_and_print(build, arguments).0
    }

    fn look_and_print(&self, build: &str, arguments: &[&str]) -> (Vec<String>, String) {
        let (output, seen) = self.run(&looker(build), arguments);
        let printed = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{build} {arguments:?}: {printed}{errors}"
        );
        (self.below(&seen.unwrap()), printed)
    }

    fn below(&self, seen: &Seen) -> Vec<String> {
        let told = |(path, looks): (&PathBuf, &mizzen_watch::Looks)| {
            let path = path.strip_prefix(&self.root).ok()?;
            // Where everything starts.
            if path.as_os_str().is_empty() {
                return None;
            }
            let first = if looks.written_first { " first" } else { "" };
            Some(format!("{}: {}{first}", path.display(), looks.kinds))
        };
        seen.paths.iter().filter_map(told).collect()
    }

    fn reason(&self, build: &str, arguments: &[&str]) -> String {
        let (_, seen) = self.run(&looker(build), arguments);
        seen.expect_err("it cannot be told").to_string()
    }
}

/// Compiles the program once.
fn looker(build: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("looker");
        fs::create_dir_all(&folder).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/looker.c");
        for build in BUILDS {
            compile(&source, &folder.join(build), build == "static");
        }
        folder
    });
    folder.join(build)
}

fn compile(source: &Path, program: &Path, is_static: bool) {
    #[expect(clippy::disallowed_methods, reason = "a compiler")]
    let mut command = Command::new("cc");
    if is_static {
        command.arg("-static");
    }
    command
        .args(["-pthread", "-O1", "-o"])
        .arg(program)
        .arg(source);
    assert!(command.status().unwrap().success(), "{command:?}");
}

#[test]
fn reads_and_absent_look_ups_are_seen_in_threads_and_children() {
    let place = Place::new();
    let a = place.path("a");
    let [a, absent] = [a.to_str().unwrap(), "none/../none"];
    let expected = ["a: read", "none/../none: read"];
    for build in BUILDS {
        assert_eq!(place.look(build, &["read", a, absent]), expected);
        assert_eq!(place.look(build, &["threads", a, absent]), expected);
        assert_eq!(place.look(build, &["fork", "./b"]), ["b: read"]);
        let expected = ["a: read", "b: probed"];
        assert_eq!(place.look(build, &["vfork", "b", "a"]), expected);
        assert_eq!(place.look(build, &["spawn", "c"]), ["c: read"]);
        assert_eq!(place.look(build, &["scrubbed", "c"]), ["c: read"]);
        assert_eq!(place.look(build, &["execveat", "c"]), ["c: read"]);
    }
}

#[test]
fn a_path_that_starts_elsewhere_is_seen_as_a_whole() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    fs::write(place.path("folder/d"), "").unwrap();
    for build in BUILDS {
        let expected = ["folder: probed", "folder/../a: read"];
        assert_eq!(place.look(build, &["chdir", "folder", "../a"]), expected);
        let expected = [
            "folder: listed",
            "folder/asked: probed",
            "folder/d: read",
            "folder/link: link read",
            "folder/probed: probed",
        ];
        assert_eq!(place.look(build, &["folder", "folder", "d"]), expected);
    }
}

#[test]
fn newer_calls_and_raw_ones_are_seen() {
    let place = Place::new();
    for build in BUILDS {
        assert_eq!(place.look(build, &["openat2", "a"]), ["a: read"]);
        let expected = ["a: probed", "none: probed"];
        assert_eq!(place.look(build, &["statx", "a", "none"]), expected);
        assert_eq!(
            place.look(build, &["raw", "a", "b"]),
            ["a: read", "b: read"]
        );
        assert_eq!(place.look(build, &["socket", "none"]), ["none: probed"]);
        // A path that ends where the memory does is one; what cannot be read is none.
        assert_eq!(place.look(build, &["bad", "a"]), ["a: read"]);
    }
}

#[test]
fn the_longest_path_is_seen_and_a_longer_one_is_none() {
    let place = Place::new();
    for build in BUILDS {
        let (output, seen) = place.run(&looker(build), &["long"]);
        assert_eq!(output.stdout, b"1 1\n");
        let paths = seen.unwrap().paths;
        let lengths = paths.keys().map(|path| path.as_os_str().len());
        assert_eq!(lengths.max(), Some(4095), "{build}");
    }
}

#[test]
fn every_part_of_a_resolved_path_is_seen_with_its_links() {
    let place = Place::new();
    fs::create_dir_all(place.path("real/inner")).unwrap();
    fs::write(place.path("real/file"), "").unwrap();
    fs::os::unix::fs::symlink("real/inner", place.path("link")).unwrap();
    for build in BUILDS {
        let (seen, printed) = place.look_and_print(build, &["real", "link/../file"]);
        assert_eq!(
            printed.trim_end(),
            place.path("real/file").to_str().unwrap()
        );
        for part in ["link: link read", "real: link read", "real/file: link read"] {
            assert!(seen.contains(&part.to_owned()), "{build} {seen:?}");
        }
        // Not what the kernel would have found without looking at the link.
        assert!(
            !seen.iter().any(|look| look.starts_with("file:")),
            "{seen:?}"
        );
        for (path, answer) in [
            ("none", "No such file or directory"),
            ("a/", "Not a directory"),
            ("a/..", "Not a directory"),
            ("real/", place.path("real").to_str().unwrap()),
            (
                "real//./inner/.././file",
                place.path("real/file").to_str().unwrap(),
            ),
        ] {
            let (_, printed) = place.look_and_print(build, &["real", path]);
            assert_eq!(printed.trim_end(), answer, "{build} {path}");
        }
    }
}

#[test]
fn programs_are_seen_with_what_the_kernel_starts_them_by() {
    let place = Place::new();
    let script = place.path("script");
    let inner = place.path("inner");
    place.script("inner", Path::new("/bin/sh"));
    place.script("script", &inner);
    let (output, seen) = place.run(&looker("static"), &["run", script.to_str().unwrap()]);
    assert!(output.status.success());
    let seen = seen.unwrap();
    let started = Kinds::READ.and(Kinds::EXECUTED);
    for path in [script, inner, looker("static"), "/bin/sh".into()] {
        let looks = seen.paths.get(&path).map(|looks| looks.kinds);
        assert!(
            looks.is_some_and(|kinds| kinds.has(started)),
            "{path:?} {seen:?}"
        );
    }
    let loaders = seen.paths.iter().filter(|(path, looks)| {
        path.starts_with("/lib64") || path.starts_with("/lib") && looks.kinds.has(started)
    });
    assert_ne!(loaders.count(), 0, "{seen:?}");
}

#[test]
fn what_the_step_wrote_first_is_told_from_what_it_found() {
    let place = Place::new();
    for build in BUILDS {
        let expected = ["new: read, written first", "other: read, written first"];
        assert_eq!(place.look(build, &["write", "new", "other"]), expected);
        let expected = ["a: read, written first", "moved: read, written first"];
        assert_eq!(place.look(build, &["write", "a", "moved"]), expected);
        fs::write(place.path("a"), "").unwrap();
        let expected = ["named: read, written first"];
        assert_eq!(place.look(build, &["unnamed", "named"]), expected);
        fs::remove_file(place.path("named")).unwrap();
    }
}

#[test]
fn a_folder_that_is_moved_was_read_to_the_bottom() {
    for build in BUILDS {
        let place = Place::new();
        fs::create_dir_all(place.path("old/inner")).unwrap();
        fs::write(place.path("old/inner/file"), "").unwrap();
        let expected = [
            "new: written first",
            "new/inner/file: read",
            "old: read, listed, written",
            "old/inner: read, listed",
            "old/inner/file: read",
        ];
        let seen = place.look(build, &["move", "old", "new", "inner/file"]);
        assert_eq!(seen, expected, "{build}");
    }
}

#[test]
fn what_is_read_through_a_link_of_the_steps_own_is_seen_where_it_lies() {
    for build in BUILDS {
        let place = Place::new();
        fs::create_dir_all(place.path("data/v1")).unwrap();
        fs::write(place.path("data/v1/file"), "").unwrap();
        fs::os::unix::fs::symlink("v1", place.path("data/current")).unwrap();
        let looks = ["link", "data/current", "made", "made/file", "made/none"];
        let seen = place.look(build, &looks);
        for look in [
            "data/current: link read",
            "data/v1/file: read",
            "data/v1/none: read",
            "made/file: read",
        ] {
            assert!(seen.contains(&look.to_owned()), "{build} {seen:?}");
        }
    }
}

#[test]
fn a_process_that_is_killed_or_left_behind_hides_nothing() {
    let place = Place::new();
    for build in BUILDS {
        let expected = ["a: read", "b: read"];
        assert_eq!(place.look(build, &["killed", "a", "b"]), expected);
        // The pipes of its output are closed when it has ended.
        assert_eq!(place.look(build, &["left", "c"]), ["c: read"]);
    }
}

#[test]
fn what_cannot_be_told_is_said() {
    let place = Place::new();
    place.script("script", Path::new("a"));
    for build in BUILDS {
        assert!(
            place
                .reason(build, &["mount", "a"])
                .starts_with("it mounted something")
        );
        let reason = place.reason(build, &["run", "./script"]);
        let expected = "it ran a script whose interpreter lies in the working folder";
        assert_eq!(reason, expected);
        let reason = place.reason(build, &["openat2", "a", "b"]);
        assert_eq!(reason, "it looked up a path below a root of its own");
        #[cfg(target_arch = "x86_64")]
        assert_eq!(place.reason(build, &["32-bit"]), "it ran a 32-bit program");
        let (_, printed) = place.look_and_print(build, &["io_uring"]);
        assert_eq!(
            printed, "1\n",
            "{build}: the kernel seems to have no io_uring"
        );
    }
}

#[test]
fn a_dynamic_program_asks_about_none_of_its_own_look_ups() {
    let place = Place::new();
    let names: Vec<_> = (0..1000).map(|number| format!("none/{number}")).collect();
    let names = ["read"].into_iter().chain(names.iter().map(String::as_str));
    let names: Vec<_> = names.collect();
    let asked = BUILDS.map(|build| {
        let count = |names| {
            let (_, seen, asked) = place.run_and_count(&looker(build), names, |_| ());
            assert_eq!(place.below(&seen.unwrap()).len(), names.len() - 1);
            asked
        };
        count(&names) - count(&names[..2])
    });
    // What a program asks while it is loaded is the same both times.
    assert_eq!(asked, [0, 999]);
}

#[test]
fn a_full_log_is_said_and_stops_nothing() {
    let place = Place::new();
    for build in BUILDS {
        let (output, seen) = place.run_with(&looker(build), &["real", "a"], |log| {
            // Where the next record goes: beyond the end.
            let file = fs::OpenOptions::new().write(true).open(log).unwrap();
            std::os::unix::fs::FileExt::write_all_at(file.file(), &(1u64 << 40).to_ne_bytes(), 8)
                .unwrap();
        });
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.trim_end(), place.path("a").to_str().unwrap());
        let reason = seen.unwrap_err().to_string();
        assert_eq!(reason, "it looked up more paths than can be recorded");
    }
}

#[test]
fn under_another_watch_nothing_is_watched() {
    let place = Place::new();
    let outer = place.path("outer");
    Watch::create(&outer, &outer).unwrap();
    let why = "a sandbox or a container already watches this process";
    // Asked as often as one likes: it leaves nothing on this process.
    assert_eq!([cannot_watch(), cannot_watch()], [None, None]);
    let seen = start_watched(&outer, |_| {
        assert_eq!(cannot_watch(), Some(why));
        let inner = place.path("inner");
        let watch = Watch::create(&inner, &inner).unwrap();
        let library = start_watched(&inner, |library| library.map(Path::to_owned)).unwrap();
        assert_eq!(library, None);
        watch.seen()
    });
    let reason = seen.unwrap().unwrap_err().to_string();
    assert_eq!(reason, why);
    drop(place.folder);
}
