//! Folders named `bin` and `obj` are what builds wrote, unless the project has them write elsewhere, and
//! so are images.

use crate::support::{Run, User, prepared};
use fs_err as fs;

fn build(user: &User) -> Run {
    build_to(user, "oci:out")
}

fn build_to(user: &User, output: &str) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    user.build(&["hello", "-o", output, "--base", &base])
        .success()
}

/// Returns those of the two files that the image has.
fn published(user: &User) -> Vec<&'static str> {
    let files = user.run_bare(&["inspect", "--files", "oci:out"]).success();
    let mut paths = vec!["/app/bin/data.json", "/app/obj/more.json"];
    paths.retain(|path| files.stdout.contains(path));
    paths
}

#[test]
fn bin_and_obj_of_a_project_that_writes_elsewhere_are_published_and_keyed() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    for (name, file) in [("bin", "data.json"), ("obj", "more.json")] {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join(file), "1").unwrap();
    }
    build(&user);
    assert_eq!(published(&user), [""; 0]);
    fs::write(folder.join("bin/data.json"), "2").unwrap();
    assert_eq!(build(&user).steps(), "restore=hit publish=hit");

    let props = "<Project><PropertyGroup><BaseOutputPath>out/</BaseOutputPath>\
        <BaseIntermediateOutputPath>$(MSBuildThisFileDirectory)left/</BaseIntermediateOutputPath>\
        </PropertyGroup></Project>";
    fs::write(folder.join("Directory.Build.props"), props).unwrap();
    build(&user);
    assert_eq!(
        published(&user),
        ["/app/bin/data.json", "/app/obj/more.json"]
    );
    assert_eq!(build(&user).steps(), "restore=hit publish=hit");
    for path in ["bin/data.json", "obj/more.json"] {
        fs::write(folder.join(path), "3").unwrap();
        let edited = build(&user);
        assert_eq!(edited.steps(), "restore=hit publish=ran");
        let why = edited.image()["steps"][1]["changed"].to_string();
        assert!(why.contains(&format!("~ {path} (content, read)")), "{why}");
    }
}

#[test]
fn an_image_in_the_workspace_is_an_input_only_where_it_is_asked_for() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let first = build_to(&user, "oci:hello/first");
    user.dotnet_calls();
    let second = build_to(&user, "oci:hello/images/second");
    assert_eq!(second.digest(), first.digest());
    assert_eq!(build(&user).steps(), "restore=hit publish=hit");
    assert_eq!(user.dotnet_calls(), [""; 0]);

    let asked = "[inputs]\nextra = [\"first\"]\n";
    fs::write(folder.join("mizzen.toml"), asked).unwrap();
    build(&user);
    let files = user.run_bare(&["inspect", "--files", "oci:out"]).success();
    assert!(
        files.stdout.contains("/app/first/index.json"),
        "{}",
        files.stdout
    );
    assert!(!files.stdout.contains("/app/images"), "{}", files.stdout);
}
