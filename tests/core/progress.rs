//! What is shown while blobs move: lines, a line that changes, or one object a line; and never a
//! secret.

use crate::support::{Run, User, edit, prepared, testdata};
use fs_err as fs;
use mizzen_testkit::registry::{Login, Personality};
use mizzen_testkit::{DockerRegistry, DockerRegistrySettings, Fault, MemoryRegistry, tiny_base};
use serde_json::Value;
use std::collections::BTreeSet;

/// `user` with the password `secret`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "user:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

/// A user with an image at `oci:base`.
fn user() -> (User, String) {
    let user = User::without_sdk();
    tiny_base(&user.path("base"), "linux/amd64");
    let base = format!("oci:{}", user.path("base").display());
    (user, base)
}

fn push(user: &User, base: &str, to: &str, options: &[&str]) -> Run {
    user.run_bare(&[&["push", base, to], options].concat())
}

#[test]
fn lines_say_what_moved_and_quiet_says_nothing() {
    let (user, base) = user();
    let registry = MemoryRegistry::start();
    let to = format!("{}/shop:1", registry.host());
    let pushed = push(&user, &base, &to, &[]).success();
    assert!(pushed.stderr.starts_with("uploaded "), "{}", pushed.stderr);
    assert!(!pushed.stderr.contains('\x1b'), "{}", pushed.stderr);
    assert!(!pushed.stderr.contains("request "), "{}", pushed.stderr);
    let other = format!("{}/other:1", registry.host());
    let quiet = push(&user, &base, &other, &["-q"]).success();
    assert_eq!(quiet.stderr, "");
    assert!(quiet.stdout.starts_with(&other));
}

#[test]
fn a_line_changes_where_it_is_asked_for_and_is_gone_at_the_end() {
    let (user, base) = user();
    let registry = MemoryRegistry::start();
    let to = format!("{}/shop:1", registry.host());
    let rich = push(&user, &base, &to, &["--progress", "rich"]).success();
    assert!(rich.stderr.contains("sending "), "{}", rich.stderr);
    assert!(rich.stderr.contains("\r\x1b[2K"), "{}", rich.stderr);
    let (_, last) = rich.stderr.rsplit_once("\x1b[2K").unwrap();
    assert!(!last.contains("sending"), "{}", rich.stderr);
    assert!(last.contains("requests: "), "{}", rich.stderr);
}

