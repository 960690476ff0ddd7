//! The compiler's server is warmed up beside MSBuild, and what is built is the same without.

use crate::support::{User, prepared};
use fs_err as fs;
use mizzen_dotnet::CompilerWarmUp;
use std::thread::available_parallelism;

/// A web project that is published only where the warm-up's program is there in time, or is not there.
fn project(is_there: bool) -> String {
    // What the warm-up compiles lies beside the sources. To wait for it keeps the machine's speed out.
    let program = "$(MSBuildProjectDirectory)/../warm-up/program.dll";
    let command = if is_there {
        format!("timeout 60 sh -c 'until test -e {program}; do sleep 0.1; done'")
    } else {
        format!("test ! -e {program}")
    };
    format!(
        r#"<Project Sdk="Microsoft.NET.Sdk.Web">
  <PropertyGroup>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
  </PropertyGroup>
  <Target Name="SeeTheWarmUp" BeforeTargets="CoreCompile">
    <Exec Command="{command}" />
  </Target>
</Project>
"#
    )
}

#[test]
fn the_compiler_is_warmed_up_where_it_has_a_server_and_the_image_is_the_same_without() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let folder = user.path("app");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("Program.cs"), "WebApplication.Create(args);\n").unwrap();
    let build = |isolation: &str, is_warm: bool| {
        fs::write(folder.join("app.csproj"), project(is_warm)).unwrap();
        let output = format!("oci:{isolation}");
        let arguments = [
            "app",
            "--base",
            "oci:base",
            "-o",
            &output,
            "--isolation",
            isolation,
        ];
        user.build(&arguments).success().digest().to_owned()
    };
    let has_idle_core = available_parallelism().unwrap().get() > 1;
    let warm = build("namespace", has_idle_core);
    assert_eq!(warm, build("path", false));
}

#[test]
fn the_sdks_compiler_takes_the_warm_ups_program_without_a_complaint() {
    let root = prepared("MIZZEN_SDK");
    let version = fs::read_dir(root.join("sdk"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .file_name();
    let user = User::with_sdk(&root);
    for (name, text) in [
        ("plain", "Microsoft.NET.Sdk"),
        ("web", "Microsoft.NET.Sdk.Web"),
    ] {
        let folder = user.path(name);
        let version = version.to_str().unwrap();
        let warm_up = CompilerWarmUp::of(&root, version, text, folder.to_str().unwrap());
        let warm_up = warm_up.unwrap().unwrap();
        fs::create_dir(&folder).unwrap();
        for (file, bytes) in &warm_up.files {
            fs::write(folder.join(file), bytes).unwrap();
        }
        let root = format!("DOTNET_ROOT={}", root.display());
        // Without a server of this test's own, which would stay behind.
        let command = warm_up.command.iter().map(String::as_str);
        let command = command.filter(|argument| !argument.starts_with("/shared"));
        let arguments: Vec<&str> = std::iter::once(root.as_str()).chain(command).collect();
        assert_eq!(user.tool("env", &arguments), "", "{name}");
        assert!(folder.join("program.dll").is_file());
    }
}
