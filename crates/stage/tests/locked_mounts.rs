//! What the machine forbids on its mounts, a stage must keep on forbidding: the kernel locks such
//! flags for whoever enters a user namespace, and refuses each remount that leaves one out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use fs_err as fs;
use std::path::Path;
use std::process::Command;

/// The user that tests run as when they are not to be root.
const SOMEBODY: &str = "64242";

/// Mounts a file system of many flags, and a part of it below another folder, and goes on.
const MOUNT: &str = "mount -t tmpfs -o nosuid,nodev,noexec,noatime tmpfs locked && mkdir locked/part && \
    echo kept > locked/part/file && mount --bind locked/part shown/part && exec \"$@\"";

/// Tells the flags of each mount that the stage shows of the folder, and tries to write.
const LOOK: &str = "while read -r a b c d path flags rest; do \
    case $path in */locked | */shown/part) echo \"${path##*/} $flags\";; esac; done < /proc/self/mountinfo; \
    cat \"$SHOWN/part/file\"; (echo x > \"$SHOWN/part/new\") 2>&- || echo refused";

/// Runs `stage-shell` behind `wrapper`, in a folder of its own that everybody may enter, and returns
/// what it says.
fn look(wrapper: &[&str], rung: &str) -> String {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let folder = fs::canonicalize(folder.path()).unwrap();
    let at = |name: &str| folder.join(name).display().to_string();
    fs::create_dir_all(at("shown/part")).unwrap();
    fs::create_dir(at("locked")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_stage-shell"), at("stage-shell")).unwrap();
    for path in [
        folder.as_path(),
        Path::new(&at("shown/part")),
        Path::new(&at("locked")),
    ] {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(path, open).unwrap();
    }
    let script = format!("SHOWN={}; {LOOK}", at("shown"));
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let output = Command::new(wrapper[0])
        .args(&wrapper[1..])
        .args([
            "sh",
            "-c",
            MOUNT,
            "sh",
            &at("stage-shell"),
            rung,
            &at("cache"),
            &script,
        ])
        .args([at("locked"), at("shown")])
        .current_dir(&folder)
        .output()
        .unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn a_shown_mount_becomes_read_only_and_keeps_the_flags_that_are_locked() {
    let unshare = ["unshare", "--user", "--map-root-user", "--mount"];
    let setpriv = [
        "setpriv",
        "--reuid",
        SOMEBODY,
        "--regid",
        SOMEBODY,
        "--clear-groups",
    ];
    let mut wrappers = vec![unshare.to_vec()];
    if rustix::process::geteuid().is_root() {
        wrappers = vec![
            vec!["unshare", "--mount"],
            [&setpriv[..], &unshare[..]].concat(),
        ];
    }
    for wrapper in wrappers {
        for rung in ["processes", "mounts"] {
            let said = look(&wrapper, rung);
            let flags = "ro,nosuid,nodev,noexec,noatime";
            let expected = format!(
                "rung {rung}\nlocked {flags}\npart {flags}\nkept\nrefused\nwatched\nexit Some(0)\n"
            );
            assert_eq!(said, expected, "{wrapper:?}");
        }
    }
    drop(fs::remove_dir_all(format!("/tmp/mizzen-stage-{SOMEBODY}")));
}
