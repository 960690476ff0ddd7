//! `--check-cache` runs what is reused, and tells when it comes out differently.

use crate::support::{User, edit, prepared};

const CLOCK: &str = r#"  <Target Name="Stamp" AfterTargets="Publish">
    <WriteLinesToFile File="$(PublishDir)stamp.txt" Lines="$([System.DateTime]::UtcNow.Ticks)" Overwrite="true" />
  </Target>

</Project>"#;

#[test]
fn what_is_reused_is_made_again_and_a_project_that_asks_the_clock_is_found_out() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let build =
        |more: &[&str]| user.build(&[&["hello", "-o", "oci:out", "--base", &base], more].concat());

    let first = build(&[]).success();
    user.dotnet_calls();
    // As with every run of restore, folders serve without a network.
    let checked = build(&["--check-cache", "--offline"]).success();
    assert_eq!(user.dotnet_calls(), ["restore", "publish"]);
    assert_eq!(
        (checked.digest(), checked.steps().as_str()),
        (first.digest(), "restore=hit publish=hit")
    );
    assert!(
        checked.stderr.contains("byte for byte"),
        "{}",
        checked.stderr
    );

    edit(&folder.join("hello-web.csproj"), "</Project>", CLOCK);
    let stamped = build(&[]).success();
    user.dotnet_calls();
    let said = build(&["--check-cache"]).failure(6);
    assert!(said.contains("~ /app/stamp.txt (content)"), "{said}");
    assert!(!said.contains("hello-web.dll"), "{said}");
    // What was found out is not what is kept.
    assert_eq!(build(&[]).success().digest(), stamped.digest());
}
