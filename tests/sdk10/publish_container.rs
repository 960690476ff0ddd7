//! What the SDK's own `PublishContainer` makes of a project, and what mizzen makes of it.

use crate::support::{Registry, User, prepared, pull};
use fs_err as fs;
use mizzen_dotnet::{AppCommandInstruction, ContainerCommand};
use mizzen_image::{FileTree, Layout, Taggable};
use mizzen_testkit::skopeo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Everything that the SDK reads of a project for its image, in one: the folder and the file have
/// names that need care, and the assembly has another one.
const PROJECT: &str = r#"<Project Sdk="Microsoft.NET.Sdk.Web">
  <PropertyGroup>
    <TargetFrameworks>net10.0</TargetFrameworks>
    <ImplicitUsings>enable</ImplicitUsings>
    <AssemblyName>Acme.Shop</AssemblyName>
    <InvariantGlobalization>true</InvariantGlobalization>
    <ServerGarbageCollection>true</ServerGarbageCollection>
    <UserSecretsId>2f6f1d6e</UserSecretsId>
    <UseAppHost>false</UseAppHost>
    <Deterministic>true</Deterministic>
    <Version>1.4.2</Version>
    <Title>The shop; all of it</Title>
    <Description>Sells: things</Description>
    <Authors>Acme; Bolt</Authors>
    <PackageLicenseExpression>MIT</PackageLicenseExpression>
    <PackageProjectUrl>https://shop.example/</PackageProjectUrl>
    <ContainerVendor>Acme</ContainerVendor>
    <ContainerBaseImage>BASE</ContainerBaseImage>
    <ContainerRegistry>HOST</ContainerRegistry>
    <ContainerRepository>sdk</ContainerRepository>
    <ContainerImageTag>$(Case)</ContainerImageTag>
    <Parts>$(Case.Split('_')[0])</Parts>
    <ContainerAppCommandInstruction Condition="$(Case.Contains('_'))">$(Case.Split('_')[1])</ContainerAppCommandInstruction>
  </PropertyGroup>
  <PropertyGroup Condition="$(Parts.Contains('w'))">
    <ContainerWorkingDirectory>/srv/shop/</ContainerWorkingDirectory>
    <ContainerUser>4242</ContainerUser>
    <ContainerGenerateLabelsImageAuthors>false</ContainerGenerateLabelsImageAuthors>
    <ContainerGenerateLabelsDotnetToolset>false</ContainerGenerateLabelsDotnetToolset>
    <ContainerGenerateLabelsImageBaseName>false</ContainerGenerateLabelsImageBaseName>
  </PropertyGroup>
  <ItemGroup>
    <ContainerPort Include="9000" Type="udp" />
    <ContainerEnvironmentVariable Include="DOTNET_gcServer" Value="0" />
    <ContainerLabel Include="team" Value="shop" />
    <ContainerEntrypoint Condition="$(Parts.Contains('e'))" Include="e" />
    <ContainerEntrypointArgs Condition="$(Parts.Contains('x'))" Include="x1;x2" />
    <ContainerAppCommand Condition="$(Parts.Contains('c'))" Include="c1;c2" />
    <ContainerAppCommandArgs Condition="$(Parts.Contains('a'))" Include="a" />
    <ContainerDefaultArgs Condition="$(Parts.Contains('d'))" Include="d" />
    <Case Include="CASES" />
  </ItemGroup>
  <Target Name="EachCase">
    <MSBuild Projects="$(MSBuildProjectFullPath)" Targets="PublishContainer" ContinueOnError="true"
             Properties="Case=%(Case.Identity);PublishDir=$(PublishDir)" />
  </Target>
  <Target Name="OwnImage" AfterTargets="Publish" Condition="$(Parts.Contains('w'))">
    <CallTarget Targets="PublishContainer" />
  </Target>
</Project>
"#;

/// Parts of the command line, and perhaps what is said of their use: `e` the entrypoint, `x` its
/// arguments, `c` the application's command, `a` its arguments, `d` default arguments.
const COMMANDS: [&str; 21] = [
    "n",
    "nd",
    "nad",
    "ncad",
    "nx",
    "nxc",
    "nxa",
    "nxd",
    "ne",
    "nexcad",
    "n_DefaultArgs",
    "nad_DefaultArgs",
    "nexad_DefaultArgs",
    "nx_DefaultArgs",
    "ncad_Entrypoint",
    "ne_Entrypoint",
    "nx_Entrypoint",
    "n_None",
    "nexd_None",
    "nec_None",
    "nea_None",
];

