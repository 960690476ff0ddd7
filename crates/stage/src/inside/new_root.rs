use super::namespaces::failed;
use super::own_files::own_files;
use crate::Rung;
use crate::job::{Ending, Job};
use fs_err as fs;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
    mount_change, mount_remount, unmount,
};
use rustix::process::{chdir, pivot_root};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// What every command may read of the machine: programs, libraries, certificates, and what names are
/// resolved with. Links among them stay links.
pub const SYSTEM_FOLDERS: [&str; 11] = [
    "/bin",
    "/etc",
    "/gnu/store",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/sbin",
    "/sys",
    "/usr",
];
/// Files in there that may be links to elsewhere.
const LINKED: [&str; 4] = [
    "/etc/localtime",
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/etc/ssl/ca-bundle.pem",
];
const DEVICES: [&str; 6] = ["full", "null", "random", "tty", "urandom", "zero"];

const NEW: &str = "/new";
const OLD: &str = "/old";

/// Makes a root of its own for this process: system folders and what the job shows, read-only; the
/// stage; an empty `/tmp`. Nothing else of the machine is there.
pub(super) fn enter(job: &Job) -> Result<(), Ending> {
    make(job).map_err(|(what, error)| failed(&what)(error))
}

pub(super) type Step<T = ()> = Result<T, (String, io::Error)>;

fn make(job: &Job) -> Step {
    let mounted = Mounted::resolve(job);
    at("mounts of this process alone", || {
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        Ok(mount_change("/", private)?)
    })?;
    // Two steps: what is mounted may lie in the very folder that the first file system covers.
    at("a new root", || {
        tmpfs("/tmp", c"mode=0755")?;
        fs::create_dir("/tmp/new")?;
        fs::create_dir("/tmp/old")?;
        pivot_root("/tmp", "/tmp/old")?;
        chdir("/")?;
        tmpfs(NEW, c"mode=0755")
    })?;
    for folder in ["/tmp", "/var/tmp", "/dev"] {
        at(folder, || {
            fs::create_dir_all(inside(folder))?;
            let mode = if folder == "/dev" {
                c"mode=0755"
            } else {
                c"mode=1777"
            };
            tmpfs(inside(folder), mode)
        })?;
    }
    for (link, to) in &mounted.links {
        at(&link.display().to_string(), || {
            fs::create_dir_all(inside(link).parent().expect("a link has a folder"))?;
            fs::os::unix::fs::symlink(to, inside(link))
        })?;
    }
    for (target, source) in &mounted.mounts {
        at(&target.display().to_string(), || match source {
            Source::Machine(source) => show(source, target),
            Source::Nothing => {
                fs::create_dir_all(inside(target))?;
                tmpfs(inside(target), c"mode=0755")
            }
        })?;
    }
    own_files()?;
    let folders: Vec<PathBuf> = mounted.mounts.keys().map(inside).collect();
    read_only(&folders)?;
    devices()?;
    let proc = inside("/proc");
    at("/proc", || {
        fs::create_dir(&proc)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        match job.rung {
            Rung::Processes => mount("proc", &proc, "proc", flags, None)?,
            _ => mount_bind_recursive(before("/proc"), &proc)?,
        }
        Ok(())
    })?;
    at(&job.root.display().to_string(), || {
        fs::create_dir_all(inside(&job.root))?;
        match &job.place {
            Some(place) => Ok(mount_bind(before(place), inside(&job.root))?),
            None => Ok(()),
        }
    })?;
    show_below_root(job)?;
    at("the new root", || {
        let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
        mount_remount(NEW, flags, c"")?;
        mount_remount(inside("/dev"), flags, c"")?;
        chdir(NEW)?;
        // The old root comes to lie on the new one, and goes.
        pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        Ok(chdir("/")?)
    })
}

pub(super) fn at(what: &str, step: impl FnOnce() -> io::Result<()>) -> Step {
    step().map_err(|error| (what.to_owned(), error))
}

