use crate::BuildError;
use mizzen_image::{FileTree, Image};
use mizzen_oci::Healthcheck;

/// What engines run a line with where the image does not say.
const SHELL: &str = "/bin/sh";

/// Checks that `image` has the shell that `healthcheck` is a line for: a container without it would run,
/// and never be well.
///
/// The layers are read only where a shell is needed.
///
/// # Errors
/// [`BuildError::NoShell`]; [`BuildError::Base`] if a layer cannot be read.
pub fn check_shell(image: &Image, healthcheck: Option<&Healthcheck>) -> Result<(), BuildError> {
    if !healthcheck.is_some_and(Healthcheck::needs_shell) {
        return Ok(());
    }
    let shell = image.config().run_get("Shell");
    let shell = shell.and_then(|words| words[0].as_str()).unwrap_or(SHELL);
    // One that is looked for on `PATH` is the image's own affair.
    if !shell.starts_with('/') {
        return Ok(());
    }
    let tree = FileTree::of(image).map_err(BuildError::Base)?;
    match tree.follow(shell) {
        Some(_) => Ok(()),
        None => Err(BuildError::NoShell(shell.to_owned())),
    }
}
