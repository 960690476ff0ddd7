//! `MIZZEN_LOG`: what mizzen does and how long it takes, and never a secret.

use crate::support::{User, prepared};
use fs_err as fs;
use mizzen_testkit::MemoryRegistry;
use mizzen_testkit::registry::Login;
use serde_json::{Value, json};

const PASSWORD: &str = "hunter2-of-the-registry";
/// base64 of `dev:` and the password.
const LOGIN: &str = "ZGV2Omh1bnRlcjItb2YtdGhlLXJlZ2lzdHJ5";
const TOKEN: &str = "hunter3-of-the-feed";
const NUMBER: &str = "4d61-the-build-number";

#[test]
fn the_log_tells_steps_and_requests_and_no_secret_and_libraries_say_nothing_in_it() {
    let mut user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let config = "[env]\npass = [\"BUILD_NUMBER\"]\nsecret = [\"FEED_TOKEN\"]\n";
    fs::write(folder.join("mizzen.toml"), config).unwrap();
    let registry = MemoryRegistry::start();
    registry.require(Login::Bearer {
        account: Some(("dev".to_owned(), PASSWORD.to_owned())),
        repositories: Vec::new(),
    });
    let variables = [
        ("BUILD_NUMBER", NUMBER),
        ("FEED_TOKEN", TOKEN),
        ("MIZZEN_LOG", "trace"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    user.environment.extend(variables);
    let docker = user.path("home/.docker");
    fs::create_dir_all(&docker).unwrap();
    let login = json!({ "auths": { registry.host(): { "auth": LOGIN } } });
    fs::write(docker.join("config.json"), login.to_string()).unwrap();

    let reference = format!("{}/hello:1", registry.host());
    let arguments = ["hello", "-t", &reference, "--base", &base];
    let first = user.build(&arguments).success();
    let log: Vec<&str> = first.stderr.lines().filter(|it| is_log(it)).collect();
    let closed = |span: &str| log.iter().filter(|it| it.contains(span)).count();
    let requests = first.network("requests");
    assert!(requests > 5);
    assert_eq!(
        closed("request{method=") as u64,
        requests,
        "{}",
        first.stderr
    );
    for part in [
        "DEBUG project{path=\"hello-web.csproj\"}:read the inputs: ",
        "step{name=restore key=sha256:",
        "step{name=publish key=sha256:",
        ":wait for the stage{action=",
        ":run the command{action=",
        "layer{name=",
        "status=201",
    ] {
        let timed = |line: &&&str| line.contains(part) && line.contains(" close time.busy=");
        assert!(log.iter().any(|it| timed(&it)), "{part}: {}", first.stderr);
    }
    assert!(first.stderr.contains(" miss reasons="), "{}", first.stderr);

    let json = [&arguments[..], &["--progress", "json", "-v"]].concat();
    let second = user.build(&json).success();
    let mut texts = Vec::new();
    for line in second.stderr.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["event"] == "log" {
            texts.push(event["text"].as_str().unwrap().to_owned());
        }
    }
    for step in ["restore", "publish"] {
        let hit = format!(" hit step={step} key=sha256:");
        assert!(
            texts.iter().any(|it| it.contains(&hit)),
            "{}",
            second.stderr
        );
    }
    assert!(texts.iter().all(|text| !text.contains("step{")));

    for secret in [
        PASSWORD, TOKEN, NUMBER, LOGIN, "token-", "Bearer ", "Basic ",
    ] {
        for stderr in [&first.stderr, &second.stderr] {
            assert!(!stderr.contains(secret), "{secret}: {stderr}");
        }
    }
    for library in ["hyper", "reqwest", "rustls", "tokio"] {
        let module = format!(" {library}");
        assert!(
            log.iter().all(|line| !line.contains(&module)),
            "{}",
            first.stderr
        );
    }
}

/// A line of the log begins with the seconds since the start.
fn is_log(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with(|first: char| first.is_ascii_digit()) && line.contains("s DEBUG ")
}

#[test]
fn a_log_of_nothing_that_mizzen_has_is_refused() {
    let mut user = User::without_sdk();
    for value in ["loud", "hyper=trace"] {
        user.environment
            .insert("MIZZEN_LOG".to_owned(), value.to_owned());
        let refused = user.run_bare(&["cache", "dir"]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(value), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("hint: levels are"),
            "{}",
            refused.stderr
        );
    }
}
