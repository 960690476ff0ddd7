//! Runs one shell script in a stage, watched, as a build runs `dotnet`, and prints its lines: a build
//! small enough to be killed at every moment.
//!
//! `stage-shell RUNG CACHE SCRIPT [MOUNTED…]`

#![expect(clippy::disallowed_methods, reason = "a tool of the tests")]

use mizzen_stage::{
    Action, Executor, Isolation, Network, OutputSpec, Rung, Seen, Stage, StageError, Stream,
    play_part,
};
use mizzen_store::{Cancel, Store};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(code) = play_part(&arguments) {
        return code;
    }
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            drop(writeln!(io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[OsString]) -> Result<ExitCode, StageError> {
    let [_, rung, cache, script, mounted @ ..] = arguments else {
        return Ok(ExitCode::from(2));
    };
    let isolation = match rung.to_str() {
        Some("auto") => Isolation::Auto,
        Some("namespace") => Isolation::Namespace,
        name => name
            .and_then(Rung::parse)
            .map_or(Isolation::Path, Isolation::Exactly),
    };
    let store = Arc::new(Store::open(Path::new(cache))?);
    let stage = Stage::new(store, "/proc/self/exe".into(), isolation)?;
    let action = Action {
        label: "a shell".to_owned(),
        inputs: BTreeMap::new(),
        packs: Vec::new(),
        folders: vec!["src".to_owned(), "tmp".to_owned()],
        mounted: mounted.iter().map(Into::into).collect(),
        masked: Vec::new(),
        shown: BTreeMap::new(),
        command: ["/bin/sh".to_owned(), "-c".to_owned()]
            .into_iter()
            .chain(script.to_str().map(str::to_owned))
            .collect(),
        warm_up: Vec::new(),
        working_folder: "src".to_owned(),
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        secret_environment: BTreeMap::new(),
        outputs: vec![OutputSpec::Changes("src".to_owned())],
        network: Network::None,
        watched: true,
    };
    writeln!(io::stdout(), "rung {}", stage.rung()?)?;
    let outcome = stage.run(&action, &Cancel::default(), &mut |line| {
        // What else is said hangs on which builds run beside it.
        if matches!(line.stream, Stream::Output | Stream::Error) {
            drop(writeln!(io::stdout(), "{}", line.text));
        }
    })?;
    match &outcome.seen {
        Seen::All(_) => writeln!(io::stdout(), "watched")?,
        Seen::NotWatched(reason) => writeln!(io::stdout(), "not watched: {reason}")?,
    }
    writeln!(io::stdout(), "exit {:?}", outcome.exit_code)?;
    Ok(ExitCode::SUCCESS)
}
