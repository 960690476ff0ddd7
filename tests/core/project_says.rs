//! What a project says in its `Container*` properties reaches the image, on the oldest SDK too.

use crate::support::{User, edit, prepared};
use fs_err as fs;
use mizzen_testkit::{MemoryRegistry, nuget_package, skopeo_copy};

/// What one of the packages of the project says. Values hold everything that could be taken for a
/// separator somewhere on the way.
const PROPS: &str = r#"<Project>
  <PropertyGroup>
    <ContainerFamily>test</ContainerFamily>
    <ContainerRepository>corp/hello.web</ContainerRepository>
    <ContainerImageTags>1.4;1</ContainerImageTags>
    <ContainerUser>64198</ContainerUser>
    <ContainerWorkingDirectory>/srv/shop/</ContainerWorkingDirectory>
    <ContainerImageFormat>Docker</ContainerImageFormat>
    <Title>Hello; all</Title>
    <PackageProjectUrl>https://hello.example/</PackageProjectUrl>
    <ContainerGenerateLabelsImageUrl>false</ContainerGenerateLabelsImageUrl>
    <ContainerVendor>Acme; Inc. (it's "us")</ContainerVendor>
  </PropertyGroup>
  <ItemGroup>
    <ContainerPort Include="9000" Type="udp" />
    <ContainerEnvironmentVariable Include="PATTERN" Value="^\d+;[*?]$%40(x)%0Atwo" />
    <ContainerEnvironmentVariable Include="OWN" Value="project" />
    <ContainerLabel Include="team" Value="shop" />
    <ContainerDefaultArgs Include="--port=9000;--quiet" />
  </ItemGroup>
</Project>"#;

#[test]
fn what_a_package_says_of_the_image_is_pushed_to_where_it_says_and_the_user_has_the_last_word() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let registry = MemoryRegistry::start();
    let host = registry.host();
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    skopeo_copy(
        &format!("oci:{}:latest", base.display()),
        &format!("docker://{host}/dotnet/aspnet:3.1-test"),
    );
    let feed = user.path("feed");
    let props = [("build/Corp.Defaults.props", PROPS)];
    nuget_package(&feed, "Corp.Defaults", "1.0.0", &props);
    let folder = user.workspace("hello-web", "hello", Some(&feed));
    edit(
        &folder.join("hello-web.csproj"),
        "</Project>",
        &format!(
            "<PropertyGroup><ContainerRegistry>{host}</ContainerRegistry></PropertyGroup>\
             <ItemGroup><PackageReference Include=\"Corp.Defaults\" Version=\"1.0.0\" />\
             </ItemGroup></Project>"
        ),
    );
    let arguments = ["hello", "--push", "--base-registry", &host];
    let first = user.build(&arguments).success();
    let digest = first.digest();
    assert_eq!(
        first.stdout,
        format!("{host}/corp/hello.web:1.4@{digest}\n{host}/corp/hello.web:1@{digest}\n")
    );
    assert_eq!(first.image()["name"], "corp/hello.web");
    assert_eq!(
        first.image()["mediaType"],
        "application/vnd.docker.distribution.manifest.v2+json"
    );
    let config = |reference: &str| {
        let shown = user.run_bare(&["inspect", "--json", reference]).success();
        let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
        shown["config"]["config"].clone()
    };
    let said = config(&format!("{host}/corp/hello.web:1"));
    assert_eq!(said["User"], "64198");
    assert_eq!(said["WorkingDir"], "/srv/shop");
    assert!(said["ExposedPorts"]["9000/udp"].is_object());
    assert_eq!(said["Cmd"], serde_json::json!(["--port=9000", "--quiet"]));
    assert_eq!(said["Entrypoint"][1], "/srv/shop/hello-web.dll");
    check_labels(&said["Labels"]);
    let variables = said["Env"].as_array().unwrap();
    assert!(variables.contains(&"PATTERN=^\\d+;[*?]$@(x)\ntwo".into()));
    assert!(variables.contains(&"OWN=project".into()));
    assert_eq!(user.dotnet_calls(), ["restore", "publish"]);

    // A hit says the same; what the user asks for is not a reason to publish again.
    let again = user.build(&arguments).success();
    assert_eq!(again.digest(), digest);
    let own = format!("{host}/own:2");
    let asked = [
        "hello",
        "-t",
        &own,
        "--base-registry",
        &host,
        "--format",
        "oci",
        "--user",
        "1000",
        "-e",
        "OWN=user",
        "--workdir",
        "/app",
    ];
    user.build(&asked).success();
    let said = config(&own);
    assert_eq!(
        (&said["User"], &said["WorkingDir"]),
        (&"1000".into(), &"/app".into())
    );
    assert!(said["Env"].as_array().unwrap().contains(&"OWN=user".into()));
    assert_eq!(user.dotnet_calls(), [""; 0]);

    // What cannot be is told by name, before anything is pushed; and a push needs a place.
    let project = fs::read_to_string(folder.join("hello-web.csproj")).unwrap();
    let broken = project.replace(
        "</ContainerRegistry>",
        "</ContainerRegistry><ContainerImageTag>x</ContainerImageTag>",
    );
    fs::write(folder.join("hello-web.csproj"), broken).unwrap();
    let said = user.build(&arguments).failure(2);
    assert!(said.contains("`ContainerImageTag` is `x`"), "{said}");
    let nowhere = project.replace(
        &format!("<ContainerRegistry>{host}<"),
        "<ContainerRegistry><",
    );
    fs::write(folder.join("hello-web.csproj"), nowhere).unwrap();
    let said = user.build(&arguments).failure(2);
    assert!(said.contains("hint: set ContainerRegistry"), "{said}");
}

fn check_labels(labels: &serde_json::Value) {
    for (name, want) in [
        ("team", "shop"),
        (
            "org.opencontainers.image.vendor",
            "Acme; Inc. (it's \"us\")",
        ),
        // What the SDK would take from the project itself, and what it says of itself.
        ("org.opencontainers.image.title", "Hello; all"),
        ("org.opencontainers.image.authors", "hello-web"),
        ("net.dot.runtime.majorminor", "3.1"),
        ("net.dot.sdk.version", "3.1.102"),
    ] {
        assert_eq!(labels[name], want, "{name}");
    }
    let url = &labels["org.opencontainers.image.url"];
    assert!(url.is_null(), "its switch is off: {url}");
}
