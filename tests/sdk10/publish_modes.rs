//! Every way to publish that the SDK has packages for gives the same layers on two machines.

use crate::shop::shake;
use crate::support::{Run, User, edit, prepared, testdata};
use fs_err as fs;
use mizzen_image::{Layout, Sink, Source, Taggable};
use mizzen_oci::{Index, MediaType};
use mizzen_testkit::nuget_package;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const RID: [&str; 3] = ["-r", "linux-x64", "--self-contained=false"];
const CONTAINED: [&str; 3] = ["-r", "linux-x64", "--self-contained"];

/// The sources that the stored publish folders were made of, with every source of packages.
fn sources(user: &User, name: &str) {
    let feed = prepared("MIZZEN_FEED");
    // Empty where the feed has runtime packs itself.
    let runtime_packs: PathBuf = prepared("MIZZEN_RUNTIME_PACKS");
    let feeds: Vec<&Path> = [feed.as_path(), &runtime_packs]
        .into_iter()
        .filter(|feed| !feed.as_os_str().is_empty())
        .collect();
    user.sources(&testdata("publish/source"), name, &feeds);
}

/// Writes what stands in for the runtime packs of linux-arm64, for the feed has none: the assemblies of
/// the SDK's own runtimes, which a compiler for that processor reads as well.
fn stand_ins(feed: &Path) {
    let sdk = prepared("MIZZEN_SDK");
    for framework in ["Microsoft.NETCore.App", "Microsoft.AspNetCore.App"] {
        let runtimes = sdk.join("shared").join(framework);
        let runtime = fs::read_dir(runtimes).unwrap().next().unwrap().unwrap();
        let version = runtime.file_name().into_string().unwrap();
        let (mut files, mut list) = (Vec::new(), String::new());
        for entry in fs::read_dir(runtime.path()).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let Some(assembly) = name.strip_suffix(".dll") else {
                continue;
            };
            let path = format!("runtimes/linux-arm64/lib/net10.0/{name}");
            writeln!(
                list,
                "<File Type=\"Managed\" Path=\"{path}\" AssemblyName=\"{assembly}\" \
                 PublicKeyToken=\"b03f5f7f11d50a3a\" AssemblyVersion=\"10.0.0.0\" FileVersion=\"10.0.0.0\" />"
            )
            .unwrap();
            files.push((path, fs::read(entry.path()).unwrap()));
        }
        let list = format!("<FileList FrameworkName=\"{framework}\">{list}</FileList>");
        files.push(("data/RuntimeList.xml".to_owned(), list.into_bytes()));
        let files: Vec<_> = files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes))
            .collect();
        let id = format!("{framework}.Runtime.linux-arm64");
        nuget_package(feed, &id, &version, &files);
    }
}

/// Publishes in this way on two machines and returns the first one's run.
fn published_twice(options: &[&str]) -> Run {
    published_twice_by(&User::with_sdk(&prepared("MIZZEN_SDK")), options)
}

/// The same; the user keeps the base in `base` and the image in `out`.
fn published_twice_by(user: &User, options: &[&str]) -> Run {
    sources(user, "one");
    sources(user, "some/where/else");
    shake(&user.path("some"));
    let platform = if options.contains(&"linux-arm64") {
        "linux/arm64"
    } else {
        "linux/amd64"
    };
    mizzen_testkit::tiny_base(&user.path("base"), platform);
    let build = |folder: &str, more: &[&str], environment, umask| {
        let project = format!("{folder}/Web.Api");
        let arguments = [&project, "--base", "oci:base", "-o", "oci:out"];
        let arguments = [&arguments[..], options, more].concat();
        user.build_under_umask(environment, umask, &arguments)
            .success()
    };
    let one = build("one", &[], &user.environment, "022");
    assert_eq!(one.steps(), "restore=ran publish=ran");
    // What was restored is the same by its digests: it is not fetched once more.
    let mut elsewhere = user.elsewhere("other");
    for (name, value) in [
        ("TZ", "America/St_Johns"),
        ("LANG", "tr_TR.UTF-8"),
        ("MIZZEN_CACHE_DIR", &user.environment["MIZZEN_CACHE_DIR"]),
    ] {
        elsewhere.insert(name.to_owned(), value.to_owned());
    }
    let again = ["--no-cache=publish"];
    let other = build("some/where/else", &again, &elsewhere, "077");
    assert_eq!(other.steps(), "restore=hit publish=ran");
    assert_eq!(one.layers(), other.layers());
    assert_eq!(one.digest(), other.digest());
    one
}