/// Where a path lies while the new root is made.
pub(super) fn inside(path: impl AsRef<Path>) -> PathBuf {
    below(NEW, path.as_ref())
}

/// Where a path of the machine lies meanwhile.
fn before(path: impl AsRef<Path>) -> PathBuf {
    below(OLD, path.as_ref())
}

fn below(top: &str, path: &Path) -> PathBuf {
    Path::new(top).join(path.strip_prefix("/").unwrap_or(path))
}

fn tmpfs(target: impl AsRef<Path>, options: &CStr) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount("tmpfs", target.as_ref(), "tmpfs", flags, options)?)
}

/// What of the machine the new root shows.
struct Mounted {
    /// Links of the top folder, by path.
    links: BTreeMap<PathBuf, PathBuf>,
    /// By where it is seen, what it is. Nothing is below another, but for what is masked and what is
    /// seen there.
    mounts: BTreeMap<PathBuf, Source>,
}

/// What is seen under a path.
enum Source {
    /// What the machine has under this path without links.
    Machine(PathBuf),
    /// An empty folder.
    Nothing,
}

impl Mounted {
    fn resolve(job: &Job) -> Self {
        let mut links = BTreeMap::new();
        let mut wanted = BTreeSet::new();
        for folder in SYSTEM_FOLDERS.map(PathBuf::from) {
            match fs::read_link(&folder) {
                Ok(to) => drop(links.insert(folder, to)),
                Err(_) => drop(wanted.insert(folder)),
            }
        }
        let linked = LINKED.iter().map(PathBuf::from);
        wanted.extend(linked.filter_map(|path| fs::canonicalize(path).ok()));
        for path in &job.mounted {
            // Both under the name by which it is known and where it is: links inside may name either.
            wanted.extend(fs::canonicalize(path).ok());
            wanted.insert(path.clone());
        }
        wanted.extend(job.masked.iter().cloned());
        let mut mounts: BTreeMap<PathBuf, Source> = BTreeMap::new();
        // Sorted: what lies above another comes before it.
        for path in wanted {
            let is_masked = job.masked.contains(&path);
            let mut above = path.ancestors().skip(1);
            let covered = above.find_map(|above| match mounts.get(above) {
                Some(Source::Machine(_)) => Some(!is_masked),
                Some(Source::Nothing) => Some(false),
                None => (links.contains_key(above) || above == job.root).then_some(true),
            });
            if is_masked && covered != Some(true) {
                mounts.insert(path, Source::Nothing);
                continue;
            }
            // What is not there is not mounted: whoever looks for it will say so.
            if let Ok(source) = fs::canonicalize(&path)
                && covered != Some(true)
                && path != job.root
                && !links.contains_key(&path)
                && path.is_absolute()
                && path.parent().is_some()
            {
                mounts.insert(path, Source::Machine(source));
            }
        }
        Self { links, mounts }
    }
}

fn show(source: &Path, target: &Path) -> io::Result<()> {
    let (source, target) = (before(source), inside(target));
    if fs::metadata(&source)?.is_dir() {
        fs::create_dir_all(&target)?;
    } else {
        fs::create_dir_all(target.parent().expect("a file has a folder"))?;
        fs::File::create(&target)?;
    }
    Ok(mount_bind_recursive(source, target)?)
}

/// Shows what the job names under paths of the stage's own, on a file system that goes with it: nothing of
/// that is written into the place.
fn show_below_root(job: &Job) -> Step {
    let pairs = || job.shown.chunks_exact(2);
    let top = |path: &Path| path.iter().next().map(|top| job.root.join(top));
    let tops: BTreeSet<PathBuf> = pairs().filter_map(|pair| top(&pair[0])).collect();
    for folder in &tops {
        at(&folder.display().to_string(), || {
            fs::create_dir_all(inside(folder))?;
            tmpfs(inside(folder), c"mode=0755")
        })?;
    }
    for pair in pairs() {
        let target = job.root.join(&pair[0]);
        at(&target.display().to_string(), || show(&pair[1], &target))?;
    }
    let folders: Vec<PathBuf> = tops.iter().map(inside).collect();
    read_only(&folders)
}

