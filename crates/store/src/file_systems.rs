use fs_err as fs;
use rustix::fs::StatVfsMountFlags;
use std::collections::BTreeMap;
use std::path::Path;

/// Tells file systems whose files can be known again by what `stat` says from images that say the same of
/// other files.
///
/// A file system that is written dates each change itself. One that is read-only was made elsewhere, with
/// whatever times its maker chose: two such images, mounted one after the other at one place, may give
/// other files the same device, inode, size and times.
#[derive(Debug, Default)]
pub(crate) struct FileSystems {
    /// By device.
    dates_changes: BTreeMap<u64, bool>,
}

impl FileSystems {
    /// Returns whether the file system of `device`, in which `path` lies, dates what changes in it.
    pub(crate) fn dates_changes(&mut self, device: u64, path: &Path) -> bool {
        let judge = || is_written(path) || is_writable_elsewhere(device);
        *self.dates_changes.entry(device).or_insert_with(judge)
    }
}

fn is_written(path: &Path) -> bool {
    let answer = rustix::fs::statvfs(path);
    answer.is_ok_and(|answer| !answer.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Whether only the mount is read-only, as that of a folder that is shown to a container.
fn is_writable_elsewhere(device: u64) -> bool {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    is_writable(device, &table)
}

/// Source: `proc_pid_mountinfo(5)`: the third field is the device, and after a dash come the type, the
/// source and the options of the file system itself.
fn is_writable(device: u64, table: &str) -> bool {
    let device = format!(
        "{}:{}",
        rustix::fs::major(device),
        rustix::fs::minor(device)
    );
    let mut mounts = table.lines().filter_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let is_it = mount.split(' ').nth(2)? == device;
        is_it.then(|| file_system.split(' ').nth(2)).flatten()
    });
    mounts.any(|options| options.split(',').any(|option| option == "rw"))
}

#[cfg(test)]
mod tests {
    use super::is_writable;
    use rustix::fs::makedev;

    #[test]
    fn a_read_only_mount_is_told_from_a_read_only_file_system() {
        let table = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
                     30 22 254:0 /sdk /sdk ro,relatime shared:1 - ext4 /dev/vda rw,discard\n\
                     31 22 7:0 / /image ro,relatime - squashfs /dev/loop0 ro,errors=continue\n";
        assert!(is_writable(makedev(254, 0), table));
        assert!(!is_writable(makedev(7, 0), table));
        assert!(!is_writable(makedev(8, 0), table));
    }
}
