//! What an action sees and leaves in the lowest rung's stage, with a shell as its command.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use fs_err as fs;
use mizzen_oci::Digest;
use mizzen_stage::{Action, Content, Executor, Network, OutputSpec, PathStage, StageError};
use mizzen_store::{Cancel, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

struct Bench {
    folder: TempDir,
    stage: PathStage,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("cache")).unwrap();
    Bench {
        stage: PathStage::new(Arc::new(store)).unwrap(),
        folder,
    }
}

impl Bench {
    fn file(&self, text: &str) -> Content {
        let source = self.folder.path().join("source");
        fs::write(&source, text).unwrap();
        Content::File {
            source,
            digest: Digest::of(text.as_bytes()),
            executable: false,
        }
    }
}

fn shell(script: &str, inputs: impl IntoIterator<Item = (&'static str, Content)>) -> Action {
    Action {
        inputs: inputs
            .into_iter()
            .map(|(path, content)| (path.to_owned(), content))
            .collect(),
        packs: Vec::new(),
        folders: vec!["src".to_owned(), "packages".to_owned()],
        command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        working_folder: "src".to_owned(),
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        secret_environment: BTreeMap::new(),
        outputs: vec![
            OutputSpec::Changes("src".to_owned()),
            OutputSpec::Packages("packages".to_owned()),
        ],
        network: Network::None,
    }
}

#[test]
fn the_command_sees_its_inputs_and_its_variables_only() {
    let bench = bench();
    let action = shell(
        "cat a/b.txt; env | sort",
        [("src/a/b.txt", bench.file("hello\n"))],
    );
    let mut lines = Vec::new();
    let outcome = bench
        .stage
        .run(&action, &Cancel::default(), &mut |line| {
            lines.push(line.text.clone());
        })
        .unwrap();
    assert_eq!(outcome.exit_code, Some(0));
    lines.retain(|line| !line.starts_with("_=") && !line.starts_with("SHLVL"));
    assert_eq!(
        lines,
        [
            "hello",
            "PATH=/usr/bin:/bin",
            &format!("PWD={}/src", bench.stage.root().display())
        ]
    );
}

#[test]
fn what_the_command_made_comes_back_in_the_next_stage() {
    let bench = bench();
    let script = "mkdir -p obj ../packages/serilog/4.3.0; echo 1 > obj/x; echo 2 > a; \
                  cd ../packages/serilog/4.3.0; echo p > serilog.nupkg; echo m > .nupkg.metadata";
    let action = shell(
        script,
        [("src/a", bench.file("old")), ("src/b", bench.file("old"))],
    );
    let outcome = bench
        .stage
        .run(&action, &Cancel::default(), &mut |_| ())
        .unwrap();
    assert_eq!(outcome.changed["src"], ["a", "obj/x"]);
    assert_eq!(
        outcome.outputs.keys().collect::<Vec<_>>(),
        ["packages/serilog/4.3.0", "src"]
    );
    let packs: Vec<_> = outcome.outputs.clone().into_iter().collect();
    drop(outcome);

    let mut next = shell(
        "cat a b obj/x; ls -A ../packages/serilog/4.3.0",
        [("src/a", bench.file("old")), ("src/b", bench.file("old"))],
    );
    next.packs = packs;
    let mut lines = Vec::new();
    bench
        .stage
        .run(&next, &Cancel::default(), &mut |line| {
            lines.push(line.text.clone());
        })
        .unwrap();
    assert_eq!(lines, ["2", "old1", ".nupkg.metadata"]);
}

#[test]
fn a_file_that_changed_since_its_digest_was_taken_stops_the_action() {
    let bench = bench();
    let action = shell("true", [("src/a", bench.file("one"))]);
    bench.file("two");
    let error = bench
        .stage
        .run(&action, &Cancel::default(), &mut |_| ())
        .unwrap_err();
    assert!(matches!(error, StageError::Changed(_)), "{error}");
}

#[test]
fn nothing_is_left_of_a_command_that_is_interrupted_or_leaves_children() {
    let bench = bench();
    let cancel = Cancel::default();
    let action = shell("sleep 1000 & echo $!; sleep 1001", []);
    let mut child = String::new();
    let result = bench.stage.run(&action, &cancel, &mut |line| {
        child.clone_from(&line.text);
        cancel.cancel();
    });
    assert!(matches!(result, Err(StageError::Cancelled(_))));
    assert!(!fs::metadata(format!("/proc/{child}")).is_ok_and(|_| is_alive(&child)));

    let outcome = bench.stage.run(
        &shell("sleep 1000 & echo $!", []),
        &Cancel::default(),
        &mut |line| child.clone_from(&line.text),
    );
    assert_eq!(outcome.unwrap().exit_code, Some(0));
    assert!(!is_alive(&child));
}

fn is_alive(pid: &str) -> bool {
    // A killed process may wait as a zombie for whoever adopted it.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_failing_command_and_a_missing_program_are_told_apart() {
    let bench = bench();
    let outcome = bench
        .stage
        .run(
            &shell("echo why >&2; exit 3", []),
            &Cancel::default(),
            &mut |_| (),
        )
        .unwrap();
    assert_eq!((outcome.exit_code, outcome.outputs.len()), (Some(3), 0));
    drop(outcome);
    let mut action = shell("", []);
    action.command = vec!["/nowhere/dotnet".to_owned()];
    let error = bench
        .stage
        .run(&action, &Cancel::default(), &mut |_| ())
        .unwrap_err();
    assert!(matches!(error, StageError::Start { .. }), "{error}");
}
