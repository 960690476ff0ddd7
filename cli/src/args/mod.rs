// The comments of this file are the help text, not Markdown.
#![cfg_attr(
    doc,
    expect(
        rustdoc::broken_intra_doc_links,
        reason = "`[:TAG]` is for people who read the help"
    )
)]

mod added;
mod build;
mod defaults;
mod values;

pub(crate) use added::Added;
pub(crate) use build::{BuildArgs, CommandLine, Format, Isolation, Split, Step, Symbols};
pub(crate) use defaults::{DefaultOption, DefaultValue, Setting, option_names, with_defaults};

use crate::ui::{OutputArgs, Progress};
use clap::{Parser, Subcommand};
use mizzen_oci::Platform;
use std::ffi::OsString;
use std::path::PathBuf;
use values::bytes;

/// Native, daemonless OCI images for .NET
#[derive(Parser, Debug)]
#[command(name = "mizzen", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// Whether stderr is for a machine.
    pub(crate) fn is_for_machines(&self) -> bool {
        let output = match &self.command {
            Command::Build(build) | Command::Lock(build) => &build.output,
            Command::Push(push) => &push.common.output,
            Command::Pull(pull) => &pull.common.output,
            Command::Copy(copy) => &copy.common.output,
            _ => return false,
        };
        output.progress == Progress::Json
    }
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Turn a .NET project into an image
    Build(Box<BuildArgs>),
    /// Print what `build` would do and why, without doing it
    Plan(Box<PlanArgs>),
    /// Write mizzen.lock: the base's digest, the toolchain
    Lock(Box<BuildArgs>),
    /// Tell what the cache holds, and take things away
    Cache(CacheArgs),
    /// Print what an image says of itself
    Inspect(InspectArgs),
    /// Print what differs between two images
    Diff(DiffArgs),
    /// Check every digest, size and media type of an image
    Validate(ValidateArgs),
    /// Bring an image from disk to a registry
    Push(PushArgs),
    /// Bring an image from a registry to disk
    Pull(PullArgs),
    /// Bring an image from one registry, or repository, to another
    Copy(CopyArgs),
    /// Keep a name and a password for a registry
    Login(LoginArgs),
    /// Forget what is kept for a registry
    Logout(LogoutArgs),
}

/// Brings an image from disk to a registry, as it is; prints what it is called there
#[derive(clap::Args, Debug)]
pub(crate) struct PushArgs {
    /// oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) source: String,

    /// registry/repository[:tag]
    pub(crate) reference: String,

    #[command(flatten)]
    pub(crate) common: TransferArgs,
}

/// Brings an image from a registry to disk, as it is; prints what it is called there
#[derive(clap::Args, Debug)]
pub(crate) struct PullArgs {
    /// registry/repository[:tag][@digest]
    pub(crate) reference: String,

    /// oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) destination: String,

    #[command(flatten)]
    pub(crate) common: TransferArgs,
}

/// Brings an image from a registry to a registry, as it is; moves only what the target lacks and
/// cannot mount
#[derive(clap::Args, Debug)]
pub(crate) struct CopyArgs {
    /// registry/repository[:tag][@digest]
    pub(crate) from: String,

    /// registry/repository[:tag]
    pub(crate) to: String,

    #[command(flatten)]
    pub(crate) common: TransferArgs,
}

/// What every verb that moves an image takes.
#[derive(clap::Args, Debug)]
pub(crate) struct TransferArgs {
    /// Only the image for this platform [default: all of them]
    #[arg(long)]
    pub(crate) platform: Option<Platform>,

    /// Where what is fetched lives [default: the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "MIZZEN_CACHE_DIR",
        hide_env_values = true
    )]
    pub(crate) cache_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Tries a name and a password from stdin, and keeps them in docker's own config
#[derive(clap::Args, Debug)]
pub(crate) struct LoginArgs {
    /// The registry's host
    pub(crate) registry: String,

    /// The name; `<token>` if what comes on stdin is an identity token
    #[arg(short, long, value_name = "NAME")]
    pub(crate) username: String,

    /// The password comes from stdin, as it always does
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// Forgets what is kept for a registry
#[derive(clap::Args, Debug)]
pub(crate) struct LogoutArgs {
    /// The registry's host
    pub(crate) registry: String,
}

/// Prints what `build` would do and why, without doing it: starts nothing, sends nothing
#[derive(clap::Args, Debug)]
pub(crate) struct PlanArgs {
    /// Say whether this file is an input, and of what
    #[arg(long, value_name = "FILE")]
    pub(crate) why: Option<PathBuf>,