fn names(run: &Run) -> Vec<String> {
    run.layers().into_keys().collect()
}

/// However much is published beside it, the layer that changes with each edit stays small: other
/// tools' grew from 431 kB to 60.7 MB with the first RID.
fn app_layer_is_small(run: &Run) {
    let layers = run.image()["layers"].as_array().unwrap();
    let app = layers.iter().find(|layer| layer["name"] == "app").unwrap();
    assert!(app["size"].as_u64().unwrap() < 1_000_000, "{app}");
}

const PORTABLE: [&str; 6] = [
    "app",
    "packages",
    "packages-native",
    "prerelease-packages",
    "projects",
    "static-web-assets",
];
const FOR_ONE_RID: [&str; 5] = [
    "app",
    "packages",
    "prerelease-packages",
    "projects",
    "static-web-assets",
];

#[test]
fn framework_dependent_is_the_same_on_two_machines() {
    for (options, want) in [
        (&[][..], &PORTABLE[..]),
        (&RID, &FOR_ONE_RID),
        (
            &["-r", "linux-arm64", "--self-contained=false"],
            &FOR_ONE_RID,
        ),
    ] {
        let run = published_twice(options);
        assert_eq!(names(&run), want, "{options:?}");
        assert!(run.image()["tailored"].is_null());
        app_layer_is_small(&run);
    }
}

#[test]
fn self_contained_is_the_same_on_two_machines() {
    let run = published_twice(&CONTAINED);
    let want = [&FOR_ONE_RID[..4], &["runtime"], &FOR_ONE_RID[4..]].concat();
    assert_eq!(names(&run), want);
    assert!(run.image()["tailored"].is_null());
    app_layer_is_small(&run);
}

/// Without a deps.json, what restore wrote tells which file is of a package.
#[test]
fn without_a_deps_json_packages_have_their_layer() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    sources(&user, "one");
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let arguments = ["one/Web.Api", "--base", "oci:base", "-o", "oci:out"];
    let without = ["-p", "GenerateDependencyFile=false"];
    let run = user.build(&[&arguments[..], &without].concat()).success();
    assert_eq!(names(&run), PORTABLE);
}

/// No list names the runtime's files then; they say themselves what they are part of.
#[test]
fn without_a_deps_json_the_runtime_has_its_layer() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    sources(&user, "one");
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let arguments = ["one/Web.Api", "--base", "oci:base", "-o", "oci:out"];
    let run = user.build(&[&arguments[..], &CONTAINED].concat()).success();
    let without = ["-p", "GenerateDependencyFile=false"];
    let other = user.build(&[&arguments[..], &CONTAINED, &without].concat());
    let other = other.success();
    assert_eq!(names(&other), names(&run));
    assert_eq!(other.layers()["runtime"], run.layers()["runtime"]);
    app_layer_is_small(&other);
}

#[test]
fn trimmed_and_ready_to_run_are_the_same_on_two_machines() {
    for (property, tailored) in [
        ("PublishTrimmed=true", "trimmed"),
        ("PublishReadyToRun=true", "ready-to-run"),
    ] {
        let run = published_twice(&[&CONTAINED[..], &["-p", property]].concat());
        assert!(names(&run).contains(&"runtime".to_owned()));
        assert_eq!(run.image()["tailored"], tailored);
        app_layer_is_small(&run);
    }
}

#[test]
fn single_file_is_the_same_on_two_machines() {
    let single_file = ["-p", "PublishSingleFile=true"];
    for options in [RID, CONTAINED] {
        let user = User::with_sdk(&prepared("MIZZEN_SDK"));
        let run = published_twice_by(&user, &[&options[..], &single_file].concat());
        assert_eq!(run.image()["tailored"], "single-file");
        // What is inside is found where the SDK put it.
        let [base, out] = ["base", "out"].map(|name| format!("oci:{}", user.path(name).display()));
        let diff = user.run_bare(&["diff", &base, &out]).success().stdout;
        assert!(diff.contains("+ package Serilog 4.3.0\n"), "{diff}");
    }
}

