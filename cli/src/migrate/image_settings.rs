use super::line::{Answer, Becomes, outside};
use super::words::{expanded, words};
use parse_dockerfile::{Command, HealthcheckArguments, Instruction, JsonOrStringArray};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ops::Range;

/// Users that the image has anyway: .NET's own, by all of its names.
const OWN_USERS: [&str; 5] = ["$APP_UID", "${APP_UID}", "app", "1654", "app:app"];

/// Reads an instruction that is about what the image says, in a stage that is in the image.
pub(super) fn answer(instruction: &Instruction<'_>, known: &BTreeMap<String, String>) -> Answer {
    match instruction {
        Instruction::Env(variables) => pairs("-e", &variables.arguments.value, known, is_of_base),
        Instruction::Label(labels) => pairs("--label", &labels.arguments.value, known, |_| false),
        Instruction::Maintainer(maintainer) => {
            let label = format!("org.opencontainers.image.authors={}", maintainer.name.value);
            options(
                ["--label", &label],
                "a label, as this instruction is no more",
            )
        }
        Instruction::Expose(expose) => {
            let ports = expose
                .arguments
                .iter()
                .map(|port| expanded(&port.value, known));
            let ports: Vec<String> = ports.map(|it| it.replace("/tcp", "")).collect();
            if ports.iter().all(|port| port == "8080") {
                return already("the base listens on 8080, and the image says so");
            }
            let words = ports.into_iter().filter(|port| port != "8080");
            let words = words.flat_map(|port| ["--port".to_owned(), port]);
            (Becomes::Options(words.collect()), "a port".to_owned())
        }
        Instruction::User(user) => {
            let name = user.arguments.value.as_ref();
            if OWN_USERS.contains(&name) {
                return already("the image runs as 1654, the user of .NET's images");
            }
            let name = expanded(name, known);
            let why = if ["0", "root", "0:0", "root:root"].contains(&name.as_str()) {
                "root; without this the image runs as 1654, which most applications can"
            } else {
                "the user"
            };
            options(["--user", &name], why)
        }
        Instruction::Volume(volume) => {
            let folders: Vec<&str> = match &volume.arguments {
                JsonOrStringArray::Json(folders) => {
                    folders.value.iter().map(|it| &*it.value).collect()
                }
                JsonOrStringArray::String(folders) => folders.iter().map(|it| &*it.value).collect(),
            };
            let words = folders
                .into_iter()
                .flat_map(|it| ["--volume".to_owned(), it.to_owned()]);
            (
                Becomes::Options(words.collect()),
                "a folder that outlives the container".to_owned(),
            )
        }
        Instruction::Healthcheck(check) => {
            let flags = check.options.iter().filter_map(|flag| {
                Some((
                    flag.name.value.to_string(),
                    flag.value.as_ref()?.value.to_string(),
                ))
            });
            healthcheck(&check.arguments, &flags.collect())
        }
        Instruction::Stopsignal(signal) => options(
            ["--stop-signal", &signal.arguments.value],
            "the signal to stop",
        ),
        Instruction::Entrypoint(entry) => entrypoint(&exec(&entry.arguments), "--entrypoint"),
        Instruction::Cmd(command) => entrypoint(&exec(&command.arguments), "--cmd"),
        Instruction::Shell(_) => (Becomes::NotNeeded, "the base has no shell".to_owned()),
        _ => outside("there is nothing like it: read what it is for"),
    }
}

/// Reads what the image is built on.
pub(super) fn base(image: &str) -> Answer {
    let is_dotnet = [
        "/dotnet/aspnet:",
        "/dotnet/runtime:",
        "/dotnet/runtime-deps:",
    ];
    let tag = image.rsplit(':').next().unwrap_or_default();
    if ["nanoserver", "windowsservercore", "ltsc"]
        .iter()
        .any(|it| tag.contains(it))
    {
        return outside("mizzen makes images for Linux");
    }
    if !is_dotnet.iter().any(|it| image.contains(it)) {
        return options(["--base", image], "a base of your own");
    }
    if tag.contains("alpine") {
        return options(
            ["--base", image],
            "a base with musl; without this it is the distroless one",
        );
    }
    if image.contains("runtime-deps") {
        return already("a base without .NET is taken for what is published self-contained");
    }
    already("the distroless base for the project's framework; --base takes another")
}

