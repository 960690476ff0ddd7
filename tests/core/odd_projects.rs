//! Projects that depend on more than their sources, or do more than write their output: found by
//! what their files say, told by name, and never wrong.

use crate::support::{Run, User, edit, prepared};
use fs_err as fs;
use mizzen_testkit::{dependent_nuget_package, nuget_package};
use std::path::Path;

/// A target that fetches from a server of this machine, which only a stage with a network reaches.
const FETCHES: &str = r#"
  <Target Name="FetchBanner" BeforeTargets="CoreCompile">
    <DownloadFile SourceUrl="http://ADDRESS/v2/" DestinationFolder="wwwroot" DestinationFileName="banner.txt" />
    <Exec Command="date &gt; wwwroot/built.txt" />
  </Target>
</Project>"#;

/// Targets that ask the clock and write beside the sources.
const ODD: &str = r#"
  <PropertyGroup>
    <InformationalVersion>1.0-$([System.DateTime]::UtcNow.Ticks)</InformationalVersion>
  </PropertyGroup>
  <Target Name="Describe" AfterTargets="CoreCompile">
    <WriteLinesToFile File="api/hello-web.json" Lines="{}" Overwrite="true" />
    <WriteLinesToFile File="wwwroot/site.css" Lines="/* touched */" />
  </Target>
</Project>"#;

fn build(user: &User) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    user.build(&[
        "hello",
        "-o",
        "oci:out",
        "--base",
        &format!("oci:{}", base.display()),
    ])
}

#[test]
fn a_target_that_fetches_is_named_when_it_fails_and_with_a_network_nothing_is_reused() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let registry = mizzen_testkit::MemoryRegistry::start();
    let project = FETCHES.replace("ADDRESS", &registry.host());
    edit(&folder.join("hello-web.csproj"), "</Project>", &project);
    let plan = user.run_bare(&["plan", folder.to_str().unwrap()]).success();
    let odd = "hello-web.csproj: networked: target FetchBanner fetches (http://";
    assert!(plan.stdout.contains(odd), "{}", plan.stdout);

    let said = build(&user).failure(3);
    assert!(
        said.contains("target `FetchBanner` of `hello-web.csproj`"),
        "{said}"
    );
    assert!(
        said.contains("hint: ") && said.contains("[policy] network = true"),
        "{said}"
    );

    fs::write(folder.join("mizzen.toml"), "[policy]\nnetwork = true\n").unwrap();
    let first = build(&user).success();
    assert_eq!(first.steps(), "restore=hit publish=ran");
    let again = build(&user).success();
    assert_eq!(again.steps(), "restore=hit publish=ran");
    let why = again.image()["steps"][1]["changed"][0].as_str().unwrap();
    assert!(why.contains("network"), "{why}");
    // The very publish that a key of today would find must not be found once the network is off.
    fs::write(folder.join("mizzen.toml"), "").unwrap();
    build(&user).failure(3);
}

#[test]
fn the_clock_is_warned_of_and_what_is_written_beside_the_sources_is_told_and_stays_away() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    edit(&folder.join("hello-web.csproj"), "</Project>", ODD);
    let style = fs::read_to_string(folder.join("wwwroot/site.css")).unwrap();
    for steps in ["restore=ran publish=ran", "restore=hit publish=hit"] {
        let run = build(&user).success();
        assert_eq!(run.steps(), steps);
        let warning = "warning: hello-web.csproj: volatile: [system.datetime]::utcnow";
        assert!(run.stderr.contains(warning), "{}", run.stderr);
        let written = "leaves yours as they are: api/hello-web.json, wwwroot/site.css";
        assert!(run.stderr.contains(written), "{}", run.stderr);
    }
    assert_eq!(
        fs::read_to_string(folder.join("wwwroot/site.css")).unwrap(),
        style
    );
    assert!(!folder.join("api").exists());

    // Whoever will not have an old time says so, and gets a new one, or none at all.
    let policy = |text: &str| {
        let text = format!("[policy]\nvolatile = \"{text}\"\n");
        fs::write(folder.join("mizzen.toml"), text).unwrap();
    };
    policy("never-cache");
    build(&user).success();
    let again = build(&user).success();
    assert_eq!(again.steps(), "restore=hit publish=ran");
    let why = again.image()["steps"][1]["changed"][0].as_str().unwrap();
    assert!(why.contains("is not reproducible"), "{why}");
    assert!(
        again.stderr.contains("it is published each time"),
        "{}",
        again.stderr
    );
    policy("error");
    let said = build(&user).failure(6);
    assert!(
        said.contains("[system.datetime]::utcnow") && said.contains("hint: pass the value"),
        "{said}"
    );
}

