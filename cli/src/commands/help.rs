//! The help: all of it, with examples; and what `-h` shows of it, which fits a screen.

use clap::{Arg, Command};
use std::ffi::OsString;

/// Two examples of each verb.
const EXAMPLES: &[(&str, [&str; 2])] = &[
    (
        "build",
        [
            "mizzen build src/Shop.Api -t registry.example/shop:1.4",
            "mizzen build Shop.slnx -t registry.example/shop/{project}:1.4",
        ],
    ),
    (
        "watch",
        [
            "mizzen watch src/Shop.Api -o podman:",
            "mizzen watch src/Shop.Api -t registry.example/shop:dev",
        ],
    ),
    (
        "plan",
        [
            "mizzen plan src/Shop.Api",
            "mizzen plan src/Shop.Api --why src/Shop.Api/Program.cs",
        ],
    ),
    (
        "lock",
        [
            "mizzen lock src/Shop.Api",
            "mizzen lock src/Shop.Api --base registry.example/aspnet:10.0",
        ],
    ),
    (
        "trust",
        ["mizzen trust src/Shop.Api", "mizzen trust Shop.slnx --show"],
    ),
    (
        "cache",
        ["mizzen cache size", "mizzen cache prune --max-size 10GB"],
    ),
    (
        "inspect",
        [
            "mizzen inspect registry.example/shop:1.4",
            "mizzen inspect oci:out --files",
        ],
    ),
    (
        "diff",
        [
            "mizzen diff registry.example/shop:1.3 registry.example/shop:1.4",
            "mizzen diff registry.example/shop:1.4 oci:out",
        ],
    ),
    (
        "sbom",
        [
            "mizzen sbom registry.example/shop:1.4",
            "mizzen sbom oci:out --format cyclonedx",
        ],
    ),
    (
        "validate",
        [
            "mizzen validate oci:out",
            "mizzen validate registry.example/shop:1.4",
        ],
    ),
    (
        "sbom",
        [
            "mizzen sbom registry.example/shop:1.4",
            "mizzen sbom oci:out --format cyclonedx",
        ],
    ),
    (
        "audit",
        [
            "mizzen audit registry.example/shop:1.4 --db osv/NuGet",
            "mizzen audit oci:out --db osv/NuGet --fail-on high",
        ],
    ),
    (
        "push",
        [
            "mizzen push oci:out registry.example/shop:1.4",
            "mizzen push oci-archive:shop.tar registry.example/shop:1.4",
        ],
    ),
    (
        "pull",
        [
            "mizzen pull registry.example/shop:1.4 oci:shop",
            "mizzen pull registry.example/shop:1.4 docker-archive:shop.tar",
        ],
    ),
    (
        "copy",
        [
            "mizzen copy registry.example/shop:1.4 mirror.example/shop:1.4",
            "mizzen copy registry.example/shop:rc registry.example/shop:1.4",
        ],
    ),
    (
        "login",
        [
            "mizzen login registry.example",
            "mizzen login registry.example --username ci --password-stdin",
        ],
    ),
    (
        "logout",
        ["mizzen logout registry.example", "mizzen logout docker.io"],
    ),
    (
        "init",
        ["mizzen init --dry-run", "mizzen init Shop.slnx --ci github"],
    ),
    (
        "migrate",
        ["mizzen migrate", "mizzen migrate src/Shop.Api/Dockerfile"],
    ),
    (
        "completions",
        [
            "mizzen completions bash > ~/.local/share/bash-completion/completions/mizzen",
            "mizzen completions fish > ~/.config/fish/completions/mizzen.fish",
        ],
    ),
    (
        "man",
        [
            "mizzen man build | man -l -",
            "mizzen man --output ~/.local/share/man/man1",
        ],
    ),
    (
        "schema",
        [
            "mizzen schema config > mizzen.schema.json",
            "mizzen schema events > events.schema.json",
        ],
    ),
];

/// What is in `mizzen -h`; `mizzen --help` has every verb.
const VERBS: [&str; 9] = [
    "build", "plan", "cache", "inspect", "push", "pull", "login", "init", "migrate",
];

/// The options of verbs that have many of them which are in `-h`.
const BUILD: [&str; 10] = [
    "tag", "push", "output", "platform", "base", "locked", "offline", "quiet", "verbose", "help",
];
const PLAN: [&str; 9] = [
    "project", "platform", "base", "json", "why", "inputs", "config", "offline", "help",
];
const TRUST: [&str; 4] = ["show", "forget", "project", "help"];

