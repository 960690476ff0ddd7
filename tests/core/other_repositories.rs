//! What a repository says of others: by its `.git`, by `global.json`, by a solution.

use crate::support::{Run, User, edit, prepared};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A user who has allowed nothing, a repository of the user's own, and a workspace whose project asks git.
fn scene() -> (User, PathBuf, PathBuf) {
    let mut user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    user.environment.remove("MIZZEN_TRUST");
    let mine = fs::canonicalize(user.folder_path()).unwrap().join("mine");
    git(&user, user.folder_path(), &["init", "-q", "mine"]);
    fs::write(mine.join("secret"), "secret\n").unwrap();
    git(&user, &mine, &["add", "secret"]);
    commit(&user, &mine);
    let folder = user.workspace("hello-web", "hello", None);
    let package = "<ItemGroup><PackageReference Include=\"MinVer\" Version=\"6.0.0\" /></ItemGroup></Project>";
    edit(&folder.join("hello-web.csproj"), "</Project>", package);
    (user, mine, folder)
}

fn git(user: &User, folder: &Path, arguments: &[&str]) {
    let fixed = [
        "-c",
        "protocol.file.allow=always",
        "-C",
        folder.to_str().unwrap(),
    ];
    user.tool("git", &[&fixed, arguments].concat());
}

fn commit(user: &User, folder: &Path) {
    let who = ["-c", "user.name=a", "-c", "user.email=a@b"];
    git(user, folder, &[&who[..], &["commit", "-qm", "a"]].concat());
}

fn plan(user: &User, folder: &Path) -> Run {
    user.run_bare(&["plan", folder.to_str().unwrap()])
}

/// Checks that a plan stops, and for what; then that it goes on once that is allowed.
fn asks(user: &User, folder: &Path, wants: &[&Path], asked_by: &str) {
    let said = plan(user, folder).failure(2);
    assert!(said.contains("that you have not allowed"), "{said}");
    for want in wants {
        let want = format!("read `{}`", want.display());
        assert!(said.contains(&want) && said.contains(asked_by), "{said}");
    }
    assert_eq!(user.dotnet_calls(), [""; 0]);
    let folder = folder.to_str().unwrap();
    user.run_bare(&["trust", folder]).success();
    user.run_bare(&["plan", folder]).success();
    user.run_bare(&["trust", "--forget", folder]).success();
    user.run_bare(&["plan", folder]).failure(2);
}

#[test]
fn a_git_that_leads_to_another_repository_is_followed_only_with_consent() {
    let (user, mine, folder) = scene();
    let own = mine.join(".git");
    let git = folder.join(".git");
    fs::write(&git, format!("gitdir: {}\n", own.display())).unwrap();
    asks(&user, &folder, &[&own, &own.join("objects")], "`.git`");
    fs::remove_file(&git).unwrap();
    symlink(&own, &git).unwrap();
    asks(&user, &folder, &[&own, &own.join("objects")], "`.git`");
    fs::remove_file(&git).unwrap();
    // A folder that has nothing of git's: it would be shown all the same.
    let keys = user.path("home/.ssh");
    fs::create_dir_all(&keys).unwrap();
    fs::create_dir_all(git.join("objects/info")).unwrap();
    fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::create_dir_all(git.join("refs")).unwrap();
    let alternates = git.join("objects/info/alternates");
    fs::write(&alternates, format!("{}\n", keys.display())).unwrap();
    asks(&user, &folder, &[&keys], "`.git`");
    // Where no package asks git, nothing of it is shown, and nothing asked.
    let package = "<PackageReference Include=\"MinVer\" Version=\"6.0.0\" />";
    edit(&folder.join("hello-web.csproj"), package, "");
    plan(&user, &folder).success();
}

#[test]
fn a_worktree_and_a_submodule_of_ones_own_need_no_consent_and_borrowed_objects_do() {
    let (user, mine, folder) = scene();
    fs::rename(
        folder.join("hello-web.csproj"),
        mine.join("hello-web.csproj"),
    )
    .unwrap();
    fs::rename(folder.join("Program.cs"), mine.join("Program.cs")).unwrap();
    git(&user, &mine, &["add", "."]);
    commit(&user, &mine);
    git(&user, &mine, &["worktree", "add", "-q", "../tree"]);
    git(&user, user.folder_path(), &["init", "-q", "super"]);
    let add = ["submodule", "--quiet", "add", mine.to_str().unwrap(), "sub"];
    git(&user, &user.path("super"), &add);
    for folder in ["mine", "tree", "super/sub"] {
        let text = plan(&user, &user.path(folder)).success().stdout;
        assert!(text.contains("MinVer"), "{folder}: {text}");
        let shown = user.run_bare(&["trust", "--show", folder]).success();
        assert_eq!(shown.stdout, "", "{folder}");
    }
    git(
        &user,
        user.folder_path(),
        &["clone", "-q", "--shared", "mine", "shared"],
    );
    let objects = mine.join(".git/objects");
    asks(&user, &user.path("shared"), &[&objects], "`.git`");
}

#[test]
fn an_sdk_that_global_json_finds_outside_of_the_repository_is_run_only_with_consent() {
    let (user, mine, folder) = scene();
    let sdk = fs::canonicalize(prepared("MIZZEN_TEST_SDK31")).unwrap();
    let other = mine.join("dotnet");
    fs::create_dir_all(&other).unwrap();
    for entry in fs::read_dir(&sdk).unwrap() {
        let entry = entry.unwrap();
        symlink(entry.path(), other.join(entry.file_name())).unwrap();
    }
    // The host is one that reads `paths`.
    let host = user.path("sdk/host");
    fs::remove_file(&host).unwrap();
    fs::create_dir_all(host.join("fxr/10.0.100")).unwrap();
    let version = "3.1.102";
    for path in [other.to_str().unwrap(), "../mine/dotnet"] {
        let json = format!(
            "{{ \"sdk\": {{ \"version\": \"{version}\", \"paths\": [\"{path}\"] }}, \
             \"msbuild-sdks\": {{ \"Some.Sdk\": \"1.0.0\" }} }}"
        );
        fs::write(folder.join("global.json"), json).unwrap();
        asks(&user, &folder, &[&other], "`global.json`");
    }
    // In the repository it is the repository's own; what MSBuild's SDKs name are packages.
    fs::rename(&other, folder.join("dotnet")).unwrap();
    let json = format!("{{ \"sdk\": {{ \"version\": \"{version}\", \"paths\": [\"dotnet\"] }} }}");
    fs::write(folder.join("global.json"), json).unwrap();
    plan(&user, &folder).success();
}

#[test]
fn a_solution_that_names_a_project_of_another_repository_builds_it_only_with_consent() {
    let (user, mine, folder) = scene();
    fs::rename(&folder, mine.join("app")).unwrap();
    let unpacked = user.path("unpacked");
    fs::create_dir_all(unpacked.join(".git")).unwrap();
    let project = "../mine/app/hello-web.csproj";
    let solution = format!("<Solution><Project Path=\"{project}\" /></Solution>\n");
    fs::write(unpacked.join("all.slnx"), solution).unwrap();
    asks(&user, &unpacked.join("all.slnx"), &[&mine], "all.slnx");
    // It is asked of the repository that is read: what the one is allowed, the other is not.
    plan(&user, &mine.join("app")).success();
}
