//! A real restore and publish are watched to the end, and give the same bytes as without.

use crate::support::{prepared, testdata};
use fs_err as fs;
use mizzen_oci::Digest;
use mizzen_stage::{
    Access, Action, Content, Executor, Isolation, Network, Outcome, OutputSpec, Rung, Seen, Stage,
};
use mizzen_store::{Cancel, Store};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Below the stage's root.
const PROJECT: &str = "src/src/Shop.Api";

fn publish(root: &Path, watched: bool) -> Action {
    let sdk = fs::canonicalize(prepared("MIZZEN_SDK")).unwrap();
    let feed = fs::canonicalize(prepared("MIZZEN_FEED")).unwrap();
    let feeds = format!(
        "<configuration><packageSources><clear/><add key=\"feed\" value=\"{}\"/></packageSources></configuration>",
        feed.display()
    );
    let mut inputs = BTreeMap::from([(
        "src/nuget.config".to_owned(),
        Content::Bytes(feeds.into_bytes().into()),
    )]);
    add_sources(&testdata("solutions/shop"), "src", &mut inputs);
    let at = |path: &str| root.join(path).display().to_string();
    let environment = [
        ("HOME", at("home")),
        ("NUGET_PACKAGES", at("packages")),
        ("PATH", "/usr/bin:/bin".to_owned()),
        ("DOTNET_CLI_TELEMETRY_OPTOUT", "1".to_owned()),
        ("DOTNET_NOLOGO", "1".to_owned()),
        ("DOTNET_SKIP_FIRST_TIME_EXPERIENCE", "1".to_owned()),
        ("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1".to_owned()),
        ("MSBUILDDISABLENODEREUSE", "1".to_owned()),
        ("NUGET_CERT_REVOCATION_MODE", "offline".to_owned()),
    ];
    let dotnet = sdk.join("dotnet").display().to_string();
    let arguments = [
        "publish",
        "Shop.Api.csproj",
        "-c",
        "Release",
        "-o",
        &at("out"),
    ];
    let options = ["-p:UseSharedCompilation=false", "-p:Deterministic=true"];
    let command = arguments.into_iter().chain(options).map(str::to_owned);
    Action {
        label: "publish of the shop".to_owned(),
        inputs,
        packs: Vec::new(),
        folders: ["home", "packages", "out"].map(str::to_owned).to_vec(),
        mounted: vec![sdk, feed],
        masked: Vec::new(),
        shown: BTreeMap::new(),
        command: [dotnet].into_iter().chain(command).collect(),
        warm_up: Vec::new(),
        working_folder: PROJECT.to_owned(),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        secret_environment: BTreeMap::new(),
        outputs: vec![OutputSpec::Changes("out".to_owned())],
        network: Network::None,
        watched,
    }
}

fn add_sources(folder: &Path, staged: &str, inputs: &mut BTreeMap<String, Content>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let staged = format!("{staged}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            add_sources(&entry.path(), &staged, inputs);
        } else {
            let digest = Digest::of(&fs::read(entry.path()).unwrap());
            let file = Content::File {
                source: entry.path(),
                digest,
                executable: false,
            };
            inputs.insert(staged, file);
        }
    }
}

#[test]
fn a_watched_publish_gives_the_same_bytes_and_tells_what_it_looked_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("cache")).unwrap());
    let launcher = env!("CARGO_BIN_EXE_mizzen").into();
    let isolation = Isolation::Exactly(Rung::Processes);
    let stage = Stage::new(store, launcher, isolation).unwrap();
    let run = |watched| -> Outcome {
        let action = publish(stage.root(), watched);
        let mut said = String::new();
        let outcome = stage.run(&action, &Cancel::default(), &mut |line| {
            said += &line.text;
            said.push('\n');
        });
        let outcome = outcome.unwrap();
        assert_eq!(outcome.exit_code, Some(0), "{said}");
        outcome
    };
    let (watched, alone) = (run(true), run(false));
    assert_eq!(watched.changed, alone.changed);
    let made = &watched.changed["out"];
    assert!(made.contains(&"Shop.Api.dll".to_owned()), "{made:?}");
    for file in made {
        // The times in there are those at which the files were compressed; a build takes them out.
        if !file.ends_with(".staticwebassets.endpoints.json") {
            let read = |outcome: &Outcome| outcome.read(&format!("out/{file}")).unwrap().unwrap();
            assert!(read(&watched) == read(&alone), "{file}");
        }
    }
    let Seen::All(seen) = &watched.seen else {
        panic!("{:?}", watched.seen);
    };
    let is_seen = |path: &str, access| {
        let path = stage.root().join(path);
        seen.iter()
            .any(|seen| seen.path == path && seen.access == access)
    };
    for (path, access) in [
        ("src/src/Shop.Api/Program.cs", Access::Read),
        ("src/src/Shop.Catalog/Product.cs", Access::Read),
        ("src/src/Shop.Api/wwwroot/css/site.css", Access::Read),
        ("src/Directory.Build.props", Access::Read),
        // Absent, and yet it matters.
        ("src/src/Directory.Build.props", Access::Probed),
        ("src/src/Shop.Api/Products", Access::Listed),
        ("out/Shop.Api.dll", Access::Written),
    ] {
        assert!(is_seen(path, access), "{path} {access:?}");
    }
    // Neither the tests nor the solution have a part in it.
    let tests = stage.root().join("src/tests");
    assert!(
        !seen
            .iter()
            .any(|seen| seen.path.starts_with(&tests) && seen.access == Access::Read)
    );
}
