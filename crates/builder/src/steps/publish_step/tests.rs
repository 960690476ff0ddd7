//! What a publish may see and reach, and what is made of what it leaves.

use crate::BuildError;
use crate::bench::{Bench, published, restored};
use mizzen_stage::{Network, OutputSpec, Rung};
use mizzen_testkit::FakeRun;

const PINNED: &str = "Serilog >= 4.3.0";

/// Builds with this run for publish, whose restore is known by now or plays the usual one.
fn build(bench: &Bench, publish: FakeRun) -> Result<crate::App, BuildError> {
    if bench.kept("restore").is_empty() {
        bench.will([restored(PINNED)]);
    }
    bench.will([publish]);
    bench.build()
}

/// Returns the usual publish that also tells these properties of the project.
fn telling(properties: &[(&str, &str)]) -> FakeRun {
    let record = |(name, value): &(&str, &str)| format!("property\u{1f}{name}\u{1f}{value}\u{1e}");
    let records: String = properties.iter().map(record).collect();
    leaving("tmp/facts", &format!("{records}end\u{1e}"))
}

fn leaving(path: &str, text: &str) -> FakeRun {
    let mut run = published(PINNED);
    run.files.insert(path.to_owned(), text.as_bytes().to_vec());
    run
}

#[test]
fn publish_starts_from_what_restore_gave_and_reaches_nothing() {
    let mut bench = Bench::new();
    let proxy = ("HTTPS_PROXY".to_owned(), "http://proxy.example".to_owned());
    let token = ("FEED_TOKEN".to_owned(), "token".to_owned());
    bench.request.restore_environment = [proxy.clone(), token].into();
    build(&bench, published(PINNED)).unwrap();
    let action = bench.executor.actions().pop().unwrap();
    assert_eq!(action.command[1..3], ["publish", "Api.csproj"]);
    assert_eq!(action.label, "publish of `src/Api/Api.csproj`");
    let packs: Vec<&str> = action.packs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(packs, ["packages/serilog/4.3.0", "src"]);
    assert_eq!(action.network, Network::None);
    assert!(action.watched && action.secret_environment.is_empty());
    assert_eq!(action.environment["MIZZEN_FACTS_FILE"], "/stage/tmp/facts");
    assert!(!action.environment.contains_key("UseSharedCompilation"));
    let folder = |name: &str| OutputSpec::Folder(name.to_owned());
    assert_eq!(
        action.outputs,
        [
            folder("out"),
            folder("packages"),
            folder("src"),
            OutputSpec::File("tmp/facts".to_owned()),
            OutputSpec::ChangedPaths("src".to_owned()),
            OutputSpec::Changes("compressed/made".to_owned()),
        ]
    );
    for path in ["src/src/Api/Program.cs", "src/README.md"] {
        assert!(action.inputs.contains_key(path), "{path}");
    }
    // Where it may have the network it has the way there, and no token.
    bench.request.policy.network = true;
    build(&bench, published(PINNED)).unwrap();
    let action = bench.executor.actions().pop().unwrap();
    assert_eq!(action.network, Network::Full);
    assert_eq!(action.secret_environment, [proxy].into());
}

#[test]
fn what_assets_were_compressed_to_is_at_hand_for_the_next_publish_unless_nothing_is_to_be_taken() {
    let mut bench = Bench::new();
    let packs = |bench: &Bench| {
        let action = bench.executor.actions().pop().unwrap();
        let known = action.packs.into_iter();
        known
            .filter(|(folder, _)| folder == "compressed/known")
            .count()
    };
    let compressing = || leaving("compressed/made/-00FF.br", "small");
    build(&bench, compressing()).unwrap();
    assert_eq!(packs(&bench), 0);
    bench.write("shop/src/Api/Program.cs", "edited");
    build(&bench, compressing()).unwrap();
    assert_eq!(packs(&bench), 1);
    bench.request.policy.shortcuts = false;
    bench.write("shop/src/Api/Program.cs", "edited again");
    build(&bench, compressing()).unwrap();
    assert_eq!(packs(&bench), 0);
}