    /// Print each setting and where it came from
    #[arg(long)]
    pub(crate) config: bool,

    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) build: BuildArgs,
}

/// Tells what the cache holds, and takes things away
#[derive(clap::Args, Debug)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) verb: CacheVerb,

    /// The cache that is meant [default: the user's cache folder]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "MIZZEN_CACHE_DIR",
        hide_env_values = true
    )]
    pub(crate) cache_dir: Option<PathBuf>,
}

#[derive(Subcommand, Clone, Copy, Debug)]
pub(crate) enum CacheVerb {
    /// Print where it is
    Dir,
    /// Print how much it holds
    Size,
    /// Remove what goes over a limit, what was used longest ago first
    Prune {
        /// How much may stay: 500MB, 10GB
        #[arg(long, value_name = "SIZE", value_parser = bytes, required_unless_present = "max_age")]
        max_size: Option<u64>,
        /// Remove what was not used for so many days
        #[arg(long, value_name = "DAYS")]
        max_age: Option<u32>,
    },
    /// Remove everything but images that were written into it
    Clean,
    /// Read everything and remove what is damaged
    Verify,
}

/// Prints what an image says of itself: manifest, config, layers
#[derive(clap::Args, Debug)]
pub(crate) struct InspectArgs {
    /// A reference, oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) image: String,

    /// Every file that a container sees, by layer; reads the layers
    #[arg(long)]
    pub(crate) files: bool,

    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) common: ImageArg,
}

/// Prints what differs between two images: settings, files, bytes to fetch
#[derive(clap::Args, Debug)]
pub(crate) struct DiffArgs {
    /// A reference, oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) old: String,

    /// The same
    pub(crate) new: String,

    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) common: ImageArg,
}

/// Checks every digest, size, media type and rule of the specs; says nothing if all hold
#[derive(clap::Args, Debug)]
pub(crate) struct ValidateArgs {
    /// A reference, oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) image: String,

    #[command(flatten)]
    pub(crate) common: ImageArg,
}

/// What every verb that reads an image takes.
#[derive(clap::Args, Debug)]
pub(crate) struct ImageArg {
    /// Which image of several; of a registry linux/amd64 unless another is named
    #[arg(long)]
    pub(crate) platform: Option<Platform>,

    /// Where what is fetched lives [default: the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "MIZZEN_CACHE_DIR",
        hide_env_values = true
    )]
    pub(crate) cache_dir: Option<PathBuf>,
}

/// Rewrites the forms that `dotnet` takes beside `-p NAME=VALUE`: `-p:NAME=VALUE` and
/// `--property:NAME=VALUE`.
pub(crate) fn spelled_out(arguments: &[OsString]) -> Vec<OsString> {
    let spelled = |argument: &OsString| {
        let text = argument.to_str()?;
        let property = text
            .strip_prefix("-p:")
            .or_else(|| text.strip_prefix("--property:"))?;
        Some(OsString::from(format!("--property={property}")))
    };
    arguments
        .iter()
        .map(|argument| spelled(argument).unwrap_or_else(|| argument.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Args, Command, spelled_out};
    use clap::{CommandFactory, Parser};
    use std::ffi::OsString;

    fn parse(line: &str) -> Result<Box<super::BuildArgs>, clap::Error> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        match Args::try_parse_from(spelled_out(&arguments))?.command {
            Command::Build(build) => Ok(build),
            other => unreachable!("{other:?} was not asked for"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn properties_are_taken_in_dotnets_own_forms() {
        let build = parse("mizzen build -p A=1 -p:B=2 --property:C=3 --property D=4=5").unwrap();
        let names: Vec<&str> = build
            .properties
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["A", "B", "C", "D"]);
        assert_eq!(build.properties[3].1, "4=5");
        assert!(parse("mizzen build -p A=1;B=2").is_err());
        assert!(parse("mizzen build -p A").is_err());
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused() {
        for line in [
            "--port 70000",
            "--port 80/icmp",
            "--entrypoint dotnet",
            "--platform linux",
            "-e =x",
            "--from-publish d src",
        ] {
            assert!(parse(&format!("mizzen build {line}")).is_err(), "{line}");
        }
        assert_eq!(
            parse("mizzen build --port 53/udp --platform linux/amd64,linux/arm64")
                .unwrap()
                .platforms
                .len(),
            2
        );
    }
}
