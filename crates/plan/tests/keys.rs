//! Two builds that may differ never share a key: the collisions that other tools have had.

use mizzen_oci::Digest;
use mizzen_plan::{FileInput, Inputs, RECIPE, SourceTree, StepName, ToolchainInput};
use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use std::collections::{BTreeMap, BTreeSet};

fn inputs() -> Inputs {
    Inputs {
        recipe: RECIPE,
        project: "App.csproj".to_owned(),
        stage: "/stage".to_owned(),
        toolchain: ToolchainInput {
            id: Digest::of(b"sdk"),
            root: "/sdk".to_owned(),
            sdk: "/sdk/sdk/10.0.100".to_owned(),
            version: "10.0.100".to_owned(),
        },
        host: BTreeMap::new(),
        commands: BTreeMap::new(),
        environment: BTreeMap::new(),
        passed: BTreeMap::new(),
        injected: BTreeMap::new(),
        layers: BTreeMap::new(),
        files: SourceTree::default(),
    }
}

fn file(bytes: &[u8]) -> FileInput {
    FileInput::File(Digest::of(bytes))
}

fn with_files(files: &[(&str, FileInput)]) -> Inputs {
    let files = files
        .iter()
        .map(|(path, fact)| ((*path).to_owned(), fact.clone()));
    Inputs {
        files: files.collect(),
        ..inputs()
    }
}

fn with_variables(variables: &[(&str, &str)]) -> Inputs {
    let text = |text: &&str| (*text).to_owned();
    let variables = variables
        .iter()
        .map(|(name, value)| (text(name), text(value)));
    Inputs {
        environment: variables.collect(),
        ..inputs()
    }
}

fn with_command(words: &[&str]) -> Inputs {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Inputs {
        commands: [(StepName::Restore, words)].into(),
        ..inputs()
    }
}

/// Asserts that no two have one key; those that only publish reads have one for restore.
fn all_differ(all: &[Inputs], for_restore: bool) {
    let keys = |key: fn(&Inputs) -> Digest| all.iter().map(key).collect::<BTreeSet<_>>().len();
    assert_eq!(keys(Inputs::whole_key), all.len());
    assert_eq!(
        keys(|inputs| inputs.publish_key(&BTreeMap::new())),
        all.len()
    );
    assert_eq!(
        keys(Inputs::restore_key),
        if for_restore { all.len() } else { 1 }
    );
}

#[test]
fn where_a_name_ends_and_a_value_begins_is_part_of_the_key() {
    all_differ(
        &[
            with_variables(&[("A", "1"), ("B", "2")]),
            with_variables(&[("A", "1\nB=2")]),
            with_variables(&[("A", "1\0B=2")]),
            with_variables(&[("A", "1\",\"B\":\"2")]),
            with_variables(&[("A=1", "B=2")]),
            with_variables(&[("A", "1"), ("B", "")]),
            with_variables(&[("A", "1")]),
            with_variables(&[("A", "")]),
            with_variables(&[]),
        ],
        true,
    );
    all_differ(
        &[
            with_command(&["restore", "App.csproj", "-p:A=1 -p:B=2"]),
            with_command(&["restore", "App.csproj", "-p:A=1", "-p:B=2"]),
            with_command(&["restore", "App.csproj", "-p:A=1;B=2"]),
            with_command(&["restore App.csproj", "-p:A=1", "-p:B=2"]),
            with_command(&["restore", "App.csproj", "-p:B=2", "-p:A=1"]),
            with_command(&[]),
        ],
        true,
    );
}

#[test]
fn names_and_places_are_part_of_the_key_not_only_what_is_there() {
    let (one, two) = (file(b"one"), file(b"two"));
    all_differ(
        &[
            with_files(&[("A.cs", one.clone()), ("B.cs", two.clone())]),
            with_files(&[("A.cs", two.clone()), ("B.cs", one.clone())]),
            with_files(&[("A.cs", one.clone()), ("C.cs", two.clone())]),
            with_files(&[("A.cs", one.clone()), ("b.cs", two.clone())]),
            with_files(&[("A.cs", one.clone()), ("B.cs", one.clone())]),
            with_files(&[("A.cs", one.clone()), ("d/B.cs", two.clone())]),
            with_files(&[("A.csB.cs", two)]),
            with_files(&[("A.cs", one)]),
        ],
        false,
    );
}