fn git(user: &User, folder: &Path, arguments: &[&str]) -> String {
    let folder = folder.to_str().unwrap();
    let start = ["-C", folder, "-c", "user.name=x", "-c", "user.email=x"];
    user.tool("git", &[&start[..], arguments].concat())
}

/// A target that asks git itself.
const STAMP: &str = r#"
  <Target Name="Stamp" BeforeTargets="GetAssemblyVersion">
    <Exec Command="git describe --tags --always --dirty" ConsoleToMSBuild="true">
      <Output TaskParameter="ConsoleOutput" PropertyName="PackageVersion" />
    </Exec>
  </Target>
</Project>"#;

#[test]
fn a_target_that_runs_git_sees_the_repository_and_a_commit_is_a_miss() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    edit(&folder.join("hello-web.csproj"), "</Project>", STAMP);
    let git = |arguments: &[&str]| git(&user, &folder, arguments);
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["tag", "4.5.6"]);
    let first = build(&user).success();
    assert_eq!(user.version_label(), "4.5.6");
    assert!(
        first.stderr.contains("git-aware: target Stamp asks git"),
        "{}",
        first.stderr
    );
    assert_eq!(build(&user).success().steps(), "restore=hit publish=hit");
    git(&["commit", "--quiet", "--allow-empty", "-m", "two"]);
    let plan = user
        .run_bare(&["plan", folder.to_str().unwrap()])
        .success()
        .stdout;
    assert!(
        plan.contains("~ .git/packed-refs (content, read)"),
        "{plan}"
    );
}

#[test]
fn a_package_of_a_package_that_runs_git_sees_the_repository_and_a_commit_is_a_miss() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let feed = user.path("feed");
    let stamp = format!("<Project>{STAMP}");
    let targets = [("buildTransitive/Acme.Version.targets", &stamp)];
    nuget_package(&feed, "Acme.Version", "1.0.0", &targets);
    let none: [(&str, &str); 0] = [];
    let needs = [("Acme.Version", "1.0.0")];
    dependent_nuget_package(&feed, ("Acme.Defaults", "1.0.0"), &needs, &none);
    let folder = user.workspace("hello-web", "hello", Some(&feed));
    let reference = "<ItemGroup><PackageReference Include=\"Acme.Defaults\" Version=\"1.0.0\" /></ItemGroup></Project>";
    edit(&folder.join("hello-web.csproj"), "</Project>", reference);
    let git = |arguments: &[&str]| git(&user, &folder, arguments);
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["tag", "4.5.6"]);

    // Only restore tells of the package, and from then on the repository is in the stage and in the key.
    let first = build(&user).success();
    assert_eq!(first.steps(), "restore=ran publish=ran");
    assert_eq!(user.version_label(), "4.5.6");
    let odd = "package acme.version 1.0.0: git-aware: acme.version asks git";
    assert!(
        first.stderr.contains(&format!("note: {odd}")),
        "{}",
        first.stderr
    );
    user.dotnet_calls();
    assert_eq!(build(&user).success().steps(), "restore=hit publish=hit");
    let plan = ["plan", folder.to_str().unwrap()];
    let plan = || user.run_bare(&plan).success().stdout;
    assert!(plan().contains(&format!("caution    {odd}")), "{}", plan());
    git(&["commit", "--quiet", "--allow-empty", "-m", "two"]);
    git(&["tag", "4.5.7"]);
    assert!(
        plan().contains("~ .git/packed-refs (content, read)"),
        "{}",
        plan()
    );
    assert_eq!(user.dotnet_calls(), [""; 0]);
    assert_eq!(build(&user).success().steps(), "restore=hit publish=ran");
    assert_eq!(user.version_label(), "4.5.7");

    // Who will not have it asked has another key, wherever the policy is written.
    fs::write(
        user.path("mizzen.toml"),
        "[policy]\ngit = \"never\"\n[inputs]\nroot = \"hello\"\n",
    )
    .unwrap();
    assert!(plan().contains("host's git: unset → never"), "{}", plan());
    fs::remove_file(user.path("mizzen.toml")).unwrap();

    // Where restore's record is gone, restore tells again, and publish is still known.
    for step in ["restore", "restore-by-paths"] {
        fs::remove_dir_all(user.path("cache/actions-v1").join(step)).unwrap();
    }
    assert_eq!(build(&user).success().steps(), "restore=ran publish=hit");
}
