//! A C# file that is a program by itself.

use crate::support::{User, edit, prepared};
use fs_err as fs;
use mizzen_testkit::Container;

const APP: &str = r#"#:sdk Microsoft.NET.Sdk.Web
#:package Serilog@4.3.0
#:property PublishAot=false

Serilog.Log.Information("never seen");
var app = WebApplication.CreateBuilder(args).Build();
app.MapGet("/", () => "one file");
app.Run();
"#;

#[test]
fn a_file_is_built_runs_and_is_restored_again_only_when_its_directives_change() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    let feed = prepared("MIZZEN_FEED");
    let folder = user.path("tools");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("hello.cs"), APP).unwrap();
    let sources = format!("<clear /><add key=\"feed\" value=\"{}\" />", feed.display());
    let config =
        format!("<configuration><packageSources>{sources}</packageSources></configuration>");
    fs::write(folder.join("nuget.config"), config).unwrap();
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-10.0");
    let base = format!("oci:{}", base.display());
    let build = || user.build(&["tools/hello.cs", "-o", "oci:out:1", "--base", &base]);

    let first = build().success();
    assert_eq!(user.dotnet_calls(), ["restore", "publish"]);
    assert_eq!(first.image()["name"], "hello");
    let container = Container::start(&user.path("out"), "1", &user.path("bundle"));
    assert_eq!(container.get("/", &[]).body, "one file");
    drop(container);
    assert_eq!(build().success().steps(), "restore=hit publish=hit");
    assert_eq!(user.dotnet_calls(), [""; 0]);

    edit(&folder.join("hello.cs"), "one file", "a file");
    let edited = build().success();
    assert_eq!(edited.steps(), "restore=hit publish=ran");
    edit(
        &folder.join("hello.cs"),
        "PublishAot=false",
        "PublishAot=False",
    );
    assert_eq!(build().success().steps(), "restore=ran publish=ran");
}