#[test]
fn an_image_is_what_the_sdk_makes_of_the_project_but_for_what_is_documented() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    let registry = Registry::with_base(&prepared("MIZZEN_TEST_BASE").join("aspnet-10.0"));
    let folder = user.path("Grüne Läden");
    sources(&folder, &registry);
    let project = folder.join("Der Laden.csproj");
    let project = project.to_str().unwrap();
    let published = folder.with_file_name("published");
    let options = [
        "-p:Case=n",
        "-f",
        "net10.0",
        "-o",
        published.to_str().unwrap(),
    ];
    // What has no image is an error of the SDK's, and no reason to stop. No server may outlive the test.
    let script = "DOTNET_GENERATE_ASPNET_CERTIFICATE=false MSBUILDDISABLENODEREUSE=1 dotnet \"$@\" \
                  -p:UseSharedCompilation=false || true";
    let publish = ["-c", script, "sh", "publish", project, "-t:EachCase"];
    user.tool("sh", &[&publish[..], &options].concat());
    user.dotnet_calls();

    check_commands(&registry);
    for case in ["n", "nw"] {
        let property = format!("Case={case}");
        let own = registry.reference(&format!("mizzen:{case}"));
        let mut arguments = vec![project, "-f", "net10.0", "-t", &own, "-p", &property];
        if case == "nw" {
            arguments.extend(["-p", "PublishProfile=DefaultContainer"]);
        }
        let run = user.build(&arguments).success();
        // A stage has no registry: what would push from there is off, and told.
        let skipped = run.stderr.matches("PublishContainer is skipped").count();
        assert_eq!(skipped, usize::from(case == "nw"), "{}", run.stderr);
        let theirs = registry.reference(&format!("sdk:{case}"));
        check_config(&config(&own), &config(&theirs), case);
        let [own, theirs] = [("own", &own), ("theirs", &theirs)].map(|(name, reference)| {
            files(&pull(reference, &user.path(&format!("{name}-{case}"))))
        });
        check_files(&own, &theirs);
    }
}

/// A program that is not in C#.
const BASIC: &str = r#"<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <InvariantGlobalization>true</InvariantGlobalization>
    <UseAppHost>false</UseAppHost>
    <ContainerBaseImage>BASE</ContainerBaseImage>
    <ContainerRegistry>HOST</ContainerRegistry>
    <ContainerRepository>basic</ContainerRepository>
    <ContainerImageTag>theirs</ContainerImageTag>
  </PropertyGroup>
</Project>
"#;

#[test]
fn a_program_in_visual_basic_is_what_the_sdk_makes_of_it() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    let registry = Registry::with_base(&prepared("MIZZEN_TEST_BASE").join("aspnet-10.0"));
    let folder = user.path("basic");
    fs::create_dir(&folder).unwrap();
    let project = BASIC
        .replace("BASE", &registry.base)
        .replace("HOST", &registry.registry.host());
    let program =
        "Module Program\n  Sub Main()\n    System.Console.WriteLine(1)\n  End Sub\nEnd Module\n";
    let feeds = "<configuration><packageSources><clear /></packageSources></configuration>";
    for (name, text) in [
        ("Shop.Basic.vbproj", project.as_str()),
        ("Program.vb", program),
        ("nuget.config", feeds),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let project = folder.join("Shop.Basic.vbproj");
    let project = project.to_str().unwrap();
    let published = user.path("published");
    // No server may outlive the test.
    let script = "MSBUILDDISABLENODEREUSE=1 dotnet \"$@\" -p:UseSharedCompilation=false";
    let publish = [
        "-c",
        script,
        "sh",
        "publish",
        project,
        "-t:PublishContainer",
        "-o",
    ];
    user.tool(
        "sh",
        &[&publish[..], &[published.to_str().unwrap()]].concat(),
    );
    let [own, theirs] = ["own", "theirs"].map(|tag| registry.reference(&format!("basic:{tag}")));
    user.build(&["basic", "-t", &own]).success();
    check_config(&config(&own), &config(&theirs), "basic");
    let [own, theirs] = [("own", &own), ("theirs", &theirs)]
        .map(|(name, reference)| files(&pull(reference, &user.path(&format!("{name}-basic")))));
    assert!(own.contains_key("app/Shop.Basic.dll"), "{own:?}");
    check_files(&own, &theirs);
}

