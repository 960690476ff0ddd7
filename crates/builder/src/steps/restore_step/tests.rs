//! What a restore may see and reach, and what becomes of what it leaves and says.

use crate::bench::{Bench, published, restored};
use crate::{BuildError, LockedToolchain};
use mizzen_oci::Digest;
use mizzen_plan::StepName;
use mizzen_stage::{Action, Network, OutputSpec, Rung};
use mizzen_testkit::FakeRun;
use std::path::PathBuf;

const PINNED: &str = "Serilog >= 4.3.0";

fn first_action(bench: &Bench) -> Action {
    bench.will([restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    bench.executor.actions().into_iter().next().unwrap()
}

#[test]
fn restore_fetches_with_what_it_alone_may_see() {
    let mut bench = Bench::new();
    let token = ("FEED_TOKEN".to_owned(), "token".to_owned());
    let certificates = ("SSL_CERT_FILE".to_owned(), "/srv/ca.pem".to_owned());
    bench.request.restore_environment = [token.clone(), certificates.clone()].into();
    bench.request.passed = [("BUILD_NUMBER".to_owned(), "7".to_owned())].into();
    bench.request.nuget.plugin_tools = vec![PathBuf::from("/opt/tools/nuget-plugin-x")];
    let action = first_action(&bench);
    assert_eq!(action.command[1..3], ["restore", "Api.csproj"]);
    assert_eq!(action.label, "restore of `src/Api/Api.csproj`");
    assert_eq!(action.working_folder, "src/src/Api");
    assert_eq!(action.network, Network::Full);
    assert!(action.watched);
    assert!(action.packs.is_empty());
    assert_eq!(
        action.outputs,
        [
            OutputSpec::Packages("packages".to_owned()),
            OutputSpec::Changes("src".to_owned())
        ]
    );
    assert_eq!(action.environment["BUILD_NUMBER"], "7");
    assert!(!action.environment.contains_key("FEED_TOKEN"));
    let mut secret = action.secret_environment.clone();
    let path = secret.remove("PATH").unwrap();
    assert_eq!(secret, [token, certificates].into());
    assert_eq!(
        path,
        format!("{}:/stage/home/nuget-plugins", action.environment["PATH"])
    );
    for path in ["/srv/ca.pem", "/opt/tools"] {
        assert!(action.mounted.contains(&PathBuf::from(path)), "{path}");
    }
    assert!(action.inputs.contains_key("src/src/Api/Api.csproj"));
    // Publish sees no secret, and not the tools that ask for one.
    let publish = &bench.executor.actions()[1];
    assert!(publish.secret_environment.is_empty());
    assert!(!publish.mounted.contains(&PathBuf::from("/opt/tools")));
}

#[test]
fn without_a_network_restore_has_none_and_what_it_lacks_is_told() {
    let mut bench = Bench::new();
    bench.request.offline = true;
    let action = first_action(&bench);
    assert_eq!(action.network, Network::None);

    let mut bench = Bench::new();
    bench.request.offline = true;
    bench.will([FakeRun::failing(&["Api.csproj : error NU1101: no package"])]);
    let error = bench.build().unwrap_err();
    let BuildError::Offline { reasons, messages } = error else {
        panic!("{error}");
    };
    assert_eq!((reasons.len(), messages[0].code.as_str()), (1, "NU1101"));
    // Another failure is none of the network's.
    bench.will([FakeRun::failing(&[
        "Api.csproj(1,1): error MSB4025: no project",
    ])]);
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::Dotnet { .. }), "{error}");

    // Where nothing keeps it from the network, it is not run at all.
    let mut bench = Bench::on_rung(Rung::Path);
    bench.request.offline = true;
    let error = bench.build().unwrap_err();
    assert!(matches!(&error, BuildError::Offline { messages, .. } if messages.is_empty()));
    assert_eq!(bench.ran(), [""; 0]);
    assert_eq!(bench.heard(), [""; 0]);
}

#[test]
fn packages_are_kept_with_where_they_came_from() {
    let bench = Bench::new();
    let mut run = restored(PINNED);
    let metadata = r#"{"contentHash":"hash","source":"https://feed.example"}"#;
    let nuspec =
        "<package><metadata><license type=\"expression\">MIT</license></metadata></package>";
    for (name, text) in [(".nupkg.metadata", metadata), ("serilog.nuspec", nuspec)] {
        let path = format!("packages/serilog/4.3.0/{name}");
        run.files.insert(path, text.as_bytes().to_vec());
    }
    // A file that lies beside packages is none of theirs.
    run.files
        .insert("packages/readme.txt".to_owned(), Vec::new());
    bench.will([run, published(PINNED)]);
    bench.build().unwrap();
    bench.change_records("restore", |result| {
        let packages = &result.facts["record"]["packages"];
        assert_eq!(packages.as_array().unwrap().len(), 1);
        let said = |name: &str| packages[0][name].as_str().unwrap();
        assert_eq!((said("id"), said("version")), ("serilog", "4.3.0"));
        assert_eq!(said("sha512"), "hash");
        assert_eq!(packages[0]["licence"]["expression"], "MIT");
        assert_eq!(said("source"), "https://feed.example");
    });
}