#[test]
fn the_compilers_server_is_not_used_where_anybody_could_answer_in_its_place() {
    let bench = Bench::on_rung(Rung::Path);
    build(&bench, published(PINNED)).unwrap();
    let action = bench.executor.actions().pop().unwrap();
    assert_eq!(action.environment["UseSharedCompilation"], "false");
    assert!(action.warm_up.is_empty());
}

#[test]
fn a_publish_without_an_application_is_an_error_and_nothing_is_kept() {
    let bench = Bench::new();
    let without = |path: &str| {
        let mut run = published(PINNED);
        run.files.remove(path);
        run
    };
    let error = build(&bench, without("out/Api.dll")).unwrap_err();
    assert!(matches!(error, BuildError::Publish(_)), "{error:?}");
    let error = build(&bench, without("out/Api.runtimeconfig.json")).unwrap_err();
    assert!(matches!(error, BuildError::Publish(_)), "{error:?}");
    let error = build(&bench, FakeRun::leaving([("tmp/facts", "")])).unwrap_err();
    assert!(matches!(error, BuildError::Read(_)), "{error:?}");
    for step in ["publish", "whole", "latest"] {
        assert_eq!(bench.kept(step), [], "{step}");
    }
}

#[test]
fn what_the_evaluated_project_tells_is_believed() {
    let bench = Bench::new();
    let error = build(&bench, telling(&[("IsPublishable", "false")])).unwrap_err();
    assert!(matches!(error, BuildError::NotPublishable(_)), "{error:?}");
    let other = "/usr/lib/dotnet/sdk/10.0.402/";
    let error = build(&bench, telling(&[("MSBuildBinPath", other)])).unwrap_err();
    assert!(
        matches!(&error, BuildError::OtherSdk { ran, chosen } if ran == other.trim_end_matches('/') && chosen == "10.0.401")
    );
    let told = [
        ("MSBuildBinPath", "/usr/lib/dotnet/sdk/10.0.401"),
        ("PackageVersion", "1.2.3"),
        ("ContainerWorkingDirectory", "/srv"),
    ];
    let app = build(&bench, telling(&told)).unwrap();
    assert_eq!(app.runtime.version.as_deref(), Some("1.2.3"));
    assert_eq!(app.runtime.folder, "/srv");
    assert_eq!(bench.reuses_after_runs().runtime, app.runtime);
}

#[test]
fn what_publish_writes_beside_the_sources_is_told_each_time() {
    let bench = Bench::new();
    let mut run = published(PINNED);
    for path in [
        "generated.cs",
        "obj/x.cs",
        "bin/Release/y.dll",
        "artifacts/z",
        ".git/index",
        "object",
    ] {
        run.files.insert(format!("src/src/Api/{path}"), Vec::new());
    }
    build(&bench, run).unwrap();
    let named = "src/Api/generated.cs, src/Api/object";
    let told = |bench: &Bench| {
        let lines = bench.heard().into_iter();
        lines.filter(|line| line.ends_with(named)).count()
    };
    assert_eq!(told(&bench), 1);
    bench.reuses_after_runs();
    assert_eq!(told(&bench), 1);
}

#[test]
fn warnings_are_shown_again_with_every_hit() {
    let bench = Bench::new();
    let mut run = published(PINNED);
    let warning = "/stage/src/src/Api/Program.cs(1,5): warning CS0168: unused";
    run.lines = vec![warning.to_owned(), warning.to_owned(), "done".to_owned()];
    build(&bench, run).unwrap();
    let messages = |bench: &Bench| {
        let heard = bench.heard().into_iter();
        let about = heard.filter(|line| line.starts_with("message") || line.starts_with("reused"));
        about.collect::<Vec<_>>()
    };
    let root = bench.request.workspace.root.display();
    let own = format!("message: {root}/src/Api/Program.cs(1,5): warning CS0168: unused");
    assert_eq!(messages(&bench), [own]);
    bench.reuses_after_runs();
    assert_eq!(messages(&bench), ["reused: 1"]);
}

