// The comments of this file are the help text, not Markdown.
#![cfg_attr(
    doc,
    expect(
        rustdoc::broken_intra_doc_links,
        rustdoc::invalid_html_tags,
        reason = "`[:TAG]` and `<cache>` are for people who read the help"
    )
)]

use super::added::Added;
use super::attest_arguments::AttestArgs;
use super::sharing_arguments::SharingArgs;
use super::values::{
    CommandLine, command, compression, folder, healthcheck, pair, pattern, port, property,
};
use crate::config::{Config, Setting};
use crate::consent::Trust;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::OutputArgs;
use clap::{FromArgMatches, ValueEnum};
use mizzen_dotnet::PathPattern;
use mizzen_image::Compression;
use mizzen_oci::{Healthcheck, Platform};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Turns an ASP.NET project into an image: restores and publishes it with `dotnet`, packs the result
/// on a distroless base, and pushes it to a registry or writes it to disk.
#[derive(clap::Args, Debug)]
pub(crate) struct BuildArgs {
    /// A project file, a solution, a folder that holds one, or a file-based app (app.cs); for a
    /// solution, every service is built
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,

    /// Build only this project of a solution
    #[arg(long = "project", value_name = "NAME")]
    pub(crate) projects: Vec<String>,

    /// Push here: registry/repository[:tag]; {project} stands for the image's name. Access
    /// is checked before anything is built
    #[arg(short, long = "tag", value_name = "REF")]
    pub(crate) tags: Vec<String>,

    /// Push to where the project says: `ContainerRegistry/ContainerRepository:ContainerImageTag(s)`
    #[arg(long)]
    pub(crate) push: bool,

    /// Write here: oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, docker:[NAME[:TAG]] or
    /// podman:[NAME[:TAG]] (load into the local engine) [default: oci:<cache>/out/<name> when nothing
    /// is pushed]
    #[arg(short, long = "output", value_name = "DEST")]
    pub(crate) outputs: Vec<String>,

    /// Platforms to build for; more than one makes an index [default: that of -r, else the
    /// project's `ContainerRuntimeIdentifier(s)`, else that of the engine for docker: and podman:, else
    /// linux/amd64]
    #[arg(
        long = "platform",
        value_name = "LIST",
        value_delimiter = ',',
        env = "MIZZEN_PLATFORM",
        hide_env_values = true
    )]
    pub(crate) platforms: Vec<Platform>,

    /// The base image: a reference, oci:DIR[:TAG] or oci-archive:FILE [default: the project's
    /// `ContainerBaseImage`, else distroless for the app's framework]
    #[arg(long, value_name = "REF", env = "MIZZEN_BASE", hide_env_values = true)]
    pub(crate) base: Option<String>,

    /// Take the inferred base from this mirror [default: mcr.microsoft.com]
    #[arg(
        long,
        value_name = "HOST[/PREFIX]",
        env = "MIZZEN_BASE_REGISTRY",
        hide_env_values = true
    )]
    pub(crate) base_registry: Option<String>,

    /// Package an existing `dotnet publish` folder without running an SDK
    #[arg(long, value_name = "DIR", conflicts_with_all = ["path", "framework", "runtime_identifier", "self_contained", "properties", "no_cache"])]
    pub(crate) from_publish: Option<PathBuf>,

    /// The configuration to publish [default: Release]
    #[arg(
        short,
        long,
        value_name = "NAME",
        env = "MIZZEN_CONFIGURATION",
        hide_env_values = true
    )]
    pub(crate) configuration: Option<String>,

    /// The target framework, if the project has several
    #[arg(short, long, value_name = "TFM")]
    pub(crate) framework: Option<String>,

    /// Publish for one runtime identifier [default: portable]
    #[arg(short, long = "runtime", value_name = "RID")]
    pub(crate) runtime_identifier: Option<String>,

    /// Include the .NET runtime
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) self_contained: Option<bool>,

    /// An MSBuild property
    #[arg(short, long = "property", value_name = "NAME=VALUE", value_parser = property)]
    pub(crate) properties: Vec<(String, String)>,

    /// Where the cache is [default: the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "MIZZEN_CACHE_DIR",
        hide_env_values = true
    )]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Build so many services of a solution at once [default: one for each processor, as far as there is
    /// 1 GiB of memory for each]
    #[arg(short, long, value_name = "NUMBER")]
    pub(crate) jobs: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) sharing: SharingArgs,

    #[command(flatten)]
    pub(crate) reuse: ReuseArgs,

    /// How much of the machine `dotnet` can see; `path` hides nothing, and promises that this machine is
    /// clean
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Isolation::Auto, env = "MIZZEN_ISOLATION", hide_env_values = true)]
    pub(crate) isolation: Isolation,

    /// Allow what the repository asks for outside itself, for this run: `all`, or only the request that
    /// `mizzen trust --show` names
    #[arg(long, value_name = "REQUEST", num_args = 0..=1, default_missing_value = "all", require_equals = true, env = "MIZZEN_TRUST", hide_env_values = true)]
    pub(crate) trust: Option<Trust>,

    /// With several images, write and tag none until all are built
    #[arg(long)]
    pub(crate) all_or_nothing: bool,

    /// Do not use the network; fail with what is missing
    #[arg(long, env = "MIZZEN_OFFLINE", hide_env_values = true)]
    pub(crate) offline: bool,

    /// Write what was built as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata_file: Option<PathBuf>,

    /// Write the image's digest
    #[arg(long, value_name = "FILE")]
    pub(crate) digest_file: Option<PathBuf>,

    /// Write the pushed references, one per line
    #[arg(long, value_name = "FILE")]
    pub(crate) image_refs: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    #[command(flatten)]
    pub(crate) layers: LayerArgs,

    #[command(flatten)]
    pub(crate) image: ImageArgs,

    #[command(flatten)]
    pub(crate) attest: AttestArgs,
}

