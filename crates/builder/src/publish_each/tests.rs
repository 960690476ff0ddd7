//! Projects whose output runs on one platform, for images of several.

use crate::bench::{Bench, published, restored};
use crate::{App, BuildError};
use mizzen_dotnet::Properties;
use mizzen_oci::Platform;
use mizzen_testkit::FakeRun;

const PINNED: &str = "Serilog >= 4.3.0";

/// Returns a publish for a runtime that brings its frameworks along.
fn contained_for(runtime: &str) -> FakeRun {
    let mut run = published_for(runtime);
    let config = r#"{"runtimeOptions":{"includedFrameworks":[]}}"#;
    run.files
        .insert("out/Api.runtimeconfig.json".to_owned(), config.into());
    run.files.insert("out/Api".to_owned(), b"app".to_vec());
    run
}

/// Returns a publish for a runtime.
fn published_for(runtime: &str) -> FakeRun {
    let mut run = published(PINNED);
    let target = format!(".NETCoreApp,Version=v10.0/{runtime}");
    let deps = format!(
        r#"{{"runtimeTarget":{{"name":"{target}"}},"targets":{{"{target}":{{}}}},"libraries":{{}}}}"#
    );
    run.files
        .insert("out/Api.deps.json".to_owned(), deps.into_bytes());
    let compiled = format!("compiled for {runtime}").into_bytes();
    run.files.insert("out/Api.dll".to_owned(), compiled);
    run
}

/// Returns a bench for images of both platforms.
fn bench_for_both() -> Bench {
    let mut bench = Bench::new();
    let platforms = ["amd64", "arm64"];
    bench.request.layers.platforms = platforms.map(|name| Platform::linux(name.into())).to_vec();
    bench
}

/// Returns one on which the project was published for each.
fn built() -> (Bench, App) {
    let bench = bench_for_both();
    bench.will([restored(PINNED), contained_for("linux-x64")]);
    for runtime in ["linux-x64", "linux-arm64"] {
        bench.will([restored(PINNED), contained_for(runtime)]);
    }
    let app = bench.build().unwrap();
    (bench, app)
}

fn platforms(app: &App) -> Vec<String> {
    app.layers
        .iter()
        .map(|(platform, _)| platform.to_string())
        .collect()
}

fn runtimes(bench: &Bench) -> Vec<Option<String>> {
    let actions = bench.executor.actions().into_iter();
    let runtime = |command: &Vec<String>| {
        let place = command.iter().position(|word| word == "-r")?;
        Some(command[place + 1].clone())
    };
    let published = actions.filter(|action| action.command[1] == "publish");
    published.map(|action| runtime(&action.command)).collect()
}

#[test]
fn a_project_for_one_platform_is_published_for_each_that_an_image_is_wanted_for() {
    let (bench, app) = built();
    assert_eq!(platforms(&app), ["linux/amd64", "linux/arm64"]);
    assert_eq!((app.steps.len(), app.dotnet_calls), (4, 6));
    let asked = [None, Some("linux-x64"), Some("linux-arm64")];
    assert_eq!(runtimes(&bench), asked.map(|name| name.map(str::to_owned)));
    assert_eq!(bench.heard_of(&["note: ", "linux/amd64", "linux/arm64"]), 1);
    let digest = |place: usize| app.layers[place].1[0].layer.descriptor.digest;
    assert_ne!(digest(0), digest(1));
}