#[test]
fn what_kind_of_thing_lies_there_is_part_of_the_key() {
    let digest = Digest::of(b"data.txt");
    all_differ(
        &[
            with_files(&[("x", FileInput::File(digest))]),
            with_files(&[("x", FileInput::Program(digest))]),
            // A link is not the file that it leads to, nor one that holds the name of its target.
            with_files(&[("x", FileInput::Link("data.txt".to_owned()))]),
            with_files(&[("x", FileInput::Link(digest.to_string()))]),
            with_files(&[("x", file(b""))]),
            with_files(&[("x", FileInput::Folder)]),
            with_files(&[]),
        ],
        false,
    );
    let project = |fact| with_files(&[("x.csproj", fact)]);
    all_differ(
        &[
            project(FileInput::File(digest)),
            project(FileInput::Program(digest)),
        ],
        true,
    );
}

#[test]
fn what_a_version_resolved_to_is_part_of_publishs_key_and_the_words_that_asked_for_it_are_not_enough()
 {
    let inputs = with_files(&[("App.csproj", file(b"Version=\"1.*\""))]);
    let resolved = |packages: &[(&str, &[u8])]| {
        let packages = packages.iter();
        packages
            .map(|(name, bytes)| ((*name).to_owned(), Digest::of(bytes)))
            .collect()
    };
    let keys: BTreeSet<_> = [
        resolved(&[]),
        resolved(&[("float/1.0.0", b"one")]),
        resolved(&[("float/1.1.0", b"one")]),
        resolved(&[("float/1.0.0", b"other")]),
        resolved(&[("float/1.0.0", b"one"), ("text/1.0.0", b"two")]),
        resolved(&[("float/1.0.0", b"two"), ("text/1.0.0", b"one")]),
    ]
    .map(|packages| inputs.publish_key(&packages))
    .into();
    assert_eq!(keys.len(), 6);
}

#[test]
fn no_step_has_the_key_of_another() {
    let inputs = inputs();
    let publish = inputs.publish_key(&BTreeMap::new());
    let keys = [
        inputs.whole_key(),
        inputs.restore_key(),
        publish,
        inputs.slot(""),
    ];
    assert_eq!(BTreeSet::from(keys).len(), 4);
}

fn text() -> impl Strategy<Value = String> {
    let awkward = [
        "", "\0", "\n", "\"", "\\", "=", ";", ":", "/", "é", "e\u{301}", "\u{202e}", "[]", "{}",
    ];
    prop_oneof![
        vec(proptest::sample::select(awkward.to_vec()), 0..4).prop_map(|parts| parts.concat()),
        any::<String>()
    ]
}

fn any_file() -> impl Strategy<Value = FileInput> {
    prop_oneof![
        text().prop_map(|text| file(text.as_bytes())),
        text().prop_map(|text| FileInput::Program(Digest::of(text.as_bytes()))),
        text().prop_map(FileInput::Link),
        Just(FileInput::Folder),
    ]
}

proptest! {
    /// What can be read back in full cannot be the bytes of anything else.
    #[test]
    fn the_bytes_of_a_key_hold_every_fact(
        (project, stage) in (text(), text()),
        commands in btree_map(prop_oneof![Just(StepName::Restore), Just(StepName::Publish)], vec(text(), 0..4), 0..3),
        environment in btree_map(text(), text(), 0..4),
        files in btree_map(text(), any_file(), 0..4),
        layers in btree_map(text(), text(), 0..3),
    ) {
        let inputs = Inputs { project, stage, commands, environment, files: SourceTree::new(files), layers, ..inputs() };
        assert_eq!(Inputs::parse(&inputs.to_bytes()), Some(inputs));
    }
}