impl BuildArgs {
    /// Reads the options of a verb that takes all those of `build`, with what `config` says of `project`
    /// (the name of its file, without the extension) where the command line is silent. Returns each
    /// setting, too, in the order of the help.
    ///
    /// # Errors
    /// A value of the file is not what its option takes.
    pub(crate) fn of(
        invocation: &Invocation<'_>,
        config: &Config,
        project: Option<&str>,
    ) -> Result<(Self, Vec<Setting>), CommandError> {
        let applied = config.applied(&invocation.command, &invocation.words, project)?;
        let arguments = Self::from_arg_matches(&applied.matches);
        let mut arguments = arguments.expect("the verb has each of these options");
        let image = &mut arguments.image;
        for (name, pairs) in [
            ("annotation", &mut image.annotations),
            ("env", &mut image.env),
            ("label", &mut image.labels),
            ("property", &mut arguments.properties),
        ] {
            // The later one of two of one name counts.
            let of_file = applied.pairs.get(name).into_iter().flatten();
            pairs.splice(0..0, of_file.cloned());
        }
        Ok((arguments, applied.settings))
    }
}

/// What is reused, and what is made or asked for again
#[derive(clap::Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(crate) struct ReuseArgs {
    /// Run all steps again, or those from STEP on; results are still stored
    #[arg(long, value_name = "STEP", num_args = 0..=1, default_missing_value = "restore", require_equals = true)]
    pub(crate) no_cache: Option<Step>,

    /// Also run what would be reused, and compare: an error names the files that differ
    #[arg(long, conflicts_with = "no_cache")]
    pub(crate) check_cache: bool,

    /// Do not watch what the steps look up; what they give is then reused only where no staged file
    /// changed (as `watch = false` in [policy] of mizzen.toml)
    #[arg(long)]
    pub(crate) no_watch: bool,

    /// Let publish do what is known to change nothing, such as its own restore after the same restore
    /// (as `shortcuts = false` in [policy] of mizzen.toml); the image is the same
    #[arg(long)]
    pub(crate) no_shortcuts: bool,

    /// Use only what is pinned: the toolchain and the base image in mizzen.lock (written by `mizzen
    /// lock`), and packages as in the projects' lock files
    #[arg(long, conflicts_with = "from_publish")]
    pub(crate) locked: bool,

    /// Keep what a failed step leaves behind, with a script that opens a shell there; this includes
    /// files with credentials for feeds
    #[arg(long)]
    pub(crate) keep_stage: bool,
}

