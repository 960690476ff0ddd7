//! What an action sees and leaves on every rung, with a shell as its command.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use fs_err as fs;
use mizzen_oci::Digest;
use mizzen_stage::{
    Action, Content, Executor, Isolation, Network, Outcome, OutputSpec, Rung, Seen, SeenPath,
    Stage, StageError, Stream,
};
use mizzen_store::{Cancel, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

const RUNGS: [Rung; 3] = [Rung::Processes, Rung::Mounts, Rung::Path];

struct Bench {
    folder: TempDir,
    stage: Stage,
}

fn bench(rung: Rung) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("cache")).unwrap();
    let launcher = env!("CARGO_BIN_EXE_stage-shell").into();
    Bench {
        stage: Stage::new(Arc::new(store), launcher, Isolation::Exactly(rung)).unwrap(),
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

    fn lines(&self, action: &Action) -> Vec<String> {
        let mut lines = Vec::new();
        let outcome = self.stage.run(action, &Cancel::default(), &mut |line| {
            // Tests run beside each other and wait for the one stage: that is not the command's word.
            if matches!(line.stream, Stream::Output | Stream::Error) {
                lines.push(line.text.clone());
            }
        });
        assert_eq!(outcome.unwrap().exit_code, Some(0), "{lines:?}");
        lines
    }

    /// Returns what the command prints, and how many lines it complains in; it may end as it likes.
    fn lines_and_errors(&self, action: &Action) -> (Vec<String>, usize) {
        let (mut lines, mut errors) = (Vec::new(), 0);
        let outcome = self
            .stage
            .run(action, &Cancel::default(), &mut |line| match line.stream {
                Stream::Output => lines.push(line.text.clone()),
                Stream::Error => errors += 1,
                Stream::Executor | Stream::Waiting | Stream::Packages => {}
            });
        outcome.unwrap();
        (lines, errors)
    }
}

