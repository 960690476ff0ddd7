//! Which records are found, and why others are not.

use crate::bench::{Bench, published, published_of, restored};
use crate::{BuildError, GitPolicy};
use mizzen_oci::Digest;
use mizzen_plan::{Inputs, MissReason, RECIPE};
use mizzen_stage::{Access, Rung, Seen, SeenPath};
use mizzen_store::Output;
use mizzen_testkit::FakeRun;
use serde_json::json;

const PINNED: &str = "Serilog >= 4.3.0";

fn built_on(rung: Rung) -> Bench {
    let bench = Bench::on_rung(rung);
    bench.will([restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
    bench
}

fn built() -> Bench {
    built_on(Rung::Processes)
}

/// Builds where these steps are to run, and returns why each did.
fn reasons(bench: &Bench, steps: &[&str]) -> Vec<Vec<MissReason>> {
    for step in steps {
        bench.will([match *step {
            "restore" => restored(PINNED),
            _ => published(PINNED),
        }]);
    }
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), steps);
    let ran = app
        .steps
        .into_iter()
        .filter(|step| !step.reasons.is_empty());
    ran.map(|step| step.reasons).collect()
}

fn blob(digest: &Digest) -> String {
    format!("cache/blobs/sha256/{}", digest.hex())
}

#[test]
fn a_record_of_another_format_is_not_read_and_the_miss_says_so() {
    let bench = built();
    for step in ["whole", "publish", "restore"] {
        bench.change_records(step, |result| result.facts["format"] = json!("mizzen 0"));
    }
    let other = vec![MissReason::OtherFormat];
    assert_eq!(
        reasons(&bench, &["restore", "publish"]),
        [other.clone(), other]
    );
    bench.reuses();
    bench.change_records("whole", |result| result.facts["record"] = json!({}));
    bench.remove("cache/actions-v1/publish");
    assert_eq!(reasons(&bench, &["publish"]), [[MissReason::OtherFormat]]);
}

#[test]
fn what_another_recipe_made_is_not_found_and_the_miss_says_so() {
    let bench = built();
    for step in ["whole", "publish", "restore"] {
        bench.remove(&format!("cache/actions-v1/{step}"));
    }
    bench.change_records("latest", |result| {
        let table = bench.store.read(&result.inputs.digest).unwrap().unwrap();
        let table = Inputs::parse(&table).unwrap();
        let earlier = Inputs {
            recipe: RECIPE - 1,
            ..table
        };
        let bytes = earlier.to_bytes();
        result.inputs = Output {
            digest: bench.store.put(&bytes).unwrap(),
            size_bytes: bytes.len() as u64,
        };
    });
    let recipe = vec![MissReason::Recipe(RECIPE - 1, RECIPE)];
    assert_eq!(
        reasons(&bench, &["restore", "publish"]),
        [recipe.clone(), recipe]
    );
}

#[test]
fn a_record_whose_blobs_are_gone_is_not_used() {
    let bench = built();
    bench.change_records("publish", |result| {
        bench.remove(&blob(&result.outputs["linux/amd64/app"].digest));
    });
    let names = |reasons: &[MissReason]| match reasons {
        [MissReason::Incomplete(name)] => name.clone(),
        other => panic!("{other:?}"),
    };
    let layer = reasons(&bench, &["publish"]);
    assert_eq!(names(&layer[0]), "linux/amd64/app");
    bench.reuses();

    bench.change_records("publish", |result| {
        bench.remove(&blob(&result.outputs["inventory"].digest));
    });
    let inventory = reasons(&bench, &["publish"]);
    assert_eq!(names(&inventory[0]), "inventory");
    bench.reuses();

    bench.change_records("restore", |result| {
        let package = &result.outputs["packages/serilog/4.3.0"];
        bench.remove(&blob(&package.digest));
    });
    // Nobody needs it for the whole.
    bench.reuses();
    bench.write("shop/src/Api/Program.cs", "edited");
    let package = reasons(&bench, &["restore", "publish"]);
    assert_eq!(names(&package[0]), "packages/serilog/4.3.0");
}

