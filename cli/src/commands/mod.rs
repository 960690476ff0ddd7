//! The verbs: one file each, with its arguments.

// The comments of arguments are the help text, not Markdown.
#![cfg_attr(
    doc,
    expect(
        rustdoc::broken_intra_doc_links,
        reason = "`[:TAG]` is for people who read the help"
    )
)]

mod audit;
mod build;
mod cache;
mod completions;
mod copy;
mod diff;
mod help;
mod init;
mod inspect;
mod lock;
mod login;
mod man;
mod migrate;
mod package_diff;
mod plan;
mod plan_inputs;
mod plan_why;
mod pull;
mod push;
mod sbom;
mod schema;
mod trust;
mod validate;
mod watch;

pub(crate) use help::for_words;

use crate::building::arguments::BuildArgs;
use crate::config::nearest;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::Progress;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;

/// Native, daemonless OCI images for .NET
#[derive(Parser, Debug)]
#[command(name = "mizzen", version = version(), max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// Whether stderr is for a machine.
    pub(crate) fn is_for_machines(&self) -> bool {
        let output = match &self.command {
            Command::Build(build) | Command::Watch(build) | Command::Lock(build) => &build.output,
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
    /// Build again whenever something changes, until it is stopped
    Watch(Box<BuildArgs>),
    /// Print what `build` would do, and why
    Plan(Box<plan::PlanArgs>),
    /// Write mizzen.lock, which pins the base image and the toolchain
    Lock(Box<BuildArgs>),
    /// Show and allow what a repository asks for outside itself
    Trust(Box<trust::TrustArgs>),
    /// Show or clean the cache
    Cache(cache::CacheArgs),
    /// Show what is in an image
    Inspect(inspect::InspectArgs),
    /// Show what differs between two images
    Diff(diff::DiffArgs),
    /// Check every digest, size and media type of an image
    Validate(validate::ValidateArgs),
    /// Show what an image is made of
    Sbom(sbom::SbomArgs),
    /// Name the known vulnerabilities of what is in an image
    Audit(audit::AuditArgs),
    /// Copy an image from disk to a registry
    Push(push::PushArgs),
    /// Copy an image from a registry to disk
    Pull(pull::PullArgs),
    /// Copy an image from one registry or repository to another
    Copy(copy::CopyArgs),
    /// Store a name and a password for a registry
    Login(login::LoginArgs),
    /// Remove the stored login for a registry
    Logout(login::LogoutArgs),
    /// Write a commented mizzen.toml and a file for the CI system
    Init(init::InitArgs),
    /// Say what each instruction of a Dockerfile becomes
    Migrate(migrate::MigrateArgs),
    /// Print a script that completes verbs and options in a shell
    Completions(completions::CompletionsArgs),
    /// Print a page of the manual, or write all of them
    Man(man::ManArgs),
    /// Print the JSON schema of what mizzen reads and writes
    Schema(schema::SchemaArgs),
}

/// Returns which mizzen it is: a release knows its commit and the day of that.
fn version() -> String {
    let number = env!("CARGO_PKG_VERSION");
    match (
        option_env!("MIZZEN_BUILD_COMMIT"),
        option_env!("MIZZEN_BUILD_DATE"),
    ) {
        (Some(commit), Some(date)) => format!("{number} ({commit} {date})"),
        _ => number.to_owned(),
    }
}

/// Returns the command line with all that its help says.
pub(crate) fn command() -> clap::Command {
    help::with_examples(Args::command())
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

/// Runs the verb that the user asked for.
pub(crate) fn run(arguments: &Args, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    match &arguments.command {
        Command::Build(arguments) => build::run(arguments, invocation),
        Command::Watch(arguments) => watch::run(arguments, invocation),
        Command::Plan(arguments) => plan::run(arguments, invocation),
        Command::Lock(arguments) => lock::run(arguments, invocation),
        Command::Trust(arguments) => trust::run(arguments, invocation),
        Command::Cache(arguments) => cache::run(arguments, invocation),
        Command::Inspect(arguments) => inspect::run(arguments, invocation),
        Command::Diff(arguments) => diff::run(arguments, invocation),
        Command::Validate(arguments) => validate::run(arguments, invocation),
        Command::Sbom(arguments) => sbom::run(arguments, invocation),
        Command::Audit(arguments) => audit::run(arguments, invocation),
        Command::Push(arguments) => push::run(arguments, invocation),
        Command::Pull(arguments) => pull::run(arguments, invocation),
        Command::Copy(arguments) => copy::run(arguments, invocation),
        Command::Login(arguments) => login::run(arguments, invocation),
        Command::Logout(arguments) => login::logout(arguments, invocation.process),
        Command::Init(arguments) => init::run(arguments, invocation),
        Command::Migrate(arguments) => migrate::run(arguments, invocation),
        Command::Completions(arguments) => completions::run(arguments, invocation),
        Command::Man(arguments) => man::run(arguments, invocation),
        Command::Schema(arguments) => schema::run(arguments, invocation),
    }
}

/// Adds to an error about an unknown option the one of the same verb that is nearest: clap's own measure
/// takes `--tga` for nothing.
pub(crate) fn with_nearest(
    mut error: clap::Error,
    command: &clap::Command,
    words: &[OsString],
) -> clap::Error {
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) if error.kind() == ErrorKind::UnknownArgument => {
            option.trim_start_matches('-').to_owned()
        }
        _ => return error,
    };
    let verb = words
        .iter()
        .skip(1)
        .find_map(|word| command.find_subcommand(word));
    let options = verb.into_iter().flat_map(clap::Command::get_arguments);
    let options = options.filter_map(clap::Arg::get_long);
    if error.get(ContextKind::SuggestedArg).is_none()
        && let Some(near) = nearest(&unknown, options)
    {
        let near = ContextValue::String(format!("--{near}"));
        error.insert(ContextKind::SuggestedArg, near);
        // That what was meant as an option is a value is the less likely tip.
        error.insert(ContextKind::Suggested, ContextValue::None);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::{Args, BuildArgs, Command, spelled_out};
    use clap::{CommandFactory, Parser};
    use std::ffi::OsString;

    fn parse(line: &str) -> Result<Box<BuildArgs>, clap::Error> {
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