/// What goes into the layers
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Layers")]
pub(crate) struct LayerArgs {
    /// Split the app into layers by how often its parts change, or not at all
    #[arg(long, value_enum, default_value_t = Split::Auto)]
    pub(crate) layers: Split,

    /// How layers are compressed: gzip, zstd or zstd:LEVEL
    #[arg(long, value_name = "KIND", default_value = "gzip", value_parser = compression, env = "MIZZEN_COMPRESSION", hide_env_values = true)]
    pub(crate) compression: Compression,

    /// Files to include that would be left out, by their path in the publish folder
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    pub(crate) keep: Vec<PathPattern>,

    /// Which .pdb and .dbg files to include
    #[arg(long, value_enum, default_value_t = Symbols::Own)]
    pub(crate) debug_symbols: Symbols,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Split {
    Auto,
    Single,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Symbols {
    /// Those of the app's own projects
    Own,
    /// Also those of packages
    All,
    /// None
    None,
    /// None in the image; all of them beside it, as an artifact that refers to the image
    Separate,
}

/// What the image says about itself, and how it runs
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Image configuration, over what the base and the project say")]
pub(crate) struct ImageArgs {
    /// An environment variable
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) env: Vec<(String, String)>,

    /// A label
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,

    /// An annotation of the manifest
    #[arg(long = "annotation", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) annotations: Vec<(String, String)>,

    /// A port that the application listens on
    #[arg(long = "port", value_name = "PORT[/udp]", value_parser = port)]
    pub(crate) ports: Vec<String>,

    /// The user that the image runs as; a name is replaced by its number in the base
    #[arg(long, value_name = "UID[:GID]")]
    pub(crate) user: Option<String>,

    /// The working folder
    #[arg(long, value_name = "DIR")]
    pub(crate) workdir: Option<String>,

    /// The command to run instead of the app's own
    #[arg(long, value_name = "JSON", value_parser = command)]
    pub(crate) entrypoint: Option<CommandLine>,

    /// Arguments appended to the command
    #[arg(long, value_name = "JSON", value_parser = command)]
    pub(crate) cmd: Option<CommandLine>,

    /// A folder that outlives the container, owned by the image's user
    #[arg(long = "volume", value_name = "DIR", value_parser = folder)]
    pub(crate) volumes: Vec<String>,

    /// An empty folder, owned by the image's user
    #[arg(long, value_name = "DIR", value_parser = folder)]
    pub(crate) writable: Vec<String>,

    /// A file, or the files in a folder, as a layer of their own; owned by root unless an owner, a
    /// group and a mode are given, as in `cert.pem:/etc/ssl/:uid=1654,gid=1654,mode=0400`
    #[arg(long, value_name = "SRC:DEST[:uid=…]")]
    pub(crate) add: Vec<Added>,

    /// How Docker checks the container's health: {"Test": ["CMD", …], "Interval": "30s"}
    #[arg(long, value_name = "JSON", value_parser = healthcheck)]
    pub(crate) healthcheck: Option<Healthcheck>,

    /// The signal that asks the container to stop
    #[arg(long, value_name = "SIGNAL")]
    pub(crate) stop_signal: Option<String>,

    /// The family of media types [default: the project's `ContainerImageFormat`, else oci]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    Oci,
    Docker,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Isolation {
    /// Hide as much as this machine allows
    Auto,
    /// Show only what is staged, by namespaces; fail if that is not possible
    Namespace,
    /// Show everything
    Path,
}

impl From<Isolation> for mizzen_stage::Isolation {
    fn from(isolation: Isolation) -> Self {
        match isolation {
            Isolation::Auto => Self::Auto,
            Isolation::Namespace => Self::Namespace,
            Isolation::Path => Self::Path,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Step {
    Restore,
    Publish,
}
