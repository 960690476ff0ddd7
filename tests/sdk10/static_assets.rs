//! The time of a build is in no image, though the SDK writes it into the endpoints of static assets.

use crate::support::{Run, User, edit, prepared};

const NOTE: &str = "contained the time of this build";

fn build(user: &User, more: &[&str]) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-10.0");
    let base = format!("oci:{}", base.display());
    user.build(&[&["hello", "-o", "oci:out", "--base", &base], more].concat())
        .success()
}

#[test]
fn the_injected_targets_know_the_sdks_names_and_where_they_do_not_the_times_are_set_afterwards() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    let folder = user.workspace("hello-web", "hello", None);
    let pinned = build(&user, &[]);
    // Fails when an SDK has renamed the targets or the items that `injected.targets` names.
    assert!(!pinned.stderr.contains(NOTE), "{}", pinned.stderr);

    // As if it had: what the targets did is undone.
    let touched = |target: &str, items: &str| {
        format!(
            "<Target Name=\"Undo{target}\" AfterTargets=\"{target}\"><Touch Files=\"@({items})\" /></Target>"
        )
    };
    let undone = [
        touched("MizzenPinBuiltAssets", "MizzenBuiltAsset"),
        touched("MizzenPinPublishedAssets", "MizzenPublishedAsset"),
    ];
    let undone = format!("{}</Project>", undone.concat());
    edit(&folder.join("hello-web.csproj"), "</Project>", &undone);
    for _ in 0..2 {
        let set = build(&user, &["--no-cache=publish"]);
        assert!(set.stderr.contains(NOTE), "{}", set.stderr);
        assert_eq!(set.digest(), pinned.digest());
    }
}