fn shell(script: &str, inputs: impl IntoIterator<Item = (&'static str, Content)>) -> Action {
    Action {
        label: "a shell".to_owned(),
        inputs: inputs
            .into_iter()
            .map(|(path, content)| (path.to_owned(), content))
            .collect(),
        packs: Vec::new(),
        folders: vec!["src".to_owned(), "packages".to_owned()],
        mounted: Vec::new(),
        masked: Vec::new(),
        shown: BTreeMap::new(),
        command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        warm_up: Vec::new(),
        working_folder: "src".to_owned(),
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        secret_environment: BTreeMap::new(),
        outputs: vec![
            OutputSpec::Changes("src".to_owned()),
            OutputSpec::Packages("packages".to_owned()),
        ],
        network: Network::None,
        watched: false,
    }
}

#[test]
fn the_command_sees_its_inputs_and_its_variables_only() {
    for rung in RUNGS {
        let bench = bench(rung);
        let mut action = shell(
            "cat a/b.txt; env | sort",
            [("src/a/b.txt", bench.file("hello\n"))],
        );
        action
            .secret_environment
            .insert("TOKEN".to_owned(), "secret".to_owned());
        let mut lines = bench.lines(&action);
        lines.retain(|line| !line.starts_with("_=") && !line.starts_with("SHLVL"));
        assert_eq!(
            lines,
            [
                "hello",
                "PATH=/usr/bin:/bin",
                &format!("PWD={}/src", bench.stage.root().display()),
                "TOKEN=secret",
            ],
            "{rung}"
        );
    }
}

#[test]
fn what_a_watched_command_looks_up_is_told() {
    for rung in [Rung::Processes, Rung::Mounts] {
        let bench = bench(rung);
        let inputs = ["src/a", "src/b", "src/c", "src/d"].map(|path| (path, bench.file("x")));
        // The last process is nobody's child, and ends before the command does.
        let script = "cat a; test -e none; ls -d .; sh -c 'cat ../src/b' & wait; echo > made; cat made; \
                      ln -s a link; read -r x < link; rm link; (cat c &); sleep 0.2";
        let mut action = shell(script, inputs);
        action.watched = true;
        let seen = told(
            &bench,
            &bench
                .stage
                .run(&action, &Cancel::default(), &mut |_| ())
                .unwrap(),
        );
        for expected in [
            "src/../src/b Read",
            "src/a Read",
            "src/c Read",
            "src/link Link",
            "src/link Read",
            "src/made Read",
            "src/made WrittenFirst",
            "src/none Probed",
        ] {
            assert!(
                seen.contains(&expected.to_owned()),
                "{rung} {expected}: {seen:#?}"
            );
        }
        assert!(!seen.iter().any(|look| look.contains("src/d")), "{seen:#?}");
        assert!(
            !seen.iter().any(|look| look.contains(".watch")),
            "{seen:#?}"
        );
    }
}

/// Returns what was seen below the root.
fn told(bench: &Bench, outcome: &Outcome) -> Vec<String> {
    let Seen::All(seen) = &outcome.seen else {
        panic!("{:?}", outcome.seen);
    };
    let below = |seen: &SeenPath| {
        let path = seen.path.strip_prefix(bench.stage.root()).ok()?;
        Some(format!("{} {:?}", path.display(), seen.access))
    };
    seen.iter().filter_map(below).collect()
}

#[test]
fn a_command_that_is_not_watched_says_why() {
    let run = |rung, watched| {
        let bench = bench(rung);
        let mut action = shell(":", []);
        action.watched = watched;
        let outcome = bench
            .stage
            .run(&action, &Cancel::default(), &mut |_| ())
            .unwrap();
        match outcome.seen {
            Seen::NotWatched(reason) => reason,
            Seen::All(seen) => panic!("{seen:?}"),
        }
    };
    assert_eq!(run(Rung::Mounts, false), "nobody asked for it");
    assert_eq!(run(Rung::Path, true), "it ran with isolation `path`");
    let beforehand = |rung| bench(rung).stage.cannot_watch().unwrap();
    assert_eq!(beforehand(Rung::Mounts), None);
    let why = "it runs with isolation `path`".to_owned();
    assert_eq!(beforehand(Rung::Path), Some(why));
}

#[test]
fn namespaces_hide_the_machine_and_show_what_is_named_read_only() {
    for rung in [Rung::Processes, Rung::Mounts] {
        let bench = bench(rung);
        let (seen, hidden) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(seen.path().join("file"), "mounted").unwrap();
        fs::write(hidden.path().join("file"), "hidden").unwrap();
        let script = format!(
            "ls -A /tmp; cat {seen}/file; echo; cat {hidden}/file; echo x > {seen}/new; echo x > /usr/new; \
             echo x > /new; ls -d /home /root /var/lib; cat /proc/sys/kernel/hostname; echo x > /tmp/own; \
             grep -c : /proc/net/dev; grep CapEff /proc/self/status; exit 0",
            seen = seen.path().display(),
            hidden = hidden.path().display(),
        );
        let mut action = shell(&script, []);
        action.mounted = vec![seen.path().to_owned()];
        let (mut lines, errors) = bench.lines_and_errors(&action);
        let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut tmp = vec![name(seen.path()), name(bench.stage.root())];
        tmp.sort_unstable();
        let mut listed = lines.drain(..2).collect::<Vec<_>>();
        listed.sort_unstable();
        assert_eq!(listed, tmp, "{rung}");
        // The loopback is the only interface, and no power is left.
        assert_eq!(
            lines,
            ["mounted", "mizzen", "1", "CapEff:\t0000000000000000"],
            "{rung}"
        );
        assert_eq!(errors, 7, "{rung}");
        assert!(!std::path::Path::new("/tmp/own").exists());
        assert_eq!(fs::read_dir(seen.path()).unwrap().count(), 1);
    }
}

#[test]
fn what_is_shown_at_a_path_of_the_stage_is_read_only_and_nobody_learns_where_it_lies() {
    for rung in [Rung::Processes, Rung::Mounts] {
        let bench = bench(rung);
        let folder = fs::canonicalize(bench.folder.path()).unwrap();
        fs::create_dir_all(folder.join("sdk/1")).unwrap();
        for path in ["sdk/1/file", "dotnet"] {
            fs::write(folder.join(path), path).unwrap();
        }
        let script = format!(
            "cd ../sdk && ls; cat dotnet versions/1/file; echo; echo x > dotnet; echo x > new; \
             echo x > versions/1/new; ls {}; id -un; cut -d: -f1 /etc/passwd; exit 0",
            folder.display()
        );
        let mut action = shell(&script, []);
        action.shown = [("sdk/dotnet", "dotnet"), ("sdk/versions/1", "sdk/1")]
            .map(|(target, source)| (target.to_owned(), folder.join(source)))
            .into();
        let (lines, errors) = bench.lines_and_errors(&action);
        let user = ["mizzen", "mizzen", "root", "nobody"];
        let sdk = ["dotnet", "versions", "dotnetsdk/1/file"];
        assert_eq!(lines, [&sdk[..], &user].concat(), "{rung}");
        assert_eq!(errors, 4, "{rung}");
        assert_eq!(fs::read_dir(folder.join("sdk/1")).unwrap().count(), 1);
        // The next stage knows nothing of it.
        let left = bench.lines(&shell("ls -A ..", []));
        assert!(!left.contains(&"sdk".to_owned()), "{left:?}");
    }
}

#[test]
fn of_a_masked_folder_only_what_is_named_is_there() {
    for rung in [Rung::Processes, Rung::Mounts] {
        let bench = bench(rung);
        let folder = fs::canonicalize(bench.folder.path()).unwrap();
        for path in ["sdk/host/file", "sdk/sdk/1/file", "sdk/sdk/2/file"] {
            fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
            fs::write(folder.join(path), "").unwrap();
        }
        let sdk = folder.join("sdk");
        let script = format!(
            "cd {}; find . -type f | sort; echo x 2>&- > sdk/new || echo refused",
            sdk.display()
        );
        let mut action = shell(&script, []);
        action.mounted = vec![sdk.clone(), sdk.join("sdk/2")];
        action.masked = vec![sdk.join("sdk")];
        let lines = bench.lines(&action);
        assert_eq!(lines, ["./host/file", "./sdk/2/file", "refused"], "{rung}");
        assert!(sdk.join("sdk/1/file").exists());
    }
}

#[test]
fn the_loopback_answers_and_a_fetch_has_the_network() {
    let interfaces = fs::read_to_string("/proc/net/dev").unwrap();
    let all = interfaces.lines().filter(|line| line.contains(':')).count();
    for rung in [Rung::Processes, Rung::Mounts] {
        let bench = bench(rung);
        let up = shell("cat /proc/net/fib_trie", []);
        assert!(
            bench
                .lines(&up)
                .iter()
                .any(|line| line.contains("127.0.0.1")),
            "{rung}"
        );
        let mut fetch = shell("grep -c : /proc/net/dev", []);
        fetch.network = Network::Full;
        assert_eq!(bench.lines(&fetch), [all.to_string()], "{rung}");
    }
}

#[test]
fn what_the_command_made_comes_back_in_the_next_stage_and_is_the_same_on_every_rung() {
    let outputs = RUNGS.map(|rung| {
        let bench = bench(rung);
        let script = "mkdir -p obj ../packages/serilog/4.3.0; echo 1 > obj/x; pwd > a; id -u >> a; \
                      cd ../packages/serilog/4.3.0; echo p > serilog.nupkg; echo m > .nupkg.metadata";
        let action = shell(
            script,
            [("src/a", bench.file("old")), ("src/b", bench.file("old"))],
        );
        let outcome = bench
            .stage
            .run(&action, &Cancel::default(), &mut |_| ())
            .unwrap();
        assert_eq!((outcome.rung, &outcome.changed["src"][..]), (rung, &["a".to_owned(), "obj/x".to_owned()][..]));
        assert_eq!(
            outcome.outputs.keys().collect::<Vec<_>>(),
            ["packages/serilog/4.3.0", "src"]
        );
        let outputs = outcome.outputs.clone();
        drop(outcome);

        let mut next = shell(
            "tail -n 1 obj/x; cat b; ls -A ../packages/serilog/4.3.0",
            [("src/a", bench.file("old")), ("src/b", bench.file("old"))],
        );
        next.packs = outputs.clone().into_iter().collect();
        assert_eq!(bench.lines(&next), ["1", "old.nupkg.metadata"]);
        outputs
    });
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0], outputs[2]);
}

