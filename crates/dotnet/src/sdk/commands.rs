use crate::{Properties, Tailored};
use std::collections::BTreeMap;

/// What `dotnet publish` is asked for, beside the project.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PublishOptions {
    /// `-c`; `Release` unless the user says otherwise.
    pub configuration: String,
    /// `-f`: needed where the project has several.
    pub framework: Option<String>,
    /// `-r`.
    pub runtime_identifier: Option<String>,
    /// `--self-contained`, `true` or `false`.
    pub self_contained: Option<bool>,
    /// `-p`.
    pub properties: Properties,
}

impl PublishOptions {
    /// Returns what publish is asked to do to packages and runtime for the one application.
    pub fn tailored(&self) -> Option<Tailored> {
        let is_asked = |name: &str| {
            let value = self.properties.get(name);
            value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        [
            ("PublishAot", Tailored::Native),
            ("PublishSingleFile", Tailored::SingleFile),
            ("PublishTrimmed", Tailored::Trimmed),
            ("PublishReadyToRun", Tailored::ReadyToRun),
        ]
        .into_iter()
        .find_map(|(name, tailored)| is_asked(name).then_some(tailored))
    }
}

/// The paths that a stage always has, on every machine, since they end up in the bytes of what is
/// built. All absolute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Canonical {
    /// The workspace's copy.
    pub sources: String,
    /// `HOME`: empty but for what mizzen puts there.
    pub home: String,
    /// NuGet's package folder.
    pub packages: String,
    /// Where publish writes.
    pub output: String,
    /// Temporary files.
    pub temporary: String,
    /// The SDK's folder.
    pub sdk: String,
}

/// A command of a stage: the program's arguments, the first is the program.
pub type Command = Vec<String>;

/// The variable that names the file for the facts, and that makes the injected target write them.
pub const FACTS_FILE_VARIABLE: &str = "MIZZEN_FACTS_FILE";

/// The variable, and its value, that keep a publish from starting the compiler's server; the bytes are
/// the same.
pub const NO_COMPILER_SERVER: (&str, &str) = ("UseSharedCompilation", "false");

/// The name of the compiler's server in a stage.
pub(crate) const COMPILER_SERVER: &str = "mizzen";

/// Where a stage finds programs beside those of the SDK.
pub const PROGRAM_FOLDERS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// Where MSBuild looks for targets of the user's own, under `HOME`: every project imports them, and
/// no property that the project may use itself has to be set.
const INJECTED: &str =
    ".local/share/Microsoft/MSBuild/Current/Microsoft.Common.targets/ImportAfter/mizzen.targets";

/// What begins the line by which the injected targets tell which project is compiled.
pub const COMPILES: &str = "mizzen compiles ";

/// Returns the path under `HOME` and the text of the targets that every staged project imports.
///
/// They turn the apphost of portable publishes off (it is a program for the build host, not for the
/// image), and so the SDK's own making of images; they give generated static assets a fixed time (their time is written into
/// `*.staticwebassets.endpoints.json`), and write the facts of the published project.
pub fn injected_targets() -> (&'static str, &'static [u8]) {
    (INJECTED, include_bytes!("injected.targets"))
}

/// Where the targets for compressed assets lie, under `HOME`.
const COMPRESSED: &str = ".mizzen/compressed.targets";

/// The variable that names the folder in which publish finds, in `known`, what assets were compressed to
/// before, and leaves, in `made`, what they were compressed to now.
pub const COMPRESSED_VARIABLE: &str = "MIZZEN_COMPRESSED";

/// Returns the path under `HOME` and the text of the targets that take and keep compressed assets.
///
/// Each is named by the level and the full hash of its source, and is what this very SDK makes of it.
pub fn compressed_targets() -> (&'static str, &'static [u8]) {
    (COMPRESSED, include_bytes!("compressed.targets"))
}

/// Returns the command that restores `project` (the name of its file, in whose folder it starts) with exactly the properties
/// of [`publish_command`], those included that `dotnet publish` sets by itself and adds for its own
/// restore alone: what restores here is what would restore there.
pub fn restore_command(canonical: &Canonical, project: &str, options: &PublishOptions) -> Command {
    let mut command = vec![
        format!("{}/dotnet", canonical.sdk),
        "restore".to_owned(),
        project.to_owned(),
    ];
    // SDKs from 8 on decide by the first what a publish needs.
    command.extend(SET_BY_PUBLISH.map(str::to_owned));
    command.push(format!("-p:Configuration={}", options.configuration));
    command.push(format!("-p:PublishDir={}", canonical.output));
    command.push("-p:_CommandLineDefinedOutputPath=true".to_owned());
    if let Some(runtime_identifier) = &options.runtime_identifier {
        command.push(format!("-p:RuntimeIdentifier={runtime_identifier}"));
        command.push("-p:_CommandLineDefinedRuntimeIdentifier=true".to_owned());
    }
    if let Some(self_contained) = options.self_contained {
        command.push(format!("-p:SelfContained={self_contained}"));
        command.push("-p:_CommandLineDefinedSelfContained=true".to_owned());
    }
    command.extend(properties(options));
    command
}

