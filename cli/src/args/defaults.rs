//! What a configuration file says for options that neither the command line nor the environment
//! gives. It becomes part of the command line, so that both are read and checked in one way.

use super::{Args, spelled_out};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use std::ffi::OsString;

/// An option of `mizzen build` as a configuration file has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DefaultOption {
    /// Its long name, without dashes.
    pub(crate) name: String,
    /// What it is set to.
    pub(crate) value: DefaultValue,
    /// Where, for people: `mizzen.toml [build]`.
    pub(crate) place: String,
}

/// The value of a [`DefaultOption`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum DefaultValue {
    /// `true` or `false`.
    Flag(bool),
    /// What follows the option, once for each time that it is written.
    Words(Vec<String>),
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

/// Options that a configuration file does not have.
const COMMAND_LINE_ONLY: [&str; 2] = ["help", "from-publish"];
/// Options whose values add up; for all others the command line takes the file's place.
const ADDING_UP: [&str; 4] = ["annotation", "env", "label", "property"];

/// Returns the options that a configuration file may have, sorted.
pub(crate) fn option_names() -> Vec<String> {
    let command = Args::command();
    let build = command.find_subcommand("build").expect("there is a build");
    let names = build.get_arguments().filter_map(clap::Arg::get_long);
    let names = names.filter(|name| !COMMAND_LINE_ONLY.contains(name));
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// Reads the command line `words` with `defaults` where it is silent. Returns each setting, too, in
/// the order of the help.
///
/// # Errors
/// What clap says, if a default is not what its option takes.
pub(crate) fn with_defaults(
    words: &[OsString],
    defaults: &[DefaultOption],
) -> Result<(Args, Vec<Setting>), clap::Error> {
    let mut words = spelled_out(words);
    let mut command = Args::command();
    command.build();
    let given = command.clone().try_get_matches_from(&words)?;
    let (verb, given) = given.subcommand().expect("a verb is required");
    let verb = command.find_subcommand(verb).expect("clap has parsed it");
    let is_given = |id: &str| {
        let source = given.value_source(id);
        matches!(
            source,
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        )
    };
    let mut inserted = Vec::new();
    let mut taken = Vec::new();
    for default in defaults {
        let named = |argument: &&clap::Arg| argument.get_long() == Some(&default.name);
        let Some(argument) = verb.get_arguments().find(named) else {
            continue;
        };
        let adds_up = ADDING_UP.contains(&default.name.as_str());
        // Either of two options names the other; whoever publishes for one runtime means its platform.
        let conflicts = |one: &clap::Arg, other: &clap::Arg| {
            let named = verb.get_arg_conflicts_with(one);
            named.iter().any(|named| named.get_id() == other.get_id())
        };
        let is_overruled = default.name == "platform" && is_given("runtime_identifier")
            || verb.get_arguments().any(|other| {
                is_given(other.get_id().as_str())
                    && (conflicts(argument, other) || conflicts(other, argument))
            });
        if is_given(argument.get_id().as_str()) && !adds_up || is_overruled {
            continue;
        }
        let takes_values = argument.get_action().takes_values();
        inserted.extend(
            spelled(default, takes_values)
                .into_iter()
                .map(OsString::from),
        );
        taken.push(default);
    }
    words.splice(2..2, inserted);
    let matches = command.clone().try_get_matches_from(&words)?;
    let arguments = Args::from_arg_matches(&matches)?;
    let (_, matches) = matches.subcommand().expect("a verb is required");
    let options = verb.get_arguments().filter_map(|argument| {
        let name = argument.get_long()?;
        let value = value(matches, argument.get_id().as_str())?;
        let file = taken.iter().find(|default| default.name == name);
        let line = is_given(argument.get_id().as_str());
        let variable = argument.get_env().filter(|_| {
            matches.value_source(argument.get_id().as_str()) == Some(ValueSource::EnvVariable)
        });
        let origin = match (variable, line, file) {
            (Some(variable), _, _) => variable.to_string_lossy().into_owned(),
            (None, true, None) => "command line".to_owned(),
            (None, true, Some(file)) => format!("{}, command line", file.place),
            (None, false, Some(file)) => file.place.clone(),
            (None, false, None) => "default".to_owned(),
        };
        Some(Setting {
            name: name.to_owned(),
            value,
            origin,
        })
    });
    let options = options.collect();
    Ok((arguments, options))
}

fn spelled(default: &DefaultOption, takes_values: bool) -> Vec<String> {
    let name = &default.name;
    match &default.value {
        DefaultValue::Flag(value) if takes_values => vec![format!("--{name}={value}")],
        DefaultValue::Flag(true) => vec![format!("--{name}")],
        DefaultValue::Flag(false) => Vec::new(),
        DefaultValue::Words(words) => {
            let words = words.iter();
            words.map(|word| format!("--{name}={word}")).collect()
        }
    }
}

/// Returns what an option is set to; `None` if it is not set at all.
fn value(matches: &ArgMatches, id: &str) -> Option<String> {
    let values = matches.get_raw(id)?;
    let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
    let is_default = matches.value_source(id) == Some(ValueSource::DefaultValue);
    Some(values.join(", ")).filter(|value| !is_default || value != "false")
}

#[cfg(test)]
mod tests {
    use super::{DefaultOption, DefaultValue, Setting, option_names, with_defaults};
    use crate::args::{BuildArgs, Command};

    fn default(name: &str, value: DefaultValue) -> DefaultOption {
        DefaultOption {
            name: name.to_owned(),
            value,
            place: "file".to_owned(),
        }
    }

    fn words(name: &str, words: &[&str]) -> DefaultOption {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        default(name, DefaultValue::Words(words))
    }

    fn read(line: &str, defaults: &[DefaultOption]) -> Result<(BuildArgs, Vec<Setting>), String> {
        let line: Vec<_> = line.split_whitespace().map(Into::into).collect();
        let (arguments, settings) =
            with_defaults(&line, defaults).map_err(|error| error.to_string())?;
        match arguments.command {
            Command::Build(build) => Ok((*build, settings)),
            _ => unreachable!("the line says build"),
        }
    }

    #[test]
    fn the_command_line_stands_over_the_file_and_pairs_add_up() {
        let defaults = [
            words("platform", &["linux/amd64", "linux/arm64"]),
            words("env", &["A=file", "B=file"]),
            words("configuration", &["Debug"]),
            default("offline", DefaultValue::Flag(true)),
            default("self-contained", DefaultValue::Flag(false)),
        ];
        let (build, settings) = read("mizzen build src -c Release -e A=line", &defaults).unwrap();
        assert_eq!(build.platforms.len(), 2);
        assert_eq!(build.configuration.as_deref(), Some("Release"));
        assert_eq!(build.image.env.last().unwrap().1, "line");
        assert_eq!(build.image.env.len(), 3);
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
    }

    #[test]
    fn what_the_command_line_rules_out_is_not_taken_from_the_file() {
        let defaults = [
            words("platform", &["linux/amd64"]),
            default("verbose", DefaultValue::Flag(true)),
            words("property", &["A=1"]),
        ];
        let (build, _) = read("mizzen build -r linux-arm64 -q", &defaults).unwrap();
        assert!(build.platforms.is_empty() && !build.output.verbose);
        let (build, _) = read("mizzen build --from-publish out", &defaults).unwrap();
        assert!(build.properties.is_empty() && build.output.verbose);
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_as_on_the_command_line() {
        let error = read("mizzen build", &[words("compression", &["rar"])]).unwrap_err();
        assert!(
            error.contains("'rar'") && error.contains("--compression"),
            "{error}"
        );
    }

    #[test]
    fn a_file_has_the_options_by_their_long_names() {
        let names = option_names();
        for name in ["base", "platform", "entrypoint", "debug-symbols", "runtime"] {
            assert!(names.contains(&name.to_owned()), "{name}");
        }
        assert!(!names.contains(&"help".to_owned()));
    }
}