#[test]
fn what_is_locked_needs_a_lock_file_beside_each_project() {
    let mut bench = Bench::new();
    let id = bench.plan().unwrap().inputs.toolchain.id;
    let version = "10.0.401".to_owned();
    bench.request.locked = Some(LockedToolchain {
        version: version.clone(),
        id,
    });
    bench.will([restored(PINNED)]);
    let error = bench.build().unwrap_err();
    assert!(
        matches!(&error, BuildError::NoLockFile(projects) if projects == &["`src/Api/Api.csproj`"])
    );
    bench.ran();
    bench.write("shop/src/Api/packages.lock.json", "{}");
    bench.will([restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish"]);

    let other = Digest::of(b"other");
    bench.request.locked = Some(LockedToolchain { version, id: other });
    let error = bench.build().unwrap_err();
    assert!(
        matches!(&error, BuildError::OtherToolchain { here, locked } if here.id == id && locked.id == other)
    );
}

#[test]
fn lines_have_the_users_paths_and_no_secret() {
    let mut bench = Bench::new();
    bench.request.secrets = vec!["hunter2".to_owned()];
    let root = bench.request.workspace.root.clone();
    bench.will([FakeRun::failing(&[
        "fetching https://me:hunter2@feed.example",
        "/stage/src/src/Api/Api.csproj : error NU1101: no package in hunter2",
    ])]);
    let error = bench.build().unwrap_err();
    let BuildError::Dotnet {
        step,
        project,
        exit_code,
        messages,
        networked,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (step, project.as_str()),
        (StepName::Restore, "src/Api/Api.csproj")
    );
    assert_eq!((exit_code, networked.len()), (Some(1), 0));
    let said = format!("{} {}", messages[0].code, messages[0].text);
    assert!(
        said.starts_with("NU1101") && !said.contains("hunter2"),
        "{said}"
    );
    let heard = bench.heard();
    let lines: Vec<&String> = heard
        .iter()
        .filter(|line| line.starts_with("dotnet"))
        .collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines.iter().all(|line| !line.contains("hunter2")),
        "{lines:?}"
    );
    assert!(lines[1].contains(root.to_str().unwrap()), "{lines:?}");
}

#[test]
fn a_fetching_target_is_named_where_a_step_that_failed_had_no_network() {
    let fetching = "<Project><Target Name=\"Fetch\"><Exec Command=\"npm ci\" /></Target></Project>";
    let mut bench = Bench::new();
    bench.write("shop/src/Api/Api.csproj", fetching);
    bench.will([restored(PINNED), FakeRun::failing(&["error MSB3073: npm"])]);
    let networked = |error: BuildError| match error {
        BuildError::Dotnet { networked, .. } => networked,
        error => panic!("{error}"),
    };
    let named = networked(bench.build().unwrap_err());
    assert_eq!(
        named,
        ["target `Fetch` of `src/Api/Api.csproj` fetches (`npm ci`)"]
    );
    bench.request.policy.network = true;
    bench.will([FakeRun::failing(&["error MSB3073: npm"])]);
    assert_eq!(networked(bench.build().unwrap_err()), [""; 0]);
}

#[test]
fn what_the_stage_shows_where_it_lies_must_not_change_meanwhile() {
    let mut bench = Bench::new();
    bench.write("keys/key.snk", "key");
    let keys = bench.request.workspace.root.with_file_name("keys");
    bench.request.inputs.extra = vec![keys.to_str().unwrap().to_owned()];
    bench.write_at("restore starts", "keys/key.snk", "edited");
    bench.will([restored(PINNED), restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "restore", "publish"]);
    assert!(bench.executor.actions()[0].mounted.contains(&keys));
    assert_eq!(bench.heard_of(&["note: ", "key.snk", "changed"]), 1);
    bench.reuses();
}

#[test]
fn an_sdk_that_changes_meanwhile_makes_the_build_begin_anew() {
    let bench = Bench::new();
    bench.write_at("publish starts", "dotnet/sdk/10.0.401/dotnet.dll", "other");
    bench.will([restored(PINNED), published(PINNED)]);
    bench.will([restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["restore", "publish", "restore", "publish"]);
    assert_eq!(bench.heard_of(&["note: ", "dotnet", "changed"]), 1);
    bench.reuses();
}