#[test]
fn a_record_without_its_table_is_one_without_anything_to_compare_with() {
    let bench = built();
    bench.change_records("latest", |result| {
        bench.remove(&blob(&result.inputs.digest));
    });
    bench.write("shop/src/Api/Program.cs", "edited");
    assert_eq!(reasons(&bench, &["publish"]), [[MissReason::FirstBuild]]);
}

#[test]
fn what_was_made_where_the_machine_was_open_is_used_only_where_it_is_open_too() {
    let mut bench = built_on(Rung::Path);
    bench.reuses();
    bench.move_to(Rung::Mounts);
    // Such a rung cannot hide where the SDK lies, so the keys are others, too.
    let [restore, publish] = &reasons(&bench, &["restore", "publish"])[..] else {
        panic!("both ran");
    };
    let is_place = |reasons: &[MissReason]| matches!(reasons, [MissReason::ToolchainPlace(before, now)] if before.ends_with("/dotnet") && now == "/stage/dotnet");
    assert!(
        is_place(restore) && is_place(publish),
        "{restore:?} {publish:?}"
    );
    bench.reuses();
    bench.move_to(Rung::Path);
    bench.reuses();
}

/// Returns a bench whose machine has two files of its own, which no key holds.
fn with_a_machine() -> Bench {
    let bench = Bench::new();
    bench.write("etc/acme/1", "one");
    bench.write("etc/acme/2", "two");
    // What changed just before a step began may have changed under it.
    std::thread::sleep(std::time::Duration::from_millis(30));
    bench
}

fn that_read(run: FakeRun, paths: &[&str]) -> FakeRun {
    let seen = paths.iter().map(|path| SeenPath {
        path: path.into(),
        access: Access::Read,
    });
    FakeRun {
        seen: Seen::All(seen.collect()),
        ..run
    }
}

#[test]
fn a_record_holds_only_while_the_machine_answers_both_steps_as_it_did() {
    let bench = with_a_machine();
    let (of_restore, of_publish) = ("/etc/acme/1".to_owned(), "/etc/acme/2".to_owned());
    let restore = || that_read(restored(PINNED), &[&of_restore]);
    let publish = || that_read(published(PINNED), &[&of_publish]);
    bench.will([restore(), publish()]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);
    bench.reuses();

    bench.write("etc/acme/2", "edited");
    std::thread::sleep(std::time::Duration::from_millis(30));
    bench.will([publish()]);
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
    let names = |reasons: &[MissReason], path: &str| matches!(reasons, [MissReason::Machine(named, _)] if named.trim_start_matches('/') == path.trim_start_matches('/'));
    assert!(names(&app.steps[1].reasons, &of_publish), "{:?}", app.steps);
    bench.reuses();

    bench.write("etc/acme/1", "edited");
    std::thread::sleep(std::time::Duration::from_millis(30));
    bench.will([restore()]);
    let app = bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore"]);
    assert!(names(&app.steps[0].reasons, &of_restore), "{:?}", app.steps);
}

#[test]
fn a_package_with_other_bytes_than_before_is_told() {
    let package = |hash: &str| {
        let mut run = restored("Serilog >= 4.*");
        let metadata = json!({"contentHash": hash, "source": "https://feed.example"});
        let path = "packages/serilog/4.3.0/.nupkg.metadata".to_owned();
        run.files.insert(path, metadata.to_string().into_bytes());
        run
    };
    let bench = Bench::new();
    let told = || bench.heard_of(&["note: `serilog` 4.3.0", "https://feed.example"]);
    bench.will([package("one"), published("Serilog >= 4.*")]);
    bench.build().unwrap();
    bench.will([package("one")]);
    bench.build().unwrap();
    assert_eq!(told(), 0);
    bench.will([package("two"), published("Serilog >= 4.*")]);
    bench.build().unwrap();
    assert_eq!(told(), 1);
}

