//! Projects whose version comes from git: `.git` is an input of theirs, and of no others.

use crate::support::{Run, User, edit, prepared, testdata};
use fs_err as fs;
use mizzen_testkit::dependent_nuget_package;
use std::path::Path;

fn git(user: &User, folder: &Path, arguments: &[&str]) -> String {
    let folder = folder.to_str().unwrap();
    let identity = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example"];
    user.tool("git", &[&["-C", folder], &identity[..], arguments].concat())
}

fn build(user: &User, project: &str) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-10.0");
    let base = format!("oci:{}", base.display());
    user.build(&[project, "-o", "oci:out", "--base", &base])
        .success()
}

#[test]
fn a_commit_or_a_tag_is_a_miss_where_a_package_asks_git_and_nothing_elsewhere() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    let folder = user.workspace("hello-web", "hello", Some(&prepared("MIZZEN_FEED")));
    git(
        &user,
        &folder,
        &["init", "--quiet", "--initial-branch", "main"],
    );
    git(&user, &folder, &["add", "."]);
    git(&user, &folder, &["commit", "--quiet", "-m", "one"]);
    let commit = || {
        git(
            &user,
            &folder,
            &["commit", "--quiet", "--allow-empty", "-m", "more"],
        )
    };

    // Without such a package git's files are not there, and a commit changes nothing.
    assert_eq!(build(&user, "hello").steps(), "restore=ran publish=ran");
    assert_eq!(user.version_label(), "1.0.0");
    commit();
    assert_eq!(build(&user, "hello").steps(), "restore=hit publish=hit");

    let project = folder.join("hello-web.csproj");
    edit(
        &project,
        "</Project>",
        "<ItemGroup><PackageReference Include=\"MinVer\" Version=\"8.0.0\" PrivateAssets=\"all\" /></ItemGroup></Project>",
    );
    git(&user, &folder, &["tag", "2.1.0"]);
    let first = build(&user, "hello");
    assert_eq!(user.version_label(), "2.1.0");
    assert!(
        first.stderr.contains("git-aware: MinVer asks git"),
        "{}",
        first.stderr
    );

    // A new tag on the same commit; a new commit; and then what another clone of it is.
    git(&user, &folder, &["tag", "-a", "3.0.0", "-m", "annotated"]);
    let tagged = build(&user, "hello");
    assert_eq!(tagged.steps(), "restore=hit publish=ran");
    assert_eq!(
        tagged.image()["steps"][1]["changed"][0],
        "~ .git/packed-refs (content, read)"
    );
    assert_eq!(user.version_label(), "3.0.0");
    git(&user, &folder, &["gc", "--quiet"]);
    git(&user, &folder, &["branch", "other"]);
    assert_eq!(build(&user, "hello").steps(), "restore=hit publish=hit");
    commit();
    assert_eq!(build(&user, "hello").steps(), "restore=hit publish=ran");
    assert_eq!(user.version_label(), "3.0.1-alpha.0.1");

    let clone = user.path("clone");
    let (from, to) = (folder.to_str().unwrap(), clone.to_str().unwrap());
    git(
        &user,
        &folder,
        &["clone", "--quiet", &format!("file://{from}"), to],
    );
    for file in ["hello-web.csproj", "nuget.config"] {
        fs::copy(folder.join(file), clone.join(file)).unwrap();
    }
    let plan = user.run_bare(&["plan", to]).success().stdout;
    assert!(
        plan.contains("caution    hello-web.csproj: git-aware"),
        "{plan}"
    );
    git(&user, &clone, &["remote", "remove", "origin"]);
    assert_eq!(build(&user, "clone").steps(), "restore=hit publish=hit");
    others(&user, &folder, &clone);
}

/// Checks what a build would do in a worktree, whose `.git` is a file, and in a shallow clone.
fn others(user: &User, folder: &Path, clone: &Path) {
    let worktree = user.path("worktree");
    git(
        user,
        clone,
        &[
            "worktree",
            "add",
            "--quiet",
            worktree.to_str().unwrap(),
            "-b",
            "main2",
        ],
    );
    for file in ["hello-web.csproj", "nuget.config"] {
        fs::copy(folder.join(file), worktree.join(file)).unwrap();
    }
    let plan = ["plan", "--json", worktree.to_str().unwrap()];
    let plan = user.run_bare(&plan).success().stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let why = plan["steps"][1]["changed"].as_array().unwrap();
    assert_eq!(why, &["no earlier build of this project is in the cache"]);
    assert!(plan["facts"]["files"][".git/packed-refs"].is_object());
    assert_eq!(plan["oddities"].as_array().unwrap().len(), 1, "{plan}");
    let shallow = user.path("shallow");
    let to = shallow.to_str().unwrap();
    git(
        user,
        folder,
        &[
            "clone",
            "--quiet",
            "--depth",
            "1",
            &format!("file://{}", folder.display()),
            to,
        ],
    );
    fs::copy(
        folder.join("hello-web.csproj"),
        shallow.join("hello-web.csproj"),
    )
    .unwrap();
    let plan = user.run_bare(&["plan", to]).success();
    assert!(plan.stdout.contains("is shallow"), "{}", plan.stdout);
}

