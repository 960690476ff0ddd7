//! What restore does with packages that come from other places than a feed, change, or are missing.

use crate::support::{Run, User, edit, prepared, refer_no_more, refer_to, some_package};
use fs_err as fs;
use mizzen_testkit::nuget_package;
use std::path::Path;

fn user() -> User {
    User::with_sdk(&prepared("MIZZEN_TEST_SDK31"))
}

fn build(user: &User, more: &[&str]) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    user.build(&[&["hello", "-v", "-o", "oci:out", "--base", &base], more].concat())
}

/// Writes a package as it lies in a folder of packages, whose props say `text`.
fn installed(folder: &Path, text: &str) {
    let package = folder.join("fall.back/1.0.0");
    fs::create_dir_all(package.join("build")).unwrap();
    let props = format!(
        "<Project><PropertyGroup><FallBackSays>{text}</FallBackSays></PropertyGroup></Project>"
    );
    fs::write(package.join("build/Fall.Back.props"), props).unwrap();
    let nuspec = "<package xmlns=\"http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd\"><metadata>\
                  <id>Fall.Back</id><version>1.0.0</version><authors>a</authors><description>d</description></metadata></package>";
    fs::write(package.join("fall.back.nuspec"), nuspec).unwrap();
    fs::write(
        package.join(".nupkg.metadata"),
        r#"{"version":1,"contentHash":"q=="}"#,
    )
    .unwrap();
    fs::write(package.join("fall.back.1.0.0.nupkg.sha512"), "q==").unwrap();
}

#[test]
fn a_fallback_folder_is_seen_by_both_steps_and_keyed_by_what_lies_in_it() {
    let user = user();
    let feed = user.path("feed");
    nuget_package(
        &feed,
        "Own.Sdk",
        "1.0.0",
        &[
            (
                "Sdk/Sdk.props",
                "<Project><PropertyGroup><SdkSays>hello</SdkSays></PropertyGroup></Project>",
            ),
            ("Sdk/Sdk.targets", "<Project />"),
        ],
    );
    let folder = user.workspace("hello-web", "hello", Some(&feed));
    let fallback = user.path("fallback");
    installed(&fallback, "one");
    let project = folder.join("hello-web.csproj");
    // An SDK that is a package is in no project.assets.json, and publish must have it all the same.
    let text = format!(
        "<Sdk Name=\"Own.Sdk\" Version=\"1.0.0\" /><PropertyGroup><RestoreFallbackFolders>{}</RestoreFallbackFolders></PropertyGroup>\
         <ItemGroup><PackageReference Include=\"Fall.Back\" Version=\"1.0.0\" /></ItemGroup>\
         <Target Name=\"Say\" AfterTargets=\"Publish\"><Message Importance=\"high\" \
         Text=\"said $(FallBackSays), $(SdkSays), audit $(NuGetAudit)\" /></Target></Project>",
        fallback.display()
    );
    edit(&project, "</Project>", &text);
    let first = build(&user, &["--isolation", "namespace"]).success();
    assert!(
        first.stderr.contains("said one, hello, audit false"),
        "{}",
        first.stderr
    );
    assert_eq!(
        build(&user, &[]).success().steps(),
        "restore=hit publish=hit"
    );

    installed(&fallback, "two");
    edit(
        &project,
        "<TargetFramework>net10.0",
        "<NuGetAudit>true</NuGetAudit><TargetFramework>net10.0",
    );
    let second = build(&user, &[]).success();
    assert!(
        second.stderr.contains("said two, hello, audit true"),
        "{}",
        second.stderr
    );
    let changed = second.image()["steps"][0]["changed"].to_string();
    assert!(changed.contains("fallback folder "), "{changed}");
}