#[test]
fn the_next_build_knows_it_from_the_start() {
    let (bench, _) = built();
    bench.ran();
    let app = bench.reuses();
    assert_eq!(platforms(&app), ["linux/amd64", "linux/arm64"]);
    assert_eq!((app.steps.len(), app.dotnet_calls), (4, 0));
    let plan = bench.plan().unwrap();
    assert_eq!(plan.steps.len(), 4);
    bench.write("shop/src/Api/Program.cs", "edited");
    bench.will([contained_for("linux-x64"), contained_for("linux-arm64")]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish", "publish"]);
}

#[test]
fn a_project_that_runs_everywhere_by_now_is_published_once_again() {
    let (bench, _) = built();
    bench.ran();
    bench.write("shop/src/Api/Program.cs", "edited");
    // What is published for one runtime is for no runtime any more.
    bench.will([published(PINNED), published(PINNED)]);
    bench.will([published(PINNED)]);
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish", "publish", "publish"]);
    assert_eq!((app.steps.len(), app.dotnet_calls), (2, 3));
    assert_eq!(platforms(&app), ["linux/amd64", "linux/arm64"]);
    bench.heard();
    let app = bench.reuses();
    assert_eq!(app.steps.len(), 2);
    assert_eq!(bench.heard_of(&["linux/amd64"]), 0);
}

#[test]
fn a_runtime_that_the_user_chose_stays_and_so_does_the_error() {
    let mut bench = Bench::new();
    bench.request.layers.platforms = vec![Platform::linux("arm64".into())];
    let refused = |bench: &Bench| {
        bench.will([published_for("linux-x64")]);
        let error = bench.build().unwrap_err();
        assert!(matches!(error, BuildError::ForeignApp { .. }), "{error:?}");
        assert_eq!(bench.ran().last().unwrap(), "publish");
    };
    bench.request.options.runtime_identifier = Some("linux-x64".to_owned());
    bench.will([restored(PINNED)]);
    refused(&bench);
    bench.will([restored(PINNED)]);
    bench.request.options.runtime_identifier = None;
    let properties = &mut bench.request.options.properties;
    properties.set("RuntimeIdentifier", "linux-x64".to_owned());
    refused(&bench);
    // Before .NET 8 naming a runtime makes an application bring its frameworks along.
    bench.request.options.properties = Properties::default();
    bench.request.sdk.version = "7.0.100".to_owned();
    bench.write("dotnet/sdk/7.0.100/dotnet.dll", "sdk");
    bench.will([restored(PINNED)]);
    refused(&bench);
}

#[test]
fn a_project_that_brings_its_frameworks_along_once_a_runtime_is_named_is_refused() {
    let mut bench = Bench::new();
    bench.request.layers.platforms = vec![Platform::linux("arm64".into())];
    bench.will([restored(PINNED), published_for("linux-x64")]);
    bench.will([restored(PINNED), contained_for("linux-arm64")]);
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::ForeignApp { .. }), "{error}");
    assert_eq!(bench.ran().len(), 4);
}

#[test]
fn a_project_that_may_run_everywhere_by_now_is_asked_each_time() {
    // Whoever names a runtime gets an output for it, whatever the project says.
    let bench = bench_for_both();
    bench.will([restored(PINNED), published_for("linux-x64")]);
    for runtime in ["linux-x64", "linux-arm64"] {
        bench.will([restored(PINNED), published_for(runtime)]);
    }
    bench.build().unwrap();
    bench.ran();
    bench.will([published_for("linux-x64")]);
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
    assert_eq!((app.steps.len(), app.dotnet_calls), (4, 1));
}

#[test]
fn one_image_for_two_platforms_is_of_one_state_of_the_sources() {
    let bench = bench_for_both();
    bench.will([restored(PINNED), contained_for("linux-x64")]);
    for runtime in ["linux-x64", "linux-arm64"] {
        bench.will([restored(PINNED), contained_for(runtime)]);
    }
    // The first that ends well is that for the first platform.
    bench.write_at("publish ran", "shop/src/Api/Program.cs", "edited");
    let app = bench.build().unwrap();
    assert_eq!(platforms(&app), ["linux/amd64", "linux/arm64"]);
    // A stage that finds other bytes by now says so, and everything begins anew.
    let actions = bench.executor.actions();
    let staged = actions.iter();
    let staged = staged.map(|action| action.inputs["src/src/Api/Program.cs"].clone());
    let staged: Vec<_> = staged.collect();
    assert_eq!(staged.len(), 6);
    assert!(staged.iter().all(|content| *content == staged[0]));
}
