use crate::seen::Kinds;
use libc::c_long;

/// What the listener does about a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handling {
    /// Notes these paths.
    Paths(&'static [PathArgument]),
    /// Notes the program, and what it names to be started by.
    Execute(PathArgument),
    /// Notes both, and all that lies below them.
    Move(PathArgument, PathArgument),
    /// Notes the symbolic link that is made, and from now on where each path leads.
    Link(PathArgument),
    /// Notes the path of a socket's address.
    Socket(Kinds),
    /// Goes on, but what the step looks up can no longer be told: why.
    Blind(&'static str),
}

/// Where a call has a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathArgument {
    /// The argument that is the folder from which the path starts, if it does not start at the root;
    /// `None` for the working folder.
    pub(crate) folder: Option<usize>,
    pub(crate) path: usize,
    pub(crate) how: How,
}

/// What a call does with a path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Always(Kinds),
    /// By the flags of `open` in this argument.
    Flags(usize),
    /// By the flags of the structure that this argument of `openat2` points at.
    Structure(usize),
}

const PROBED: Kinds = Kinds::PROBED;
const READ: Kinds = Kinds::READ;
const WRITTEN: Kinds = Kinds::WRITTEN;

const fn at(folder: usize, path: usize, kinds: Kinds) -> PathArgument {
    PathArgument {
        folder: Some(folder),
        path,
        how: How::Always(kinds),
    }
}

const fn here(path: usize, kinds: Kinds) -> PathArgument {
    PathArgument {
        folder: None,
        path,
        how: How::Always(kinds),
    }
}

macro_rules! paths {
    ($($argument:expr),+) => {
        Handling::Paths(&[$($argument),+])
    };
}

/// The newest call that is classified. What a later kernel has beyond makes a step blind.
pub(crate) const NEWEST: c_long = 469;

/// Calls that are refused as if the kernel did not have them: the requests of `io_uring` open files
/// without a call that could be seen.
pub(crate) const REFUSED: [c_long; 1] = [libc::SYS_io_uring_setup];

const MOUNTS: Handling =
    Handling::Blind("it mounted something, so that its paths are not those of the stage");
const HANDLES: Handling = Handling::Blind("it opened a file by its handle, without a path");

// Newer than the libraries know them; the same number on every processor.
const SYS_FCHMODAT2: c_long = 452;
const SYS_SETXATTRAT: c_long = 463;
const SYS_GETXATTRAT: c_long = 464;
const SYS_LISTXATTRAT: c_long = 465;
const SYS_REMOVEXATTRAT: c_long = 466;
const SYS_OPEN_TREE_ATTR: c_long = 467;
const SYS_FILE_GETATTR: c_long = 468;
const SYS_FILE_SETATTR: c_long = 469;

