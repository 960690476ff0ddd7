//! A service with real packages, from its sources to pages over HTTP.

use crate::support::{Registry, User, edit, prepared, pull};
use fs_err as fs;
use mizzen_testkit::{Container, skopeo_inspect};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

const PROJECT: &str = "shop/src/Shop.Api";
const PROGRAM: &str = "shop/src/Shop.Api/Program.cs";
const STYLE: &str = "shop/src/Shop.Api/wwwroot/css/site.css";

fn user() -> User {
    User::with_sdk(&prepared("MIZZEN_SDK"))
}

fn base() -> PathBuf {
    prepared("MIZZEN_TEST_BASE").join("aspnet-10.0")
}

fn shop(user: &User, name: &str) -> PathBuf {
    user.workspace("shop", name, Some(&prepared("MIZZEN_FEED")))
}

#[test]
fn the_shop_is_built_pushed_run_and_after_an_edit_sends_only_what_changed() {
    let (user, registry) = (user(), Registry::with_base(&base()));
    shop(&user, "shop");
    let reference = registry.reference("shop/api:1");
    let arguments = [PROJECT, "-t", &reference, "--base", &registry.base];
    let first = user.build(&arguments).success();
    assert_eq!(user.dotnet_calls(), ["restore", "publish"]);
    assert_eq!(
        first.layers().keys().collect::<Vec<_>>(),
        ["app", "packages", "projects", "static-web-assets"]
    );
    skopeo_inspect(&format!("docker://{reference}"));
    let layout = pull(&reference, &user.path("pulled"));
    let container = Container::start(&layout, "pulled", &user.path("bundle"));
    assert!(container.get("/", &[]).body.contains("1654"));
    assert_eq!(container.get("/health", &[]).status, 200);
    let style = container.get("/css/site.css", &[]);
    let tag = style.headers["etag"].clone();
    assert_eq!(
        container
            .get("/css/site.css", &[("If-None-Match", &tag)])
            .status,
        304
    );
    drop(container);

    // Unchanged: no process, no layer, no blob; one question for the base and one for the image.
    let blobs = user.cached_blobs();
    let again = user.build(&arguments).success();
    assert_eq!(
        (again.digest(), again.steps().as_str()),
        (first.digest(), "restore=hit publish=hit")
    );
    assert_eq!(user.dotnet_calls(), [""; 0]);
    assert_eq!(
        (again.network("requests"), again.network("uploadedBytes")),
        (2, 0)
    );
    assert_eq!(user.cached_blobs(), blobs);

    // The solution has one service, and it is this project.
    let solution = ["shop/Shop.slnx", "-t", &reference, "--base", &registry.base];
    assert_eq!(user.build(&solution).success().digest(), first.digest());
    assert_eq!(user.dotnet_calls(), [""; 0]);

    // One line of code: restore is reused, packages and static files are not sent again.
    edit(
        &user.path(PROGRAM),
        "Welcome to the shop",
        "Welcome to our shop",
    );
    let edited = user.build(&arguments).success();
    assert_eq!(user.dotnet_calls(), ["publish"]);
    assert_eq!(
        edited.image()["steps"][1]["changed"][0],
        "~ src/Shop.Api/Program.cs (content, read)"
    );
    let (before, after) = (first.layers(), edited.layers());
    assert_ne!(before["app"], after["app"]);
    for layer in ["packages", "projects", "static-web-assets"] {
        assert_eq!(before[layer], after[layer], "{layer}");
    }
    let app = edited.image()["layers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|layer| layer["name"] == "app")
        .unwrap();
    let sent = edited.network("uploadedBytes");
    let bill = edited.image()["sbom"]["size"].as_u64().unwrap();
    let wanted = app["size"].as_u64().unwrap() + bill;
    assert!(sent < wanted + 20_000 && bill < 80_000, "{sent}, {bill}");

    // A style of the same length: whoever has the old one is sent the new one.
    let old = fs::read_to_string(user.path(STYLE)).unwrap();
    let new = old.replacen(|letter: char| letter.is_ascii_digit(), "7", 1);
    assert!(new != old && new.len() == old.len());
    fs::write(user.path(STYLE), new).unwrap();
    user.build(&arguments).success();
    let layout = pull(&reference, &user.path("pulled-again"));
    let container = Container::start(&layout, "pulled", &user.path("bundle-again"));
    let answer = container.get("/css/site.css", &[("If-None-Match", &tag)]);
    assert_eq!(answer.status, 200);
    assert_ne!(answer.headers["etag"], tag);
}

/// Gives everything below `folder` other times and modes, as another checkout would.
pub(crate) fn shake(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            shake(&path);
            fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        } else {
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(1_234_567_890))
                .unwrap();
            fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

#[test]
fn two_machines_two_users_and_every_rung_make_one_image() {
    let user = user();
    let base = format!("oci:{}", base().display());
    shop(&user, "one/shop");
    shop(&user, "some/where/else/shop");
    shake(&user.path("some"));
    let one = user
        .build(&["one/shop/src/Shop.Api", "-o", "oci:out1", "--base", &base])
        .success();
    let mut environment = user.elsewhere("other");
    for (name, value) in [
        ("TZ", "America/St_Johns"),
        ("LANG", "tr_TR.UTF-8"),
        ("AssemblyName", "hijack"),
        ("CI", "true"),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    let elsewhere = "some/where/else/shop/src/Shop.Api";
    let arguments = [elsewhere, "-o", "oci:out2", "--base", &base];
    user.dotnet_calls();

    // With the cache of the first, from another folder, home, time, shell and user: nothing runs.
    let shared = user.environment["MIZZEN_CACHE_DIR"].clone();
    let own = environment
        .insert("MIZZEN_CACHE_DIR".to_owned(), shared)
        .unwrap();
    let hit = user.build_as_somebody(&environment, &arguments).success();
    assert_eq!(
        (hit.steps().as_str(), hit.digest()),
        ("restore=hit publish=hit", one.digest())
    );
    assert_eq!(user.dotnet_calls(), [""; 0]);

    // With an empty cache: the same, on the rung without namespaces, too.
    environment.insert("MIZZEN_CACHE_DIR".to_owned(), own);
    let by_path = [&arguments[..], &["--isolation", "path"]].concat();
    let other = user.build_as_somebody(&environment, &by_path).success();
    assert_eq!(other.steps(), "restore=ran publish=ran");
    assert_eq!(one.layers(), other.layers());
    assert_eq!(one.digest(), other.digest());

    // And on the one between, where processes are not hidden.
    let masked = user
        .build_below_masked_proc(&user.elsewhere("masked"), &arguments)
        .success();
    assert_eq!(
        (masked.steps().as_str(), masked.digest()),
        ("restore=ran publish=ran", one.digest())
    );

    environment.insert("SOURCE_DATE_EPOCH".to_owned(), "1700000000".to_owned());
    let later = user.build_as(&environment, &by_path).success();
    assert_eq!(later.steps(), "restore=hit publish=hit");
    assert_eq!(later.layers(), one.layers());
    assert_ne!(later.digest(), one.digest());
}

#[test]
fn a_floating_version_is_never_a_hit_by_the_workspace_alone() {
    let user = user();
    shop(&user, "shop");
    let base = format!("oci:{}", base().display());
    let versions = user.path("shop/Directory.Packages.props");
    let text = fs::read_to_string(&versions).unwrap();
    let fixed = "Include=\"FluentValidation\" Version=\"12.2.0\"";
    assert!(text.contains(fixed), "{text}");
    let floats = text.replace(fixed, "Include=\"FluentValidation\" Version=\"12.*\"").replace(
        "<PropertyGroup>",
        "<PropertyGroup><CentralPackageFloatingVersionsEnabled>true</CentralPackageFloatingVersionsEnabled>",
    );
    fs::write(&versions, floats).unwrap();
    let arguments = [PROJECT, "-o", "oci:out", "--base", &base];
    user.build(&arguments).success();
    user.dotnet_calls();
    // Restore asks the feed again; it gives the same, so publish is reused.
    let again = user.build(&arguments).success();
    assert_eq!(again.steps(), "restore=ran publish=hit");
    assert_eq!(user.dotnet_calls(), ["restore"]);
    let why = again.image()["steps"][0]["changed"][0].as_str().unwrap();
    assert!(why.starts_with("versions float: FluentValidation"), "{why}");

    // Whoever will not have that says so.
    fs::write(
        user.path("shop/mizzen.toml"),
        "[policy]\nfloats = \"error\"\n",
    )
    .unwrap();
    let said = user.build(&arguments).failure(6);
    assert!(
        said.contains("FluentValidation") && said.contains("hint: name one version"),
        "{said}"
    );
}

#[test]
fn a_package_that_a_source_file_asks_for_is_there_though_restores_key_does_not_know_that_file() {
    let user = user();
    shop(&user, "shop");
    let base = format!("oci:{}", base().display());
    let project = user.path("shop/src/Shop.Catalog/Shop.Catalog.csproj");
    edit(
        &project,
        "</Project>",
        "<ItemGroup Condition=\"Exists('wants-json')\"><PackageReference Include=\"Newtonsoft.Json\" /></ItemGroup></Project>",
    );
    edit(
        &user.path("shop/Directory.Packages.props"),
        "</Project>",
        "<ItemGroup><PackageVersion Include=\"Newtonsoft.Json\" Version=\"13.0.*\" /></ItemGroup></Project>",
    );
    edit(
        &user.path("shop/Directory.Packages.props"),
        "<PropertyGroup>",
        "<PropertyGroup><CentralPackageFloatingVersionsEnabled>true</CentralPackageFloatingVersionsEnabled>",
    );
    let arguments = [PROJECT, "-o", "oci:out", "--base", &base];
    let without = user.build(&arguments).success();
    assert_eq!(
        user.build(&arguments).success().steps(),
        "restore=hit publish=hit"
    );

    fs::write(user.path("shop/src/Shop.Catalog/wants-json"), "").unwrap();
    let with = user.build(&arguments).success();
    assert_ne!(with.layers()["packages"], without.layers()["packages"]);
    // Publish sees no feed, so the restore step fetched what floats; it asks again each time.
    assert_eq!(
        user.build(&arguments).success().steps(),
        "restore=ran publish=hit"
    );
}

#[test]
fn nothing_is_left_running_and_nothing_lies_around() {
    let user = user();
    shop(&user, "shop");
    let base = format!("oci:{}", base().display());
    user.build(&[PROJECT, "-o", "oci:out", "--base", &base])
        .success();
    assert_eq!(fs::read_dir(user.path("cache/tmp")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(user.path("home")).unwrap().count(), 0);
    assert!(
        !user.path("shop/src/Shop.Api/obj").exists()
            && !user.path("shop/src/Shop.Api/bin").exists()
    );
}
