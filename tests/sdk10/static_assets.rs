//! Static assets: the time of a build is in no image, though the SDK writes it into their endpoints, and
//! what they are compressed to is reused by content.

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

#[test]
fn an_asset_is_compressed_once_and_what_a_project_does_to_it_afterwards_is_never_reused() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    let folder = user.workspace("hello-web", "hello", None);
    let asset = |name: &str, text: &str| {
        let path = folder.join("wwwroot").join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text.repeat(300)).unwrap();
    };
    asset("one.css", "body { color: red }\n");
    asset("two.js", "let one = 'one';\n");
    let project = folder.join("hello-web.csproj");
    // The targets' own items say how many assets there are, and of how many it is known what they become.
    let count = "<Target Name=\"Count\" AfterTargets=\"MizzenTakeCompressed\"><Message Importance=\"high\" \
        Text=\"taken @(MizzenKnown->Count()) of @(MizzenSource->Count()).\" /></Target></Project>";
    edit(&project, "</Project>", count);
    let build = |more: &[&str]| build(&user, &[&["-v"], more].concat());
    let plain = || build(&["--no-shortcuts", "--no-cache"]);
    let took = |run: &Run, assets: &str| {
        let says = format!("taken {assets}.");
        assert!(run.stderr.contains(&says), "{}", run.stderr);
    };
    let first = build(&[]);
    took(&first, "0 of 3");

    edit(&folder.join("Program.cs"), "Run();", "Run(); // on and on");
    let edited = build(&[]);
    took(&edited, "3 of 3");
    let same = plain();
    took(&same, "0 of 3");
    assert_eq!(edited.digest(), same.digest());

    // Another file of the same length is another asset.
    asset("one.css", "body { color: tan }\n");
    let other = build(&[]);
    took(&other, "2 of 3");
    assert_ne!(other.digest(), edited.digest());
    assert_eq!(plain().digest(), other.digest());

    // What a target does to the compressed files is that target's.
    let before = fs_err::read_to_string(&project).unwrap();
    let target = "<Target Name=\"Spoil\" AfterTargets=\"GeneratePublishCompressedStaticWebAssets\">\
        <WriteLinesToFile File=\"%(_BrotliCompressedStaticWebAssetsForPublish.FullPath)\" Lines=\"spoiled\" />\
        </Target></Project>";
    edit(&project, "</Project>", target);
    let spoiled = build(&[]);
    took(&spoiled, "3 of 3");
    assert_ne!(spoiled.digest(), other.digest());
    fs_err::write(&project, before).unwrap();
    let restored = build(&["--no-cache=publish"]);
    took(&restored, "3 of 3");
    assert_eq!(restored.digest(), other.digest());
}
