//! What a build takes of the machine decides whether it is reused: what an `Exec` runs and reads, files
//! that a project names. What does not, no build sees.

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

/// What lies over what.
type Mounts<'a> = &'a [(&'a Path, &'a str)];

#[test]
fn what_an_exec_runs_is_in_the_key_and_not_what_is_installed_beside_it() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let runs = "<Target Name=\"Ask\" AfterTargets=\"Publish\"><Exec Command=\"tac /dev/null\" /></Target></Project>";
    edit(&folder.join("hello-web.csproj"), "</Project>", runs);
    let other = user.path("tac");
    fs::write(&other, "#!/bin/sh\necho another\n").unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o755)).unwrap();
    let program = fs::canonicalize("/usr/bin/tac").unwrap();
    let program = program.to_str().unwrap();
    let upgraded = upgraded(&user);
    let cases: [(Mounts<'_>, &str, &str); 3] = [
        (&[], "restore=ran publish=ran", "no earlier build"),
        (&[(&upgraded, LIST)], "restore=hit publish=hit", ""),
        (
            &[(&other, program)],
            "restore=hit publish=ran",
            "/tac (read, outside the workspace)",
        ),
    ];
    for (mounts, steps, why) in cases {
        let first = build_below(&user, mounts);
        assert_eq!(first.steps(), steps);
        let told = first.image()["steps"][1]["changed"].to_string();
        assert!(told.contains(why), "{told}");
        let again = build_below(&user, mounts);
        assert_eq!(again.steps(), "restore=hit publish=hit");
    }
}

#[test]
fn native_code_is_watched_like_all_else_and_is_never_kept_where_nothing_watches() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let feed = user.path("feed");
    // What restore fetches where `PublishAot` is true; nothing is compiled here.
    let compiler = "Microsoft.DotNet.ILCompiler";
    nuget_package(&feed, compiler, "1.0.0", &[("tools/ilc", "")]);
    let folder = user.workspace("hello-web", "hello", Some(&feed));
    refer_to(&folder.join("hello-web.csproj"), compiler);
    let first = build_below(&user, &[]);
    assert_eq!(first.steps(), "restore=ran publish=ran");
    let odd = "native code: this machine's linker links what microsoft.dotnet.ilcompiler";
    assert!(first.stderr.contains(odd), "{}", first.stderr);
    // No linker ran, so no list of what is installed decides about anything.
    let list = upgraded(&user);
    let again = build_below(&user, &[(&list, LIST)]);
    assert_eq!(again.steps(), "restore=hit publish=hit");

    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let arguments = ["hello", "-o", "oci:out", "--base", &base];
    let arguments = [&arguments[..], &["--isolation", "path"]].concat();
    let open = user.elsewhere("open");
    for restore in ["ran", "hit"] {
        let run = user.build_as(&open, &arguments).success();
        assert_eq!(run.steps(), format!("restore={restore} publish=ran"));
        let why = "what the publish of `hello-web.csproj` gave is not kept: ";
        assert!(run.stderr.contains(why), "{}", run.stderr);
        let why = "and nothing watched it (it ran with isolation `path`)";
        assert!(run.stderr.contains(why), "{}", run.stderr);
    }
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
    let says = "`/opt/vendor/data.txt` is outside the workspace, so no build sees it";
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
    // `Exists` asks whenever the project is read, and nobody knows what a program makes of the answer.
    assert_eq!(edited.steps(), "restore=ran publish=ran");
    let why = edited.image()["steps"][1]["changed"].to_string();
    assert!(why.contains("~ /usr/local/share/data.txt ("), "{why}");

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
    assert_eq!(edited.steps(), "restore=hit publish=ran");
    let why = edited.image()["steps"][1]["changed"].to_string();
    assert!(why.contains("~ /opt/tool/says.txt (read"), "{why}");
    assert_ne!(edited.digest(), first.digest());
}