#[test]
fn the_time_of_the_build_is_taken_out_of_static_assets() {
    let endpoints = |time: &str| {
        format!(
            r#"{{"Version":1,"Endpoints":[{{"Route":"a.css","ResponseHeaders":[{{"Name":"Last-Modified","Value":"{time}"}}]}}]}}"#
        )
    };
    let digest = |time: &str| {
        let bench = Bench::new();
        let run = leaving("out/Api.staticwebassets.endpoints.json", &endpoints(time));
        let app = build(&bench, run).unwrap();
        let name = "Api.staticwebassets.endpoints.json";
        assert_eq!(bench.heard_of(&["note: ", name]), 1);
        let layers = app.layers.into_iter().flat_map(|(_, layers)| layers);
        layers
            .map(|layer| layer.layer.descriptor.digest)
            .collect::<Vec<_>>()
    };
    let first = digest("Sun, 29 Nov 2026 10:00:00 GMT");
    assert_eq!(digest("Mon, 30 Nov 2026 10:00:00 GMT"), first);
}

#[test]
fn a_published_file_that_git_ignores_is_named() {
    let bench = Bench::new();
    for (path, text) in [
        (".git/HEAD", "ref: refs/heads/main\n"),
        (".gitignore", "secrets.json\n"),
        ("src/Api/secrets.json", "secret"),
        ("src/Api/appsettings.json", "settings"),
    ] {
        bench.write(&format!("shop/{path}"), text);
    }
    let mut run = leaving("out/secrets.json", "secret");
    run.files
        .insert("out/appsettings.json".to_owned(), b"settings".to_vec());
    let app = build(&bench, run).unwrap();
    let [ignored] = &app.git_ignored[..] else {
        panic!("{:?}", app.git_ignored);
    };
    assert_eq!(ignored.path, "secrets.json");
    assert_eq!(ignored.source, "src/Api/secrets.json");
    // Git's rules are in no key, and asked again.
    bench.write("shop/.git/info/exclude", "");
    bench.reuses_after_runs();
}

/// Returns a run with a package whose targets ask git.
fn asking_git(mut run: FakeRun) -> FakeRun {
    let assets = r#"{"targets":{"net10.0":{"MinVer/8.0.0":{"type":"package","build":{"build/MinVer.targets":{}}}}},
        "libraries":{"MinVer/8.0.0":{"type":"package","path":"minver/8.0.0"}},
        "projectFileDependencyGroups":{"net10.0":["MinVer >= 8.0.0"]},
        "project":{"restore":{"projectPath":"/stage/src/src/Api/Api.csproj"}}}"#;
    let path = "src/src/Api/obj/project.assets.json".to_owned();
    run.files.insert(path, assets.into());
    run
}

#[test]
fn a_package_that_asks_git_sees_git_and_restore_does_not() {
    let bench = Bench::new();
    for (path, text) in [
        ("HEAD", "ref: refs/heads/main\n"),
        ("refs/heads/main", "0123456789abcdef\n"),
        ("objects/aa/1", "object"),
    ] {
        bench.write(&format!("shop/.git/{path}"), text);
    }
    bench.will([asking_git(restored(PINNED)), asking_git(published(PINNED))]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
    let actions = bench.executor.actions();
    let shows_git = |place: usize| actions[place].inputs.contains_key("src/.git/HEAD");
    assert!(!shows_git(0) && shows_git(1));
    let alternates = "src/.git/objects/info/alternates";
    assert!(actions[1].inputs.contains_key(alternates));
    let objects = bench.request.workspace.root.join(".git/objects");
    assert!(actions[1].mounted.contains(&objects));
    assert_eq!(bench.heard_of(&["note: ", "minver 8.0.0"]), 1);
    bench.reuses();
    bench.write("shop/.git/refs/heads/main", "fedcba9876543210\n");
    bench.will([asking_git(published(PINNED))]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
}

#[test]
fn a_package_that_only_publishs_own_restore_knows_has_git_the_second_time() {
    let bench = Bench::new();
    bench.write("shop/.git/HEAD", "ref: refs/heads/main\n");
    bench.write("shop/.git/refs/heads/main", "0123456789abcdef\n");
    bench.write("shop/.git/objects/aa/1", "object");
    bench.will([restored(PINNED), asking_git(published(PINNED))]);
    bench.will([asking_git(published(PINNED))]);
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish", "publish"]);
    assert_eq!(app.dotnet_calls, 3);
    let actions = bench.executor.actions();
    let shows_git = |place: usize| actions[place].inputs.contains_key("src/.git/HEAD");
    assert!(!shows_git(1) && shows_git(2));
}
