//! Which SDK runs is known before one does.

use crate::support::{User, prepared, sdk_choice};
use fs_err as fs;

#[test]
fn every_global_json_chooses_the_sdk_that_dotnet_chooses() {
    sdk_choice::compare(&prepared("MIZZEN_TEST_SDK31"), &[]);
}

#[test]
fn an_sdk_that_is_asked_for_and_is_not_there_is_told_before_anything_runs() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let request = r#"{ "sdk": { "version": "10.0.100", "rollForward": "latestFeature" } }"#;
    fs::write(folder.join("global.json"), request).unwrap();
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let said = user
        .build(&["hello", "-o", "oci:out", "--base", &base])
        .failure(3);
    assert!(
        said.contains("asks for SDK 10.0.100, which is not installed; found: 3.1.102 in ")
            && said.contains("hint: install SDK 10.0.100"),
        "{said}"
    );
    assert_eq!(user.dotnet_calls(), [""; 0]);
}

#[test]
fn another_sdk_beside_the_chosen_one_changes_nothing_and_another_one_chosen_is_named() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    // The folders of the SDKs are the user's own from here on.
    let sdk = user.path("sdk/sdk");
    let installed = fs::read_link(&sdk).unwrap();
    fs::remove_file(&sdk).unwrap();
    fs::create_dir(&sdk).unwrap();
    let link = |version: &str| {
        fs::os::unix::fs::symlink(installed.join("3.1.102"), sdk.join(version)).unwrap();
    };
    link("3.1.102");
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let arguments = ["hello", "-o", "oci:out", "--base", &base];
    let request = |version: &str| {
        let text = format!(r#"{{ "sdk": {{ "version": "{version}" }} }}"#);
        fs::write(folder.join("global.json"), text).unwrap();
    };
    request("3.1.102");
    user.build(&arguments).success();
    link("3.1.105");
    let hit = user.build(&arguments).success();
    assert_eq!(hit.steps(), "restore=hit publish=hit");
    request("3.1.105");
    let plan = user.run_bare(&["plan", folder.to_str().unwrap()]).success();
    assert!(
        plan.stdout.contains("toolchain 3.1.102 → 3.1.105")
            && plan.stdout.contains("SDK        3.1.105 in "),
        "{}",
        plan.stdout
    );
}
