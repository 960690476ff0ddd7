//! The keys of a fixed build, and which of them each input changes.

mod fixed_build;

use crate::{FloatPolicy, GitPolicy, LockedToolchain, Outside, OutsideRequest, VolatilePolicy};
use fixed_build::{Build, build, bytes, file, table, text};
use mizzen_dotnet::{DebugSymbols, Oddity};
use mizzen_image::Compression;
use mizzen_oci::Platform;
use mizzen_plan::FileInput;
use mizzen_stage::Content;
use std::path::PathBuf;
use std::time::Duration;

/// A change of these is a build that finds nothing of what earlier ones kept: one that is meant counts
/// `RECIPE` up, unless it is a new field that is left out where it is empty.
#[test]
fn the_keys_of_a_fixed_build_stay() {
    let keys = build().keys();
    let named = [keys.restore, keys.weak, keys.whole, keys.publish].map(|key| key.hex());
    // Of restore; of publish before it looks anything up; of the whole build; of publish.
    assert_eq!(
        named,
        [
            "b55f69d153258912416f0d6c3af2e6fc9bdd75193f9e3d7b488a832bb62f597a",
            "70aa703ac82a391766f02d6692dbea13d88b05eadb29a93950531187eaf6ef79",
            "69ffa964cd3e4d9d1665f6f664cfca1ecd762b61a3014f3064c66cf6448cb9b9",
            "bfed61f5ba1c74a1b4406e539ceb75fdc848929ae1e43e45f863c7c009c73024"
        ]
    );
}

/// Which keys a change is seen in. That of publish over known packages is other whenever the whole key is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum In {
    /// Every key.
    All,
    /// All but restore's.
    Publish,
    /// The whole key, and restore's: a file that restore reads. Publish looks it up by its path.
    RestoreAndWhole,
    /// The whole key alone: another file of the workspace.
    Whole,
    /// No key.
    None,
}

type Change = fn(&mut Build);

fn check(changes: &[(&str, In, Change)]) {
    let before = build().keys();
    for (name, seen_in, change) in changes {
        let mut build = build();
        change(&mut build);
        let keys = build.keys();
        let is_other = (
            keys.restore != before.restore,
            keys.weak != before.weak,
            keys.whole != before.whole,
        );
        let want = match seen_in {
            In::All => (true, true, true),
            In::Publish => (false, true, true),
            In::RestoreAndWhole => (true, false, true),
            In::Whole => (false, false, true),
            In::None => (false, false, false),
        };
        assert_eq!(is_other, want, "{name}: restore, weak, whole");
        assert_eq!(keys.publish != before.publish, want.2, "{name}: publish");
    }
}

#[test]
fn what_is_asked_for_changes_the_keys_that_it_should() {
    check(&[
        ("nothing", In::None, |_| {}),
        ("project", In::All, |build| {
            build.request.workspace.project = "src/Web/Web.csproj".to_owned();
        }),
        ("workspace", In::None, |build| {
            build.request.workspace.root = PathBuf::from("/builds/shop");
        }),
        ("stage", In::All, |build| {
            build.stage_root = PathBuf::from("/tmp/mizzen-stage/t");
        }),
        ("dotnet's folder", In::All, |build| {
            build.request.toolchain.root = PathBuf::from("/usr/share/dotnet");
        }),
        ("how dotnet was found", In::None, |build| {
            build.request.toolchain.found_by = "DOTNET_ROOT".to_owned();
        }),
        ("SDK's folder", In::All, |build| {
            build.request.sdk.root = PathBuf::from("/home/me/sdk");
        }),
        ("SDK's version", In::All, |build| {
            build.request.sdk.version = "10.0.402".to_owned();
        }),
        (
            "where global.json lies, which the files tell",
            In::None,
            |build| {
                build.request.sdk.global_json = Some("src/global.json".to_owned());
            },
        ),
        ("configuration", In::All, |build| {
            build.request.options.configuration = "Debug".to_owned();
        }),
        ("framework", In::Publish, |build| {
            build.request.options.framework = Some("net10.0".to_owned());
        }),
        ("runtime", In::All, |build| {
            build.request.options.runtime_identifier = Some("linux-x64".to_owned());
        }),
        ("self-contained", In::All, |build| {
            build.request.options.self_contained = Some(true);
        }),
        ("property", In::All, |build| {
            let properties = &mut build.request.options.properties;
            properties.set("Version", "2.0".to_owned());
        }),
        ("platforms", In::Publish, |build| {
            build.request.layers.platforms.clear();
        }),
        ("default platform, unused", In::None, |build| {
            build.request.layers.default_platform = Some(Platform::linux("arm64".into()));
        }),
        ("C library", In::Publish, |build| {
            build.request.layers.musl = true;
        }),
        ("compression", In::Publish, |build| {
            build.request.layers.compression = Compression::ZSTD;
        }),
        ("split", In::Publish, |build| {
            build.request.layers.single = true;
        }),
        ("kept files", In::Publish, |build| {
            build.request.layers.keep = vec!["*.pdb".parse().unwrap()];
        }),
        ("symbols", In::Publish, |build| {
            build.request.layers.debug_symbols = DebugSymbols::All;
        }),
        ("ICU", In::All, |build| {
            build.request.icu = Some("libicuuc.so.74".to_owned());
        }),
        ("no ICU", In::All, |build| build.request.icu = None),
        ("git never", In::All, |build| {
            build.request.policy.git = GitPolicy::Never;
        }),
        ("git always", In::None, |build| {
            build.request.policy.git = GitPolicy::Always;
        }),
        ("other policies", In::None, |build| {
            build.request.policy.network = true;
            build.request.policy.floats = FloatPolicy::Ttl(Duration::from_secs(1));
            build.request.policy.volatile = VolatilePolicy::NeverCache;
        }),
        ("secrets", In::None, |build| {
            build.request.restore_environment = table("FEED_TOKEN", "token".to_owned());
            build.request.secrets = vec!["token".to_owned()];
        }),
        ("how it is built", In::None, |build| {
            build.request.now += 1;
            build.request.offline = true;
            build.request.skip.restore = true;
            build.request.check_cache = true;
            build.request.ignore = vec![PathBuf::from("/home/me/shop/out")];
            build.request.locked = Some(LockedToolchain {
                version: "10.0.401".to_owned(),
                id: text("toolchain"),
            });
        }),
    ]);
}