/// What `-h` says of what needs more than a line in `--help`.
const SHORT: [(&str, &str); 13] = [
    ("base", "The base image [default: distroless for the app]"),
    ("image", "A reference, oci:DIR[:TAG] or an archive"),
    ("inputs", "Print every path that the steps look up"),
    ("locked", "Use only what mizzen.lock pins"),
    ("output", "Write here: oci:DIR, oci-archive:FILE, docker:"),
    ("path", "A project, a solution or a folder [default: .]"),
    ("platform", "For linux/amd64, linux/arm64 or both"),
    ("password-stdin", "Read the password from stdin"),
    ("progress", "auto, rich, plain or json"),
    ("push", "Push to where the project says"),
    (
        "source",
        "oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE",
    ),
    ("verbose", "Print more: requests, dotnet's own output"),
    ("why", "Say which steps look at this file"),
];

/// Returns the command line with examples.
pub(crate) fn with_examples(command: Command) -> Command {
    EXAMPLES.iter().fold(command, |command, (verb, examples)| {
        let lines = examples.join("\n  ");
        command.mut_subcommand(verb, |verb| {
            verb.after_help(format!("Examples:\n  {lines}"))
        })
    })
}

/// Returns the command line as the help for `words` shows it: where that is `-h`, each thing has a line,
/// and what is rarely needed has none.
pub(crate) fn for_words(command: &Command, words: &[OsString]) -> Command {
    if !words.iter().any(|word| word == "-h") {
        return command.clone();
    }
    let verbs: Vec<String> = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    let short = verbs.iter().fold(command.clone(), |command, name| {
        command.mut_subcommand(name, |verb| {
            let verb = verb.mut_args(short_argument);
            match name.as_str() {
                "build" | "watch" | "lock" => showing(verb, &BUILD),
                "plan" => showing(verb, &PLAN),
                "trust" => showing(verb, &TRUST),
                _ => verb,
            }
        })
    });
    let rare = verbs
        .iter()
        .filter(|name| !VERBS.contains(&name.as_str()))
        .count();
    let short = verbs.iter().fold(short, |command, name| {
        let is_rare = !VERBS.contains(&name.as_str());
        command.mut_subcommand(name, |verb| verb.hide(is_rare))
    });
    let short = short.disable_help_subcommand(true);
    short.after_help(format!(
        "Examples:\n  mizzen build src/Shop.Api -t registry.example/shop:1.4\n  mizzen build src/Shop.Api -o docker:\n\n\
         {rare} more commands: mizzen --help"
    ))
}

/// Shows only these options of a verb, and says how many there are.
fn showing(verb: Command, shown: &[&str]) -> Command {
    let is_shown = |argument: &Arg| {
        argument.is_positional()
            || argument
                .get_long()
                .is_some_and(|long| shown.contains(&long))
    };
    let hidden = verb.get_arguments().filter(|it| !is_shown(it)).count();
    let name = verb.get_name().to_owned();
    let examples = verb.get_after_help().map(ToString::to_string);
    let examples = examples.map_or_else(String::new, |it| it + "\n\n");
    verb.mut_args(|argument| {
        let is_shown = is_shown(&argument);
        argument.hide(!is_shown)
    })
    .after_help(format!(
        "{examples}{hidden} more options: mizzen {name} --help"
    ))
}

/// Returns an option with one line of help: what is after its first part is for `--help`.
fn short_argument(argument: Arg) -> Arg {
    let id = argument.get_id().to_string();
    let short = SHORT
        .iter()
        .find(|(name, _)| *name == id || argument.get_long() == Some(name));
    let help = short.map(|(_, help)| (*help).to_owned());
    let help = help.or_else(|| {
        argument
            .get_help()
            .map(|help| first_part(&help.to_string()).to_owned())
    });
    let takes_values = argument.get_action().takes_values();
    let argument = argument
        .hide_env(true)
        .hide_default_value(takes_values)
        .hide_possible_values(takes_values);
    match help {
        Some(help) => argument.help(help).long_help(None),
        None => argument,
    }
}

/// Returns what a help says first, as far as it is one line.
fn first_part(help: &str) -> &str {
    let help = help.find(" [default").map_or(help, |end| &help[..end]);
    let ends = ["; ", ". ", " ("].iter().filter_map(|end| help.find(end));
    ends.min().map_or(help, |end| &help[..end])
}

#[cfg(test)]
mod tests {
    use super::EXAMPLES;
    use crate::commands::{Args, command, spelled_out};
    use clap::FromArgMatches;
    use std::ffi::OsString;

    #[test]
    fn every_example_is_understood() {
        for (verb, examples) in EXAMPLES {
            for example in examples {
                let words = example.split(['>', '|']).next().unwrap().trim();
                let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
                assert_eq!(words[1], *verb);
                let matches = command().try_get_matches_from(spelled_out(&words));
                let arguments = matches.and_then(|it| Args::from_arg_matches(&it));
                assert!(arguments.is_ok(), "{example}: {}", arguments.unwrap_err());
            }
        }
    }
}
