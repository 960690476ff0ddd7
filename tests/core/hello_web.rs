//! One project without packages, from its sources to a page over HTTP.

use crate::support::{Registry, User, edit, prepared, pull};
use fs_err as fs;
use mizzen_testkit::{Container, skopeo_inspect};

fn user() -> User {
    User::with_sdk(&prepared("MIZZEN_TEST_SDK31"))
}

fn registry() -> Registry {
    Registry::with_base(&prepared("MIZZEN_TEST_BASE").join("aspnet-3.1"))
}

#[test]
fn one_command_builds_pushes_and_the_image_runs_as_nobody_in_particular() {
    let (user, registry) = (user(), registry());
    user.workspace("hello-web", "hello", None);
    let reference = registry.reference("hello:1");
    let arguments = ["hello", "-t", &reference, "--base", &registry.base];
    let first = user.build(&arguments).success();
    assert_eq!(first.stdout, format!("{reference}@{}\n", first.digest()));
    assert_eq!(first.steps(), "restore=ran publish=ran");
    assert_eq!(user.dotnet_calls(), ["restore", "publish"]);
    // The base's layers are mounted from its own repository, not fetched.
    assert!(
        first.network("mountedBytes") > 10_000_000,
        "{}",
        first.metadata
    );
    assert!(
        first.network("downloadedBytes") < 10_000,
        "{}",
        first.metadata
    );

    let inspected = skopeo_inspect(&format!("docker://{reference}"));
    assert_eq!(inspected["Architecture"], "amd64");
    let layout = pull(&reference, &user.path("pulled"));
    let container = Container::start(&layout, "pulled", &user.path("bundle"));
    let page = container.get("/", &[]);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("1654"), "{}", page.body);
    assert!(!container.root().join("bin/sh").exists());

    // Unchanged: nothing runs, nothing is made, nothing is sent.
    let blobs = user.cached_blobs();
    let again = user.build(&arguments).success();
    assert_eq!(
        (again.digest(), again.steps().as_str()),
        (first.digest(), "restore=hit publish=hit")
    );
    assert_eq!(user.dotnet_calls(), [""; 0]);
    assert_eq!(
        (
            again.network("requests"),
            again.network("uploadedBytes"),
            again.network("downloadedBytes")
        ),
        (2, 0, 0)
    );
    assert_eq!(user.cached_blobs(), blobs);

    // One line edited: restore is reused, and the base is not sent again.
    edit(&user.path("hello/Program.cs"), "Hello", "Howdy");
    let edited = user.build(&arguments).success();
    assert_eq!(edited.steps(), "restore=hit publish=ran");
    assert_eq!(user.dotnet_calls(), ["publish"]);
    assert_eq!(
        edited.image()["steps"][1]["changed"][0],
        "~ Program.cs (content, read)"
    );
    assert_ne!(edited.digest(), first.digest());
    assert!(
        edited.network("uploadedBytes") < 100_000,
        "{}",
        edited.metadata
    );
}