/// Writes a base for both processors, as a registry has it: an index.
fn base_for_both(user: &User) {
    let image = |platform: &str| {
        let folder = user.path(&platform.replace('/', "-"));
        mizzen_testkit::tiny_base(&folder, platform);
        let layout = Layout::new(folder, Some("latest"));
        let mut entry = layout.read().unwrap().descriptor().clone();
        entry.platform = Some(platform.parse().unwrap());
        let image = layout.image(&platform.parse().unwrap()).unwrap();
        (entry, image)
    };
    let (entries, images) = BOTH.map(image).into_iter().unzip();
    let index = Index::new(MediaType::ImageIndex, entries, &[].into());
    let what = Taggable::Index(Box::new(index), images);
    Layout::new(user.path("base"), None).write(&what).unwrap();
}

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

#[test]
fn what_is_compiled_for_a_processor_is_published_once_for_each_platform_and_found_again() {
    let user = User::with_sdk(&prepared("MIZZEN_SDK"));
    let own = user.path("own");
    stand_ins(&own);
    let (feed, runtime_packs) = (prepared("MIZZEN_FEED"), prepared("MIZZEN_RUNTIME_PACKS"));
    let feeds: Vec<&Path> = [&feed, &runtime_packs, &own]
        .into_iter()
        .map(PathBuf::as_path)
        .filter(|feed| !feed.as_os_str().is_empty())
        .collect();
    let folder = user.sources(&testdata("solutions/hello-web"), "w", &feeds);
    base_for_both(&user);
    let compiled = "<PropertyGroup><PublishReadyToRun Condition=\"Exists('compiled')\">true</PublishReadyToRun></PropertyGroup></Project>";
    edit(&folder.join("hello-web.csproj"), "</Project>", compiled);
    fs::write(folder.join("compiled"), "").unwrap();
    let platforms = ["--platform", &BOTH.join(",")];
    let build = || {
        let more = ["--base", "oci:base", "-o", "oci:out"];
        user.build(&[&["w"], &platforms[..], &more].concat())
            .success()
    };

    // The SDK publishes it for this machine first, and that is one platform too few.
    let first = build();
    assert_eq!(first.image()["platforms"], json!(BOTH));
    assert_eq!(
        first.steps(),
        "restore=ran publish=ran restore=ran publish=ran"
    );
    assert_eq!(user.dotnet_calls(), ["restore", "publish"].repeat(3));
    assert_eq!(first.metadata["dotnetCalls"], 6);
    let layers = first.image()["layers"].as_array().unwrap();
    let digests = |name: &str| {
        let named = layers.iter().filter(|layer| layer["name"] == name);
        named
            .map(|layer| layer["digest"].to_string())
            .collect::<BTreeSet<_>>()
    };
    for (name, count) in [("app", 2), ("static-web-assets", 1)] {
        assert_eq!(digests(name).len(), count, "{name}");
    }
    let again = build();
    assert_eq!(
        again.steps(),
        "restore=hit publish=hit restore=hit publish=hit"
    );
    assert_eq!(again.digest(), first.digest());
    assert_eq!(user.dotnet_calls(), [""; 0]);

    // By now it is known; once it is portable, by a file that restore does not read, it is found out.
    fs::remove_file(folder.join("compiled")).unwrap();
    let plan = user.run_bare(&[&["plan", "w"], &platforms[..]].concat());
    let plan = plan.success().stdout;
    assert_eq!(plan.matches("- compiled").count(), 2, "{plan}");
    let portable = build();
    assert_eq!(portable.steps(), "restore=hit publish=ran");
    assert_eq!(portable.image()["layers"].as_array().unwrap().len(), 2);
    assert_eq!(user.dotnet_calls(), ["publish"; 3]);
    assert_eq!(build().steps(), "restore=hit publish=hit");
    assert_eq!(user.dotnet_calls(), [""; 0]);
}