#[test]
fn a_package_that_asks_git_is_known_though_another_package_asks_for_it() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    let (feed, own) = (prepared("MIZZEN_FEED"), user.path("feed"));
    let needs = [("MinVer", "8.0.0")];
    let none: [(&str, &str); 0] = [];
    dependent_nuget_package(&own, ("Acme.Defaults", "1.0.0"), &needs, &none);
    let folder = user.sources(&testdata("solutions/hello-web"), "hello", &[&feed, &own]);
    edit(
        &folder.join("hello-web.csproj"),
        "</Project>",
        "<ItemGroup><PackageReference Include=\"Acme.Defaults\" Version=\"1.0.0\" /></ItemGroup></Project>",
    );
    let git = |arguments: &[&str]| git(&user, &folder, arguments);
    git(&["init", "--quiet", "--initial-branch", "main"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["tag", "2.1.0"]);
    let first = build(&user, "hello");
    assert_eq!(user.version_label(), "2.1.0");
    let odd = "package minver 8.0.0: git-aware: minver asks git";
    assert!(first.stderr.contains(odd), "{}", first.stderr);
    // It reads history alone: another branch is nothing to it, another commit is.
    git(&["branch", "other"]);
    assert_eq!(build(&user, "hello").steps(), "restore=hit publish=hit");
    git(&["commit", "--quiet", "--allow-empty", "-m", "two"]);
    assert_eq!(build(&user, "hello").steps(), "restore=hit publish=ran");
    assert_eq!(user.version_label(), "2.1.1-alpha.0.1");
}

#[test]
fn the_sdk_looks_whether_there_is_a_repository_and_a_script_that_asks_git_is_told_of() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    let folder = user.workspace("hello-web", "w/hello", None);
    git(&user, &user.path("w"), &["init", "--quiet"]);
    let looks = || {
        let run = user.run_bare(&["plan", "w/hello", "--inputs", "--json"]);
        let plan: serde_json::Value = serde_json::from_str(&run.success().stdout).unwrap();
        let paths = plan["steps"][1]["paths"].as_array().unwrap().clone();
        let names = paths.iter().map(|path| path["path"].as_str().unwrap());
        let of_git = names.filter(|path| path.split('/').any(|part| part == ".git"));
        of_git.map(str::to_owned).collect::<Vec<_>>()
    };
    let asked = "asked git (it looked for";
    let plain = build(&user, "w/hello");
    assert_eq!(looks(), [".git", "hello/.git"]);
    assert!(!plain.stderr.contains(asked), "{}", plain.stderr);

    fs::write(folder.join("stamp.sh"), "git describe --always || true\n").unwrap();
    let target = "<Target Name=\"Stamp\" BeforeTargets=\"CoreCompile\">\
        <Exec Command=\"sh stamp.sh\" /></Target></Project>";
    edit(&folder.join("hello-web.csproj"), "</Project>", target);
    let stamped = build(&user, "w/hello");
    let deeper = [".git", ".git/HEAD", "hello/.git", "hello/.git/HEAD"];
    assert_eq!(looks(), deeper);
    assert!(stamped.stderr.contains(asked), "{}", stamped.stderr);
    // As the warning says.
    fs::write(user.path("w/mizzen.toml"), "[policy]\ngit = \"always\"\n").unwrap();
    git(&user, &user.path("w"), &["add", "."]);
    git(&user, &user.path("w"), &["commit", "--quiet", "-m", "one"]);
    let shown = build(&user, "w/hello");
    assert!(!shown.stderr.contains(asked), "{}", shown.stderr);
    assert_eq!(build(&user, "w/hello").steps(), "restore=hit publish=hit");
    let commit = ["commit", "--quiet", "--allow-empty", "-m", "two"];
    git(&user, &user.path("w"), &commit);
    assert_eq!(build(&user, "w/hello").steps(), "restore=hit publish=ran");
}
