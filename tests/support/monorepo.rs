//! A generated repository of three projects with all that a key could overlook: linked sources,
//! central package versions, packages that only a file's being there asks for.

use super::{User, prepared};
use fs_err as fs;
use mizzen_testkit::nuget_package;
use std::path::{Path, PathBuf};

/// The project that becomes an image.
pub(crate) const APP: &str = "src/App";

/// Makes the repository in the user's folder `name`, and its feed in `feed`.
pub(crate) fn monorepo(user: &User, name: &str) -> PathBuf {
    let (root, feed) = (user.path(name), user.path("feed"));
    for version in ["1.0.0", "1.1.0"] {
        package(&feed, "Acme.Text", version);
        package(&feed, "Acme.More", version);
    }
    package(&feed, "Acme.Float", "1.0.0");
    fs::create_dir_all(root.join("libs")).unwrap();
    fs::write(root.join("libs/Ext.dll"), assembly(0)).unwrap();
    for (path, text) in FILES {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let config = format!(
        "<configuration><packageSources><clear /><add key=\"feed\" value=\"{}\" />\
         </packageSources></configuration>\n",
        feed.display()
    );
    fs::write(root.join("nuget.config"), config).unwrap();
    root
}

/// Publishes a package with an assembly and with properties that end up in what uses it.
pub(crate) fn package(feed: &Path, id: &str, version: &str) {
    let product = format!("<Product>$(Product) {id} {version}</Product>");
    package_with_properties(feed, id, version, &product);
}

/// The same with any properties.
pub(crate) fn package_with_properties(feed: &Path, id: &str, version: &str, properties: &str) {
    let props = format!("<Project><PropertyGroup>{properties}</PropertyGroup></Project>");
    let assembly = assembly(version.bytes().map(usize::from).sum());
    let files = [
        (format!("build/{id}.props"), props.into_bytes()),
        (format!("lib/net10.0/{id}.dll"), assembly),
    ];
    let files = files
        .each_ref()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    nuget_package(feed, id, version, &files);
}

/// Returns one of two assemblies, whatever is in them.
pub(crate) fn assembly(which: usize) -> Vec<u8> {
    let names = [
        "Microsoft.NET.StringTools.dll",
        "Microsoft.Deployment.DotNet.Releases.dll",
    ];
    let sdks = fs::read_dir(prepared("MIZZEN_SDK").join("sdk")).unwrap();
    let sdk = sdks.map(|entry| entry.unwrap().path()).max().unwrap();
    fs::read(sdk.join(names[which % 2])).unwrap()
}

const FILES: &[(&str, &str)] = &[
    (
        "Directory.Build.props",
        "<Project><PropertyGroup><TargetFramework>net10.0</TargetFramework><Company>Acme</Company>\
         <GenerateDocumentationFile>true</GenerateDocumentationFile><NoWarn>$(NoWarn);CS1591</NoWarn>\
         </PropertyGroup></Project>\n",
    ),
    (
        "Directory.Packages.props",
        "<Project><PropertyGroup>\
         <ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally>\
         <CentralPackageFloatingVersionsEnabled>true</CentralPackageFloatingVersionsEnabled>\
         </PropertyGroup><ItemGroup><PackageVersion Include=\"Acme.Text\" Version=\"1.0.0\" />\
         <PackageVersion Include=\"Acme.Float\" Version=\"1.*\" /></ItemGroup></Project>\n",
    ),
    (
        "src/App/App.csproj",
        "<Project Sdk=\"Microsoft.NET.Sdk.Web\"><ItemGroup>\
         <ProjectReference Include=\"../Lib/Lib.csproj\" />\
         <Compile Include=\"../Shared/*.cs\" Link=\"Shared/%(Filename).cs\" />\
         <Reference Include=\"../../libs/Ext.dll\" />\
         <None Include=\"data.txt\" CopyToOutputDirectory=\"Always\" />\
         </ItemGroup><PropertyGroup><AssemblyTitle>$([System.IO.File]::ReadAllText('$(MSBuildProjectDirectory)/title.txt').Trim())</AssemblyTitle>\
         </PropertyGroup><Import Project=\"../../eng/versions.inc\" /></Project>\n",
    ),
    ("eng/versions.inc", "<Project></Project>\n"),
    ("src/App/title.txt", "title"),
    ("src/App/data.txt", "data"),
    (
        "src/App/Program.cs",
        "using Microsoft.AspNetCore.Builder;\nvar app = WebApplication.CreateBuilder(args).Build();\n\
         app.MapGet(\"/\", () => Lib.Greeting.Say() + Shared.Text.Value);\napp.Run();\n",
    ),
    ("src/App/appsettings.json", "{ \"a\": \"one\" }\n"),
    ("src/App/wwwroot/site.css", "body { color: red }\n"),
    ("src/App/wwwroot/vendor/bin/x.js", "let x = \"one\";\n"),
    (
        "src/Lib/Lib.csproj",
        "<Project Sdk=\"Microsoft.NET.Sdk\"><ItemGroup Condition=\"Exists('$(MSBuildProjectDirectory)/wanted')\">\
         <PackageReference Include=\"Acme.More\" VersionOverride=\"$([System.IO.File]::ReadAllText('$(MSBuildProjectDirectory)/wanted').Trim())\" />\
         </ItemGroup></Project>\n",
    ),
    (
        "src/Lib/Greeting.cs",
        "namespace Lib;\npublic class Greeting { public static string Say() => \"hello\"; }\n",
    ),
    (
        "src/Shared/Text.cs",
        "namespace Shared;\npublic class Text { public static string Value = \"shared\"; }\n",
    ),
    (
        "src/Service/Service.csproj",
        "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><OutputType>Exe</OutputType></PropertyGroup></Project>\n",
    ),
    (
        "src/Service/Service.cs",
        "class Service { static void Main() => System.Console.WriteLine(\"service\"); }\n",
    ),
    ("README.md", "# Acme\n"),
    (".gitignore", "bin/\nobj/\n*.user\n"),
];
