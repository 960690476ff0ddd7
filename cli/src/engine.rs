use crate::Process;
use crate::error::CommandError;
use mizzen_image::{Archive, Sink, Taggable};
use mizzen_store::Store;
use std::io;
use std::process::Command;

/// A container engine on this machine, spoken to by its own program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Engine {
    Docker,
    Podman,
}

impl Engine {
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// Loads an image under `name`.
    ///
    /// # Errors
    /// The program is not there, or refuses the image; then with its own words.
    pub(crate) fn load(
        self,
        what: &Taggable,
        name: &str,
        store: &Store,
        process: &Process,
    ) -> Result<(), CommandError> {
        let folder = store.temporary_folder()?;
        let file = folder.path().join("image.tar");
        Archive::docker(&file, &[name.to_owned()]).write(what)?;
        let program = self.program();
        let found = process
            .path()
            .into_iter()
            .map(|folder| folder.join(program));
        let found = found
            .into_iter()
            .find(|file| file.is_file())
            .ok_or_else(|| {
                CommandError::usage(format!("`{program}` is not on PATH"))
                    .hinted("write an archive instead: -o docker-archive:FILE")
            })?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where engines are started"
        )]
        let output = Command::new(found)
            .args(["load", "--input"])
            .arg(&file)
            .output();
        let output = output.map_err(|error| {
            CommandError::local(format!("`{program}` cannot be started"), &error)
        })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let error = io::Error::other(said);
        Err(CommandError::local(
            format!("`{program} load` failed ({})", output.status),
            &error,
        ))
    }
}
