//! A registry that will refuse the image says so before the project is built.

use crate::support::{User, edit, prepared};
use fs_err as fs;
use mizzen_testkit::registry::Login;
use mizzen_testkit::{Fault, MemoryRegistry};
use std::os::unix::fs::PermissionsExt;

fn user() -> (User, String) {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    user.workspace("hello-web", "hello", None);
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    (user, format!("oci:{}", base.display()))
}

#[test]
fn a_push_that_is_denied_fails_before_dotnet_starts() {
    let (user, base) = user();
    let registry = MemoryRegistry::start();
    registry.require(Login::Bearer {
        account: None,
        repositories: vec!["mine".to_owned()],
    });
    let to = format!("{}/theirs:1", registry.host());
    let run = user.build(&["hello", "-t", &to, "--base", &base]);
    let said = run.failure(4);
    assert!(said.contains("`repository:theirs:pull,push`"), "{said}");
    assert!(said.contains("hint: "), "{said}");
    assert_eq!(user.dotnet_calls(), [""; 0]);

    registry.play(|_, request| {
        (request.method == "POST" && request.path.ends_with("/uploads/"))
            .then(|| Fault::Status(403, Vec::new()))
    });
    let mine = format!("{}/mine:1", registry.host());
    let run = user.build(&["hello", "-t", &mine, "--base", &base]);
    assert!(run.failure(4).contains("refused a push to `mine` (403"));
    assert_eq!(user.dotnet_calls(), [""; 0]);
}

#[test]
fn a_repository_that_is_not_there_is_made_by_the_push_and_asked_for_once() {
    let (user, base) = user();
    let registry = MemoryRegistry::start();
    // As Amazon ECR says of a repository that a push creates.
    registry.play(|number, _| (number == 0).then(|| Fault::Status(404, Vec::new())));
    let (one, two) = (
        format!("{}/shop:1", registry.host()),
        format!("{}/shop:2", registry.host()),
    );
    let arguments = ["hello", "-t", &one, "-t", &two, "--base", &base];
    user.build(&arguments).success();
    assert_eq!(user.dotnet_calls(), ["restore", "publish"]);
    let requests = registry.requests();
    assert_eq!(requests[0].to_string(), "POST /v2/shop/blobs/uploads/");
    assert_eq!(requests[1].method, "HEAD", "{:?}", requests[1]);

    // Nothing runs, nothing is asked but whether the tags are there.
    registry.forget_requests();
    registry.play_nothing();
    user.build(&arguments).success();
    assert_eq!(registry.requests().len(), 2, "{:#?}", registry.requests());

    // Something runs: the upload that was opened to see that it can be is closed again.
    edit(&user.path("hello/Program.cs"), "Hello", "Howdy");
    registry.forget_requests();
    user.build(&arguments).success();
    let first: Vec<String> = registry.requests()[..2]
        .iter()
        .map(|request| request.method.clone())
        .collect();
    assert_eq!(first, ["POST", "DELETE"]);
}

#[test]
fn what_can_be_seen_to_be_wrong_is_told_before_dotnet_starts() {
    let (user, base) = user();
    let shell = r#"{"Test": ["CMD-SHELL", "wget -q localhost:8080"]}"#;
    for (option, value, said) in [
        ("--platform", "linux/amd46", "no .NET for `linux/amd46`"),
        ("--platform", "windows/amd64", "no .NET for `windows/amd64`"),
        ("--add", "missing:/x", "`missing`"),
        ("--healthcheck", r#"{"Test": ["/app/x"]}"#, "`Test` is"),
        ("--healthcheck", r#"{"Interval": "30"}"#, "want 30s"),
        ("--healthcheck", r#"{"interval": 1}"#, "`interval` is no"),
        ("--healthcheck", shell, "the image has no `/bin/sh`"),
    ] {
        let run = user.build(&["hello", "-o", "oci:out", "--base", &base, option, value]);
        let told = run.failure(2);
        let missing = value.replace("missing:/x", "missing");
        let said = said.replace("`missing`", &format!("{missing}` cannot be added"));
        assert!(told.contains(&said), "{option} {value}: {told}");
        assert_eq!(user.dotnet_calls(), [""; 0], "{option} {value}");
    }
}

#[test]
fn a_health_check_is_written_as_engines_read_it_and_its_shell_may_be_added() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let folder = crate::support::testdata("publish/portable");
    let folder = folder.to_str().unwrap();
    let build = |more: &[&str]| {
        let arguments = [
            "--from-publish",
            folder,
            "--base",
            "oci:base",
            "-o",
            "oci:out",
        ];
        user.build(&[&arguments[..], more].concat())
    };
    let shown = || {
        let shown = user.run_bare(&["inspect", "--json", "oci:out"]).success();
        let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
        shown["config"]["config"]["Healthcheck"].to_string()
    };
    let check = r#"{"Test": ["CMD", "/app/health"], "Interval": "1m30s", "Retries": 3}"#;
    build(&["--healthcheck", check]).success();
    assert_eq!(
        shown(),
        r#"{"Interval":90000000000,"Retries":3,"Test":["CMD","/app/health"]}"#
    );
    let shell = ["--healthcheck", r#"{"Test": ["CMD-SHELL", "exit 0"]}"#];
    assert!(build(&shell).failure(2).contains("no `/bin/sh`"));
    fs::write(user.path("busybox"), "#!").unwrap();
    let added = ["--add", "busybox:/bin/sh"];
    build(&[&shell[..], &added].concat()).success();
    assert_eq!(shown(), r#"{"Test":["CMD-SHELL","exit 0"]}"#);
}

#[test]
fn an_engine_that_does_not_answer_is_seen_before_dotnet_starts() {
    let (user, base) = user();
    let docker = user.path("sdk/docker");
    let arguments = ["hello", "-o", "docker:shop", "--platform", "linux/amd64"];
    let build = |script: &str| {
        fs::write(&docker, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
        user.build(&[&arguments[..], &["--base", &base]].concat())
    };
    let said = build("echo 'is the daemon running?' >&2; exit 1").failure(7);
    assert!(said.contains("`docker` does not answer"), "{said}");
    assert!(said.contains("is the daemon running?"), "{said}");
    assert!(said.contains("hint: start it"), "{said}");
    assert_eq!(user.dotnet_calls(), [""; 0]);
    let loaded = build("echo linux/amd64").success();
    assert_eq!(
        loaded.stdout,
        format!("docker:shop:latest@{}\n", loaded.digest())
    );
}
