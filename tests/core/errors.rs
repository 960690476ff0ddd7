//! Bad input ends in one clear error with what, why and a hint, the contract's exit code, and
//! nothing pushed or half-written.

use crate::support::{Registry, Run, User, edit, prepared, testdata};
use fs_err as fs;

fn user() -> User {
    User::with_sdk(&prepared("MIZZEN_TEST_SDK31"))
}

fn base() -> String {
    format!(
        "oci:{}",
        prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
    )
}

/// Runs a build that must fail, and checks that it wrote no result.
fn fails(user: &User, arguments: &[&str], code: i32) -> String {
    let run: Run = user.build(&[arguments, &["--base", &base(), "-o", "oci:out"]].concat());
    let said = run.failure(code);
    assert!(!user.path("out").exists(), "{said}");
    assert!(said.lines().last().unwrap().starts_with("hint: "), "{said}");
    said
}

#[test]
fn what_names_no_project_is_usage() {
    let user = user();
    fs::create_dir_all(user.path("empty")).unwrap();
    fs::create_dir_all(user.path("two")).unwrap();
    fs::write(user.path("two/A.csproj"), "").unwrap();
    fs::write(user.path("two/B.csproj"), "").unwrap();
    assert!(fails(&user, &["missing"], 2).contains("does not exist"));
    assert!(fails(&user, &["empty"], 2).contains("holds no project file"));
    let said = fails(&user, &["two"], 2);
    assert!(
        said.contains("A.csproj, B.csproj") && said.contains("hint: name one: mizzen build"),
        "{said}"
    );
    // A solution names its services, and this one an SDK that is not here.
    user.workspace("shop", "shop", None);
    assert!(fails(&user, &["shop"], 3).contains("asks for SDK 10.0.100"));
    assert_eq!(user.dotnet_calls(), [""; 0]);
}

#[test]
fn a_project_that_does_not_compile_shows_the_compilers_words_with_the_users_paths_and_is_not_cached()
 {
    let user = user();
    let folder = user.workspace("hello-web", "hello", None);
    let sound = fs::read_to_string(folder.join("Program.cs")).unwrap();
    fs::write(folder.join("Program.cs"), format!("{sound}\nbroken")).unwrap();
    for _ in 0..2 {
        let said = fails(&user, &["hello"], 3);
        let path = fs::canonicalize(folder.join("Program.cs")).unwrap();
        assert!(
            said.contains(&format!("{}(", path.display())) && said.contains("error CS"),
            "{said}"
        );
        assert!(!said.contains("mizzen-stage"), "{said}");
        assert!(
            said.contains("error: `dotnet publish` of `hello-web.csproj` failed (exit code 1)"),
            "{said}"
        );
        assert!(user.dotnet_calls().contains(&"publish".to_owned()));
    }
}

#[test]
fn a_library_has_nothing_to_run() {
    let user = user();
    user.workspace("hello-web", "library", None);
    edit(
        &user.path("library/hello-web.csproj"),
        "Microsoft.NET.Sdk.Web",
        "Microsoft.NET.Sdk",
    );
    fs::remove_dir_all(user.path("library/wwwroot")).unwrap();
    fs::write(user.path("library/Program.cs"), "public class C { }").unwrap();
    let said = fails(&user, &["library", "-p", "OutputType=Library"], 2);
    assert!(
        said.contains("has nothing to run") && said.contains("hint: a library"),
        "{said}"
    );
}

#[test]
fn a_project_that_is_not_published_and_a_file_of_one_are_told_before_anything_runs() {
    let user = user();
    user.workspace("hello-web", "hello", None);
    let said = fails(&user, &["hello/Program.cs"], 2);
    assert!(
        said.contains("Program.cs` belongs to `") && said.contains("hint: mizzen build "),
        "{said}"
    );
    let project = user.path("hello/hello-web.csproj");
    let no = "<IsPublishable>false</IsPublishable><Nullable>";
    edit(&project, "<Nullable>", no);
    let said = fails(&user, &["hello"], 2);
    let want = "`hello-web` is not publishable (`IsPublishable` is false in hello-web.csproj)";
    assert!(said.contains(want), "{said}");
    assert_eq!(user.dotnet_calls(), [""; 0]);
    // What a condition decides is known once dotnet has evaluated the project.
    let no = no.replace(
        "<IsPublishable>",
        "<IsPublishable Condition=\"'1' == '1'\">",
    );
    edit(
        &project,
        "<IsPublishable>false</IsPublishable><Nullable>",
        &no,
    );
    let said = fails(&user, &["hello"], 2);
    let want = "`hello-web` is not publishable (`IsPublishable` is false)";
    assert!(said.contains(want), "{said}");
}

#[test]
fn no_dotnet_and_one_that_is_too_old_are_told_apart() {
    let nobody = User::without_sdk();
    nobody.workspace("hello-web", "hello", None);
    assert!(fails(&nobody, &["hello"], 3).contains("no .NET SDK found"));

    let user = user();
    user.workspace("hello-web", "hello", None);
    let said = fails(&user, &["hello", "-p", "TargetFramework=net10.0"], 3);
    assert!(
        said.contains("error MSB3644") && said.contains("hint: install an SDK that knows"),
        "{said}"
    );
}

