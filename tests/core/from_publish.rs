//! Stored publish folders become images without any SDK.

use crate::support::{User, prepared, testdata, validated};
use fs_err as fs;
use mizzen_testkit::{MemoryRegistry, skopeo_copy};

/// A change of this digest changes every image that mizzen makes: it needs a reason.
#[test]
fn a_stored_publish_folder_gives_a_pinned_image() {
    let user = User::without_sdk();
    let folder = testdata("publish/portable");
    let base = user.path("base");
    mizzen_testkit::tiny_base(&base, "linux/amd64");
    let base = format!("oci:{}", base.display());
    let run = user
        .build(&[
            "--from-publish",
            folder.to_str().unwrap(),
            "--base",
            &base,
            "-o",
            "oci:out",
        ])
        .success();
    validated(&user.path("out"), None);
    assert_eq!(
        run.digest(),
        "sha256:e9901382b94e2ee4a65d32bd1eee354e83e1ad7ec58ed32f91e3c75ad1bcf6b7"
    );
}

#[test]
fn the_image_of_a_folder_has_no_steps_and_says_what_it_left_out() {
    let user = User::without_sdk();
    let folder = testdata("publish/portable");
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let folder = folder.to_str().unwrap();
    let run = user
        .build(&["--from-publish", folder, "--base", "oci:base"])
        .success();
    assert_eq!(run.steps(), "");
    assert!(
        run.image()["leftOut"]
            .as_array()
            .unwrap()
            .iter()
            .any(|file| file["path"] == "web.config")
    );
    let layout = user
        .path("cache/out")
        .join(run.image()["name"].as_str().unwrap());
    validated(&layout, None);
}

#[test]
fn what_was_made_for_one_application_is_said() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    for (case, tailored) in [
        ("self-contained", None),
        ("trimmed", Some("trimmed")),
        ("ready-to-run", Some("ready-to-run")),
        ("single-file", Some("single-file")),
        ("native-aot", Some("native")),
    ] {
        let folder = testdata("publish").join(case);
        let arguments = ["--from-publish", folder.to_str().unwrap()];
        let run = user
            .build(&[&arguments[..], &["--base", "oci:base", "-o", "oci:out"]].concat())
            .success();
        assert_eq!(run.image()["tailored"].as_str(), tailored, "{case}");
        let is_said = run.stderr.contains("no other app shares");
        assert_eq!(is_said, tailored.is_some(), "{case}: {}", run.stderr);
    }
}

#[test]
fn archives_are_written_for_both_kinds_of_readers_and_serve_as_bases() {
    let user = User::without_sdk();
    let folder = testdata("publish/portable");
    let folder = folder.to_str().unwrap();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let outputs = [
        "-o",
        "oci-archive:oci.tar",
        "-o",
        "docker-archive:docker.tar",
        "-o",
        "oci:out",
    ];
    let run = user.build(
        &[
            &["--from-publish", folder, "--base", "oci:base"],
            &outputs[..],
        ]
        .concat(),
    );
    let run = run.success();
    assert!(
        run.stdout
            .starts_with(&format!("oci-archive:oci.tar@{}\n", run.digest()))
    );
    for (from, to) in [
        ("oci-archive:oci.tar", "a"),
        ("docker-archive:docker.tar", "b"),
    ] {
        let from = from.replace(':', &format!(":{}/", user.path("").display()));
        mizzen_testkit::skopeo_copy(
            &from.replace("//", "/"),
            &format!("oci:{}:x", user.path(to).display()),
        );
        validated(&user.path(to), Some("x"));
    }
    let on_it = [
        "--from-publish",
        folder,
        "--base",
        "oci-archive:oci.tar",
        "-o",
        "oci:again",
    ];
    user.build(&on_it).success();
    validated(&user.path("again"), None);
}

#[test]
fn layers_can_be_one_can_be_zstd_and_can_take_in_what_is_left_out() {
    let user = User::without_sdk();
    let folder = testdata("publish/portable");
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let build = |name: &str, more: &[&str]| {
        let output = format!("oci:{name}");
        let arguments = [
            "--from-publish",
            folder.to_str().unwrap(),
            "--base",
            "oci:base",
            "-o",
            &output,
        ];
        let run = user.build(&[&arguments, more].concat()).success();
        validated(&user.path(name), None);
        run
    };
    assert_eq!(build("single", &["--layers", "single"]).layers().len(), 1);
    let zstd = build("zstd", &["--compression", "zstd:9"]);
    let gzip = build("gzip", &[]);
    assert_eq!(zstd.layers().len(), gzip.layers().len());
    assert_ne!(zstd.layers(), gzip.layers());
    let left_out = |run: &crate::support::Run| run.image()["leftOut"].as_array().unwrap().len();
    let kept = build("kept", &["--keep", "web.config"]);
    assert_eq!(left_out(&kept) + 1, left_out(&gzip));
}

