use crate::Process;
use crate::error::CommandError;
use mizzen_image::{Archive, Sink, Taggable};
use mizzen_oci::Platform;
use mizzen_store::Store;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A container engine on this machine, spoken to by its own program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Engine {
    Docker,
    Podman,
}

/// What the engines of this machine run, each asked once.
#[derive(Debug, Default)]
pub(crate) struct EnginePlatforms(Mutex<BTreeMap<Engine, Platform>>);

impl EnginePlatforms {
    /// Returns the platform for which `engine` wants its images.
    ///
    /// # Errors
    /// As [`Engine::platform`].
    pub(crate) fn of(&self, engine: Engine, process: &Process) -> Result<Platform, CommandError> {
        if let Some(platform) = self.known().get(&engine) {
            return Ok(platform.clone());
        }
        let platform = engine.platform(process)?;
        self.known().insert(engine, platform.clone());
        Ok(platform)
    }

    /// Asks whether `engine` answers, if nobody has yet.
    ///
    /// # Errors
    /// The program is not there, or does not answer.
    pub(crate) fn check(&self, engine: Engine, process: &Process) -> Result<(), CommandError> {
        if self.known().contains_key(&engine) {
            return Ok(());
        }
        let (text, output) = engine.version(process)?;
        if output.status.success() && !text.is_empty() {
            return Ok(());
        }
        let what = format!("`{}` does not answer", engine.program());
        Err(CommandError::local(what, &said(&output))
            .hinted("start it, or write an archive instead: -o docker-archive:FILE"))
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Engine, Platform>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Returns the engine that `text` names, and what follows it: `docker:shop`.
    pub(crate) fn named(text: &str) -> Option<(Self, &str)> {
        match text.split_once(':')? {
            ("docker", name) => Some((Self::Docker, name)),
            ("podman", name) => Some((Self::Podman, name)),
            _ => None,
        }
    }

    /// Returns the first one that there is on `PATH`.
    pub(crate) fn on_path(process: &Process) -> Option<Self> {
        let engines = [Self::Podman, Self::Docker];
        engines
            .into_iter()
            .find(|engine| engine.find(process).is_ok())
    }

    /// Returns the name of its program.
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
        let program = self.find(process)?;
        let file = file.to_string_lossy();
        let output = self.run(&program, &["load", "--input", &file])?;
        if output.status.success() {
            return Ok(());
        }
        let what = format!("`{} load` failed ({})", self.program(), output.status);
        Err(CommandError::local(what, &said(&output)))
    }

    /// Asks for which platform it wants its images: not always the one of this machine, because it may run
    /// in a virtual one, or elsewhere.
    ///
    /// # Errors
    /// The program is not there, does not answer, or runs no Linux containers.
    fn platform(self, process: &Process) -> Result<Platform, CommandError> {
        let (text, output) = self.version(process)?;
        let platform = text.parse::<Platform>().ok();
        match platform.filter(|_| output.status.success()) {
            Some(platform) if text.starts_with("linux/") => Ok(platform),
            Some(platform) => Err(CommandError::usage(format!(
                "`{}` runs containers of `{platform}`, but images are for linux",
                self.program()
            ))
            .hinted("switch it to Linux containers, or choose a platform: --platform linux/amd64")),
            None => Err(CommandError::local(
                format!("`{}` does not say which platform it runs", self.program()),
                &said(&output),
            )
            .hinted("start it, or choose a platform: --platform linux/amd64")),
        }
    }

    /// Asks what it is, which its server answers: `linux/amd64`.
    fn version(self, process: &Process) -> Result<(String, Output), CommandError> {
        let program = self.find(process)?;
        let template = match self {
            Self::Docker => "{{.Server.Os}}/{{.Server.Arch}}",
            // One without a server is its own client; `podman info` knows, too, and takes ten times as
            // long.
            Self::Podman => "{{with .Server}}{{.OsArch}}{{else}}{{$.Client.OsArch}}{{end}}",
        };
        let output = self.run(&program, &["version", "--format", template])?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((text, output))
    }

    fn find(self, process: &Process) -> Result<PathBuf, CommandError> {
        let program = self.program();
        let mut places = process
            .path()
            .into_iter()
            .map(|folder| folder.join(program));
        places.find(|file| file.is_file()).ok_or_else(|| {
            CommandError::usage(format!("`{program}` is not on PATH"))
                .hinted("write an archive instead: -o docker-archive:FILE")
        })
    }

    fn run(self, program: &Path, arguments: &[&str]) -> Result<Output, CommandError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where engines are started"
        )]
        let output = Command::new(program).args(arguments).output();
        output.map_err(|error| {
            CommandError::local(format!("`{}` cannot be started", self.program()), &error)
        })
    }
}

fn said(output: &Output) -> io::Error {
    io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