#[test]
fn what_is_observed_of_the_workspace_changes_the_keys_that_it_should() {
    check(&[
        ("code", In::Whole, |build| {
            build.file("src/Api/Program.cs", file("edited"));
        }),
        ("code in another place", In::None, |build| {
            let content = Content::File {
                source: PathBuf::from("/elsewhere"),
                digest: text("code"),
                executable: false,
            };
            build.file("src/Api/Program.cs", content);
        }),
        ("execute bit", In::Whole, |build| {
            let content = Content::File {
                source: PathBuf::from("/anywhere"),
                digest: text("code"),
                executable: true,
            };
            build.file("src/Api/Program.cs", content);
        }),
        ("link", In::Whole, |build| {
            let content = Content::Link("Startup.cs".to_owned());
            build.file("src/Api/link", content);
        }),
        ("new file", In::Whole, |build| {
            build.file("src/Api/New.cs", file(""));
        }),
        ("no more a folder", In::Whole, |build| {
            build.workspace().contents.remove("empty");
        }),
        ("project file", In::RestoreAndWhole, |build| {
            build.file("src/Api/Api.csproj", file("edited"));
        }),
        ("file elsewhere", In::Whole, |build| {
            let keyed = FileInput::File(text("edited"));
            let files = &mut build.workspace().mounted_files;
            files.insert("/srv/keys/key.snk".to_owned(), keyed);
        }),
        ("what no key tells of the workspace", In::None, |build| {
            build.workspace().mounted.clear();
            build.workspace().left_out = vec![PathBuf::from("x")];
            // The stage shows another one.
            build.file("global.json", file("edited"));
            build.file("nuget.config", file("edited"));
        }),
        ("global.json", In::RestoreAndWhole, |build| {
            let shown = bytes("edited");
            build.observed.global_json = Some(("global.json".to_owned(), shown));
        }),
    ]);
}

#[test]
fn what_is_observed_beside_the_workspace_changes_the_keys_that_it_should() {
    check(&[
        ("processor", In::All, |build| {
            build.observed.architecture = "aarch64".to_owned();
        }),
        ("toolchain", In::All, |build| {
            build.observed.toolchain = text("other");
        }),
        ("injected files", In::All, |build| {
            build.observed.injected.keyed = table("injected targets", text("edited"));
        }),
        ("directives", In::All, |build| {
            build.observed.directives = Some(("directives of x.cs".to_owned(), text("edited")));
        }),
        ("NuGet outside", In::All, |build| {
            build.observed.nuget.keyed = table("NuGet configuration nuget.config", text("edited"));
        }),
        ("NuGet's variables", In::All, |build| {
            build.observed.nuget.variables = table("NUGET_X", "1".to_owned());
        }),
        ("nuget.config", In::RestoreAndWhole, |build| {
            build.observed.nuget.replaced = table("nuget.config", b"edited".to_vec());
        }),
        ("what no key tells of NuGet", In::None, |build| {
            let nuget = &mut build.observed.nuget;
            nuget.restore = table("home/x", bytes("token"));
            nuget.publish = table("home/x", bytes(""));
            nuget.mounted = vec![PathBuf::from("/srv/feed")];
            nuget.fallback_folders = vec![PathBuf::from("/srv/packages")];
            nuget.secret_variables = table("FEED_TOKEN", "token".to_owned());
            nuget.plugin_tools = Some("home/plugins".to_owned());
            nuget.shown_variables = table("FEED", "https://feed.example".to_owned());
            nuget.requests = vec![OutsideRequest {
                wanted: Outside::Variable("FEED".to_owned()),
                asked_by: "nuget.config".to_owned(),
            }];
        }),
        ("fallback packages", In::All, |build| {
            build.observed.fallback_packages = table("fallback folder /srv", text("packages"));
        }),
        ("variables that are passed", In::All, |build| {
            build.observed.passed = table("BUILD_NUMBER", text("8"));
        }),
        ("git's files", In::Whole, |build| {
            build.observed.dependencies.git.keyed = table(".git/HEAD", bytes("edited"));
        }),
        ("git's objects", In::Whole, |build| {
            let facts = FileInput::File(text("edited"));
            build.observed.dependencies.git.facts = table(".git/objects 0", facts);
        }),
        ("what no key tells of the machine", In::None, |build| {
            let dependencies = &mut build.observed.dependencies;
            dependencies.findings = table("x", vec![Oddity::Volatile("date".to_owned())]);
            dependencies.hidden = vec![("/opt/a".into(), "a path".to_owned())];
            dependencies.programs.clear();
            dependencies.git.reads = None;
            dependencies.git.unkeyed.clear();
            dependencies.git.mounted = vec![PathBuf::from("/home/me/objects")];
            dependencies.git.warnings = vec!["shallow".to_owned()];
        }),
    ]);
}