#[test]
fn two_machines_make_one_image() {
    let user = user();
    let base = format!(
        "oci:{}",
        prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
    );
    let output = |name: &str| format!("oci:{}", user.path(name).display());
    user.workspace("hello-web", "one/hello", None);
    user.workspace("hello-web", "elsewhere/deeper/hello", None);
    for file in ["Program.cs", "wwwroot/site.css", "hello-web.csproj"] {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(user.path("elsewhere/deeper/hello").join(file))
            .unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000))
            .unwrap();
    }
    let one = user
        .build(&["one/hello", "-o", &output("out1"), "--base", &base])
        .success();
    let mut environment = user.elsewhere("other");
    environment.extend(
        [
            ("TZ", "Asia/Tokyo"),
            ("LANG", "tr_TR.UTF-8"),
            ("Company", "hijack"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let other = user
        .build_as(
            &environment,
            &[
                "elsewhere/deeper/hello",
                "-o",
                &output("out2"),
                "--base",
                &base,
            ],
        )
        .success();
    assert_eq!(other.steps(), "restore=ran publish=ran");
    assert_eq!(one.digest(), other.digest());
    crate::support::validated(&user.path("out2"), None);

    // Another time of making: the layers stay, the config does not.
    environment.insert("SOURCE_DATE_EPOCH".to_owned(), "1700000000".to_owned());
    let later = user
        .build_as(
            &environment,
            &[
                "elsewhere/deeper/hello",
                "-o",
                &output("out3"),
                "--base",
                &base,
            ],
        )
        .success();
    assert_eq!(later.steps(), "restore=hit publish=hit");
    assert_eq!(later.layers(), one.layers());
    assert_ne!(later.digest(), one.digest());
}

#[test]
fn a_private_registry_is_reached_with_dockers_credentials_and_the_error_without_says_where_it_looked()
 {
    use mizzen_testkit::registry::{Login, MemoryRegistry};
    let user = user();
    user.workspace("hello-web", "hello", None);
    let base = format!(
        "oci:{}",
        prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
    );
    let registry = MemoryRegistry::start();
    registry.require(Login::Bearer {
        account: Some(("dev".to_owned(), "hunter2".to_owned())),
        repositories: Vec::new(),
    });
    let reference = format!("{}/acme/hello:1", registry.host());
    let arguments = ["hello", "-t", &reference, "--base", &base];

    let said = user.build(&arguments).failure(4);
    assert!(
        said.contains(".docker/config.json") && said.contains("hint: "),
        "{said}"
    );
    assert!(registry.manifest("acme/hello", "1").is_none());

    let docker = user.path("home/.docker");
    fs::create_dir_all(&docker).unwrap();
    // base64 of `dev:hunter2`.
    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"ZGV2Omh1bnRlcjI="}}}}}}"#,
        registry.host()
    );
    fs::write(docker.join("config.json"), config).unwrap();
    let pushed = user.build(&arguments).success();
    // The build that was refused had not begun.
    assert_eq!(pushed.steps(), "restore=ran publish=ran");
    assert_eq!(
        registry.manifest("acme/hello", "1").unwrap().0.to_string(),
        pushed.digest()
    );
    assert!(!pushed.stderr.contains("hunter2"), "{}", pushed.stderr);

    // The SDK's variables are for the registry that is pushed to, before any file.
    fs::remove_file(docker.join("config.json")).unwrap();
    let mut environment = user.environment.clone();
    for (name, value) in [("UNAME", "dev"), ("PWORD", "hunter2")] {
        environment.insert(
            format!("DOTNET_CONTAINER_REGISTRY_{name}"),
            value.to_owned(),
        );
    }
    let reference = format!("{}/acme/hello:2", registry.host());
    let arguments = ["hello", "-t", &reference, "--base", &base];
    assert_eq!(
        user.build_as(&environment, &arguments).success().digest(),
        pushed.digest()
    );
}

#[test]
fn the_results_for_machines_agree_with_each_other() {
    let (user, registry) = (user(), registry());
    user.workspace("hello-web", "hello", None);
    let (one, two) = (
        registry.reference("hello:1"),
        registry.reference("team/hello:2"),
    );
    let run = user.build(&[
        "hello",
        "-t",
        &one,
        "-t",
        &two,
        "-o",
        "oci:out:1",
        "--base",
        &registry.base,
        "--digest-file",
        "digest",
        "--image-refs",
        "refs",
        "-q",
    ]);
    let run = run.success();
    let pinned = |reference: &str| format!("{reference}@{}", run.digest());
    assert_eq!(
        run.stdout,
        format!(
            "{}\n{}\n{}\n",
            pinned(&one),
            pinned(&two),
            pinned("oci:out:1")
        )
    );
    assert_eq!(
        fs::read_to_string(user.path("digest")).unwrap(),
        run.digest()
    );
    assert_eq!(
        fs::read_to_string(user.path("refs")).unwrap(),
        format!("{}\n{}\n", pinned(&one), pinned(&two))
    );
    assert_eq!(run.stderr, "");
    // The second repository gets its layers by mounting them.
    assert!(run.network("mountedBytes") > 0, "{}", run.metadata);
    crate::support::validated(&user.path("out"), Some("1"));
}