#[test]
fn the_record_of_restore_has_this_form() {
    let bench = built();
    let results = std::sync::Mutex::new(Vec::new());
    bench.change_records("restore", |result| {
        results.lock().unwrap().push(result.clone());
    });
    let [result] = &results.into_inner().unwrap()[..] else {
        panic!("there is one");
    };
    assert_eq!(
        result.facts,
        json!({
            "format": "mizzen restore 3",
            "record": {
                "packages": [{
                    "id": "serilog",
                    "version": "4.3.0",
                    "sha512": null,
                    "file_sha512": null,
                    "licence": null,
                    "source": null,
                }],
                "findings": {},
                "looked_up": null,
                "machine": null,
                "rung": "processes",
            }
        })
    );
    let names: Vec<&str> = result.outputs.keys().map(String::as_str).collect();
    assert_eq!(names, ["packages/serilog/4.3.0", "src"]);
}

#[test]
fn a_cache_that_cannot_be_read_is_an_error_and_no_miss() {
    let bench = built();
    bench.remove("cache/actions-v1/whole");
    bench.write("cache/actions-v1/whole", "no folder");
    bench.will([] as [FakeRun; 0]);
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::Store(_)), "{error}");
}

#[test]
fn without_watching_the_same_keys_name_the_same_result_and_nothing_is_found_by_paths() {
    let mut bench = Bench::new();
    bench.request.policy.watch = false;
    let plan = bench.plan().unwrap();
    assert_eq!(plan.not_watched.as_deref(), Some("asked not to"));
    bench.will([restored(PINNED), published(PINNED)]);
    let made = bench.build().unwrap();
    assert!(
        bench
            .executor
            .actions()
            .iter()
            .all(|action| !action.watched)
    );
    let asked_not_to = Some(Err("asked not to".to_owned()));
    assert!(made.steps.iter().all(|step| step.watched == asked_not_to));
    assert_eq!(bench.kept("publish-by-paths"), []);
    bench.ran();
    bench.request.policy.watch = true;
    assert_eq!(bench.plan().unwrap().not_watched, None);
    assert_eq!(bench.reuses().steps[1].watched, None);

    // What is said to read the machine is kept only if it is seen what it reads.
    bench.request.policy.watch = false;
    let project =
        "<Project><Target Name=\"A\"><Exec Command=\"python3 a.py\" /></Target></Project>";
    bench.write("shop/src/Api/Api.csproj", project);
    bench.will([restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    let heard = bench.heard().join("\n");
    assert!(
        heard.contains("is not kept: ") && heard.contains("(asked not to)"),
        "{heard}"
    );
    bench.will([published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish", "publish"]);
}

#[test]
fn a_publish_that_asks_git_and_has_no_repository_is_told_of() {
    let told = |looks: &[&str], has_repository: bool, policy: GitPolicy| {
        let mut bench = Bench::new();
        bench.request.policy.git = policy;
        if has_repository {
            bench.write("shop/.git/HEAD", "ref: refs/heads/main");
        }
        bench.will([restored(PINNED), published_of(PINNED, looks)]);
        bench.build().unwrap();
        let heard = bench.heard().into_iter();
        let about = heard.filter(|line| line.contains("asked git"));
        about.collect::<Vec<_>>()
    };
    // So much the SDK looks for by itself.
    let sdk = [".git", "src/Api/.git", "src/Api/.gitignore"];
    assert_eq!(told(&sdk, true, GitPolicy::Auto), [""; 0]);
    let git = [".git", ".git/HEAD", "src/Api/.git/HEAD"];
    let [warning] = &told(&git, true, GitPolicy::Auto)[..] else {
        panic!("there is one");
    };
    assert!(
        warning.starts_with("warning: ") && warning.contains("`.git/HEAD`"),
        "{warning}"
    );
    assert_eq!(told(&git, false, GitPolicy::Auto), [""; 0]);
    assert_eq!(told(&git, true, GitPolicy::Never), [""; 0]);
}