fn objects(run: &Run) -> Vec<Value> {
    let lines = run.stderr.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn each_line_for_machines_is_an_object_and_the_last_says_how_it_ended() {
    let (user, base) = user();
    let registry = MemoryRegistry::start();
    let to = format!("{}/shop:1", registry.host());
    registry.play(|number, _| {
        (number == 1).then(|| Fault::Status(503, vec![("retry-after", "1".to_owned())]))
    });
    let pushed = push(&user, &base, &to, &["--progress", "json", "-v"]).success();
    let events = objects(&pushed);
    let of = |kind: &'static str| events.iter().filter(move |event| event["event"] == kind);
    assert_eq!(of("request").count(), registry.requests().len());
    assert_eq!(of("wait").count(), 1, "{}", pushed.stderr);
    let uploaded = of("blob").filter(|event| event["state"] == "uploaded");
    assert_eq!(uploaded.count(), 2, "{}", pushed.stderr);
    let last = events.last().unwrap();
    assert_eq!(last["event"], "done");
    assert_eq!(
        format!("{to}@{}\n", last["digest"].as_str().unwrap()),
        pushed.stdout
    );
    assert_eq!(last["network"]["requests"], registry.requests().len());

    registry.play(|_, _| Some(Fault::Status(403, Vec::new())));
    let refused = push(&user, &base, &to, &["--progress", "json"]);
    let last = objects(&refused).pop().unwrap();
    assert_eq!(
        (&last["event"], &last["exitCode"]),
        (&"error".into(), &4.into())
    );
    assert_eq!(refused.code, 4);
}

#[test]
fn verbose_tells_requests_and_no_secret() {
    let (user, base) = user();
    let storage = MemoryRegistry::start();
    let closed = DockerRegistry::start_with(&DockerRegistrySettings {
        htpasswd: HTPASSWD.to_owned(),
        ..DockerRegistrySettings::default()
    })
    .unwrap();
    let tokens = MemoryRegistry::start();
    tokens.require(Login::Bearer {
        account: Some(("user".to_owned(), "secret".to_owned())),
        repositories: Vec::new(),
    });
    tokens.behave(Personality::named("Google GAR"));
    let hosts = [closed.host(), tokens.host()];
    let mut told = String::new();
    for host in &hosts {
        user.run_with_input(&["login", "-u", "user", host], "secret\n")
            .success();
        let to = format!("{host}/shop:1");
        told += &push(&user, &base, &to, &["-v"]).success().stderr;
    }
    // Layers are where the registry points to, with a signature.
    let layout = user.path("base/blobs/sha256");
    for blob in fs_err::read_dir(layout).unwrap() {
        storage.put_blob("shop", &fs_err::read(blob.unwrap().path()).unwrap());
    }
    let place = storage.host();
    tokens.play(move |_, request| {
        let location = format!("http://{place}{}?X-Amz-Signature=S1GNED", request.path);
        let is_layer = request.method == "GET" && request.path.contains("/blobs/");
        let is_allowed = request.headers.contains_key("authorization");
        (is_layer && is_allowed).then(|| Fault::Status(307, vec![("location", location)]))
    });
    let out = format!("oci:{}", user.path("out").display());
    let from = format!("{}/shop:1", hosts[1]);
    let cache = user.path("other cache").display().to_string();
    let pulled = user.run_bare(&["pull", &from, &out, "-v", "--cache-dir", &cache]);
    told += &pulled.success().stderr;
    let redirected = storage.requests();
    assert!(!redirected.is_empty() && redirected[0].target.contains("S1GNED"));
    for asked in [
        format!("request  HEAD http://{}/v2/shop/manifests/1: 401", hosts[0]),
        format!("request  POST http://{}/token: 404", hosts[1]),
        format!("request  GET http://{}/v2/shop/blobs/", storage.host()),
    ] {
        assert!(told.contains(&asked), "{asked}: {told}");
    }
    for secret in ["secret", "dXNlcjpzZWNyZXQ", "token-", "Bearer", "S1GNED"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

#[test]
fn a_build_ends_for_machines_with_what_the_metadata_file_says() {
    let (user, base) = user();
    let registry = MemoryRegistry::start();
    let to = format!("{}/shop:1", registry.host());
    let folder = testdata("publish/portable");
    let arguments = ["--from-publish", folder.to_str().unwrap(), "--base", &base];
    let options = ["-t", &to, "--progress", "json"];
    let built = user.build(&[&arguments[..], &options].concat()).success();
    assert_eq!(objects(&built).pop().unwrap(), built.metadata);
}

/// Checks each object against the schema in the documents, and returns which kinds there were.
fn checked(run: &Run, kinds: &mut BTreeSet<String>) -> Vec<Value> {
    let text = include_str!("../../docs/reference/events.schema.json");
    let schema = serde_json::from_str(text).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("events.json", schema).unwrap();
    let index = compiler.compile("events.json", &mut schemas).unwrap();
    let objects = objects(run);
    for object in &objects {
        if let Err(error) = schemas.validate(object, index) {
            panic!("{error:#}\n{object:#}");
        }
        kinds.insert(object["event"].as_str().unwrap_or("result").to_owned());
    }
    objects
}

#[test]
fn every_object_is_of_the_documented_form_and_names_its_project() {
    let mut user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    tiny_base(&user.path("base"), "linux/amd64");
    let root = user.path("shop");
    for name in ["Front", "Back"] {
        let folder = user.workspace("hello-web", &format!("shop/{name}"), None);
        fs::rename(folder.join("nuget.config"), root.join("nuget.config")).unwrap();
        let project = folder.join(format!("{name}.csproj"));
        fs::rename(folder.join("hello-web.csproj"), &project).unwrap();
        edit(
            &project,
            "<TreatWarningsAsErrors>true",
            "<TreatWarningsAsErrors>false",
        );
    }
    edit(&root.join("Back/Program.cs"), ";", "; nonsense");
    edit(
        &root.join("Front/Program.cs"),
        "using",
        "#warning an old habit\nusing",
    );
    let line = |name: &str| {
        format!(
            "Project(\"{{F}}\") = \"{name}\", \"{name}\\{name}.csproj\", \"{{1}}\"\nEndProject\n"
        )
    };
    let head = "Microsoft Visual Studio Solution File, Format Version 12.00\n";
    let solution = format!("{head}{}{}", line("Front"), line("Back"));
    fs::write(root.join("Shop.sln"), solution).unwrap();
    let registry = MemoryRegistry::start();
    registry.play(|number, _| {
        (number == 1).then(|| Fault::Status(503, vec![("retry-after", "1".to_owned())]))
    });
    let to = format!("{}/shop/{{project}}:1", registry.host());
    let options = ["--base", "oci:base", "--progress", "json", "-v"];
    user.environment
        .insert("MIZZEN_LOG".to_owned(), "debug".to_owned());
    let build = || {
        let run = user.build(&[&["shop", "-t", &to], &options[..]].concat());
        assert_eq!(run.code, 3, "{}", run.stderr);
        run
    };
    let mut kinds = BTreeSet::new();
    let first = checked(&build(), &mut kinds);
    let again = checked(&build(), &mut kinds);
    // What is about a project says which.
    let about = [
        "project",
        "step",
        "diagnostic",
        "dotnet",
        "blob",
        "request",
        "writing",
        "wait",
    ];
    for object in first.iter().chain(&again) {
        let kind = object["event"].as_str().unwrap_or_default();
        let is_named = ["Front/Front.csproj", "Back/Back.csproj"]
            .iter()
            .any(|name| object["project"] == *name);
        assert!(is_named || !about.contains(&kind), "{object}");
    }
    let diagnostic = |objects: &[Value], code: &str| {
        let mut found = objects.iter().filter(|it| it["event"] == "diagnostic");
        found.find(|it| it["code"] == code).cloned().unwrap()
    };
    let warned = diagnostic(&first, "CS1030");
    assert_eq!(
        (&warned["severity"], &warned["reused"]),
        (&"warning".into(), &false.into())
    );
    assert_eq!(warned["project"], "Front/Front.csproj");
    assert_eq!(diagnostic(&again, "CS1030")["reused"], true);
    let failed: Vec<&Value> = first.iter().filter(|it| it["event"] == "error").collect();
    assert_eq!(failed[0]["project"], "Back/Back.csproj");
    assert_eq!(failed[1].get("project"), None);
    let pulled = ["pull", &to.replace("{project}", "front"), "oci:pulled"];
    let pulled = user.run_bare(&[&pulled[..], &["--progress", "json"]].concat());
    checked(&pulled.success(), &mut kinds);
    let all = [
        "blob",
        "diagnostic",
        "done",
        "dotnet",
        "error",
        "log",
        "project",
        "request",
        "result",
        "solution",
        "step",
        "wait",
        "writing",
    ];
    assert_eq!(
        kinds
            .iter()
            .filter(|it| *it != "note" && *it != "warning")
            .collect::<Vec<_>>(),
        all
    );
}
