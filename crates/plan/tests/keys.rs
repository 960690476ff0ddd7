//! Two builds that may differ never share a key: the collisions that other tools have had.

use mizzen_oci::Digest;
use mizzen_plan::{Facts, FileFact, RECIPE, StepCommand, Toolchain};
use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use std::collections::{BTreeMap, BTreeSet};

fn facts() -> Facts {
    Facts {
        recipe: RECIPE,
        project: "App.csproj".to_owned(),
        stage: "/stage".to_owned(),
        toolchain: Toolchain {
            id: Digest::of(b"sdk"),
            root: "/sdk".to_owned(),
            sdk: "/sdk/sdk/10.0.100".to_owned(),
            version: "10.0.100".to_owned(),
        },
        host: BTreeMap::new(),
        linker: BTreeMap::new(),
        commands: BTreeMap::new(),
        environment: BTreeMap::new(),
        injected: BTreeMap::new(),
        layers: BTreeMap::new(),
        files: BTreeMap::new(),
    }
}

fn file(bytes: &[u8]) -> FileFact {
    FileFact::File(Digest::of(bytes))
}

fn with_files(files: &[(&str, FileFact)]) -> Facts {
    let files = files
        .iter()
        .map(|(path, fact)| ((*path).to_owned(), fact.clone()));
    Facts {
        files: files.collect(),
        ..facts()
    }
}

fn with_variables(variables: &[(&str, &str)]) -> Facts {
    let text = |text: &&str| (*text).to_owned();
    let variables = variables
        .iter()
        .map(|(name, value)| (text(name), text(value)));
    Facts {
        environment: variables.collect(),
        ..facts()
    }
}

fn with_command(words: &[&str]) -> Facts {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Facts {
        commands: [(StepCommand::Restore, words)].into(),
        ..facts()
    }
}

/// Asserts that no two have one key; those that only publish reads have one for restore.
fn all_differ(all: &[Facts], for_restore: bool) {
    let keys = |key: fn(&Facts) -> Digest| all.iter().map(key).collect::<BTreeSet<_>>().len();
    assert_eq!(keys(Facts::whole_key), all.len());
    assert_eq!(keys(|facts| facts.publish_key(&BTreeMap::new())), all.len());
    assert_eq!(
        keys(Facts::restore_key),
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
            with_files(&[("x", FileFact::File(digest))]),
            with_files(&[("x", FileFact::Program(digest))]),
            // A link is not the file that it leads to, nor one that holds the name of its target.
            with_files(&[("x", FileFact::Link("data.txt".to_owned()))]),
            with_files(&[("x", FileFact::Link(digest.to_string()))]),
            with_files(&[("x", file(b""))]),
            with_files(&[("x", FileFact::Folder)]),
            with_files(&[]),
        ],
        false,
    );
    let project = |fact| with_files(&[("x.csproj", fact)]);
    all_differ(
        &[
            project(FileFact::File(digest)),
            project(FileFact::Program(digest)),
        ],
        true,
    );
}

#[test]
fn what_a_version_resolved_to_is_part_of_publishs_key_and_the_words_that_asked_for_it_are_not_enough()
 {
    let facts = with_files(&[("App.csproj", file(b"Version=\"1.*\""))]);
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
    .map(|packages| facts.publish_key(&packages))
    .into();
    assert_eq!(keys.len(), 6);
}

#[test]
fn no_step_has_the_key_of_another() {
    let facts = facts();
    let publish = facts.publish_key(&BTreeMap::new());
    let keys = [
        facts.whole_key(),
        facts.restore_key(),
        publish,
        facts.slot(""),
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

fn any_file() -> impl Strategy<Value = FileFact> {
    prop_oneof![
        text().prop_map(|text| file(text.as_bytes())),
        text().prop_map(|text| FileFact::Program(Digest::of(text.as_bytes()))),
        text().prop_map(FileFact::Link),
        Just(FileFact::Folder),
    ]
}

proptest! {
    /// What can be read back in full cannot be the bytes of anything else.
    #[test]
    fn the_bytes_of_a_key_hold_every_fact(
        (project, stage) in (text(), text()),
        commands in btree_map(prop_oneof![Just(StepCommand::Restore), Just(StepCommand::Publish)], vec(text(), 0..4), 0..3),
        environment in btree_map(text(), text(), 0..4),
        files in btree_map(text(), any_file(), 0..4),
        layers in btree_map(text(), text(), 0..3),
    ) {
        let facts = Facts { project, stage, commands, environment, files, layers, ..facts() };
        assert_eq!(Facts::parse(&facts.to_bytes()), Some(facts));
    }
}
