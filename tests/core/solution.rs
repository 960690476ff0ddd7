//! A solution becomes an image of each service in it.

use crate::support::{Registry, Run, User, edit, prepared};
use fs_err as fs;
use std::path::PathBuf;

const SOLUTION: &str = r#"Microsoft Visual Studio Solution File, Format Version 12.00
Project("{FAE04EC0-301F-11D3-BF4B-00C04F79EFBC}") = "Front", "Front\Front.csproj", "{1}"
EndProject
Project("{FAE04EC0-301F-11D3-BF4B-00C04F79EFBC}") = "Library", "Library\Library.csproj", "{2}"
EndProject
Project("{FAE04EC0-301F-11D3-BF4B-00C04F79EFBC}") = "Back", "Back\Back.csproj", "{3}"
EndProject
Project("{FAE04EC0-301F-11D3-BF4B-00C04F79EFBC}") = "Tests", "Tests\Tests.csproj", "{4}"
EndProject
"#;
const LIBRARY: &str = r#"<Project Sdk="Microsoft.NET.Sdk" />"#;
const TESTS: &str = r#"<Project Sdk="Microsoft.NET.Sdk.Web"><ItemGroup><PackageReference Include="Microsoft.NET.Test.Sdk" /></ItemGroup></Project>"#;

fn user() -> User {
    User::with_sdk(&prepared("MIZZEN_TEST_SDK31"))
}

fn layout() -> PathBuf {
    prepared("MIZZEN_TEST_BASE").join("aspnet-3.1")
}

/// Makes a solution of two services, a library and tests.
fn solution(user: &User) -> PathBuf {
    let folder = user.path("shop");
    for service in ["Front", "Back"] {
        let project = user.workspace("hello-web", &format!("shop/{service}"), None);
        fs::rename(project.join("nuget.config"), folder.join("nuget.config")).unwrap();
        let file = project.join(format!("{service}.csproj"));
        fs::rename(project.join("hello-web.csproj"), file).unwrap();
    }
    for (name, text) in [("Library", LIBRARY), ("Tests", TESTS)] {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(format!("{name}/{name}.csproj")), text).unwrap();
    }
    fs::write(folder.join("Shop.sln"), SOLUTION).unwrap();
    folder
}

fn digests(run: &Run) -> Vec<(&str, &str)> {
    let images = run.metadata["images"].as_array().unwrap().iter();
    images
        .map(|image| {
            (
                image["name"].as_str().unwrap(),
                image["digest"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn each_service_becomes_an_image_and_is_the_one_that_its_project_alone_makes() {
    let (user, registry) = (user(), Registry::with_base(&layout()));
    solution(&user);
    let tag = registry.reference("shop/{project}:1");
    let build = |path: &str, more: &[&str]| {
        user.build(&[&[path, "-t", &tag, "--base", &registry.base], more].concat())
    };
    let first = build("shop", &[]).success();
    let mut calls = user.dotnet_calls();
    // Side by side, in whatever order.
    calls.sort_unstable();
    assert_eq!(calls, ["publish", "publish", "restore", "restore"]);
    let images = digests(&first);
    let lines: Vec<String> = images
        .iter()
        .map(|(name, digest)| {
            let reference = registry.reference(&format!("shop/{name}:1"));
            format!("{reference}@{digest}")
        })
        .collect();
    assert_eq!(first.stdout.lines().collect::<Vec<_>>(), lines);
    assert_eq!((images[0].0, images[1].0), ("front", "back"));
    assert!(
        first
            .stderr
            .contains("2 services; left out Library (a library), Tests (tests)"),
        "{}",
        first.stderr
    );

    // Which image a line is of, and how both run beside each other.
    let said = &first.stderr;
    assert!(said.contains("image    front: linux/amd64 on"), "{said}");
    assert!(said.contains("image    back: linux/amd64 on"), "{said}");
    let runs: Vec<&str> = said
        .lines()
        .filter(|it| it.starts_with("docker run"))
        .collect();
    assert!(runs[0].contains(" -p 8080:8080 "), "{runs:?}");
    assert!(runs[1].contains(" -p 8081:8080 "), "{runs:?}");

    // Nothing changed: no process, however the project is named.
    assert_eq!(digests(&build("shop/Shop.sln", &[]).success()), images);
    let chosen = build("shop", &["--project", "Back"]).success();
    assert_eq!(digests(&chosen), [images[1]]);
    let alone = build("shop/Back", &["--all-or-nothing"]).success();
    assert_eq!(digests(&alone), [images[1]]);
    let plan = user.run_bare(&["plan", user.path("shop").to_str().unwrap(), "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.success().stdout).unwrap();
    assert_eq!(plan["projects"][1]["facts"]["project"], "Back/Back.csproj");
    assert_eq!(plan["projects"][1]["steps"][1]["outcome"], "hit");
    assert_eq!(user.dotnet_calls(), [""; 0]);

    let said = build("shop", &["--project", "Middle"]).failure(2);
    assert!(
        said.contains("it has Front, Library, Back, Tests"),
        "{said}"
    );
    let one_place = registry.reference("shop/all:1");
    let said = user
        .build(&["shop", "-t", &one_place, "--base", &registry.base])
        .failure(2);
    assert!(said.contains("{project}"), "{said}");
}

#[test]
fn a_service_that_fails_stops_the_others_only_where_all_or_nothing_is_asked_for() {
    let (user, registry) = (user(), Registry::with_base(&layout()));
    let folder = solution(&user);
    edit(&folder.join("Front/Program.cs"), ";", "; nonsense");
    let tag = registry.reference("shop/{project}:1");
    let build = |more: &[&str]| {
        user.build(&[&["shop", "-t", &tag, "--base", &registry.base], more].concat())
    };
    let said = build(&["--all-or-nothing"]);
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (3, ""),
        "{}",
        said.stderr
    );
    assert!(!registry.has("shop/back/_manifests"));

    let run = build(&[]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(
        run.stderr
            .contains("error: 1 of 2 images failed\n  caused by: ")
            && run.stderr.contains("Front.csproj: `dotnet publish` of `"),
        "{}",
        run.stderr
    );
    let images = digests(&run);
    assert_eq!(images.len(), 1);
    let back = registry.reference("shop/back:1");
    assert_eq!(run.stdout, format!("{back}@{}\n", images[0].1));
    assert!(registry.has("shop/back/_manifests") && !registry.has("shop/front/_manifests"));
}
