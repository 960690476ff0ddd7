//! What mizzen makes of its own command line and its own formats: short help, completions, pages of the
//! manual, schemas.

use crate::support::{User, is_set, testdata};
use fs_err as fs;
use serde_json::{Value, json};
use std::process::Command;

/// Every verb, as `mizzen --help` names them.
fn verbs(user: &User) -> Vec<String> {
    let help = user.run_bare(&["--help"]).success().stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let names = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn the_short_help_of_every_verb_fits_a_screen_and_has_two_examples() {
    let mut user = User::without_sdk();
    let verbs = verbs(&user);
    assert!(verbs.len() >= 16, "{verbs:?}");
    let columns = ("COLUMNS".to_owned(), "80".to_owned());
    user.environment.extend([columns]);
    let all = verbs.iter().map(|verb| vec![verb.as_str(), "-h"]);
    for arguments in all.chain([vec!["-h"]]) {
        let help = user.run_bare(&arguments).success().stdout;
        assert!(help.lines().count() <= 24, "{arguments:?}\n{help}");
        let (_, examples) = help
            .split_once("Examples:\n")
            .unwrap_or_else(|| panic!("{arguments:?} has no examples: cli/src/commands/help.rs"));
        let examples = examples.lines().take(2);
        assert!(
            examples.clone().all(|line| line.starts_with("  mizzen ")) && examples.count() == 2,
            "{help}"
        );
        for line in help.lines().filter(|line| !line.starts_with("  mizzen ")) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn a_shell_completes_verbs_and_options() {
    let user = User::without_sdk();
    let script = |shell: &str| user.run_bare(&["completions", shell]).success().stdout;
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = script(shell);
        for word in ["build", "base-registry", "inspect"] {
            assert!(script.contains(word), "{shell} has no {word}");
        }
    }
    fs::write(user.path("mizzen.bash"), script("bash")).unwrap();
    let completed = |words: &str| {
        let count = words.split(' ').count() - 1;
        let mut backwards = words.rsplit(' ');
        let (last, before) = (backwards.next().unwrap(), backwards.next().unwrap());
        let script = format!(
            ". ./mizzen.bash; COMP_WORDS=({words}); COMP_CWORD={count}; _mizzen mizzen '{last}' '{before}'; echo \"${{COMPREPLY[@]}}\""
        );
        #[expect(clippy::disallowed_methods, reason = "the shell of the user")]
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(user.folder_path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(completed("mizzen bui"), "build\n");
    assert_eq!(completed("mizzen build --base-"), "--base-registry\n");
    assert_eq!(
        completed("mizzen build --isolation "),
        "auto namespace path\n"
    );
}

#[test]
fn each_verb_has_a_page_of_the_manual_with_all_of_its_options() {
    let user = User::without_sdk();
    user.run_bare(&["man", "--output", "man1"]).success();
    let verbs = verbs(&user);
    for verb in &verbs {
        let page = fs::read_to_string(user.path(&format!("man1/mizzen-{verb}.1"))).unwrap();
        assert_eq!(user.run_bare(&["man", verb]).success().stdout, page);
        assert!(page.contains(".SH SYNOPSIS\n\\fBmizzen "), "{page}");
        let help = user.run_bare(&[verb, "--help"]).success().stdout;
        let options = help.lines().filter_map(|line| {
            let option = line.trim_start().strip_prefix("-")?;
            let long = option.find("--").map(|at| &option[at..]);
            let long = long.or_else(|| option.starts_with('-').then_some(option))?;
            let name = long.trim_start_matches('-');
            let end = name.find(|it: char| !it.is_ascii_alphanumeric() && it != '-');
            Some(name[..end.unwrap_or(name.len())].to_owned())
        });
        for option in options {
            let written = option.replace('-', "\\-");
            assert!(page.contains(&written), "{verb}: {option}");
        }
    }
    let pages = fs::read_dir(user.path("man1")).unwrap().count();
    assert!(pages > verbs.len(), "{pages}");
    let said = user.run_bare(&["man", "bui"]).failure(2);
    assert!(said.contains("there is no page `mizzen-bui`"), "{said}");
}

#[test]
fn the_schema_of_the_configuration_takes_what_is_documented_and_refuses_slips() {
    let user = User::without_sdk();
    let schema = user.run_bare(&["schema", "config"]).success().stdout;
    let file = testdata("../docs/reference/mizzen.schema.json");
    // Remade with: UPDATE_REFERENCE=1 cargo test -p mizzen --test core shells
    if is_set("UPDATE_REFERENCE") {
        fs::write(&file, &schema).unwrap();
    }
    assert_eq!(fs::read_to_string(file).unwrap(), schema);
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("config.json", schema).unwrap();
    let index = compiler.compile("config.json", &mut schemas).unwrap();

    let reference = fs::read_to_string(testdata("../docs/reference/config.md")).unwrap();
    let example = reference.split("```").nth(1).unwrap();
    let example: Value = toml::from_str(example.strip_prefix("toml").unwrap()).unwrap();
    if let Err(error) = schemas.validate(&example, index) {
        panic!("{error:#}");
    }
    let web = "<Project Sdk=\"Microsoft.NET.Sdk.Web\" />";
    fs::write(user.path("Shop.csproj"), web).unwrap();
    // Each of these is refused by mizzen, too.
    for slip in [
        json!({ "polcy": {} }),
        json!({ "build": { "bas": "x" } }),
        json!({ "build": { "compression": { "x": 1 } } }),
        json!({ "build": { "locked": "perhaps" } }),
        json!({ "images": { "Shop": { "platfrom": [] } } }),
        json!({ "registry": { "r.corp": { "insecur": true } } }),
        json!({ "cache": { "dir": 1 } }),
        json!({ "env": { "pass": "CI" } }),
        json!({ "inputs": { "roots": "." } }),
        json!({ "labels": { "git": "yes" } }),
        json!({ "policy": { "git": "alwys" } }),
        json!({ "policy": { "floats": "eror" } }),
    ] {
        assert!(schemas.validate(&slip, index).is_err(), "{slip}");
        fs::write(user.path("mizzen.toml"), toml::to_string(&slip).unwrap()).unwrap();
        let said = user.build(&["."]).failure(2);
        assert!(said.contains("mizzen.toml"), "{slip}: {said}");
    }

    let events = user.run_bare(&["schema", "events"]).success().stdout;
    let events: Value = serde_json::from_str(&events).unwrap();
    let written = fs::read_to_string(testdata("../docs/reference/events.schema.json")).unwrap();
    let written: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(events, written);
}