/// What `dotnet publish -c` of SDK 10 sets by itself: for every target, then for its own restore alone.
const SET_BY_PUBLISH: [&str; 5] = [
    "-p:_IsPublishing=true",
    "-p:DOTNET_CLI_DISABLE_PUBLISH_AND_PACK_RELEASE=true",
    "-p:EnableDefaultCompileItems=false",
    "-p:EnableDefaultEmbeddedResourceItems=false",
    "-p:EnableDefaultNoneItems=false",
];

/// Returns the command that publishes `project` (the name of its file, in whose folder it starts) into the stage's output.
///
/// It restores, too: a no-op after [`restore_command`], and the guard for whatever that step's key
/// does not see. Where that guard is not needed, [`without_restore`] takes it away.
pub fn publish_command(canonical: &Canonical, project: &str, options: &PublishOptions) -> Command {
    let mut command = vec![
        format!("{}/dotnet", canonical.sdk),
        "publish".to_owned(),
        project.to_owned(),
    ];
    command.extend(["-c".to_owned(), options.configuration.clone()]);
    command.extend(["-o".to_owned(), canonical.output.clone()]);
    if let Some(framework) = &options.framework {
        command.extend(["-f".to_owned(), framework.clone()]);
    }
    if let Some(runtime_identifier) = &options.runtime_identifier {
        command.extend(["-r".to_owned(), runtime_identifier.clone()]);
    }
    if let Some(self_contained) = options.self_contained {
        command.extend(["--self-contained".to_owned(), self_contained.to_string()]);
    }
    command.extend(properties(options));
    command
}

/// Returns `publish`, a [`publish_command`], without its own restore.
#[must_use]
pub fn without_restore(publish: &[String]) -> Command {
    let mut command = publish.to_vec();
    // After program, verb and project.
    command.insert(3, "--no-restore".to_owned());
    command
}

fn properties(options: &PublishOptions) -> impl Iterator<Item = String> {
    options
        .properties
        .iter()
        .map(|(name, value)| format!("-p:{name}={value}"))
}

