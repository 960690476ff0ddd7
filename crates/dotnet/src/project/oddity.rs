use crate::project::git_aware::{GitReads, known_to_ask_git};
use crate::project::machine_path::machine_paths;
use crate::project::project_xml::{Element, ProjectXml};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something in a project file by which a build depends on more than the workspace, or may.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oddity {
    /// Something that asks git, for the version as a rule.
    GitAware {
        /// The package's id, or the target that runs git.
        who: String,
        /// How much of git's files it reads.
        reads: GitReads,
    },
    /// A value that is another one each time, or on each machine: the clock, a random number, a user's
    /// name.
    Volatile(String),
    /// A target that fetches from the network.
    Networked {
        /// The target's name.
        target: String,
        /// What it does there: `npm ci`.
        what: String,
    },
    /// A package that compiles to native code, which the machine's own linker links with its libraries.
    NativeCode {
        /// The package's id.
        who: String,
    },
    /// A path of the machine. A stage shows it if it lies in a system folder; else nothing sees it.
    Reads {
        /// The path, absolute, as far as it is written out.
        path: String,
    },
    /// A target that runs a program of the machine.
    Runs {
        /// The target's name.
        target: String,
        /// The program's name.
        program: String,
    },
}

/// What property functions call for a value that nothing determines, in lower case.
const VOLATILE: [&str; 11] = [
    "[system.datetime]::now",
    "[system.datetime]::utcnow",
    "[system.datetime]::today",
    "[system.datetimeoffset]::",
    "[system.environment]::machinename",
    "[system.environment]::tickcount",
    "[system.environment]::userdomainname",
    "[system.environment]::username",
    "[system.guid]::newguid",
    "[system.io.path]::getrandomfilename",
    "[system.io.path]::gettempfilename",
];

/// Programs that fetch, whatever their arguments are.
const FETCHING: [&str; 10] = [
    "bower", "curl", "libman", "npm", "npx", "nuget", "pip", "pnpm", "wget", "yarn",
];
/// Words of a shell and programs of every system that do the same everywhere.
const COMMON: [&str; 26] = [
    "[", "awk", "cat", "cd", "chmod", "cp", "dotnet", "echo", "exit", "export", "false", "find",
    "grep", "ln", "ls", "mkdir", "mv", "printf", "pwd", "rm", "sed", "set", "test", "touch",
    "true", "xargs",
];

