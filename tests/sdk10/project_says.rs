//! What packages say of the image, on SDK 10.

use crate::support::{User, edit, prepared};
use fs_err as fs;
use mizzen_testkit::{DockerRegistry, nuget_package, skopeo_copy, skopeo_inspect};

#[test]
fn a_packages_props_choose_the_user_the_platforms_and_a_base_without_cultures() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    let registry = DockerRegistry::start().unwrap();
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-10.0");
    let host = registry.host();
    let copy = |tag: &str| {
        skopeo_copy(
            &format!("oci:{}:latest", base.display()),
            &format!("docker://{host}/dotnet/aspnet:{tag}"),
        );
    };
    copy("10.0-noble-chiseled-extra");
    let feed = user.path("feed");
    let package = |version: &str, invariant: bool| {
        let props = format!(
            "<Project><PropertyGroup><ContainerUser>64198</ContainerUser>\
             <ContainerRuntimeIdentifier>linux-x64</ContainerRuntimeIdentifier>\
             <InvariantGlobalization>{invariant}</InvariantGlobalization>\
             </PropertyGroup></Project>"
        );
        let props = [("build/Corp.Defaults.props", props.as_str())];
        nuget_package(&feed, "Corp.Defaults", version, &props);
    };
    package("1.0.0", false);
    package("2.0.0", true);
    let folder = user.workspace("hello-web", "hello", Some(&feed));
    let project = folder.join("hello-web.csproj");
    let own = "<InvariantGlobalization>true</InvariantGlobalization>";
    edit(&project, own, "");
    edit(
        &project,
        "</Project>",
        "<ItemGroup><PackageReference Include=\"Corp.Defaults\" Version=\"1.0.0\" /></ItemGroup></Project>",
    );
    let reference = format!("{host}/hello:1");
    let arguments = ["hello", "-t", &reference, "--base-registry", &host];
    let first = user.build(&arguments).success();
    let extra = format!("{host}/dotnet/aspnet:10.0-noble-chiseled-extra");
    assert_eq!(first.image()["base"]["ref"], extra.as_str());
    assert_eq!(
        skopeo_inspect(&format!("docker://{reference}"))["Architecture"],
        "amd64"
    );

    // The other version needs the smaller base; until that is there, there is no image.
    edit(&project, "1.0.0", "2.0.0");
    let said = user.build(&arguments).failure(4);
    assert!(said.contains("10.0-noble-chiseled"), "{said}");
    copy("10.0-noble-chiseled");
    user.dotnet_calls();
    let second = user.build(&arguments).success();
    assert_eq!(user.dotnet_calls(), [""; 0]);
    assert_eq!(
        second.image()["base"]["ref"],
        format!("{host}/dotnet/aspnet:10.0-noble-chiseled").as_str()
    );
    let shown = user.run_bare(&["inspect", "--json", &reference]).success();
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["config"]["config"]["User"], "64198");
    assert!(!fs::exists(folder.join("obj")).unwrap());
}
