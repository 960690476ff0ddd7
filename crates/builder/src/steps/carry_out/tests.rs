//! What runs, what is reused, and what is kept for the next build.

use crate::bench::{Bench, published, published_of, restored};
use crate::{BuildError, FloatPolicy, Outcome, VolatilePolicy};
use mizzen_plan::{MissReason, StepName};
use mizzen_store::Cancel;
use mizzen_testkit::FakeRun;
use std::time::Duration;

const PINNED: &str = "Serilog >= 4.3.0";
const FLOATING: &str = "Serilog >= 4.*";

/// Returns a bench on which a build has run both steps.
fn built(dependency: &str) -> Bench {
    let bench = Bench::new();
    bench.will([restored(dependency), published(dependency)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
    bench.heard();
    bench
}

#[test]
fn what_was_built_is_reused_and_nothing_runs() {
    let bench = Bench::new();
    bench.will([restored(PINNED), published(PINNED)]);
    let made = bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
    assert_eq!(made.dotnet_calls, 2);
    let first = "no earlier build of this project is in the cache";
    assert_eq!(
        bench.heard(),
        [
            &format!("restore starts: {first}"),
            "restore ran",
            &format!("publish starts: {first}"),
            "publish ran"
        ]
    );
    let reused = bench.reuses();
    assert_eq!(reused.dotnet_calls, 0);
    assert_eq!(bench.heard(), ["restore hit", "publish hit", "reused: 0"]);
    for (app, outcome) in [(&made, Outcome::Ran), (&reused, Outcome::Hit)] {
        let steps: Vec<_> = app
            .steps
            .iter()
            .map(|step| (step.step, step.outcome))
            .collect();
        assert_eq!(
            steps,
            [(StepName::Restore, outcome), (StepName::Publish, outcome)]
        );
    }
    let digests = |app: &crate::App| -> Vec<_> {
        let layers = app.layers.iter().flat_map(|(_, layers)| layers);
        layers.map(|layer| layer.layer.descriptor.digest).collect()
    };
    assert!(!digests(&made).is_empty());
    assert_eq!(digests(&reused), digests(&made));
    // The last one is found by the whole key.
    assert_eq!(reused.steps[0].key, made.steps[0].key);
    assert_ne!(reused.steps[1].key, made.steps[1].key);
}

#[test]
fn what_a_step_waited_for_is_not_its_time() {
    let bench = Bench::new();
    let after_an_hour = |run: FakeRun| FakeRun {
        waited: Duration::from_secs(3600),
        ..run
    };
    bench.will([restored(PINNED), published(PINNED)].map(after_an_hour));
    let app = bench.build().unwrap();
    // Less than nothing is nothing: the executor of the test did not wait.
    assert!(app.steps.iter().all(|step| step.took == Duration::ZERO));
}

#[test]
fn an_edit_publishes_again_over_what_was_restored() {
    let bench = built(PINNED);
    bench.write("shop/src/Api/Program.cs", "edited");
    bench.will([published(PINNED)]);
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
    assert_eq!(app.dotnet_calls, 1);
    let starts = "publish starts: ~ src/Api/Program.cs (content)";
    assert_eq!(bench.heard(), ["restore hit", starts, "publish ran"]);
    bench.write("shop/src/Api/Program.cs", "code");
    bench.reuses();

    bench.write("shop/src/Api/Api.csproj", "<Project></Project>");
    bench.will([restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
}

#[test]
fn an_edit_that_publish_did_not_look_at_is_a_hit_if_it_was_watched() {
    let bench = Bench::new();
    let read = ["src/Api/Api.csproj", "src/Api/Program.cs"];
    bench.will([restored(PINNED), published_of(PINNED, &read)]);
    bench.build().unwrap();
    bench.ran();
    bench.write("shop/README.md", "edited");
    bench.reuses();
    bench.write("shop/src/Api/Program.cs", "edited");
    bench.will([published_of(PINNED, &read)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
}

#[test]
fn what_could_not_be_watched_is_found_only_where_nothing_changed_at_all() {
    let bench = built(PINNED);
    assert_eq!(bench.kept("publish-by-paths"), []);
    assert_eq!(bench.kept("publish-paths"), []);
    bench.write("shop/README.md", "edited");
    bench.will([published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
    bench.reuses();
}

#[test]
fn what_another_build_kept_meanwhile_is_found_and_not_made_again() {
    let bench = built(PINNED);
    *bench.hidden.lock().unwrap() = vec!["whole", "restore"];
    assert_eq!(bench.reuses().dotnet_calls, 0);
    assert!(bench.hidden.lock().unwrap().is_empty());
    *bench.hidden.lock().unwrap() = vec!["whole", "publish"];
    assert_eq!(bench.reuses().dotnet_calls, 0);
    assert!(bench.hidden.lock().unwrap().is_empty());
}

#[test]
fn what_is_asked_to_run_again_runs_though_another_build_kept_it() {
    let mut bench = built(PINNED);
    bench.request.skip.publish = true;
    bench.will([published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
    let heard = bench.heard();
    assert_eq!(heard[1], "publish starts: asked to run again");
    bench.request.skip.restore = true;
    bench.will([restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
    assert_eq!(bench.heard()[0], "restore starts: asked to run again");
}

#[test]
fn packages_that_float_are_resolved_each_time_and_the_whole_key_names_nothing() {
    let bench = built(FLOATING);
    assert_eq!(bench.kept("whole"), []);
    bench.will([restored(FLOATING)]);
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore"]);
    let floats = MissReason::Floating(FLOATING.to_owned());
    assert_eq!(app.steps[0].reasons, [floats]);
    // Another version than the last time.
    let moved = FakeRun::leaving(restored(FLOATING).files.into_iter().map(|(path, bytes)| {
        let path = path.replace("4.3.0", "4.4.0");
        (path, bytes)
    }));
    bench.will([moved, published(FLOATING)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
}

#[test]
fn packages_that_float_are_reused_for_the_time_that_the_policy_gives_them() {
    let mut bench = built(FLOATING);
    bench.request.policy.floats = FloatPolicy::Ttl(Duration::from_secs(600));
    bench.request.now += 600;
    bench.reuses();
    assert_eq!(bench.heard_of(&["note: ", FLOATING, "10 minutes"]), 1);
    bench.request.now += 1;
    bench.will([restored(FLOATING)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore"]);
}

#[test]
fn what_floats_by_publishs_own_restore_is_published_each_time() {
    let bench = Bench::new();
    bench.will([restored(PINNED), published(FLOATING)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
    assert_eq!(bench.kept("whole"), []);
    assert_eq!(bench.kept("publish"), []);
    bench.will([published(FLOATING)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
}

#[test]
fn packages_that_float_are_an_error_where_the_policy_says_so() {
    let mut bench = Bench::new();
    bench.request.policy.floats = FloatPolicy::Error;
    bench.will([restored(FLOATING)]);
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::Floats(what) if what == FLOATING));
    assert_eq!(bench.kept("restore"), []);
    bench.will([restored(PINNED), published(FLOATING)]);
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::Floats(what) if what == FLOATING));
    assert_eq!(
        (bench.kept("publish"), bench.kept("latest")),
        (vec![], vec![])
    );
}

#[test]
fn nothing_runs_once_somebody_asked_to_stop() {
    let bench = Bench::new();
    bench.cancel_at("restore ran");
    bench.will([restored(PINNED)]);
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::Cancelled(_)), "{error}");
    assert_eq!(bench.ran(), ["restore"]);
    assert!(!bench.heard().iter().any(|line| line.starts_with("publish")));
    // What was restored stays.
    bench.will([published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
}

#[test]
fn nothing_runs_that_would_be_in_vain_and_a_hit_does_not_ask() {
    let mut bench = Bench::new();
    bench.is_in_vain = true;
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::Preflight(_)), "{error}");
    assert_eq!(bench.ran(), [""; 0]);
    assert_eq!(bench.heard(), [""; 0]);
    let mut bench = built(PINNED);
    bench.is_in_vain = true;
    bench.reuses();
}

#[test]
fn of_what_failed_nothing_is_kept() {
    let bench = Bench::new();
    bench.will([FakeRun::failing(&[
        "Api.csproj : error NU1101: no package Serilog",
    ])]);
    assert!(bench.build().is_err());
    assert_eq!(bench.kept("restore"), []);
    assert_eq!(bench.kept("latest-restore"), []);
    bench.will([
        restored(PINNED),
        FakeRun::failing(&["Program.cs(1,1): error CS1002: ;"]),
    ]);
    let error = bench.build().unwrap_err();
    let BuildError::Dotnet {
        step,
        messages,
        exit_code,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((step, exit_code), (StepName::Publish, Some(1)));
    assert_eq!(messages[0].code, "CS1002");
    for step in ["publish", "publish-by-paths", "whole", "latest"] {
        assert_eq!(bench.kept(step), [], "{step}");
    }
    bench.ran();
    bench.will([published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
}

#[test]
fn packages_that_restores_key_knows_nothing_of_are_restored_with_everything_at_hand() {
    let missing = FakeRun::failing(&["Api.csproj : error NU1101: no package Polly"]);
    let bench = built(PINNED);
    bench.write("shop/src/Api/Program.cs", "edited");
    bench.will([missing.clone(), restored(PINNED), published(PINNED)]);
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish", "restore", "publish"]);
    assert_eq!(app.dotnet_calls, 3);

    // What has just been restored is not restored again.
    let bench = Bench::new();
    bench.will([restored(PINNED), missing]);
    let error = bench.build().unwrap_err();
    assert!(error.is_about_packages(), "{error}");
    assert_eq!(bench.ran(), ["restore", "publish"]);
}

#[test]
fn what_comes_from_the_network_or_is_another_each_time_is_kept_by_no_key() {
    let mut bench = built(PINNED);
    bench.request.policy.network = true;
    for _ in 0..2 {
        bench.will([published(PINNED)]);
        let app = bench.build().unwrap();
        assert_eq!(bench.ran(), ["publish"]);
        assert_eq!(app.steps[1].reasons, [MissReason::Network]);
    }
    bench.request.policy.network = false;
    let volatile =
        "<Project><PropertyGroup><Deterministic>false</Deterministic></PropertyGroup></Project>";
    bench.write("shop/src/Api/Api.csproj", volatile);
    bench.request.policy.volatile = VolatilePolicy::Error;
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::Volatile { path, .. } if path == "src/Api/Api.csproj"));
    assert_eq!(bench.ran(), [""; 0]);
    bench.request.policy.volatile = VolatilePolicy::NeverCache;
    bench.will([restored(PINNED), published(PINNED), published(PINNED)]);
    bench.build().unwrap();
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish", "publish"]);
    assert_eq!(app.steps[1].reasons, [MissReason::Volatile]);
    let warnings = bench
        .heard()
        .into_iter()
        .filter(|line| line.starts_with("warning: "));
    let told: Vec<String> = warnings.collect();
    // Once each build.
    assert_eq!(told.len(), 2);
    assert!(told[0].ends_with("it is published each time"), "{told:?}");

    bench.request.policy.volatile = VolatilePolicy::Warn;
    bench.will([published(PINNED)]);
    bench.build().unwrap();
    bench.ran();
    bench.heard();
    bench.reuses();
    let warning = "what is reused keeps the one it was built with";
    assert!(bench.heard()[0].ends_with(warning));
}

#[test]
fn another_build_that_makes_the_same_is_waited_for() {
    let bench = Bench::new();
    let key = bench.plan().unwrap().inputs.restore_key();
    let _turn = bench.store.turn("restore", &key, &Cancel::default(), || ());
    // At whatever is told first: without that it would wait for ever.
    bench.cancel_at("");
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::Cancelled(_)), "{error}");
    assert_eq!(
        bench.heard(),
        ["note: another build is running the same restore; waiting for its result"]
    );
    assert_eq!(bench.ran(), [""; 0]);
}

#[test]
fn what_is_reused_is_compared_with_what_is_made_again_if_that_is_asked() {
    let mut bench = built(PINNED);
    bench.request.check_cache = true;
    bench.will([restored(PINNED), published(PINNED)]);
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
    assert_eq!(app.dotnet_calls, 2);
    let mut other = published(PINNED);
    other
        .files
        .insert("out/Api.dll".to_owned(), b"other".to_vec());
    bench.will([restored(PINNED), other]);
    let error = bench.build().unwrap_err();
    assert!(
        matches!(&error, BuildError::CacheDiffers(all) if all.len() == 1),
        "{error}"
    );
    bench.will([restored(FLOATING), published(PINNED)]);
    let error = bench.build().unwrap_err();
    assert!(
        matches!(&error, BuildError::CacheDiffers(all) if all.len() == 2),
        "{error}"
    );
}

#[test]
fn a_restore_whose_packages_do_not_come_from_elsewhere_runs_and_says_which() {
    let mut bench = Bench::new();
    bench.will([restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    bench.ran();
    bench.loses_packages = true;
    // A hit needs none of them.
    bench.reuses();
    bench.write("shop/src/Api/Program.cs", "edited");
    bench.will([restored(PINNED), published(PINNED)]);
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
    let lost = MissReason::Incomplete("packages/serilog/4.3.0".to_owned());
    assert_eq!(app.steps[0].reasons, [lost]);
}
