//! What happens to packages between two builds, each with what becomes of the image.

use crate::scene::{Scene, insert};
use crate::support::edit;
use crate::support::monorepo::{package, package_with_properties};
use serde_json::Value;

#[test]
fn packages_reach_the_image_by_what_they_are_not_by_what_they_were() {
    let mut scene = Scene::new();
    let feed = scene.user.path("feed");

    // The same version with other bytes: what was restored once stays, as with NuGet itself.
    package_with_properties(
        &feed,
        "Acme.Text",
        "1.0.0",
        "<Product>pushed again</Product>",
    );
    let root = scene.copy();
    assert_eq!(scene.plan(&root, &[]).0, "hit hit");
    edit(&root.join("src/Lib/Greeting.cs"), "hello", "howdy");
    let (run, changed) = scene.build(&root, &[]);
    assert_eq!(run.steps(), "restore=hit publish=ran");
    assert_eq!(changed, ["Lib.dll", "Lib.pdb"]);

    // Properties of a package decide what the app is.
    let properties =
        "<InvariantGlobalization>true</InvariantGlobalization><ContainerUser>4242</ContainerUser>";
    package_with_properties(&feed, "Acme.Text", "1.2.0", properties);
    let root = scene.copy();
    edit(
        &root.join("Directory.Packages.props"),
        "Acme.Text\" Version=\"1.0.0",
        "Acme.Text\" Version=\"1.2.0",
    );
    insert(
        &root.join("src/App/App.csproj"),
        "<ItemGroup><PackageReference Include=\"Acme.Text\" /></ItemGroup>",
    );
    let (run, changed) = scene.build(&root, &[]);
    assert_eq!(run.steps(), "restore=ran publish=ran");
    assert!(
        changed.contains(&"App.runtimeconfig.json".to_owned()),
        "{changed:?}"
    );
    let image = format!("oci:{}-out", root.display());
    let image = scene
        .user
        .run_bare(&["inspect", "--json", &image])
        .success()
        .stdout;
    let image: Value = serde_json::from_str(&image).unwrap();
    assert_eq!(image["config"]["config"]["User"], "4242");
    assert_eq!(scene.plan(&root, &[]).0, "hit hit");

    // An SDK that is a package is in no project.assets.json, and publish has no network.
    let sdk: &[(&str, &[u8])] = &[
        (
            "Sdk/Sdk.props",
            b"<Project><PropertyGroup><Company>Sdk</Company></PropertyGroup></Project>",
        ),
        ("Sdk/Sdk.targets", b"<Project></Project>"),
    ];
    for version in ["1.0.0", "1.1.0"] {
        mizzen_testkit::nuget_package(&feed, "Acme.Sdk", version, sdk);
    }
    let root = scene.copy();
    let lib = root.join("src/Lib/Lib.csproj");
    edit(
        &lib,
        "<ItemGroup",
        "<Sdk Name=\"Acme.Sdk\" Version=\"1.0.0\" /><ItemGroup",
    );
    let (run, changed) = scene.build(&root, &[]);
    assert_eq!(run.steps(), "restore=ran publish=ran");
    assert!(changed.contains(&"Lib.dll".to_owned()), "{changed:?}");
    assert_eq!(scene.plan(&root, &[]).0, "hit hit");
    edit(&lib, "Version=\"1.0.0\" />", "Version=\"1.1.0\" />");
    assert_eq!(scene.plan(&root, &[]).0, "run run");

    // A floating version is asked for each time, and reused while it is the same.
    let root = scene.copy();
    insert(
        &root.join("src/App/App.csproj"),
        "<ItemGroup><PackageReference Include=\"Acme.Float\" /></ItemGroup>",
    );
    let (one, _) = scene.build(&root, &[]);
    let (same, _) = scene.build(&root, &[]);
    assert_eq!(
        (same.steps().as_str(), same.digest()),
        ("restore=ran publish=hit", one.digest())
    );
    package(&feed, "Acme.Float", "1.1.0");
    let (gained, _) = scene.build(&root, &[]);
    assert_eq!(gained.steps(), "restore=ran publish=ran");
    assert_ne!(gained.digest(), one.digest());
}