/// Returns whether the package `id` compiles to native code: restore fetches it where `PublishAot` is
/// true, wherever that was said.
pub fn is_native_compiler(id: &str) -> bool {
    // That of one host is `runtime.linux-x64.Microsoft.DotNet.ILCompiler`.
    let id = id.to_ascii_lowercase();
    let before = id.strip_suffix("microsoft.dotnet.ilcompiler");
    before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Returns what is odd in the text of a project file, each once; nothing in what is no XML, of which
/// MSBuild itself will speak.
pub fn oddities(text: &str) -> Vec<Oddity> {
    let xml = ProjectXml::read(text);
    let mut found = Vec::new();
    for element in xml.elements() {
        let target = || {
            let target = xml.ancestors(element).find(|it| it.is("Target"));
            let name = target.and_then(|target| target.attribute("Name"));
            name.unwrap_or_default()
        };
        of_element(element, target, &mut found);
        of_text(element, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn of_element<'a>(element: &Element, target: impl Fn() -> &'a str, found: &mut Vec<Oddity>) {
    let attribute = |name: &str| element.attribute(name).unwrap_or_default();
    if element.is("PackageReference") || element.is("GlobalPackageReference") {
        let ids = attribute("Include").split(';');
        found.extend(ids.filter_map(|id| of_package(id.trim())));
    } else if element.is("Exec") {
        found.extend(of_command(attribute("Command"), target()));
    } else if element.is("DownloadFile") {
        found.push(Oddity::Networked {
            target: target().to_owned(),
            what: attribute("SourceUrl").to_owned(),
        });
    }
    for (_, value) in element.attributes() {
        found.extend(volatile(value));
        found.extend(reads(element.name(), value));
    }
}

fn of_text(element: &Element, found: &mut Vec<Oddity>) {
    let text = element.text();
    found.extend(volatile(text));
    found.extend(reads(element.name(), text));
    if element.is("AssemblyVersion") && text.ends_with('*') {
        found.push(Oddity::Volatile(format!("AssemblyVersion {text}")));
    }
    if element.is("Deterministic") && text.eq_ignore_ascii_case("false") {
        found.push(Oddity::Volatile("Deterministic false".to_owned()));
    }
}

fn reads(element: &str, text: &str) -> Vec<Oddity> {
    // Those are paths in the image, or folders of packages, of which restore takes care.
    if element.starts_with("Container") || element.starts_with("Restore") {
        return Vec::new();
    }
    let paths = machine_paths(text).into_iter();
    paths.map(|path| Oddity::Reads { path }).collect()
}

fn volatile(text: &str) -> Option<Oddity> {
    let lower: String = text.to_ascii_lowercase();
    let lower = lower.split_whitespace().collect::<String>();
    let call = VOLATILE.iter().find(|call| lower.contains(**call))?;
    Some(Oddity::Volatile((*call).to_owned()))
}

fn of_package(id: &str) -> Option<Oddity> {
    let lower = id.to_ascii_lowercase();
    if lower == "microsoft.web.librarymanager.build" {
        return Some(Oddity::Networked {
            target: "LibraryManagerRestore".to_owned(),
            what: id.to_owned(),
        });
    }
    Some(Oddity::GitAware {
        who: id.to_owned(),
        reads: known_to_ask_git(id)?,
    })
}

/// Returns what each command of a line of shell is.
fn of_command(line: &str, target: &str) -> Vec<Oddity> {
    let commands = line.split(['\n', ';', '&', '|']);
    let oddity = |command: &str| {
        let command = command.trim();
        let first = command.split_whitespace().next()?.trim_matches(['"', '\'']);
        let program = first.rsplit(['/', '\\']).next()?;
        if program.is_empty() || program.contains('$') || COMMON.contains(&program) {
            return None;
        }
        let target = target.to_owned();
        if program == "git" {
            return Some(Oddity::GitAware {
                who: format!("target {target}"),
                reads: GitReads::Everything,
            });
        }
        if FETCHING.contains(&program) {
            let what = command.to_owned();
            return Some(Oddity::Networked { target, what });
        }
        let program = program.to_owned();
        Some(Oddity::Runs { target, program })
    };
    commands.filter_map(oddity).collect()
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GitAware { who, .. } => write!(f, "git-aware: {who} asks git"),
            Self::Volatile(what) => {
                write!(f, "volatile: {what} differs each time, or on each machine")
            }
            Self::Networked { target, what } => {
                write!(f, "networked: target {target} fetches ({what})")
            }
            Self::Reads { path } => write!(f, "reads the machine: {path}"),
            Self::NativeCode { who } => {
                write!(
                    f,
                    "native code: this machine's linker links what {who} compiles"
                )
            }
            Self::Runs { target, program } => {
                write!(f, "runs a program: target {target} runs {program}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_native_compiler, oddities};

    fn found(inside: &str) -> Vec<String> {
        let text = format!("<Project>{inside}</Project>");
        oddities(&text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn packages_that_ask_git_are_known_wherever_they_are_asked_for() {
        assert_eq!(
            found(
                "<ItemGroup><PackageReference Include=\"MINVER\" Version=\"8.0.0\" /></ItemGroup>"
            ),
            ["git-aware: MINVER asks git"]
        );
        assert_eq!(
            found("<ItemGroup><GlobalPackageReference Include=\"GitInfo;X\" /></ItemGroup>"),
            ["git-aware: GitInfo asks git"]
        );
        // A version that is kept for whoever asks for it asks for nothing.
        let version =
            "<ItemGroup><PackageVersion Include=\"MinVer\" Version=\"8.0.0\" /></ItemGroup>";
        assert_eq!(found(version), [""; 0]);
    }

    #[test]
    fn values_that_nothing_determines_are_found_in_text_and_in_attributes() {
        for (text, want) in [
            (
                "<P><X>1.0-$([System.DateTime]::UtcNow.ToString('s'))</X></P>",
                "utcnow",
            ),
            (
                "<P><X Condition=\"'$([System.Guid]::NewGuid())' != ''\"/></P>",
                "newguid",
            ),
            (
                "<P><X>$([System.Environment]::MachineName)</X></P>",
                "machinename",
            ),
            ("<P><AssemblyVersion>1.0.*</AssemblyVersion></P>", "1.0.*"),
            (
                "<P><Deterministic>False</Deterministic></P>",
                "Deterministic",
            ),
        ] {
            let found = found(text);
            assert!(found.len() == 1 && found[0].contains(want), "{found:?}");
        }
        assert_eq!(found("<P><Version>1.0.0</Version></P>"), [""; 0]);
        assert_eq!(found("<P><!-- [System.DateTime]::Now --></P>"), [""; 0]);
    }

    #[test]
    fn targets_are_told_with_what_they_fetch_and_run() {
        assert_eq!(
            found(
                "<Target Name=\"Spa\"><Exec Command=\"cd spa &amp;&amp; npm ci&#10;node x.js\" />\
                 <Exec Command=\"echo done\" /></Target>\
                 <Target Name=\"Get\"><DownloadFile SourceUrl=\"https://x/y\" /></Target>"
            ),
            [
                "networked: target Get fetches (https://x/y)",
                "networked: target Spa fetches (npm ci)",
                "runs a program: target Spa runs node",
            ]
        );
        assert_eq!(
            found(
                "<Target Name=\"Stamp\"><Exec Command=\"git rev-parse --short HEAD\" /></Target>"
            ),
            ["git-aware: target Stamp asks git"]
        );
        assert_eq!(
            found("<Target Name=\"A\"><Exec Command=\"$(Tool) x\" /></Target>"),
            [""; 0]
        );
    }

    #[test]
    fn the_compiler_to_native_code_is_known_for_any_host() {
        for id in [
            "Microsoft.DotNet.ILCompiler",
            "runtime.linux-x64.microsoft.dotnet.ilcompiler",
        ] {
            assert!(is_native_compiler(id), "{id}");
        }
        for id in [
            "Microsoft.NET.ILLink.Tasks",
            "NotMicrosoft.DotNet.ILCompiler",
        ] {
            assert!(!is_native_compiler(id), "{id}");
        }
    }

    #[test]
    fn paths_of_the_machine_are_told_but_for_those_of_the_image() {
        assert_eq!(
            found(
                "<ItemGroup><Reference Include=\"A\"><HintPath>/usr/lib/cli/A.dll</HintPath></Reference>\
                 <None Include=\"/etc/a/*.json\" /></ItemGroup>\
                 <P><ContainerWorkingDirectory>/usr/src/app</ContainerWorkingDirectory></P>"
            ),
            [
                "reads the machine: /etc/a",
                "reads the machine: /usr/lib/cli/A.dll"
            ]
        );
    }

    #[test]
    fn what_is_no_xml_is_not_odd() {
        assert_eq!(oddities("<a><b></a>"), []);
        assert_eq!(oddities("{}"), []);
    }
}
