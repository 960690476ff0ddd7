//! How much of an application with many packages is new after a change.

use crate::support::{Run, User, edit, prepared};
use fs_err as fs;
use std::collections::BTreeMap;

const API: &str = "shop/src/Shop.Api";

/// Digest and size of each layer that mizzen made.
fn sizes(run: &Run) -> BTreeMap<String, u64> {
    let layers = run.image()["layers"].as_array().unwrap().iter();
    layers
        .map(|layer| {
            let digest = layer["digest"].as_str().unwrap().to_owned();
            (digest, layer["size"].as_u64().unwrap())
        })
        .collect()
}

fn names_of_new(before: &Run, after: &Run) -> Vec<String> {
    let before = before.layers();
    let after = after.layers().into_iter();
    let new = after.filter(|(name, digest)| before.get(name) != Some(digest));
    new.map(|(name, _)| name).collect()
}

/// Adds packages to the shop, whose own code is large for a service that needs so few.
fn add_packages(user: &User) {
    let packages = [
        ("RabbitMQ.Client", "7.2.2"),
        ("StackExchange.Redis", "3.4.35"),
        ("Swashbuckle.AspNetCore.SwaggerUI", "10.3.1"),
    ];
    let references = packages.map(|(name, _)| format!("<PackageReference Include=\"{name}\" />"));
    let versions = packages.map(|(name, version)| {
        format!("<PackageVersion Include=\"{name}\" Version=\"{version}\" />")
    });
    let project = user.path("shop/src/Shop.Api/Shop.Api.csproj");
    let items = format!("<ItemGroup>{}</ItemGroup></Project>", references.concat());
    edit(&project, "</Project>", &items);
    let central = user.path("shop/Directory.Packages.props");
    let items = format!("<ItemGroup>{}</ItemGroup></Project>", versions.concat());
    edit(&central, "</Project>", &items);
}

#[test]
fn what_changes_is_what_is_new() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    user.workspace("shop", "shop", Some(&prepared("MIZZEN_FEED")));
    add_packages(&user);
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let build = |project: &str, more: &[&str]| {
        let arguments = [project, "--base", "oci:base", "-o", "oci:out"];
        user.build(&[&arguments[..], more].concat()).success()
    };
    let first = build(API, &[]);
    let layers = first.image()["layers"].as_array().unwrap();
    let packages = layers.iter().find(|layer| layer["name"] == "packages");
    assert!(packages.unwrap()["files"].as_u64().unwrap() >= 20);

    // One line of code: a hundredth of what one layer for everything would send.
    let program = user.path("shop/src/Shop.Api/Program.cs");
    edit(&program, "Welcome to the shop", "Welcome to our shop");
    let edited = build(API, &[]);
    let old = sizes(&first);
    let new = sizes(&edited).into_iter();
    let new: u64 = new
        .filter(|(digest, _)| !old.contains_key(digest))
        .map(|(_, size)| size)
        .sum();
    let single: u64 = sizes(&build(API, &["--layers", "single"]))
        .into_values()
        .sum();
    assert!(0 < new && 100 * new <= single, "{new} of {single}");

    // One package: its group, and the application whose deps.json names the version.
    let versions = user.path("shop/Directory.Packages.props");
    let pinned =
        "<PackageVersion Include=\"Microsoft.Extensions.DependencyModel\" Version=\"10.0.14\" />";
    edit(
        &versions,
        "<ItemGroup Label=\"Transitive\">",
        &format!("<ItemGroup Label=\"Transitive\">{pinned}"),
    );
    let bumped = build(API, &[]);
    assert_eq!(names_of_new(&edited, &bumped), ["app", "packages"]);

    // Another service with the same packages: their layer is the one that registries have.
    let (api, admin) = (user.path(API), user.path("shop/src/Shop.Admin"));
    crate::support::copy(&api, &admin);
    let project = admin.join("Shop.Api.csproj");
    fs::rename(project, admin.join("Shop.Admin.csproj")).unwrap();
    edit(
        &admin.join("Program.cs"),
        "our shop",
        "the back of our shop",
    );
    let other = build("shop/src/Shop.Admin", &[]);
    let (bumped, other) = (bumped.layers(), other.layers());
    assert_eq!(bumped["packages"], other["packages"]);
    assert_eq!(bumped["projects"], other["projects"]);
    assert_ne!(bumped["app"], other["app"]);
}