/// Every call of the kernel that takes a path, or makes paths mean something else. The tests name all
/// others: they are let through without a question.
pub(crate) const SHARED: &[(c_long, Handling)] = &[
    // Files.
    (
        libc::SYS_openat,
        paths![PathArgument {
            folder: Some(0),
            path: 1,
            how: How::Flags(2)
        }],
    ),
    (
        libc::SYS_openat2,
        paths![PathArgument {
            folder: Some(0),
            path: 1,
            how: How::Structure(2)
        }],
    ),
    (libc::SYS_newfstatat, paths![at(0, 1, PROBED)]),
    (libc::SYS_statx, paths![at(0, 1, PROBED)]),
    (libc::SYS_faccessat, paths![at(0, 1, PROBED)]),
    (libc::SYS_faccessat2, paths![at(0, 1, PROBED)]),
    (libc::SYS_readlinkat, paths![at(0, 1, Kinds::LINK_READ)]),
    (libc::SYS_truncate, paths![here(0, READ.and(WRITTEN))]),
    (libc::SYS_statfs, paths![here(0, PROBED)]),
    (libc::SYS_name_to_handle_at, paths![at(0, 1, PROBED)]),
    (libc::SYS_open_by_handle_at, HANDLES),
    (
        libc::SYS_inotify_add_watch,
        paths![here(1, PROBED.and(Kinds::LISTED))],
    ),
    (
        libc::SYS_fanotify_mark,
        paths![at(3, 4, PROBED.and(Kinds::LISTED))],
    ),
    (SYS_FILE_GETATTR, paths![at(0, 1, PROBED)]),
    (SYS_FILE_SETATTR, paths![at(0, 1, WRITTEN)]),
    // Programs.
    (
        libc::SYS_execve,
        Handling::Execute(here(0, READ.and(Kinds::EXECUTED))),
    ),
    (
        libc::SYS_execveat,
        Handling::Execute(at(0, 1, READ.and(Kinds::EXECUTED))),
    ),
    // Folders and names.
    (libc::SYS_chdir, paths![here(0, PROBED)]),
    (libc::SYS_mkdirat, paths![at(0, 1, WRITTEN)]),
    (libc::SYS_mknodat, paths![at(0, 1, WRITTEN)]),
    // The flag that makes it `rmdir` is in the third argument: whether the folder was empty is told.
    (
        libc::SYS_unlinkat,
        paths![at(0, 1, WRITTEN.and(Kinds::LISTED))],
    ),
    (
        libc::SYS_renameat2,
        Handling::Move(at(0, 1, READ.and(WRITTEN)), at(2, 3, WRITTEN)),
    ),
    (
        libc::SYS_linkat,
        Handling::Move(at(0, 1, READ), at(2, 3, WRITTEN)),
    ),
    (libc::SYS_symlinkat, Handling::Link(at(1, 2, WRITTEN))),
    // Attributes.
    (libc::SYS_fchmodat, paths![at(0, 1, WRITTEN)]),
    (SYS_FCHMODAT2, paths![at(0, 1, WRITTEN)]),
    (libc::SYS_fchownat, paths![at(0, 1, WRITTEN)]),
    (libc::SYS_utimensat, paths![at(0, 1, WRITTEN)]),
    (libc::SYS_setxattr, paths![here(0, WRITTEN)]),
    (libc::SYS_lsetxattr, paths![here(0, WRITTEN)]),
    (libc::SYS_removexattr, paths![here(0, WRITTEN)]),
    (libc::SYS_lremovexattr, paths![here(0, WRITTEN)]),
    (libc::SYS_getxattr, paths![here(0, PROBED)]),
    (libc::SYS_lgetxattr, paths![here(0, PROBED)]),
    (libc::SYS_listxattr, paths![here(0, PROBED)]),
    (libc::SYS_llistxattr, paths![here(0, PROBED)]),
    (SYS_SETXATTRAT, paths![at(0, 1, WRITTEN)]),
    (SYS_GETXATTRAT, paths![at(0, 1, PROBED)]),
    (SYS_LISTXATTRAT, paths![at(0, 1, PROBED)]),
    (SYS_REMOVEXATTRAT, paths![at(0, 1, WRITTEN)]),
    // Sockets that have a path.
    (libc::SYS_connect, Handling::Socket(PROBED)),
    (libc::SYS_bind, Handling::Socket(WRITTEN)),
    // Another meaning of every path.
    (libc::SYS_chroot, MOUNTS),
    (libc::SYS_mount, MOUNTS),
    (libc::SYS_umount2, MOUNTS),
    (libc::SYS_pivot_root, MOUNTS),
    (libc::SYS_open_tree, MOUNTS),
    (SYS_OPEN_TREE_ATTR, MOUNTS),
    (libc::SYS_move_mount, MOUNTS),
    (libc::SYS_fsopen, MOUNTS),
    (libc::SYS_fsmount, MOUNTS),
    (libc::SYS_fspick, MOUNTS),
    (libc::SYS_mount_setattr, MOUNTS),
    (libc::SYS_setns, MOUNTS),
    // Only for a system's administrator, who is not in a stage.
    (libc::SYS_acct, paths![here(0, PROBED)]),
    (libc::SYS_swapon, paths![here(0, PROBED)]),
    (libc::SYS_swapoff, paths![here(0, PROBED)]),
    (libc::SYS_quotactl, paths![here(1, PROBED)]),
];

