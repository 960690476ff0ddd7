//! What a build takes of the machine is in its key: the linker of native code, what an `Exec` runs and
//! reads, files that a project names. What is not, no build sees.

use crate::support::{Run, User, edit, prepared, refer_to};
use fs_err as fs;
use mizzen_testkit::nuget_package;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Builds where files or folders (the first of each pair) lie over those of the machine.
fn build_below(user: &User, mounts: &[(&Path, &str)]) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let arguments = ["hello", "-o", "oci:out", "--base", &base];
    let mounts = mounts
        .iter()
        .map(|(source, target)| (source.to_str().unwrap(), *target));
    let mounts: Vec<_> = mounts.collect();
    user.build_below(&user.environment, &mounts, &arguments)
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
    let other = user.path("uname");
    fs::write(&other, "#!/bin/sh\necho another\n").unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o755)).unwrap();
    let program = fs::canonicalize("/usr/bin/uname").unwrap();
    let program = program.to_str().unwrap();
    let upgraded = upgraded(&user);
    let cases: [(&[(&Path, &str)], &str); 3] = [
        (&[], "no earlier build"),
        (&[(&upgraded, LIST)], "host's installed packages"),
        (&[(&other, program)], "host's program uname"),
    ];
    for (mounts, why) in cases {
        let first = build_below(&user, mounts);
        assert_eq!(first.steps(), "restore=ran publish=ran");
        let told = first.image()["steps"][1]["changed"].to_string();
        assert!(told.contains(why), "{told}");
        let again = build_below(&user, mounts);
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
    let as_it_is = || build_below(&user, &[]);
    as_it_is();

    refer_to(&folder.join("hello-web.csproj"), compiler);
    assert_eq!(as_it_is().steps(), "restore=ran publish=ran");
    assert_eq!(as_it_is().steps(), "restore=hit publish=hit");
    let told = user.run_bare(&["plan", folder.to_str().unwrap()]).success();
    let odd = "native code: the linker of this machine links what microsoft.dotnet.ilcompiler";
    assert!(told.stdout.contains(odd), "{}", told.stdout);

    let list = upgraded(&user);
    let after_an_upgrade = || build_below(&user, &[(&list, LIST)]);
    let upgraded = after_an_upgrade();
    assert_eq!(upgraded.steps(), "restore=hit publish=ran");
    let why = upgraded.image()["steps"][1]["changed"].to_string();
    assert!(why.contains("host's installed packages"), "{why}");
    assert_eq!(after_an_upgrade().steps(), "restore=hit publish=hit");

    for _ in 0..2 {
        let unlisted = build_below(&user, &[(&nothing, "/var/lib/dpkg")]);
        assert_eq!(unlisted.steps(), "restore=hit publish=ran");
        let why = unlisted.image()["steps"][1]["changed"].to_string();
        assert!(why.contains("no list of this machine's packages"), "{why}");
    }
    assert_eq!(as_it_is().steps(), "restore=hit publish=hit");
}

#[test]
fn a_file_of_the_machine_that_a_project_names_is_keyed_and_what_lies_below_opt_is_not_there() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let (share, opt) = (user.path("share"), user.path("opt"));
    for folder in [&share, &opt.join("vendor")] {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("data.txt"), "one").unwrap();
    }
    let content = |path: &str, name: &str| {
        format!(
            "<Content Include=\"{path}\" Condition=\"Exists('{path}')\" Link=\"{name}\" \
             CopyToPublishDirectory=\"Always\" />"
        )
    };
    let reads = format!(
        "<ItemGroup>{}{}</ItemGroup></Project>",
        content("/usr/local/share/data.txt", "share.txt"),
        content("/opt/vendor/data.txt", "opt.txt")
    );
    edit(&folder.join("hello-web.csproj"), "</Project>", &reads);
    let mounts: [(&Path, &str); 2] = [(&share, "/usr/local/share"), (&opt, "/opt")];
    let build = || build_below(&user, &mounts);
    let says = "`/opt/vendor/data.txt` lies outside of the workspace, and no build sees it";
    let published = || {
        let files = user.run_bare(&["inspect", "--files", "oci:out"]).success();
        let mut names = vec!["/app/share.txt", "/app/opt.txt"];
        names.retain(|name| files.stdout.contains(name));
        names
    };
    assert_eq!(build().steps(), "restore=ran publish=ran");
    assert_eq!(published(), ["/app/share.txt"]);
    fs::write(opt.join("vendor/data.txt"), "two").unwrap();
    let again = build();
    assert_eq!(again.steps(), "restore=hit publish=hit");
    assert!(again.stderr.contains(says), "{}", again.stderr);
    fs::write(share.join("data.txt"), "two").unwrap();
    let edited = build();
    assert_eq!(edited.steps(), "restore=ran publish=ran");
    let why = edited.image()["steps"][1]["changed"].to_string();
    let file = "host's file /usr/local/share/data.txt";
    assert!(why.contains(file), "{why}");

    let asked = "[inputs]\nextra = [\"/opt/vendor\"]\n";
    fs::write(folder.join("mizzen.toml"), asked).unwrap();
    let asked = build();
    assert!(!asked.stderr.contains(says), "{}", asked.stderr);
    assert_eq!(published(), ["/app/share.txt", "/app/opt.txt"]);
    fs::write(opt.join("vendor/data.txt"), "three").unwrap();
    assert_eq!(build().steps(), "restore=hit publish=ran");
}

#[test]
fn a_program_below_opt_is_shown_with_its_folder_and_keyed_with_it() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let (programs, opt) = (user.path("programs"), user.path("opt"));
    fs::create_dir_all(&programs).unwrap();
    fs::create_dir_all(opt.join("tool/bin")).unwrap();
    let tool = opt.join("tool/bin/tool");
    fs::write(&tool, "#!/bin/sh\ncat /opt/tool/says.txt\n").unwrap();
    fs::set_permissions(&tool, Permissions::from_mode(0o755)).unwrap();
    fs::write(opt.join("tool/says.txt"), "one").unwrap();
    symlink("/opt/tool/bin/tool", programs.join("tool")).unwrap();
    let runs = "<Target Name=\"Ask\" AfterTargets=\"Publish\">\
        <Exec Command=\"tool &gt; $(PublishDir)/said.txt\" /></Target></Project>";
    edit(&folder.join("hello-web.csproj"), "</Project>", runs);
    let mounts: [(&Path, &str); 2] = [(&programs, "/usr/local/bin"), (&opt, "/opt")];
    let build = || build_below(&user, &mounts);
    let first = build();
    assert_eq!(build().steps(), "restore=hit publish=hit");
    fs::write(opt.join("tool/says.txt"), "two").unwrap();
    let edited = build();
    assert_eq!(edited.steps(), "restore=ran publish=ran");
    let why = edited.image()["steps"][1]["changed"].to_string();
    assert!(why.contains("host's folder /opt/tool"), "{why}");
    assert_ne!(edited.digest(), first.digest());
}