/// Makes every mount at and below `folders` read-only.
fn read_only(folders: &[PathBuf]) -> Step {
    let table = fs::read(before("/proc/self/mountinfo"));
    let table = table.map_err(|error| ("the list of mounts".to_owned(), error))?;
    for (path, flags) in mounts(&table) {
        if !folders.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        // Flags that an outer namespace has set are locked: leaving one out is refused.
        let flags = flags | MountFlags::BIND | MountFlags::RDONLY;
        at(&path.display().to_string(), || {
            match mount_remount(&path, flags, c"") {
                // What this user cannot reach needs no protection.
                Err(rustix::io::Errno::ACCESS) => Ok(()),
                result => Ok(result?),
            }
        })?;
    }
    Ok(())
}

/// Reads the paths and flags of the mounts in a `mountinfo`.
///
/// Source: `proc_pid_mountinfo(5)`.
fn mounts(table: &[u8]) -> Vec<(PathBuf, MountFlags)> {
    let mount = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ').skip(4);
        let path = PathBuf::from(OsString::from_vec(unescaped(fields.next()?)));
        let flags = fields.next()?.split(|byte| *byte == b',').map(flag);
        Some((path, with_atime(flags.collect())))
    };
    table
        .split(|byte| *byte == b'\n')
        .filter_map(mount)
        .collect()
}

fn flag(name: &[u8]) -> MountFlags {
    match name {
        b"nosuid" => MountFlags::NOSUID,
        b"nodev" => MountFlags::NODEV,
        b"noexec" => MountFlags::NOEXEC,
        b"noatime" => MountFlags::NOATIME,
        b"nodiratime" => MountFlags::NODIRATIME,
        b"relatime" => MountFlags::RELATIME,
        b"nosymfollow" => MountFlags::NOSYMFOLLOW,
        _ => MountFlags::empty(),
    }
}

// Times are strict where the table is silent; a remount that is silent means `relatime`.
fn with_atime(flags: MountFlags) -> MountFlags {
    if flags.intersects(MountFlags::NOATIME | MountFlags::RELATIME) {
        flags
    } else {
        flags | MountFlags::STRICTATIME
    }
}

/// Undoes the octal escapes of blanks and backslashes.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = tail
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => bytes.push(*first),
        }
    }
    bytes
}

fn devices() -> Step {
    for name in DEVICES {
        let path = Path::new("/dev").join(name);
        if before(&path).exists() {
            at(&path.display().to_string(), || {
                fs::File::create(inside(&path))?;
                Ok(mount_bind(before(&path), inside(&path))?)
            })?;
        }
    }
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ];
    at("/dev", || {
        for (name, to) in links {
            fs::os::unix::fs::symlink(to, inside("/dev").join(name))?;
        }
        fs::create_dir(inside("/dev/shm"))?;
        tmpfs(inside("/dev/shm"), c"mode=1777")
    })
}

#[cfg(test)]
mod tests {
    use super::mounts;
    use rustix::mount::MountFlags;
    use std::path::Path;

    #[test]
    fn a_remount_keeps_the_flags_that_the_table_names() {
        let table =
            b"36 35 98:0 /mnt1 /new/a\\040b\\134 rw,nosuid,noatime master:1 - ext3 /dev/root rw\n\
                      37 35 98:0 / /new/c ro,nodev,noexec,relatime - ext3 /dev/root rw\n\
                      38 35 98:0 / /d rw - tmpfs tmpfs rw\n";
        let read = mounts(table);
        assert_eq!(read[0].0, Path::new("/new/a b\\"));
        assert_eq!(read[0].1, MountFlags::NOSUID | MountFlags::NOATIME);
        let flags = MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RELATIME;
        assert_eq!(read[1], ("/new/c".into(), flags));
        assert_eq!(read[2], ("/d".into(), MountFlags::STRICTATIME));
    }
}
