//! `mizzen lock` writes down what a build takes from outside; `--locked` takes nothing else.

use crate::support::{Registry, User, edit, prepared, refer_to, some_package};
use fs_err as fs;
use mizzen_testkit::{skopeo_copy, tiny_base};

fn user() -> User {
    User::with_sdk(&prepared("MIZZEN_TEST_SDK31"))
}

#[test]
fn a_locked_build_takes_the_base_by_digest_and_no_other_toolchain() {
    let user = user();
    let layout = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let registry = Registry::with_base(&layout);
    let folder = user.workspace("hello-web", "hello", None);
    let hello = folder.to_str().unwrap();
    let arguments = [
        "hello",
        "-o",
        "oci:out",
        "--base",
        &registry.base,
        "--locked",
    ];
    let said = user.build(&arguments).failure(6);
    assert!(
        said.contains("mizzen.lock` is not there")
            && said.contains("hint: if that is intended: mizzen lock"),
        "{said}"
    );
    assert_eq!(user.dotnet_calls(), [""; 0]);

    let open = user.build(&arguments[..5]).success();
    let lock = user
        .run_bare(&["lock", hello, "--base", &registry.base])
        .success();
    let file = folder.join("mizzen.lock");
    assert_eq!(
        lock.stdout,
        format!("{}\n", fs::canonicalize(&file).unwrap().display())
    );
    // The file is not an input, and whatever the base's name points at by now, it is the one of then.
    tiny_base(&user.path("other-base"), "linux/amd64");
    let other = format!("oci:{}:latest", user.path("other-base").display());
    skopeo_copy(&other, &format!("docker://{}", registry.base));
    assert_ne!(
        user.build(&arguments[..5]).success().digest(),
        open.digest()
    );
    let locked = user.build(&arguments).success();
    assert_eq!(locked.digest(), open.digest());
    assert_eq!(
        user.build(&arguments).success().steps(),
        "restore=hit publish=hit"
    );
    user.dotnet_calls();

    let text = fs::read_to_string(&file).unwrap();
    let id = text.lines().find(|line| line.starts_with("id = ")).unwrap();
    fs::write(
        &file,
        text.replace(id, &format!("id = \"sha256:{}\"", "0".repeat(64))),
    )
    .unwrap();
    let said = user.build(&arguments).failure(6);
    assert!(said.contains("the toolchain is 3.1.102 ("), "{said}");
    fs::write(&file, text.replace(&registry.base, "elsewhere/base:1")).unwrap();
    let said = user.build(&arguments).failure(6);
    assert!(said.contains("mizzen.lock has no base"), "{said}");
    assert_eq!(user.dotnet_calls(), [""; 0]);
}

#[test]
fn packages_are_those_of_lock_files_and_one_pushed_again_with_other_bytes_is_refused() {
    let user = user();
    let feed = user.path("feed");
    some_package(&feed, "<Project />");
    let folder = user.workspace("hello-web", "hello", Some(&feed));
    let project = folder.join("hello-web.csproj");
    refer_to(&project, "Some.Package");
    let base = format!(
        "oci:{}",
        prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
    );
    user.run_bare(&["lock", folder.to_str().unwrap(), "--base", &base])
        .success();
    let arguments = ["hello", "-o", "oci:out", "--base", &base, "--locked"];
    let said = user.build(&arguments).failure(6);
    assert!(
        said.contains("no lock file beside `hello-web.csproj`")
            && said.contains("RestorePackagesWithLockFile"),
        "{said}"
    );

    edit(
        &project,
        "<PropertyGroup>",
        "<PropertyGroup><RestorePackagesWithLockFile>true</RestorePackagesWithLockFile>",
    );
    let dotnet = prepared("MIZZEN_TEST_SDK31").join("dotnet");
    user.tool(
        dotnet.to_str().unwrap(),
        &[
            "restore",
            project.to_str().unwrap(),
            "--packages",
            user.path("packages").to_str().unwrap(),
        ],
    );
    user.build(&arguments).success();
    assert_eq!(
        user.build(&arguments).success().steps(),
        "restore=hit publish=hit"
    );

    // The same id and version, other bytes: what is known stays, and a machine that fetches it is told.
    let other = "<Project><PropertyGroup><Company>Other</Company></PropertyGroup></Project>";
    some_package(&feed, other);
    assert_eq!(
        user.build(&arguments).success().steps(),
        "restore=hit publish=hit"
    );
    let elsewhere = user.elsewhere("elsewhere");
    let said = user.build_as(&elsewhere, &arguments).failure(6);
    assert!(
        said.contains("NU1403") && said.contains("hint: the lock file does not match"),
        "{said}"
    );
}
