//! `mizzen init`: what it writes is taken by a build.

use crate::support::{User, prepared};
use fs_err as fs;
use mizzen_testkit::tiny_base;
use std::path::Path;

const SOLUTION: &str = r#"<Solution>
  <Project Path="Front/Front.csproj" />
  <Project Path="Back/Back.csproj" />
  <Project Path="Library/Library.csproj" />
</Solution>
"#;

/// Takes the `# ` from the lines that are settings in a comment.
fn without_comment_marks(text: &str) -> String {
    let is_setting = |line: &str| line.starts_with('[') || line.contains(" = ");
    let lines = text.lines().map(|line| match line.strip_prefix("# ") {
        Some(setting) if is_setting(setting) => setting,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn commands(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let commands = text.lines().filter_map(|line| {
        let at = line.find("mizzen build ")?;
        Some(line[at..].to_owned())
    });
    commands.collect()
}

#[test]
fn init_writes_what_a_build_takes_and_leaves_what_is_there() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let shop = user.path("shop");
    for name in ["Front", "Back"] {
        let folder = user.workspace("hello-web", &format!("shop/{name}"), None);
        fs::rename(folder.join("nuget.config"), shop.join("nuget.config")).unwrap();
        let project = folder.join(format!("{name}.csproj"));
        fs::rename(folder.join("hello-web.csproj"), project).unwrap();
    }
    fs::create_dir(shop.join("Library")).unwrap();
    let library = r#"<Project Sdk="Microsoft.NET.Sdk" />"#;
    fs::write(shop.join("Library/Library.csproj"), library).unwrap();
    fs::write(shop.join("Shop.slnx"), SOLUTION).unwrap();
    fs::write(shop.join("Front/Dockerfile"), "FROM scratch\n").unwrap();
    fs::create_dir(shop.join(".github")).unwrap();

    let shown = user.run_bare(&["init", "shop", "--dry-run"]).success();
    assert!(
        shown.stdout.starts_with("# mizzen.toml\n"),
        "{}",
        shown.stdout
    );
    assert!(!shop.join("mizzen.toml").exists());
    let init = user.run_bare(&["init", "shop"]).success();
    assert!(
        init.stderr.contains("2 services: Front, Back"),
        "{}",
        init.stderr
    );
    assert!(init.stderr.contains("mizzen migrate "), "{}", init.stderr);
    let written: Vec<&Path> = init.stdout.lines().map(Path::new).collect();
    let workflow = shop.join(".github/workflows/images.yml");
    assert_eq!(written, [&shop.join("mizzen.toml"), &workflow]);
    let pushes = commands(&workflow);
    assert_eq!(pushes.len(), 2);
    assert!(
        pushes[1].starts_with("mizzen build Shop.slnx -t \"${IMAGE,,}/{project}:"),
        "{pushes:?}"
    );

    // Again: nothing is changed.
    fs::write(shop.join("mizzen.toml"), "# mine\n").unwrap();
    let again = user.run_bare(&["init", "shop"]).success();
    assert_eq!(again.stdout, "");
    assert!(again.stderr.contains("stays as it is"), "{}", again.stderr);
    assert_eq!(
        fs::read_to_string(shop.join("mizzen.toml")).unwrap(),
        "# mine\n"
    );

    // The file says nothing by itself; with what it has in comments it is understood, too.
    fs::remove_file(shop.join("mizzen.toml")).unwrap();
    user.run_bare(&["init", "shop", "--no-ci"]).success();
    let text = fs::read_to_string(shop.join("mizzen.toml")).unwrap();
    tiny_base(&user.path("base"), "linux/amd64");
    let build = ["shop/Front", "--base", "oci:base", "-o", "oci:out"];
    user.build(&build).success();
    fs::write(shop.join("mizzen.toml"), without_comment_marks(&text)).unwrap();
    let plan = ["plan", "shop/Front", "--config"];
    let said = user.run_bare(&plan);
    assert!(!said.stderr.contains("unknown key"), "{}", said.stderr);
    assert!(!said.stderr.contains("not understood"), "{}", said.stderr);
}

#[test]
fn init_knows_ci_systems_by_their_files_and_by_the_option() {
    let user = User::without_sdk();
    let web = r#"<Project Sdk="Microsoft.NET.Sdk.Web" />"#;
    fs::write(user.path("Api.csproj"), web).unwrap();
    let pinned = r#"{ "sdk": { "version": "9.0.100" } }"#;
    fs::write(user.path("global.json"), pinned).unwrap();
    let none = user.run_bare(&["init", "--dry-run"]).success();
    assert!(
        none.stderr.contains("no CI system is known here"),
        "{}",
        none.stderr
    );
    for (ci, file, has) in [
        ("gitlab", ".gitlab-ci.yml", "dotnet/sdk:9.0"),
        ("azure", "azure-pipelines-images.yml", "version: 9.0.x"),
        (
            "github",
            ".github/workflows/images.yml",
            "dotnet-version: 9.0.x",
        ),
    ] {
        user.run_bare(&["init", "--ci", ci]).success();
        let text = fs::read_to_string(user.path(file)).unwrap();
        assert!(text.contains(has), "{text}");
        assert_eq!(commands(&user.path(file)).len(), 2, "{text}");
        assert!(
            !text.contains('\t') && !text.contains("{project}"),
            "{text}"
        );
    }
    // GitLab's own file is there now: the images have one beside it.
    let included = user.run_bare(&["init", "--ci", "gitlab"]).success();
    assert!(
        included.stderr.contains("include it"),
        "{}",
        included.stderr
    );
    assert!(user.path(".gitlab/images.yml").exists());

    fs::write(
        user.path("Api.csproj"),
        r#"<Project Sdk="Microsoft.NET.Sdk" />"#,
    )
    .unwrap();
    let said = user.run_bare(&["init"]).failure(2);
    assert!(
        said.contains("has no project that becomes an image"),
        "{said}"
    );
}