#[test]
fn mizzen_toml_holds_defaults_that_the_command_line_overrides_and_its_slips_are_told() {
    let user = user();
    let folder = user.workspace("hello-web", "hello", None);
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let config = |key: &str| {
        format!(
            "[build]\n{key} = \"oci:{}\"\nenv = {{ A = \"1\", B = \"1\" }}\n",
            base.display()
        )
    };
    fs::write(folder.join("mizzen.toml"), config("basis")).unwrap();
    let said = user.build(&["hello", "-o", "oci:out"]).failure(2);
    assert!(
        said.contains("unknown key `basis`") && said.contains("`base`"),
        "{said}"
    );
    assert_eq!(user.dotnet_calls(), [""; 0]);

    fs::write(folder.join("mizzen.toml"), config("base")).unwrap();
    user.build(&["hello", "-o", "oci:out", "-e", "B=2"])
        .success();
    let image = format!("oci:{}", user.path("out").display());
    let image = user.run_bare(&["inspect", &image]).success().stdout;
    assert!(
        image.contains("Env         A=1") && image.contains("Env         B=2"),
        "{image}"
    );
}

#[test]
fn the_cache_can_be_looked_at_checked_and_emptied_and_the_next_build_makes_it_anew() {
    let user = user();
    user.workspace("hello-web", "hello", None);
    let base = format!(
        "oci:{}",
        prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
    );
    let arguments = ["hello", "-o", "oci:out", "--base", &base];
    let first = user.build(&arguments).success();
    let cache = |verb: &[&str]| user.run_bare(&[&["cache"], verb].concat()).success().stdout;
    assert_eq!(cache(&["dir"]).trim(), user.path("cache").to_str().unwrap());
    assert!(cache(&["size"]).contains(" blobs, "));
    assert_eq!(cache(&["verify"]), "damaged and removed: 0 files, 0 B\n");
    assert_eq!(
        cache(&["prune", "--max-age", "1"]),
        "removed: 0 files, 0 B\n"
    );
    assert_eq!(
        user.build(&arguments).success().steps(),
        "restore=hit publish=hit"
    );

    // A flipped bit in every file: nothing wrong comes out, and the next run heals.
    let mut folders = vec![user.path("cache")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::metadata(&path).unwrap().len() > 0 {
                let mut bytes = fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::remove_file(&path).unwrap();
                fs::write(&path, bytes).unwrap();
            }
        }
    }
    let healed = user.build(&arguments).success();
    assert_eq!(
        (healed.digest(), healed.steps().as_str()),
        (first.digest(), "restore=ran publish=ran")
    );
    cache(&["clean"]);
    let again = user.build(&arguments).success();
    assert_eq!(
        (again.digest(), again.steps().as_str()),
        (first.digest(), "restore=ran publish=ran")
    );
}

#[test]
fn a_file_that_git_ignores_is_named_each_time_it_is_in_the_image() {
    let user = user();
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let hello = user.workspace("hello-web", "hello", None);
    for (path, text) in [
        (".gitignore", "*.Local.json\n/bin/\n"),
        ("appsettings.Local.json", "{ \"secret\": 1 }"),
        ("appsettings.Other.json", "{ \"secret\": 2 }"),
    ] {
        fs::write(hello.join(path), text).unwrap();
    }
    let build = || {
        let run = user
            .build(&["hello", "-o", "oci:out", "--base", &base])
            .success();
        let named = run.image()["gitIgnored"].to_string();
        let warnings = run
            .stderr
            .lines()
            .filter(|line| line.contains("git ignores"));
        (run.steps(), named, warnings.count())
    };
    let local = r#"{"path":"appsettings.Local.json","source":"appsettings.Local.json"}"#;
    let other = r#"{"path":"appsettings.Other.json","source":"appsettings.Other.json"}"#;
    assert_eq!(
        build(),
        (
            "restore=ran publish=ran".to_owned(),
            format!("[{local}]"),
            1
        )
    );
    let hit = "restore=hit publish=hit".to_owned();
    assert_eq!(build(), (hit.clone(), format!("[{local}]"), 1));

    // A rule that no key knows of.
    fs::create_dir_all(hello.join(".git/info")).unwrap();
    fs::write(hello.join(".git/info/exclude"), "*.Other.json\n").unwrap();
    assert_eq!(build(), (hit, format!("[{local},{other}]"), 2));
}