#[test]
fn podman_loads_the_image_and_folders_to_write_to_belong_to_its_user() {
    let mut user = User::without_sdk();
    let folder = testdata("publish/portable");
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let storage = format!(
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"{0}/graph\"\nrunroot = \"{0}/run\"\n",
        user.path("podman").display()
    );
    fs::write(user.path("storage.conf"), storage).unwrap();
    let configuration = user.path("storage.conf").to_str().unwrap().to_owned();
    user.environment
        .insert("CONTAINERS_STORAGE_CONF".to_owned(), configuration);
    let arguments = [
        "--from-publish",
        folder.to_str().unwrap(),
        "--base",
        "oci:base",
    ];
    let more = [
        "--writable",
        "/data",
        "--volume",
        "/keys",
        "-o",
        "podman:shop:1",
        "-o",
        "oci:out",
    ];
    let run = user.build(&[&arguments[..], &more].concat()).success();
    assert!(
        run.stdout
            .starts_with(&format!("podman:shop:1@{}\n", run.digest())),
        "{}",
        run.stdout
    );

    let own = user.tool(
        "podman",
        &["info", "--format", "{{.Host.OS}}/{{.Host.Arch}}"],
    );
    assert_eq!(run.image()["platforms"][0], own.trim());
    let format = "{{.Config.User}} {{.Config.Volumes}} {{.Config.Entrypoint}}";
    let loaded = user.tool(
        "podman",
        &["inspect", "--format", format, "localhost/shop:1"],
    );
    assert_eq!(
        loaded.trim(),
        "1654 map[/keys:{}] [dotnet /app/Web.Api.dll]"
    );
    let layout = format!("oci:{}", user.path("out").display());
    let files = user
        .run_bare(&["inspect", "--files", &layout])
        .success()
        .stdout;
    let owned = |name: &str| {
        files
            .lines()
            .any(|line| line.contains("d0755 1654:1654") && line.ends_with(name))
    };
    assert!(owned(" /data") && owned(" /keys"), "{files}");

    // Where the engine is not, nothing is said to be done.
    user.environment
        .insert("PATH".to_owned(), "/nowhere".to_owned());
    let said = user
        .build(&[&arguments[..], &["-o", "docker:"]].concat())
        .failure(2);
    assert!(
        said.contains("`docker` is not on PATH") && said.contains("hint: "),
        "{said}"
    );
}

#[test]
fn an_application_that_the_base_cannot_start_becomes_no_image() {
    let user = User::without_sdk();
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let folder = testdata("publish/net9.0");
    let arguments = [
        "--from-publish",
        folder.to_str().unwrap(),
        "--base",
        &base,
        "-o",
        "oci:out",
    ];
    let said = user.build(&arguments).failure(2);
    assert!(
        said.contains("runs on Microsoft.NETCore.App 9.0.0 (or a later one of the same major"),
        "{said}"
    );
    assert!(said.contains("and the base image has 3.1."), "{said}");
    assert!(
        said.contains("hint: choose a base with that version"),
        "{said}"
    );
    assert!(!user.path("out").exists());
    // What the image itself will say is what counts.
    let fit = ["-e", "DOTNET_VERSION=9.0.4", "-e", "ASPNET_VERSION=9.0.4"];
    user.build(&[&arguments[..], &fit].concat()).success();
}

#[test]
fn a_program_and_a_base_with_different_c_libraries_become_no_image() {
    let user = User::without_sdk();
    let registry = MemoryRegistry::start();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let base = user.path("base");
    let named = |tag: &str| {
        let reference = format!("{}/dotnet/aspnet:{tag}", registry.host());
        skopeo_copy(
            &format!("oci:{}:latest", base.display()),
            &format!("docker://{reference}"),
        );
        reference
    };
    let folder = testdata("publish/rid");
    let build = |base: &str| {
        let folder = folder.to_str().unwrap();
        user.build(&["--from-publish", folder, "--base", base, "-o", "oci:out"])
    };
    let said = build(&named("10.0-alpine")).failure(2);
    assert!(
        said.contains("published for `linux-x64`, and the base image has musl"),
        "{said}"
    );
    assert!(said.contains("-r linux-musl-x64"), "{said}");
    assert!(!user.path("out").exists());
    build(&named("10.0-noble-chiseled")).success();

    // What runs with either keeps its files for both.
    let portable = testdata("publish/portable");
    let portable = portable.to_str().unwrap();
    let alpine = named("10.0-alpine");
    let run = user
        .build(&[
            "--from-publish",
            portable,
            "--base",
            &alpine,
            "-o",
            "oci:musl",
        ])
        .success();
    let left_out = run.image()["leftOut"].to_string();
    assert!(
        left_out.contains("win") && !left_out.contains("runtimes/linux-musl-x64"),
        "{left_out}"
    );
}