#[test]
fn a_file_that_changed_since_its_digest_was_taken_stops_the_action() {
    let bench = bench(Rung::Path);
    let action = shell("true", [("src/a", bench.file("one"))]);
    bench.file("two");
    let error = bench
        .stage
        .run(&action, &Cancel::default(), &mut |_| ())
        .unwrap_err();
    assert!(matches!(error, StageError::Changed(_)), "{error}");
}

#[test]
fn an_interrupted_command_is_asked_first_and_then_ended() {
    for rung in RUNGS {
        let bench = bench(rung);
        for (script, said) in [
            (
                "trap 'echo asked; exit' TERM; echo runs; sleep 1000 & wait",
                true,
            ),
            ("trap '' TERM; echo runs; sleep 1000", false),
        ] {
            let cancel = Cancel::default();
            let mut lines = Vec::new();
            let result = bench.stage.run(&shell(script, []), &cancel, &mut |line| {
                if matches!(line.stream, Stream::Output | Stream::Error) {
                    lines.push(line.text.clone());
                    cancel.cancel();
                }
            });
            assert!(matches!(result, Err(StageError::Cancelled(_))), "{rung}");
            assert_eq!(lines.contains(&"asked".to_owned()), said, "{rung}");
        }
    }
}

#[test]
fn a_failing_command_and_a_missing_program_are_told_apart() {
    for rung in RUNGS {
        let bench = bench(rung);
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
}

#[test]
fn a_folder_that_nobody_can_write_is_removed_with_the_stage() {
    let bench = bench(Rung::Path);
    let action = shell("mkdir -p a/b; touch a/b/c; chmod 555 a/b a", []);
    bench.lines(&action);
    let left = fs::read_dir(bench.stage.root().join("src"));
    assert!(left.is_err() || left.unwrap().count() == 0);
}

#[test]
fn a_warm_up_runs_beside_the_command_unheard_and_ends_with_it() {
    for rung in RUNGS {
        let bench = bench(rung);
        let mark = format!("300.{}", rung.as_str().len());
        // It would hang forever if the two did not run beside each other.
        let mut action = shell(
            "until test -e started; do sleep 0.01; done; cat started",
            [],
        );
        let warm_up = format!("echo unheard; echo seen > new; mv new started; exec sleep {mark}");
        action.warm_up = ["/bin/sh", "-c", &warm_up].map(str::to_owned).to_vec();
        assert_eq!(bench.lines(&action), ["seen"], "{rung}");
        let processes = fs::read_dir("/proc").unwrap();
        let commands =
            processes.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
        let sleeps = format!("sleep\0{mark}\0").into_bytes();
        assert_eq!(
            commands.filter(|command| *command == sleeps).count(),
            0,
            "{rung}"
        );
    }
}

#[test]
fn a_warm_up_that_cannot_start_or_fails_changes_nothing() {
    for rung in RUNGS {
        let bench = bench(rung);
        let mut action = shell("sleep 0.1; echo done", []);
        for warm_up in ["/nowhere/at/all", "/bin/false"] {
            action.warm_up = vec![warm_up.to_owned()];
            assert_eq!(bench.lines(&action), ["done"], "{rung}");
        }
    }
}

#[test]
fn builds_of_one_user_run_beside_each_other_at_one_path() {
    let bench = bench(Rung::Mounts);
    let stage = bench.stage.with_places(2);
    let bench = Bench { stage, ..bench };
    let outer = shell("pwd; echo outer >file; cat file", []);
    let inner = shell("pwd; ls; echo inner >file; cat file", []);
    let mut said = Vec::new();
    let outcome = bench.stage.run(&outer, &Cancel::default(), &mut |line| {
        // Tests with the lowest rung, beside this one, may have the stage for a while.
        if line.stream != Stream::Output {
            return;
        }
        if line.text.ends_with("/src") {
            said.extend(bench.lines(&inner));
        }
        said.push(line.text.clone());
    });
    assert_eq!(outcome.unwrap().exit_code, Some(0));
    let path = format!("{}/src", bench.stage.root().display());
    assert_eq!(said, [&path, "inner", &path, "outer"]);
}

#[test]
fn what_a_failed_command_left_can_be_entered() {
    let bench = bench(Rung::Processes);
    let kept = bench.folder.path().join("kept");
    fs::create_dir(&kept).unwrap();
    let stage = bench.stage.keeping_failures(kept.clone());
    let mut action = shell("echo left > made; exit 3", []);
    action
        .environment
        .insert("NAME".to_owned(), "it's here".to_owned());
    action
        .secret_environment
        .insert("TOKEN".to_owned(), "hunter2".to_owned());
    let mut said = Vec::new();
    let outcome = stage.run(&action, &Cancel::default(), &mut |line| {
        said.push(line.text.clone());
    });
    assert_eq!(outcome.unwrap().exit_code, Some(3));
    let told = said
        .iter()
        .find_map(|line| line.split_once("enter it with "));
    let enter = told.unwrap().1;
    #[expect(clippy::disallowed_methods, reason = "the script under test")]
    let entered = std::process::Command::new(enter)
        .args(["/bin/sh", "-c", "pwd; cat made; echo \"$NAME $TOKEN\""])
        .output()
        .unwrap();
    let text = String::from_utf8(entered.stdout).unwrap();
    let root = stage.root().display();
    assert_eq!(text, format!("{root}/src\nleft\nit's here \n"));
    assert!(!fs::read_to_string(enter).unwrap().contains("hunter2"));
    // One that does well leaves nothing.
    let before = fs::read_dir(&kept).unwrap().count();
    let outcome = stage.run(&shell("true", []), &Cancel::default(), &mut |_| ());
    assert_eq!(outcome.unwrap().exit_code, Some(0));
    assert_eq!(fs::read_dir(&kept).unwrap().count(), before);
}
