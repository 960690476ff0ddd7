//! Native code is linked by the machine's own linker, with libraries of the machine: both are in the
//! key of who needs them.

use crate::support::{Run, User, prepared, refer_to};
use fs_err as fs;
use mizzen_testkit::nuget_package;
use std::path::Path;

/// Builds where `source` lies over `target`.
fn build_below(user: &User, source: &Path, target: &str) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let arguments = ["hello", "-o", "oci:out", "--base", &base];
    let source = source.to_str().unwrap();
    user.build_below_mount(&user.environment, (source, target), &arguments)
        .success()
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

    let list = "/var/lib/dpkg/status";
    let upgraded = user.path("status");
    let text = fs::read_to_string(list).unwrap();
    fs::write(&upgraded, text.replacen("\nVersion: ", "\nVersion: 1", 1)).unwrap();
    let after_an_upgrade = || build_below(&user, &upgraded, list);
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
