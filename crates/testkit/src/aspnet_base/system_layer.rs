use crate::files_below::files_below;
use fs_err as fs;
use mizzen_image::Entry;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// The user that the app runs as; Microsoft's images know it by the same number.
const APP_UID: u32 = 1654;

const PASSWD: &str = "\
root:x:0:0:root:/root:/sbin/nologin
app:x:1654:1654::/home/app:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
";

const GROUP: &str = "\
root:x:0:
app:x:1654:
nogroup:x:65534:
";

/// Returns the entries of the system layer: of the packages unpacked into `root` the libraries, time
/// zones, root certificates and licences. Their programs stay out.
pub(super) fn entries(root: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = vec![
        Entry::bytes("etc/passwd", PASSWD.as_bytes()),
        Entry::bytes("etc/group", GROUP.as_bytes()),
        Entry::bytes("etc/nsswitch.conf", &b"hosts: files dns\n"[..]),
        Entry::bytes("etc/ssl/certs/ca-certificates.crt", certificates(root)?),
    ];
    let mut parents = BTreeSet::new();
    for found in files_below(root)? {
        let path = merged(&found.path);
        if belongs(&path) {
            parents.extend(parents_of(&path));
            // The kernel runs the loader as it runs a program.
            let mode = if path.contains("/ld-linux") {
                0o755
            } else {
                0o644
            };
            entries.push(found.entry(path, mode)?);
        }
    }
    for name in MERGED {
        entries.push(Entry::symlink(name, format!("usr/{name}")));
    }
    for path in [
        "etc/ssl/certs/-",
        "usr/bin/-",
        "usr/sbin/-",
        "var/tmp/-",
        "home/app/-",
    ] {
        parents.extend(parents_of(path));
    }
    // Where a runtime mounts what is not the image's, and the root user's home.
    parents.extend(["dev", "proc", "run", "sys", "tmp", "root"].map(str::to_owned));
    entries.extend(parents.into_iter().map(|path| {
        let folder = Entry::directory(path.as_str());
        match path.as_str() {
            "tmp" | "var/tmp" => folder.with_mode(0o1777),
            "root" => folder.with_mode(0o700),
            "home/app" => folder.owned_by(APP_UID, APP_UID),
            _ => folder,
        }
    }));
    Ok(entries)
}

/// The folders that are links into `usr/`; packages still ship files below them.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

fn merged(path: &str) -> String {
    match path.split_once('/') {
        Some((first, _)) if MERGED.contains(&first) => format!("usr/{path}"),
        _ => path.to_owned(),
    }
}

fn belongs(path: &str) -> bool {
    let library = path.contains("-linux-gnu/") && path.contains(".so");
    match path {
        "etc/debian_version" | "etc/host.conf" | "etc/os-release" | "usr/lib/os-release" => true,
        _ if path.starts_with("usr/lib64/") => true,
        // Character sets for iconv, which .NET does not use: half of libc6.
        _ if path.starts_with("usr/lib/") => library && !path.contains("/gconv/"),
        // The zones once more, with leap seconds and without.
        _ if path.starts_with("usr/share/zoneinfo/") => {
            !path.contains("/right/") && !path.contains("/posix/")
        }
        _ if path.starts_with("usr/share/doc/") => path.ends_with("/copyright"),
        _ => path.starts_with("usr/share/common-licenses/"),
    }
}

/// Returns the folders above `path`, outermost first.
fn parents_of(path: &str) -> impl Iterator<Item = String> {
    path.match_indices('/')
        .map(|(end, _)| path[..end].to_owned())
}

/// Returns the bundle that the package's own installation would make.
fn certificates(root: &Path) -> io::Result<Vec<u8>> {
    let folder = root.join("usr/share/ca-certificates/mozilla");
    let found = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = found.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let mut bundle = Vec::new();
    for path in paths {
        bundle.extend(fs::read(path)?);
    }
    Ok(bundle)
}