/// Returns the whole environment of a stage. Every variable is a property that a project can read,
/// so nothing of the user's passes unless it is named.
///
/// `has_icu` says whether the build host has the ICU library, without which .NET does not start
/// unless told to do without cultures.
pub fn environment(
    canonical: &Canonical,
    project: &str,
    has_icu: bool,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::from(
        [
            (
                "PATH",
                format!("{}:{}", canonical.sdk, PROGRAM_FOLDERS.join(":")),
            ),
            ("HOME", canonical.home.clone()),
            ("DOTNET_CLI_HOME", canonical.home.clone()),
            ("DOTNET_ROOT", canonical.sdk.clone()),
            ("NUGET_PACKAGES", canonical.packages.clone()),
            ("TMPDIR", canonical.temporary.clone()),
            ("MIZZEN_PROJECT", format!("{}/{project}", canonical.sources)),
            (BEFORE_ALL, format!("{}/{COMPRESSED}", canonical.home)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for (name, value) in CONSTANTS {
        variables.insert(name.to_owned(), value.to_owned());
    }
    if !has_icu {
        variables.insert(
            "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT".to_owned(),
            "1".to_owned(),
        );
    }
    variables
}

/// The SDK imports the file that this names before any of the project's own.
const BEFORE_ALL: &str = "CustomBeforeDirectoryBuildProps";

/// Returns whether a stage has a value of its own for a variable, which the user's cannot replace.
pub fn is_set_by_stage(variable: &str) -> bool {
    const PATHS: [&str; 8] = [
        BEFORE_ALL,
        "PATH",
        "HOME",
        "DOTNET_CLI_HOME",
        "DOTNET_ROOT",
        "NUGET_PACKAGES",
        "TMPDIR",
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT",
    ];
    let constants = CONSTANTS.iter().map(|(name, _)| *name);
    // Properties of MSBuild, which variables become, know no case.
    PATHS
        .into_iter()
        .chain(constants)
        .any(|name| name.eq_ignore_ascii_case(variable))
}

const CONSTANTS: [(&str, &str); 18] = [
    ("TZ", "UTC"),
    ("LANG", "C.UTF-8"),
    ("DOTNET_NOLOGO", "1"),
    ("DOTNET_CLI_TELEMETRY_OPTOUT", "1"),
    ("DOTNET_SKIP_FIRST_TIME_EXPERIENCE", "1"),
    ("DOTNET_GENERATE_ASPNET_CERTIFICATE", "false"),
    ("DOTNET_ADD_GLOBAL_TOOLS_TO_PATH", "false"),
    ("DOTNET_SKIP_WORKLOAD_INTEGRITY_CHECK", "1"),
    // Nothing may work with what an earlier build left in memory. The compiler's server is left on: it
    // listens below TMPDIR, so it is this stage's own, saves a process for each project after the first,
    // and ends with the stage.
    ("DOTNET_CLI_USE_MSBUILD_SERVER", "0"),
    // As a switch, file-based apps would not be known for what they are.
    ("MSBUILDDISABLENODEREUSE", "1"),
    // Where a project insists on the compiler's server, it is at least not one that the user's own
    // builds left: its socket lies in /tmp itself, whatever TMPDIR says.
    ("SharedCompilationId", COMPILER_SERVER),
    ("UseRazorBuildServer", "false"),
    // Tools that run for seconds only pay for being measured while they run.
    ("DOTNET_TieredPGO", "0"),
    // Hexadecimal: a quarter of a second instead of a tenth without new code before any is compiled again.
    ("DOTNET_TC_CallCountingDelayMs", "100"),
    // Where git is asked: no settings of the machine, nothing written for speed, no questions.
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    // A variable, not `-p:`, so that a project that sets it keeps its audit.
    ("NuGetAudit", "false"),
];

#[cfg(test)]
mod tests {
    use super::{
        COMPILES, Canonical, PublishOptions, compressed_targets, environment, injected_targets,
        is_set_by_stage, publish_command, restore_command, without_restore,
    };

    fn canonical() -> Canonical {
        let at = |name: &str| format!("/stage/{name}");
        Canonical {
            sources: at("src"),
            home: at("home"),
            packages: at("packages"),
            output: at("out"),
            temporary: at("tmp"),
            sdk: "/sdk".to_owned(),
        }
    }

    #[test]
    fn restore_and_publish_get_the_same_properties() {
        let options = PublishOptions {
            configuration: "Release".to_owned(),
            runtime_identifier: Some("linux-x64".to_owned()),
            self_contained: Some(false),
            properties: [("Version".to_owned(), "1.2.3".to_owned())]
                .into_iter()
                .collect(),
            ..PublishOptions::default()
        };
        let restore = restore_command(&canonical(), "App.csproj", &options).join(" ");
        let publish = publish_command(&canonical(), "App.csproj", &options).join(" ");
        assert_eq!(
            restore,
            "/sdk/dotnet restore App.csproj -p:_IsPublishing=true \
             -p:DOTNET_CLI_DISABLE_PUBLISH_AND_PACK_RELEASE=true -p:EnableDefaultCompileItems=false \
             -p:EnableDefaultEmbeddedResourceItems=false -p:EnableDefaultNoneItems=false \
             -p:Configuration=Release -p:PublishDir=/stage/out -p:_CommandLineDefinedOutputPath=true \
             -p:RuntimeIdentifier=linux-x64 -p:_CommandLineDefinedRuntimeIdentifier=true \
             -p:SelfContained=false -p:_CommandLineDefinedSelfContained=true -p:Version=1.2.3"
        );
        assert_eq!(
            publish,
            "/sdk/dotnet publish App.csproj -c Release -o /stage/out -r linux-x64 --self-contained false \
             -p:Version=1.2.3"
        );
        let command = publish_command(&canonical(), "App.csproj", &options);
        assert_eq!(
            without_restore(&command)[..4],
            ["/sdk/dotnet", "publish", "App.csproj", "--no-restore"]
        );
    }

    #[test]
    fn the_environment_is_made_of_constants_and_canonical_paths() {
        let variables = environment(&canonical(), "App.csproj", true);
        assert_eq!(variables["HOME"], "/stage/home");
        assert_eq!(variables["SharedCompilationId"], "mizzen");
        assert_eq!(variables["MIZZEN_PROJECT"], "/stage/src/App.csproj");
        assert!(!variables.contains_key("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"));
        for name in variables.keys().filter(|name| *name != "MIZZEN_PROJECT") {
            assert!(is_set_by_stage(name), "{name}");
        }
        assert!(!is_set_by_stage("CI"));
        assert!(
            environment(&canonical(), "App.csproj", false)
                .contains_key("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT")
        );
    }

    #[test]
    fn the_injected_targets_tell_what_is_compiled() {
        let targets = String::from_utf8(injected_targets().1.to_vec()).unwrap();
        assert!(targets.contains(&format!("Text=\"{COMPILES}$(MSBuildProjectName)\"")));
    }

    #[test]
    fn the_injected_targets_are_xml() {
        for (_, targets) in [injected_targets(), compressed_targets()] {
            let mut reader = quick_xml::Reader::from_reader(targets);
            let eof = quick_xml::events::Event::Eof;
            while reader.read_event_into(&mut Vec::new()).unwrap() != eof {}
        }
    }
}
