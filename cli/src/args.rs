// The comments of this file are the help text, not Markdown.
#![cfg_attr(
    doc,
    expect(
        rustdoc::broken_intra_doc_links,
        rustdoc::invalid_html_tags,
        reason = "`[:TAG]` and `<cache>` are for people who read the help"
    )
)]

use clap::{Parser, Subcommand, ValueEnum};
use mizzen_dotnet::PathPattern;
use mizzen_image::Compression;
use mizzen_oci::Platform;
use std::ffi::OsString;
use std::path::PathBuf;

/// Native, daemonless OCI images for .NET
#[derive(Parser, Debug)]
#[command(name = "mizzen", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Turn a .NET project into an image
    Build(Box<BuildArgs>),
    /// Print what `build` would do and why, without doing it
    Plan(Box<PlanArgs>),
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
    /// Remove everything
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

/// Turns an ASP.NET project into an image: restores and publishes it with `dotnet`, packs the result
/// on a distroless base, and pushes it to a registry or writes it to disk.
#[derive(clap::Args, Debug)]
pub(crate) struct BuildArgs {
    /// A project file, or a folder that holds one
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,

    /// Push here: registry/repository[:tag]
    #[arg(short, long = "tag", value_name = "REF")]
    pub(crate) tags: Vec<String>,

    /// Write here: oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, docker:[NAME[:TAG]] or
    /// podman:[NAME[:TAG]] (load into the local engine) [default: oci:<cache>/out/<name> when nothing
    /// is pushed]
    #[arg(short, long = "output", value_name = "DEST")]
    pub(crate) outputs: Vec<String>,

    /// Platforms to build for; more than one makes an index [default: linux/amd64, or that of -r]
    #[arg(long = "platform", value_name = "LIST", value_delimiter = ',')]
    pub(crate) platforms: Vec<Platform>,

    /// The base image: a reference, oci:DIR[:TAG] or oci-archive:FILE [default: distroless for the
    /// app's framework]
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

    /// Package an existing `dotnet publish` folder; runs no SDK
    #[arg(long, value_name = "DIR", conflicts_with_all = ["path", "framework", "runtime_identifier", "self_contained", "properties", "no_cache"])]
    pub(crate) from_publish: Option<PathBuf>,

    /// The configuration to publish [default: Release]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) configuration: Option<String>,

    /// The target framework, where the project has several
    #[arg(short, long, value_name = "TFM")]
    pub(crate) framework: Option<String>,

    /// Publish for one runtime identifier [default: portable]
    #[arg(short, long = "runtime", value_name = "RID")]
    pub(crate) runtime_identifier: Option<String>,

    /// Bring the runtime along
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) self_contained: Option<bool>,

    /// An MSBuild property
    #[arg(short, long = "property", value_name = "NAME=VALUE", value_parser = property)]
    pub(crate) properties: Vec<(String, String)>,

    /// Where blobs and records live [default: the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "MIZZEN_CACHE_DIR",
        hide_env_values = true
    )]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Run the steps again, or those from one on; results are still stored
    #[arg(long, value_name = "STEP", num_args = 0..=1, default_missing_value = "restore", require_equals = true)]
    pub(crate) no_cache: Option<Step>,

    /// How much of the machine `dotnet` can see; `path`, which hides nothing, says that this machine
    /// is clean
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Isolation::Auto)]
    pub(crate) isolation: Isolation,

    /// Touch no network; say what is missing
    #[arg(long)]
    pub(crate) offline: bool,

    /// Write what was built as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata_file: Option<PathBuf>,

    /// Write the image's digest
    #[arg(long, value_name = "FILE")]
    pub(crate) digest_file: Option<PathBuf>,

    /// Write the pushed references, one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) image_refs: Option<PathBuf>,

    /// Say less: errors only
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say more: dotnet's own output, what was left out of the image
    #[arg(short, long)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) layers: LayerArgs,

    #[command(flatten)]
    pub(crate) image: ImageArgs,
}

/// What goes into the layers
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Layers")]
pub(crate) struct LayerArgs {
    /// Split the app by how often its parts change, or not at all
    #[arg(long, value_enum, default_value_t = Split::Auto)]
    pub(crate) layers: Split,

    /// How they are compressed: gzip, zstd or zstd:LEVEL
    #[arg(long, value_name = "KIND", default_value = "gzip", value_parser = compression)]
    pub(crate) compression: Compression,

    /// Files to take in that would be left out, by their path in the publish folder
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    pub(crate) keep: Vec<PathPattern>,

    /// Which .pdb and .dbg files go in
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
    /// Those of packages, too
    All,
    /// None
    None,
}

