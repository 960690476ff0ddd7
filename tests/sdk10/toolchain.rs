//! Which SDK runs is known before one does, with a host that reads `paths`.

use crate::support::{User, prepared, sdk_choice};
use fs_err as fs;

#[test]
fn every_global_json_chooses_the_sdk_that_dotnet_chooses() {
    sdk_choice::compare(&prepared("MIZZEN_SDK"), &sdk_choice::NEWER);
}

#[test]
fn an_sdk_inside_the_workspace_is_used_and_is_no_source() {
    let sdk = prepared("MIZZEN_SDK");
    let user = User::with_sdk(&sdk);
    let folder = user.workspace("hello-web", "hello", None);
    fs::os::unix::fs::symlink(&sdk, folder.join(".dotnet")).unwrap();
    // The one beside `dotnet` cannot run anything.
    fs::remove_file(user.path("sdk/sdk")).unwrap();
    fs::create_dir_all(user.path("sdk/sdk/10.0.100")).unwrap();
    fs::write(user.path("sdk/sdk/10.0.100/dotnet.dll"), "").unwrap();
    fs::remove_file(user.path("sdk/real")).unwrap();
    user.write_dotnet("exec \"${0%/*}/own/dotnet\" \"$@\"");
    fs::create_dir(user.path("sdk/own")).unwrap();
    fs::copy(sdk.join("dotnet"), user.path("sdk/own/dotnet")).unwrap();
    for link in ["host", "shared"] {
        fs::os::unix::fs::symlink(sdk.join(link), user.path("sdk/own").join(link)).unwrap();
    }
    let request = r#"{ "sdk": { "paths": [".dotnet", "$host$"] } }"#;
    fs::write(folder.join("global.json"), request).unwrap();

    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-10.0");
    let base = format!("oci:{}", base.display());
    let arguments = [
        "hello",
        "-o",
        "oci:out",
        "--base",
        &base,
        "-p",
        "TargetFramework=net10.0",
    ];
    user.build(&arguments).success();
    assert_eq!(user.dotnet_calls(), ["restore", "publish"]);
    let again = user.build(&arguments).success();
    assert_eq!(again.steps(), "restore=hit publish=hit");
}