/// Reads a command that changes the image.
pub(super) fn run(words: &[String]) -> Answer {
    let program = words.first().map_or("", String::as_str);
    let rest: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    let named = || rest.iter().copied().filter(|it| !it.starts_with('-'));
    match program {
        "apt-get" | "apt" | "apk" | "dnf" | "microdnf" | "tdnf" | "yum" => {
            if !rest.iter().any(|it| ["install", "add"].contains(it)) {
                return (
                    Becomes::NotNeeded,
                    "it leaves nothing that is used".to_owned(),
                );
            }
            let packages: Vec<&str> = named()
                .filter(|it| !["install", "add"].contains(it))
                .collect();
            (
                Becomes::OwnBase,
                format!(
                    "a distroless base has no package manager: make a base image with {}, and name it with --base",
                    packages.join(", ")
                ),
            )
        }
        "adduser" | "useradd" | "addgroup" | "groupadd" | "usermod" => {
            already("the base has a user that is not root, 1654")
        }
        "chown" | "chmod" => already(
            "files are root's, and readable for all; --writable DIR makes a folder that the application may write to",
        ),
        "mkdir" => {
            let folders = named().filter(|it| it.starts_with('/'));
            let words = folders.flat_map(|it| ["--writable".to_owned(), it.to_owned()]);
            let words: Vec<String> = words.collect();
            if words.is_empty() {
                return (
                    Becomes::NotNeeded,
                    "folders are made with what is in them".to_owned(),
                );
            }
            (
                Becomes::Options(words),
                "an empty folder that the application may write to".to_owned(),
            )
        }
        "rm" | "ls" | "echo" | "true" | "set" => (
            Becomes::NotNeeded,
            "it leaves nothing that is used".to_owned(),
        ),
        _ => (
            Becomes::OwnBase,
            format!(
                "nothing runs in the image while it is made: what `{program}` does belongs into a base image, or into the publish"
            ),
        ),
    }
}

/// Returns where an instruction is.
pub(super) fn span(instruction: &Instruction<'_>) -> Range<usize> {
    let (keyword, end) = match instruction {
        Instruction::Add(it) => (&it.add, it.dest.span.end),
        Instruction::Arg(it) => (&it.arg, it.arguments.span.end),
        Instruction::Cmd(it) => (&it.cmd, end(&it.arguments)),
        Instruction::Copy(it) => (&it.copy, it.dest.span.end),
        Instruction::Entrypoint(it) => (&it.entrypoint, end(&it.arguments)),
        Instruction::Env(it) => (&it.env, it.arguments.span.end),
        Instruction::Expose(it) => (
            &it.expose,
            it.arguments
                .last()
                .map_or(it.expose.span.end, |it| it.span.end),
        ),
        Instruction::From(it) => (
            &it.from,
            it.as_
                .as_ref()
                .map_or(it.image.span.end, |(_, name)| name.span.end),
        ),
        Instruction::Healthcheck(it) => (
            &it.healthcheck,
            match &it.arguments {
                HealthcheckArguments::Cmd { arguments, .. } => end(arguments),
                HealthcheckArguments::None { none, .. } => none.span.end,
                _ => it.healthcheck.span.end,
            },
        ),
        Instruction::Label(it) => (&it.label, it.arguments.span.end),
        Instruction::Maintainer(it) => (&it.maintainer, it.name.span.end),
        Instruction::Onbuild(it) => return it.onbuild.span.start..span(&it.instruction).end,
        Instruction::Run(it) => (&it.run, end(&it.arguments)),
        Instruction::Shell(it) => (
            &it.shell,
            it.arguments
                .last()
                .map_or(it.shell.span.end, |it| it.span.end),
        ),
        Instruction::Stopsignal(it) => (&it.stopsignal, it.arguments.span.end),
        Instruction::User(it) => (&it.user, it.arguments.span.end),
        Instruction::Volume(it) => (
            &it.volume,
            match &it.arguments {
                JsonOrStringArray::Json(it) => it.span.end,
                JsonOrStringArray::String(folders) => {
                    folders.last().map_or(it.volume.span.end, |it| it.span.end)
                }
            },
        ),
        Instruction::Workdir(it) => (&it.workdir, it.arguments.span.end),
        _ => return 0..0,
    };
    keyword.span.start..end
}

