//! Programs of the machine that take part in a build, and what they read, are in its key: the linker of
//! native code, and what an `Exec` runs.

use crate::support::{Run, User, edit, prepared, refer_to};
use fs_err as fs;
use mizzen_testkit::nuget_package;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Builds where `source` lies over `target`.
fn build_below(user: &User, source: &Path, target: &str) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let arguments = ["hello", "-o", "oci:out", "--base", &base];
    let source = source.to_str().unwrap();
    user.build_below_mount(&user.environment, (source, target), &arguments)
        .success()
}

const LIST: &str = "/var/lib/dpkg/status";

/// Makes the list of a machine where one package is a newer one.
fn upgraded(user: &User) -> PathBuf {
    let path = user.path("status");
    let text = fs::read_to_string(LIST).unwrap();
    fs::write(&path, text.replacen("\nVersion: ", "\nVersion: 1", 1)).unwrap();
    path
}

#[test]
fn what_an_exec_runs_is_in_the_key_with_what_is_installed_beside_it() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let runs = "<Target Name=\"Ask\" AfterTargets=\"Publish\"><Exec Command=\"uname -s\" /></Target></Project>";
    edit(&folder.join("hello-web.csproj"), "</Project>", runs);
    let (nothing, other) = (user.path("nothing"), user.path("uname"));
    fs::create_dir(&nothing).unwrap();
    fs::write(&other, "#!/bin/sh\necho another\n").unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o755)).unwrap();
    let program = fs::canonicalize("/usr/bin/uname").unwrap();
    let program = program.to_str().unwrap();
    let upgraded = upgraded(&user);
    for (source, target, why) in [
        (&nothing, "/mnt", "no earlier build"),
        (&upgraded, LIST, "host's installed packages"),
        (&other, program, "host's program uname"),
    ] {
        let first = build_below(&user, source, target);
        assert_eq!(first.steps(), "restore=ran publish=ran");
        let told = first.image()["steps"][1]["changed"].to_string();
        assert!(told.contains(why), "{told}");
        let again = build_below(&user, source, target);
        assert_eq!(again.steps(), "restore=hit publish=hit");
    }
}

#[test]
fn native_code_is_linked_again_where_other_packages_are_installed_and_each_time_where_none_are_listed()
 {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let feed = user.path("feed");
    // What restore fetches where `PublishAot` is true; nothing is compiled here.
    let compiler = "Microsoft.DotNet.ILCompiler";
    nuget_package(&feed, compiler, "1.0.0", &[("tools/ilc", "")]);
    let folder = user.workspace("hello-web", "hello", Some(&feed));
    let nothing = user.path("nothing");
    fs::create_dir(&nothing).unwrap();
    let as_it_is = || build_below(&user, &nothing, "/mnt");
    as_it_is();

    refer_to(&folder.join("hello-web.csproj"), compiler);
    assert_eq!(as_it_is().steps(), "restore=ran publish=ran");
    assert_eq!(as_it_is().steps(), "restore=hit publish=hit");
    let told = user.run_bare(&["plan", folder.to_str().unwrap()]).success();
    let odd = "native code: the linker of this machine links what microsoft.dotnet.ilcompiler";
    assert!(told.stdout.contains(odd), "{}", told.stdout);

    let list = upgraded(&user);
    let after_an_upgrade = || build_below(&user, &list, LIST);
    let upgraded = after_an_upgrade();
    assert_eq!(upgraded.steps(), "restore=hit publish=ran");
    let why = upgraded.image()["steps"][1]["changed"].to_string();
    assert!(why.contains("host's installed packages"), "{why}");
    assert_eq!(after_an_upgrade().steps(), "restore=hit publish=hit");

    for _ in 0..2 {
        let unlisted = build_below(&user, &nothing, "/var/lib/dpkg");
        assert_eq!(unlisted.steps(), "restore=hit publish=ran");
        let why = unlisted.image()["steps"][1]["changed"].to_string();
        assert!(why.contains("no list of this machine's packages"), "{why}");
    }
    assert_eq!(as_it_is().steps(), "restore=hit publish=hit");
}