#[test]
fn a_base_that_is_not_there_or_for_another_processor_fails_before_the_build() {
    let (user, registry) = (
        user(),
        Registry::with_base(&prepared("MIZZEN_TEST_BASE").join("aspnet-3.1")),
    );
    user.workspace("hello-web", "hello", None);
    let target = registry.reference("hello:1");
    let missing = registry.reference("nothing/here:1");
    let said = user
        .build(&["hello", "-t", &target, "--base", &missing])
        .failure(4);
    assert!(
        said.contains(&format!("`{missing}` does not exist")) && said.contains("hint: "),
        "{said}"
    );
    let base = format!("error: the base image `{missing}` cannot be used (--base)");
    assert!(said.contains(&base), "{said}");
    // One that nobody has named.
    let folder = testdata("publish/portable");
    let mirror = registry.reference("mirror");
    let inferred = [
        "--from-publish",
        folder.to_str().unwrap(),
        "--base-registry",
        &mirror,
    ];
    let said = user
        .build(&[&inferred[..], &["-o", "oci:out"]].concat())
        .failure(4);
    let base = format!("error: the base image `{mirror}/dotnet/aspnet:");
    assert!(said.contains(&base), "{said}");
    assert!(
        said.contains("cannot be used (inferred for Microsoft.AspNetCore.App ")
            && said.contains("; another base is named with --base"),
        "{said}"
    );

    let said = user
        .build(&[
            "hello",
            "-t",
            &target,
            "--base",
            &registry.base,
            "--platform",
            "linux/arm64",
        ])
        .failure(2);
    assert!(
        said.contains("has no image for linux/arm64; it has linux/amd64")
            && said.contains("hint: "),
        "{said}"
    );
    assert_eq!(user.dotnet_calls(), [""; 0]);
    assert!(!registry.has("hello"));
}

#[test]
fn an_application_for_another_processor_is_refused() {
    let user = user();
    let folder = testdata("publish/portable");
    let said = user.build(&[
        "--from-publish",
        folder.to_str().unwrap(),
        "--base",
        &base(),
        "--platform",
        "plan9/mips",
    ]);
    said.failure(2);
}

#[test]
fn a_registry_that_refuses_or_is_not_there_is_named() {
    use mizzen_testkit::registry::{Login, MemoryRegistry};
    let user = user();
    user.workspace("hello-web", "hello", None);
    let registry = MemoryRegistry::start();
    registry.require(Login::Basic {
        username: "dev".to_owned(),
        password: "secret".to_owned(),
    });
    let target = format!("{}/acme/hello:1", registry.host());
    let said = user
        .build(&["hello", "-t", &target, "--base", &base()])
        .failure(4);
    assert!(
        said.contains(&registry.host()) && said.contains("hint: log in"),
        "{said}"
    );
    assert!(registry.manifest("acme/hello", "1").is_none());

    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let said = user
        .build(&[
            "hello",
            "-t",
            &format!("{nobody}/hello:1"),
            "--base",
            &base(),
        ])
        .failure(5);
    assert!(
        said.contains(&nobody.to_string()) && said.contains("nothing listens there"),
        "{said}"
    );
}

#[test]
fn options_that_cannot_be_meant_are_usage() {
    let user = user();
    user.workspace("hello-web", "hello", None);
    for arguments in [
        &["-t", "Not A Reference"][..],
        &["-o", "tar:x"],
        &["--no-such-option"],
        &["--platform", "linux"],
    ] {
        let run = user.build(&[&["hello"], arguments, &["--base", &base()]].concat());
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            run.stderr
        );
    }
}

#[test]
fn a_user_that_the_base_does_not_know_is_usage_and_one_that_it_knows_becomes_a_number() {
    let user = User::without_sdk();
    let folder = testdata("publish/portable");
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let arguments = [
        "--from-publish",
        folder.to_str().unwrap(),
        "--base",
        "oci:base",
        "-o",
        "oci:out",
        "--user",
    ];
    let said = user
        .build(&[&arguments[..], &["nobody"]].concat())
        .failure(2);
    assert!(
        said.contains("no user `nobody`") && said.contains("hint: "),
        "{said}"
    );
    user.build(&[&arguments[..], &["app"]].concat()).success();
    let config = user
        .run_bare(&[
            "inspect",
            "--json",
            &format!("oci:{}", user.path("out").display()),
        ])
        .success()
        .stdout;
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["config"]["config"]["User"], "1654");
}

#[test]
fn a_slip_in_an_option_names_the_option_that_is_meant() {
    let user = User::without_sdk();
    for (slip, meant) in [("--tga", "--tag"), ("--platfrom", "--platform")] {
        let run = user.run_bare(&["build", slip, "x"]);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(&format!("'{meant}'")), "{}", run.stderr);
        assert!(
            !run.stderr.contains(&format!("-- {slip}")),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_framework_that_the_project_is_not_for_and_a_broken_global_json_are_told() {
    let user = user();
    let folder = user.workspace("hello-web", "hello", None);
    let said = fails(&user, &["hello", "-f", "netcoreapp3.0"], 3);
    assert!(
        said.contains("NETSDK1005")
            && said.contains("hint: the project does not target that framework"),
        "{said}"
    );
    fs::write(folder.join("global.json"), "{ \"sdk\": ").unwrap();
    let run = user.build(&["hello", "--base", &base(), "-o", "oci:out"]);
    let warned = "hello/global.json` is not JSON: EOF while parsing";
    assert!(run.stderr.contains(warned), "{}", run.stderr);
}