fn end(command: &Command<'_>) -> usize {
    match command {
        Command::Exec(words) => words.span.end,
        Command::Shell(text) => text.span.end,
        _ => 0,
    }
}

fn already(why: &str) -> Answer {
    (Becomes::AlreadySo, why.to_owned())
}

fn options<const N: usize>(words: [&str; N], why: &str) -> Answer {
    (
        Becomes::Options(words.map(str::to_owned).to_vec()),
        why.to_owned(),
    )
}

/// Returns the words that a command runs; a shell's are those that it would split.
fn exec(command: &Command<'_>) -> (Vec<String>, bool) {
    match command {
        Command::Exec(words) => (
            words.value.iter().map(|it| it.value.to_string()).collect(),
            false,
        ),
        Command::Shell(text) => (words(text.value), true),
        _ => (Vec::new(), true),
    }
}

fn entrypoint((words, is_shell): &(Vec<String>, bool), option: &str) -> Answer {
    let starts_app = match &words[..] {
        [dotnet, dll] => dotnet == "dotnet" && dll.to_ascii_lowercase().ends_with(".dll"),
        [program] => program.starts_with("./") || program.starts_with("/app/"),
        _ => false,
    };
    if starts_app {
        return already("the image starts the application");
    }
    let is_simple = words
        .iter()
        .all(|it| !it.contains(['$', '|', '&', ';', '>', '<', '`']));
    if *is_shell && !is_simple {
        return (
            Becomes::OwnBase,
            format!(
                "the base has no shell: write the words as JSON ({option} '[\"dotnet\", …]'), or name a base that has one"
            ),
        );
    }
    let json = json!(words).to_string();
    options([option, &json], "what runs")
}

fn pairs(
    option: &str,
    text: &str,
    known: &BTreeMap<String, String>,
    skip: fn(&str) -> bool,
) -> Answer {
    let mut all: Vec<String> = words(text);
    // The old form: one name, and all that follows is its value.
    if let [name, rest @ ..] = &all[..]
        && !name.contains('=')
    {
        all = vec![format!("{name}={}", rest.join(" "))];
    }
    let all: Vec<String> = all
        .iter()
        .map(|it| expanded(it, known))
        .filter(|it| !skip(it))
        .collect();
    if all.is_empty() {
        return already("the base says so");
    }
    let words = all.into_iter().flat_map(|it| [option.to_owned(), it]);
    let why = if option == "-e" {
        "a variable"
    } else {
        "a label"
    };
    (Becomes::Options(words.collect()), why.to_owned())
}

/// What .NET's images set.
fn is_of_base(pair: &str) -> bool {
    [
        "ASPNETCORE_HTTP_PORTS=8080",
        "ASPNETCORE_URLS=http://+:8080",
        "ASPNETCORE_URLS=http://*:8080",
        "DOTNET_RUNNING_IN_CONTAINER=true",
    ]
    .contains(&pair)
}

fn healthcheck(arguments: &HealthcheckArguments<'_>, flags: &BTreeMap<String, String>) -> Answer {
    let mut check = Map::new();
    match arguments {
        HealthcheckArguments::Cmd { arguments, .. } => match exec(arguments) {
            (words, false) => {
                let test: Vec<String> = std::iter::once("CMD".to_owned()).chain(words).collect();
                check.insert("Test".to_owned(), json!(test));
            }
            (_, true) => {
                return (
                    Becomes::OwnBase,
                    "the base has no shell and no curl: let the orchestrator ask over HTTP, or name a program: --healthcheck '{\"Test\": [\"CMD\", …]}'".to_owned(),
                );
            }
        },
        _ => {
            check.insert("Test".to_owned(), json!(["NONE"]));
        }
    }
    for (flag, name) in [
        ("interval", "Interval"),
        ("timeout", "Timeout"),
        ("start-period", "StartPeriod"),
        ("start-interval", "StartInterval"),
    ] {
        if let Some(value) = flags.get(flag) {
            check.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(retries) = flags.get("retries").and_then(|it| it.parse::<u64>().ok()) {
        check.insert("Retries".to_owned(), json!(retries));
    }
    let json = Value::Object(check).to_string();
    options(["--healthcheck", &json], "how Docker checks the health")
}
