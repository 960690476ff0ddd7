use super::new_root::{Step, at, inside};
use fs_err as fs;
use rustix::mount::mount_bind;

/// Files of `/etc` of which each stage has its own, the same on every machine: who the users are decides
/// about no build, and is another with every machine.
pub const OWN_FILES: [&str; 2] = ["/etc/passwd", "/etc/group"];
/// Names this user `mizzen`, whoever it is, where the machine names users in files.
pub(super) fn own_files() -> Step {
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    let texts = [
        format!(
            "mizzen:x:{user}:{group}:mizzen:/:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\n\
             nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
        ),
        format!("mizzen:x:{group}:\nroot:x:0:\nnogroup:x:65534:\n"),
    ];
    for (path, text) in OWN_FILES.iter().zip(texts) {
        if !inside(path).is_file() {
            continue;
        }
        at(path, || {
            let own = inside("/dev/own");
            fs::write(&own, text)?;
            mount_bind(&own, inside(path))?;
            fs::remove_file(own)
        })?;
    }
    Ok(())
}
