//! What a configuration file says for options that neither the command line nor the environment
//! gives: they become the defaults that clap takes, so that both are checked in one way.

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// An option of `mizzen build` as a configuration file has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DefaultOption {
    /// Its long name, without dashes.
    pub(crate) name: String,
    /// What it is set to: one text for each time that a command line would name it. A flag has one,
    /// `true` or `false`.
    pub(crate) values: Vec<String>,
    /// Where, for people: `mizzen.toml [build]`.
    pub(crate) place: String,
}

/// An option with its value and where that came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Setting {
    /// The option's long name.
    pub(crate) name: String,
    /// Its value, as it would be written.
    pub(crate) value: String,
    /// Where it came from: `command line`, `MIZZEN_BASE`, `mizzen.toml [build]`, `default`.
    pub(crate) origin: String,
}

/// A command line with the defaults of a file.
#[derive(Debug)]
pub(crate) struct Applied {
    /// Of the verb.
    pub(crate) matches: ArgMatches,
    /// What the file says of options whose values add up, where the command line names them, too.
    pub(crate) pairs: Pairs,
    /// Each option that is set, in the order of the help.
    pub(crate) settings: Vec<Setting>,
}

/// `NAME=VALUE` by the long name of the option.
pub(crate) type Pairs = BTreeMap<String, Vec<(String, String)>>;

/// Options that a configuration file does not have.
const COMMAND_LINE_ONLY: [&str; 6] = [
    "help",
    "from-publish",
    "keep-stage",
    "no-shortcuts",
    "no-watch",
    "trust",
];
/// Options whose values add up; for all others the command line takes the file's place.
const ADDING_UP: [&str; 4] = ["annotation", "env", "label", "property"];