#[test]
fn without_a_network_folders_serve_and_what_is_missing_is_named() {
    let user = user();
    let feed = user.path("feed");
    some_package(&feed, "<Project />");
    let folder = user.workspace("hello-web", "hello", Some(&feed));
    let project = folder.join("hello-web.csproj");
    refer_to(&project, "Some.Package");
    build(&user, &["--offline"]).success();

    refer_to(&project, "Not.There");
    let said = build(&user, &["--offline"]).failure(5);
    assert!(
        said.contains("Not.There") && said.contains("NU1101"),
        "{said}"
    );
    assert!(
        said.contains("the network is off") && said.contains("hint: run once without --offline"),
        "{said}"
    );
    user.dotnet_calls();
    let said = build(&user, &["--offline", "--isolation", "path"]).failure(5);
    assert!(said.contains("the network is off"), "{said}");
    assert_eq!(user.dotnet_calls(), [""; 0]);

    // Pushed again with other bytes: whoever restores it again is told.
    refer_no_more(&project, "Not.There");
    let other = "<Project><PropertyGroup><Company>Other</Company></PropertyGroup></Project>";
    some_package(&feed, other);
    assert_eq!(
        build(&user, &[]).success().steps(),
        "restore=hit publish=hit"
    );
    edit(&project, "</Project>", "<!-- other --></Project>");
    let again = build(&user, &[]).success();
    assert!(
        again.stderr.contains("note: `some.package` 1.0.0 from "),
        "{}",
        again.stderr
    );
}

#[test]
fn what_floats_is_reused_without_a_process_for_as_long_as_the_policy_says() {
    let user = user();
    let feed = user.path("feed");
    let package = |version: &str| {
        let text = format!("<Project><!-- {version} --></Project>");
        nuget_package(
            &feed,
            "Some.Package",
            version,
            &[("build/Some.Package.props", text)],
        )
    };
    package("1.0.0");
    let folder = user.workspace("hello-web", "hello", Some(&feed));
    edit(
        &folder.join("hello-web.csproj"),
        "</Project>",
        "<ItemGroup><PackageReference Include=\"Some.Package\" Version=\"1.*\" /></ItemGroup></Project>",
    );
    let policy = |text: &str| {
        let text = format!("[policy]\nfloats = \"{text}\"\n");
        fs::write(folder.join("mizzen.toml"), text).unwrap();
    };
    policy("ttl:1h");
    let first = build(&user, &[]).success();
    user.dotnet_calls();
    package("1.1.0");
    let again = build(&user, &[]).success();
    assert_eq!(again.steps(), "restore=hit publish=hit");
    assert_eq!(user.dotnet_calls(), [""; 0]);
    assert!(
        again
            .stderr
            .contains("note: package versions float (Some.Package"),
        "{}",
        again.stderr
    );
    assert_eq!(again.digest(), first.digest());

    // Where its time is always over, the feed is asked each time.
    policy("ttl:0s");
    build(&user, &[]).success();
    let later = build(&user, &[]).success();
    assert_eq!(later.steps(), "restore=ran publish=hit");
    let why = later.image()["steps"][0]["changed"][0].as_str().unwrap();
    assert!(why.starts_with("versions float: Some.Package"), "{why}");

    // What ends that is told by the first build alone.
    policy("resolve");
    for times in [1, 0] {
        let run = build(&user, &["-p", "Other=1"]).success();
        assert!(run.steps().starts_with("restore=ran"), "{}", run.steps());
        let told = run
            .stderr
            .matches("(RestorePackagesWithLockFile) ends that");
        assert_eq!(told.count(), times, "{}", run.stderr);
    }
}

#[test]
fn what_plain_builds_leave_is_no_input_wherever_they_leave_it() {
    let user = user();
    let folder = user.workspace("hello-web", "hello", None);
    let props = "<Project><PropertyGroup><BaseIntermediateOutputPath>$(MSBuildThisFileDirectory)left/</BaseIntermediateOutputPath></PropertyGroup></Project>";
    fs::write(folder.join("Directory.Build.props"), props).unwrap();
    build(&user, &[]).success();
    let dotnet = prepared("MIZZEN_TEST_SDK31").join("dotnet");
    let project = folder.join("hello-web.csproj");
    user.tool(
        dotnet.to_str().unwrap(),
        &["restore", project.to_str().unwrap()],
    );
    assert!(folder.join("left/project.assets.json").exists());
    // Not what it left in the home, either: NuGet's own configuration, as it writes it.
    assert!(user.path("home/.nuget/NuGet/NuGet.Config").exists());
    let again = build(&user, &[]).success();
    assert_eq!(
        again.steps(),
        "restore=hit publish=hit",
        "{}",
        again.image()
    );

    // A file that lies nowhere a stage has it: the message says what to do.
    let import = "<Import Project=\"/home/nobody/shared.props\" /></Project>";
    edit(&project, "</Project>", import);
    let said = build(&user, &[]).failure(3);
    assert!(
        said.contains("MSB4019") && said.contains("hint: a stage does not show files outside"),
        "{said}"
    );
}