/// The calls that only older processors' tables have.
#[cfg(target_arch = "x86_64")]
pub(crate) const OLD: &[(c_long, Handling)] = &[
    (
        libc::SYS_open,
        paths![PathArgument {
            folder: None,
            path: 0,
            how: How::Flags(1)
        }],
    ),
    (libc::SYS_creat, paths![here(0, WRITTEN)]),
    (libc::SYS_stat, paths![here(0, PROBED)]),
    (libc::SYS_lstat, paths![here(0, PROBED)]),
    (libc::SYS_access, paths![here(0, PROBED)]),
    (libc::SYS_readlink, paths![here(0, Kinds::LINK_READ)]),
    (libc::SYS_uselib, paths![here(0, READ)]),
    (libc::SYS_mkdir, paths![here(0, WRITTEN)]),
    (libc::SYS_mknod, paths![here(0, WRITTEN)]),
    (libc::SYS_rmdir, paths![here(0, WRITTEN.and(Kinds::LISTED))]),
    (libc::SYS_unlink, paths![here(0, WRITTEN)]),
    (
        libc::SYS_rename,
        Handling::Move(here(0, READ.and(WRITTEN)), here(1, WRITTEN)),
    ),
    (
        libc::SYS_renameat,
        Handling::Move(at(0, 1, READ.and(WRITTEN)), at(2, 3, WRITTEN)),
    ),
    (
        libc::SYS_link,
        Handling::Move(here(0, READ), here(1, WRITTEN)),
    ),
    (libc::SYS_symlink, Handling::Link(here(1, WRITTEN))),
    (libc::SYS_chmod, paths![here(0, WRITTEN)]),
    (libc::SYS_chown, paths![here(0, WRITTEN)]),
    (libc::SYS_lchown, paths![here(0, WRITTEN)]),
    (libc::SYS_utime, paths![here(0, WRITTEN)]),
    (libc::SYS_utimes, paths![here(0, WRITTEN)]),
    (libc::SYS_futimesat, paths![at(0, 1, WRITTEN)]),
];
#[cfg(target_arch = "aarch64")]
pub(crate) const OLD: &[(c_long, Handling)] = &[(
    libc::SYS_renameat,
    Handling::Move(at(0, 1, READ.and(WRITTEN)), at(2, 3, WRITTEN)),
)];

/// Returns what to do about a call of this number.
pub(crate) fn handling(number: u32) -> Option<Handling> {
    let number = c_long::from(number);
    let mut calls = SHARED.iter().chain(OLD);
    calls
        .find(|(call, _)| *call == number)
        .map(|(_, handling)| *handling)
}

/// Returns what a call of `open` with these flags does with its path; the same as in
/// preload/preload.c.
pub(crate) fn how_opened(flags: u64) -> Kinds {
    let flag = |flag: libc::c_int| {
        flags & u64::from(flag.cast_unsigned()) == u64::from(flag.cast_unsigned())
    };
    if flag(libc::O_TMPFILE) {
        return PROBED;
    }
    if flag(libc::O_PATH) {
        // What such a descriptor leads to may be opened through /proc/self/fd.
        return if flag(libc::O_DIRECTORY) {
            PROBED
        } else {
            READ
        };
    }
    if flags & u64::from(libc::O_ACCMODE.cast_unsigned()) == 0 {
        return match (flag(libc::O_DIRECTORY), flag(libc::O_CREAT)) {
            (true, _) => Kinds::LISTED,
            (false, true) => READ.and(WRITTEN),
            (false, false) => READ,
        };
    }
    if flag(libc::O_TRUNC) || flag(libc::O_CREAT | libc::O_EXCL) {
        return WRITTEN;
    }
    READ.and(WRITTEN)
}

#[cfg(test)]
mod tests;