/// Returns the options of `build` that a configuration file may have, sorted.
pub(crate) fn option_names(command: &Command) -> Vec<String> {
    let build = command.find_subcommand("build").expect("there is a build");
    let names = build.get_arguments().filter_map(Arg::get_long);
    let names = names.filter(|name| !COMMAND_LINE_ONLY.contains(name));
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// Reads the command line `words` with `defaults` where it is silent.
///
/// # Errors
/// What clap says, if a default is not what its option takes.
pub(crate) fn with_defaults(
    command: &Command,
    words: &[OsString],
    defaults: &[DefaultOption],
) -> Result<Applied, clap::Error> {
    let mut built = command.clone();
    built.build();
    let given = built.clone().try_get_matches_from(words)?;
    let (name, given) = given.subcommand().expect("a verb is required");
    let verb = built.find_subcommand(name).expect("clap has parsed it");
    let mut own = command.find_subcommand(name).expect("it is there").clone();
    let mut pairs = Pairs::new();
    let mut taken: Vec<&DefaultOption> = Vec::new();
    for default in defaults {
        let named = |argument: &&Arg| argument.get_long() == Some(&default.name);
        let Some(argument) = verb.get_arguments().find(named) else {
            continue;
        };
        let adds_up = ADDING_UP.contains(&default.name.as_str());
        let is_given = is_given(given, argument);
        if is_given && !adds_up || is_overruled(argument, verb, given) {
            continue;
        }
        let checked = checked(argument, default)?;
        if is_given {
            let of_file = checked.get_many::<(String, String)>(argument.get_id().as_str());
            let of_option = pairs.entry(default.name.clone()).or_default();
            of_option.extend(of_file.into_iter().flatten().cloned());
        }
        taken.push(default);
        let all = taken.iter().filter(|taken| taken.name == default.name);
        let values: Vec<String> = all.flat_map(|default| default.values.clone()).collect();
        own = own.mut_arg(argument.get_id(), |argument| {
            argument.default_values(values)
        });
    }
    let matches = Command::new("mizzen")
        .subcommand(own)
        .try_get_matches_from(words)?
        .remove_subcommand()
        .map(|(_, matches)| matches)
        .expect("a verb is required");
    let settings = verb
        .get_arguments()
        .filter_map(|argument| setting(argument, &matches, given, &taken, &pairs));
    Ok(Applied {
        settings: settings.collect(),
        matches,
        pairs,
    })
}

fn is_given(given: &ArgMatches, argument: &Arg) -> bool {
    matches!(
        given.value_source(argument.get_id().as_str()),
        Some(ValueSource::CommandLine | ValueSource::EnvVariable)
    )
}

/// Whether something that was given rules `argument` out.
fn is_overruled(argument: &Arg, verb: &Command, given: &ArgMatches) -> bool {
    // Either of two options names the other; whoever publishes for one runtime means its platform.
    let conflicts = |one: &Arg, other: &Arg| {
        let named = verb.get_arg_conflicts_with(one);
        named.iter().any(|named| named.get_id() == other.get_id())
            || one.get_long() == Some("platform") && other.get_long() == Some("runtime")
    };
    verb.get_arguments().any(|other| {
        is_given(given, other) && (conflicts(argument, other) || conflicts(other, argument))
    })
}

/// Parses the values of a default on their own: clap takes those of defaults for the program's, and
/// panics at a wrong one.
fn checked(argument: &Arg, default: &DefaultOption) -> Result<ArgMatches, clap::Error> {
    let takes_values = argument.get_action().takes_values();
    let words = default.values.iter().filter_map(|value| {
        let name = &default.name;
        match value.as_str() {
            _ if takes_values => Some(format!("--{name}={value}")),
            "false" => None,
            "true" => Some(format!("--{name}")),
            other => Some(format!("--{name}={other}")),
        }
    });
    // What it rules out is not there.
    let alone = argument
        .clone()
        .default_values(Vec::<String>::new())
        .conflicts_with(Resettable::Reset)
        .requires(Resettable::Reset);
    let command = Command::new("mizzen").no_binary_name(true).arg(alone);
    command.try_get_matches_from(words)
}

/// Returns what an option is set to, and by whom; `None` if it is not set at all.
fn setting(
    argument: &Arg,
    matches: &ArgMatches,
    given: &ArgMatches,
    taken: &[&DefaultOption],
    pairs: &Pairs,
) -> Option<Setting> {
    let (name, id) = (argument.get_long()?, argument.get_id().as_str());
    let file = taken.iter().rfind(|default| default.name == name);
    let values = matches.get_raw(id)?;
    let added = pairs.get(name).into_iter().flatten();
    let mut all: Vec<String> = added
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    all.extend(values.map(|value| value.to_string_lossy().into_owned()));
    let value = all.join(", ");
    let source = given.value_source(id);
    let origin = match (source, file) {
        (Some(ValueSource::EnvVariable), _) => argument.get_env()?.to_string_lossy().into_owned(),
        (Some(ValueSource::CommandLine), None) => "command line".to_owned(),
        (Some(ValueSource::CommandLine), Some(file)) => format!("{}, command line", file.place),
        (_, Some(file)) => file.place.clone(),
        (_, None) if value == "false" => return None,
        (_, None) => "default".to_owned(),
    };
    Some(Setting {
        name: name.to_owned(),
        value,
        origin,
    })
}

#[cfg(test)]
mod tests {
    use super::{Applied, DefaultOption, Pairs, Setting, option_names, with_defaults};
    use crate::building::arguments::BuildArgs;
    use crate::commands::Args;
    use clap::{CommandFactory, FromArgMatches};

    fn default(name: &str, values: &[&str]) -> DefaultOption {
        DefaultOption {
            name: name.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            place: "file".to_owned(),
        }
    }

    fn read(
        line: &str,
        defaults: &[DefaultOption],
    ) -> Result<(BuildArgs, Pairs, Vec<Setting>), String> {
        let line: Vec<_> = line.split_whitespace().map(Into::into).collect();
        let applied = with_defaults(&Args::command(), &line, defaults);
        let Applied {
            matches,
            pairs,
            settings,
        } = applied.map_err(|error| error.to_string())?;
        let build = BuildArgs::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        Ok((build, pairs, settings))
    }

    #[test]
    fn the_command_line_stands_over_the_file_and_pairs_add_up() {
        let defaults = [
            default("platform", &["linux/amd64", "linux/arm64"]),
            default("env", &["A=file", "B=file"]),
            default("configuration", &["Debug"]),
            default("offline", &["true"]),
            default("self-contained", &["false"]),
        ];
        let (build, pairs, settings) =
            read("mizzen build src -c Release -e A=line", &defaults).unwrap();
        assert_eq!(build.platforms.len(), 2);
        assert_eq!(build.configuration.as_deref(), Some("Release"));
        assert_eq!(build.image.env, [("A".to_owned(), "line".to_owned())]);
        assert_eq!(pairs["env"].len(), 2);
        assert!(build.offline);
        assert_eq!(build.self_contained, Some(false));
        assert_eq!(build.path, std::path::Path::new("src"));
        let origin = |name: &str| {
            let setting = settings.iter().find(|setting| setting.name == name);
            setting.unwrap().origin.as_str()
        };
        assert_eq!(origin("platform"), "file");
        assert_eq!(origin("configuration"), "command line");
        assert_eq!(origin("env"), "file, command line");
        assert_eq!(origin("compression"), "default");
        let env = settings.iter().find(|setting| setting.name == "env");
        assert_eq!(env.unwrap().value, "A=file, B=file, A=line");
        let (build, pairs, _) = read("mizzen build", &defaults).unwrap();
        assert_eq!(build.image.env.len(), 2);
        assert!(pairs.is_empty());
    }

    #[test]
    fn what_the_command_line_rules_out_is_not_taken_from_the_file() {
        let defaults = [
            default("platform", &["linux/amd64"]),
            default("verbose", &["true"]),
            default("property", &["A=1"]),
        ];
        let (build, ..) = read("mizzen build -r linux-arm64 -q", &defaults).unwrap();
        assert!(build.platforms.is_empty() && !build.output.verbose);
        let (build, ..) = read("mizzen build --from-publish out", &defaults).unwrap();
        assert!(build.properties.is_empty() && build.output.verbose);
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_as_on_the_command_line() {
        let error = read("mizzen build", &[default("compression", &["rar"])]).unwrap_err();
        assert!(
            error.contains("'rar'") && error.contains("--compression"),
            "{error}"
        );
    }

    #[test]
    fn a_file_has_the_options_by_their_long_names() {
        let names = option_names(&Args::command());
        for name in ["base", "platform", "entrypoint", "debug-symbols", "runtime"] {
            assert!(names.contains(&name.to_owned()), "{name}");
        }
        assert!(!names.contains(&"help".to_owned()));
    }
}
