//! No bytes in a publish folder make its reader panic or hang.

use fs_err as fs;
use mizzen_dotnet::{
    DepsJson, LayerPlan, LayerRules, PublishOutput, RuntimeConfig, RuntimeIdentifier,
};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

/// Where to change how, in a file of any length.
type Edits = Vec<(prop::sample::Index, u8)>;

fn edits() -> impl Strategy<Value = Edits> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8)
}

fn edited(bytes: &[u8], edits: &Edits) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (place, byte) in edits {
        let place = place.index(bytes.len());
        bytes[place] = *byte;
    }
    bytes
}

fn stored(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/publish")
        .join(path)
}

fn plan(files: &[(&str, Vec<u8>)]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("a temporary folder");
    }
    if let Ok(output) = PublishOutput::read(folder.path()) {
        let rules = LayerRules::new("app/", RuntimeIdentifier::new("linux-x64"));
        drop(LayerPlan::new(&output, &rules));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json(text in ".{0,200}", in_deps in edits(), in_config in edits()) {
        let deps = fs::read(stored("portable/Web.Api.deps.json")).expect("stored");
        let config = fs::read(stored("portable/Web.Api.runtimeconfig.json")).expect("stored");
        for (deps, config) in [
            (text.clone().into_bytes(), text.into_bytes()),
            (edited(&deps, &in_deps), edited(&config, &in_config)),
        ] {
            drop(DepsJson::parse(&deps, "Web.Api"));
            drop(RuntimeConfig::parse(&config));
            plan(&[
                ("Web.Api.deps.json", deps),
                ("Web.Api.runtimeconfig.json", config),
                ("Web.Api.dll", b"MZ".to_vec()),
            ]);
        }
    }

    #[test]
    fn programs(in_bundle in edits(), in_assembly in edits(), cut in any::<prop::sample::Index>()) {
        let bundle = fs::read(stored("single-file-framework-dependent/Web.Api")).expect("stored");
        let mut bundle = edited(&bundle, &in_bundle);
        plan(&[("Web.Api", bundle.clone())]);
        bundle.truncate(cut.index(bundle.len()));
        plan(&[("Web.Api", bundle)]);
        let assembly = fs::read(stored("ready-to-run/Web.Api.dll")).expect("stored");
        let config = fs::read(stored("portable/Web.Api.runtimeconfig.json")).expect("stored");
        plan(&[
            ("Web.Api.runtimeconfig.json", config),
            ("Web.Api.dll", edited(&assembly, &in_assembly)),
        ]);
    }
}
