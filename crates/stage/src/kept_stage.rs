use crate::Action;
use fs_err as fs;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The script that opens a shell in a kept stage.
const ENTER: &str = "enter";
/// Where the files are, beside it.
const STAGE: &str = "stage";

/// Copies what a command left in `place` to a new folder (0700) in `parent`, with a script beside it that
/// opens a shell where the command ran. Returns that script.
///
/// Variables that hold secrets are not in the script; files that hold some are in the copy.
///
/// # Errors
/// A file cannot be copied.
pub(crate) fn keep(
    action: &Action,
    place: &Path,
    root: &Path,
    parent: &Path,
) -> io::Result<PathBuf> {
    let folder = tempfile::Builder::new()
        .prefix("mizzen-kept-")
        .tempdir_in(parent)?
        .keep();
    copy(place, &folder.join(STAGE))?;
    let enter = folder.join(ENTER);
    fs::write(&enter, script(action, root))?;
    fs::set_permissions(&enter, PermissionsExt::from_mode(0o700))?;
    Ok(enter)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let below = entry.path().strip_prefix(from).expect("it is below");
        let (source, target) = (entry.path(), to.join(below));
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            fs::create_dir(target)?;
        } else if metadata.is_symlink() {
            fs::os::unix::fs::symlink(fs::read_link(source)?, &target)?;
        } else if metadata.is_file() {
            fs::copy(source, &target)?;
            // Tools compare times to see what is up to date.
            let time = Timespec {
                tv_sec: metadata.mtime(),
                tv_nsec: metadata.mtime_nsec(),
            };
            let times = Timestamps {
                last_access: time,
                last_modification: time,
            };
            rustix::fs::utimensat(CWD, &target, &times, AtFlags::empty())?;
        }
    }
    Ok(())
}

/// Returns the script: the copy lies where the stage was, in a mount namespace of the shell's own.
fn script(action: &Action, root: &Path) -> String {
    let command: Vec<String> = action.command.iter().map(|word| quoted(word)).collect();
    let variables: Vec<String> = action
        .environment
        .iter()
        .map(|(name, value)| quoted(&format!("{name}={value}")))
        .collect();
    let shown = action.shown.iter().map(|(target, source)| {
        let (target, source) = (root.join(target), quoted(&source.to_string_lossy()));
        let parent = target.parent().unwrap_or(root).to_string_lossy();
        let (target, parent) = (quoted(&target.to_string_lossy()), quoted(&parent));
        format!(
            "{{ [ -d {source} ] && mkdir -p {target} || {{ mkdir -p {parent} && touch {target}; }}; }} \
             && mount --bind {source} {target} && "
        )
    });
    let inside = format!(
        "mount --bind \"$0/{STAGE}\" {root} && {shown}cd {folder} && exec env -i {} \"TERM=$TERM\" \"${{@:-/bin/sh}}\"",
        variables.join(" "),
        shown = shown.collect::<String>(),
        root = quoted(&root.to_string_lossy()),
        folder = quoted(&root.join(&action.working_folder).to_string_lossy()),
    );
    format!(
        "#!/bin/bash\n# What ran here: {}\n# Arguments are a command to run instead of a shell.\nset -e\nmkdir -p -m 700 {}\n\
         exec unshare --user --map-root-user --mount /bin/bash -c {} \"$(realpath \"$(dirname \"$0\")\")\" \"$@\"\n",
        command.join(" ").replace('\n', " "),
        quoted(&root.to_string_lossy()),
        quoted(&inside),
    )
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