fn sources(folder: &Path, registry: &Registry) {
    let cases = [&COMMANDS[..], &["nw"]].concat().join(";");
    let project = PROJECT
        .replace("BASE", &registry.base)
        .replace("HOST", &registry.registry.host())
        .replace("CASES", &cases);
    let program = "var app = WebApplication.CreateBuilder(args).Build();\n\
                   app.MapGet(\"/\", () => Acme.Shop.Texts.Greeting);\napp.Run();\n";
    let texts = "namespace Acme.Shop { public static class Texts { public static string Greeting =>\n\
                 new System.Resources.ResourceManager(\"Acme.Shop.Texts\", typeof(Texts).Assembly).GetString(\"G\")!; } }\n";
    let resources =
        |text: &str| format!("<root><data name=\"G\"><value>{text}</value></data></root>");
    for (path, text) in [
        ("Der Laden.csproj", project.as_str()),
        ("Program.cs", program),
        ("Texts.cs", texts),
        ("Texts.resx", &resources("hello")),
        ("Texts.de.resx", &resources("hallo")),
        ("appsettings.json", "{}"),
        ("appsettings.Development.json", "{}"),
        ("web.config", "<configuration />"),
        ("wwwroot/größe 1.css", "body {}"),
        ("run.sh", "#!/bin/sh\n"),
        (
            "nuget.config",
            "<configuration><packageSources><clear /></packageSources></configuration>",
        ),
    ] {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn config(reference: &str) -> Value {
    let text = skopeo(&[
        "inspect",
        "--config",
        "--tls-verify=false",
        &format!("docker://{reference}"),
    ]);
    serde_json::from_str(&text).unwrap()
}

/// The SDK has put each command line together; the same parts give the same here, or an error where
/// the SDK has made no image.
fn check_commands(registry: &Registry) {
    for case in COMMANDS {
        let (parts, instruction) = case.split_once('_').unwrap_or((case, ""));
        let words = |part: char, words: &[&str]| -> Vec<String> {
            let words = words.iter().filter(|_| parts.contains(part));
            words.map(|word| (*word).to_owned()).collect()
        };
        let command = ContainerCommand {
            entrypoint: words('e', &["e"]),
            entrypoint_args: words('x', &["x1", "x2"]),
            app_command: words('c', &["c1", "c2"]),
            app_command_args: words('a', &["a"]),
            default_args: words('d', &["d"]),
            instruction: match instruction {
                "Entrypoint" => Some(AppCommandInstruction::Entrypoint),
                "DefaultArgs" => Some(AppCommandInstruction::DefaultArgs),
                "None" => Some(AppCommandInstruction::None),
                _ => None,
            },
        };
        let own = vec!["dotnet".to_owned(), "/app/Acme.Shop.dll".to_owned()];
        let has_image = registry.has(&format!("sdk/_manifests/tags/{case}"));
        let Ok(resolved) = command.resolve(own) else {
            assert!(!has_image, "{case}: the SDK makes an image of it");
            continue;
        };
        assert!(has_image, "{case}: the SDK makes no image of it");
        let config = config(&registry.reference(&format!("sdk:{case}")));
        let said = |name: &str| config["config"].get(name).cloned().unwrap_or(json!([]));
        let got = [said("Entrypoint"), said("Cmd")];
        assert_eq!(
            got,
            [json!(resolved.entrypoint), json!(resolved.cmd)],
            "{case}"
        );
    }
}

/// Compares what is documented to be the same of two configurations.
fn check_config(own: &Value, theirs: &Value, case: &str) {
    let sorted = |config: &Value| {
        let mut variables: Vec<_> = config["config"]["Env"].as_array().unwrap().clone();
        variables.sort_by_key(ToString::to_string);
        variables
    };
    assert_eq!(sorted(own), sorted(theirs), "{case}");
    let [own, theirs] = [own, theirs].map(|config| &config["config"]);
    for name in ["User", "ExposedPorts", "Cmd", "StopSignal", "Volumes"] {
        assert_eq!(own[name], theirs[name], "{case} {name}");
    }
    let folder = theirs["WorkingDir"].as_str().unwrap();
    let folder = folder.trim_end_matches('/');
    assert_eq!(own["WorkingDir"], folder);
    assert_eq!(own["Entrypoint"], theirs["Entrypoint"]);
    let labels = |config: &Value| {
        let labels = config["Labels"].as_object().unwrap().clone();
        let is_of_time = |name: &str| name.ends_with(".created");
        let is_kept = |name: &str| !is_of_time(name) && !name.contains(".artifact.");
        let kept = labels.into_iter().filter(|(name, _)| is_kept(name));
        kept.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(labels(own), labels(theirs), "{case}");
}

/// Every file of the application with its bytes, by path.
fn files(layout: &Path) -> BTreeMap<String, String> {
    let Taggable::Image(image) = Layout::new(layout, Some("pulled")).read().unwrap() else {
        panic!("one platform")
    };
    let tree = FileTree::of(&image).unwrap();
    let is_apps = |path: &str| path.starts_with("app/") || path.starts_with("srv/");
    let files = tree.iter().filter_map(|(path, file)| {
        let path = String::from_utf8(path.to_vec()).unwrap();
        (is_apps(&path) && file.digest.is_some()).then(|| (path, format!("{:?}", file.digest)))
    });
    files.collect()
}

fn check_files(own: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) {
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    let mut expected = names(theirs);
    // Nothing in a container reads it.
    expected.retain(|path| !path.ends_with("/web.config"));
    assert_eq!(names(own), expected);
    for (path, digest) in own {
        // These hold the path of the sources, or the time of the build.
        let differs = [".dll", ".pdb", ".endpoints.json", ".gz", ".br"];
        if !differs.iter().any(|end| path.ends_with(end)) {
            assert_eq!(Some(digest), theirs.get(path), "{path}");
        }
    }
}
