//! What watching changes for who builds: nothing of the image, and what is found again.

use crate::support::{User, edit, prepared};
use fs_err as fs;

#[test]
fn a_build_that_is_not_watched_makes_the_same_image_and_is_found_only_where_nothing_changed() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let project = user.workspace("hello-web", "w/hello", None);
    // What lies beside a project is looked at by its globs.
    let folder = user.path("w");
    fs::rename(project.join("nuget.config"), folder.join("nuget.config")).unwrap();
    fs::write(folder.join("README.md"), "read me").unwrap();
    let build = |cache: &str, more: &[&str]| {
        let arguments = [
            "w/hello",
            "-o",
            "oci:out",
            "--base",
            "oci:base",
            "-v",
            "--cache-dir",
            cache,
        ];
        user.build(&[&arguments[..], more].concat()).success()
    };
    let watched = build("watched", &[]);
    let alone = build("alone", &["--no-watch"]);
    assert_eq!(watched.digest(), alone.digest());
    for (run, says) in [
        (&watched, ", watched\n"),
        (&alone, ", not watched: asked not to\n"),
    ] {
        assert_eq!(run.stderr.matches(says).count(), 2, "{}", run.stderr);
    }
    let plan = |cache: &str, more: &[&str]| {
        let plan = ["plan", "w/hello", "--cache-dir", cache];
        user.run_bare(&[&plan[..], more].concat()).success().stdout
    };
    fs::write(folder.join("README.md"), "write me").unwrap();
    let (of_watched, of_alone) = (plan("watched", &[]), plan("alone", &[]));
    assert!(of_watched.contains("\nwatched    yes\n"), "{of_watched}");
    assert!(of_watched.contains("\npublish    reused"), "{of_watched}");
    assert!(of_alone.contains("\npublish    runs"), "{of_alone}");
    fs::write(folder.join("mizzen.toml"), "[policy]\nwatch = false\n").unwrap();
    for said in [plan("watched", &[]), plan("watched", &["--no-watch"])] {
        assert!(said.contains("\nwatched    no: asked not to"), "{said}");
    }
    let path = plan("watched", &["--no-watch", "--isolation", "path"]);
    assert!(path.contains("\nwatched    no: asked not to"), "{path}");
    fs::remove_file(folder.join("mizzen.toml")).unwrap();
    let path = plan("watched", &["--isolation", "path"]);
    assert!(
        path.contains("\nwatched    no: it runs with isolation `path`"),
        "{path}"
    );
}

#[test]
fn a_step_that_looks_up_a_random_name_is_told_of_by_check_cache() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let folder = user.workspace("hello-web", "w", None);
    let build = |more: &[&str]| {
        let arguments = ["w", "-o", "oci:out", "--base", "oci:base"];
        user.build(&[&arguments[..], more].concat()).success()
    };
    let first = build(&[]);
    let says = "does not look up the same paths each time";
    let steady = build(&["--check-cache"]);
    assert!(!steady.stderr.contains(says), "{}", steady.stderr);
    // MSBuild takes `$(date)` for a property of its own.
    let target = "<Target Name=\"Odd\" BeforeTargets=\"CoreCompile\">\
        <Exec Command=\"test -e random-`date +%25N` || true\" /></Target></Project>";
    edit(&folder.join("hello-web.csproj"), "</Project>", target);
    let odd = build(&[]);
    assert_eq!(odd.layers(), first.layers());
    let checked = build(&["--check-cache"]);
    assert_eq!(checked.digest(), odd.digest());
    let note = checked
        .stderr
        .lines()
        .find(|line| line.contains(says))
        .unwrap();
    assert!(note.contains("publish of `hello-web.csproj`"), "{note}");
    assert!(
        note.contains("`random-") && note.contains("only now"),
        "{note}"
    );
    assert!(
        checked.stderr.contains("byte for byte"),
        "{}",
        checked.stderr
    );
}