/// What the image says of itself and how it runs
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Image configuration, over what the base says")]
pub(crate) struct ImageArgs {
    /// A variable
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) env: Vec<(String, String)>,

    /// A label
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,

    /// An annotation of the manifest
    #[arg(long = "annotation", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) annotations: Vec<(String, String)>,

    /// A port it listens on
    #[arg(long = "port", value_name = "PORT[/udp]", value_parser = port)]
    pub(crate) ports: Vec<String>,

    /// The user it runs as; a name becomes the number that the base gives it
    #[arg(long, value_name = "UID[:GID]")]
    pub(crate) user: Option<String>,

    /// Where it starts
    #[arg(long, value_name = "DIR")]
    pub(crate) workdir: Option<String>,

    /// The command it runs, instead of the app's own
    #[arg(long, value_name = "JSON", value_parser = command)]
    pub(crate) entrypoint: Option<CommandLine>,

    /// What is appended to the command
    #[arg(long, value_name = "JSON", value_parser = command)]
    pub(crate) cmd: Option<CommandLine>,

    /// A folder that outlives the container; belongs to the image's user
    #[arg(long = "volume", value_name = "DIR", value_parser = folder)]
    pub(crate) volumes: Vec<String>,

    /// An empty folder that belongs to the image's user
    #[arg(long, value_name = "DIR", value_parser = folder)]
    pub(crate) writable: Vec<String>,

    /// How Docker asks whether it is well: {"Test": ["CMD", …]}
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub(crate) healthcheck: Option<serde_json::Value>,

    /// The signal that asks it to stop
    #[arg(long, value_name = "SIGNAL")]
    pub(crate) stop_signal: Option<String>,

    /// The family of media types
    #[arg(long, value_enum, default_value_t = Format::Oci)]
    pub(crate) format: Format,
}

/// A command as JSON has it: an array of strings.
pub(crate) type CommandLine = std::sync::Arc<Vec<String>>;

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    Oci,
    Docker,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Isolation {
    /// As little as this machine allows
    Auto,
    /// Only what is staged, by namespaces, or nothing is built
    Namespace,
    /// All of it
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

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("want NAME=VALUE".to_owned()),
    }
}

fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = pair(text)?;
    // MSBuild splits one argument at `;` into several properties; so must the key.
    if value.contains(';') || name.contains(';') {
        return Err(
            "`;` separates properties for MSBuild: write %3B, or name each on its own".to_owned(),
        );
    }
    Ok((name, value))
}

fn compression(text: &str) -> Result<Compression, String> {
    let level = |level: &str| level.parse().ok().filter(|level| (1..=19).contains(level));
    match text.split_once(':') {
        None if text == "gzip" => Ok(Compression::Gzip),
        None if text == "zstd" => Ok(Compression::ZSTD),
        Some(("zstd", text)) => level(text)
            .map(Compression::Zstd)
            .ok_or_else(|| "want a level of 1 to 19".to_owned()),
        _ => Err("want gzip, zstd or zstd:LEVEL".to_owned()),
    }
}

fn pattern(text: &str) -> Result<PathPattern, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        _ => return Err("want bytes, or a number with kB, MB or GB".to_owned()),
    };
    let number: Result<u64, _> = digits.trim().parse();
    let number = number.ok().and_then(|number| number.checked_mul(unit));
    number.ok_or_else(|| "want bytes, or a number with kB, MB or GB".to_owned())
}

fn port(text: &str) -> Result<String, String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    match (number.parse::<u16>(), protocol) {
        (Ok(number), "tcp" | "udp" | "sctp") => Ok(format!("{number}/{protocol}")),
        _ => Err("want PORT or PORT/udp".to_owned()),
    }
}

fn folder(text: &str) -> Result<String, String> {
    let is_sound = text.len() > 1 && text.starts_with('/') && !text.contains("//");
    let mut parts = text.trim_matches('/').split('/');
    if is_sound && parts.all(|part| !["", ".", ".."].contains(&part)) {
        return Ok(text.to_owned());
    }
    Err("want an absolute folder other than /".to_owned())
}

fn object(text: &str) -> Result<serde_json::Value, String> {
    let value = serde_json::from_str(text)
        .ok()
        .filter(serde_json::Value::is_object);
    value.ok_or_else(|| r#"want a JSON object: {"Test": ["CMD", "/app/health"]}"#.to_owned())
}

fn command(text: &str) -> Result<CommandLine, String> {
    let command: Result<Vec<String>, _> = serde_json::from_str(text);
    command
        .map(Into::into)
        .map_err(|_| r#"want a JSON array of strings: ["dotnet","/app/x.dll"]"#.to_owned())
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
