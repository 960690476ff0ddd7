//! What a difference between two builds is called.

use mizzen_oci::Digest;
use mizzen_plan::{
    Answers, FileInput, Inputs, Look, MissReason, PathSet, RECIPE, SourceTree, StepName,
    ToolchainInput,
};
use std::collections::BTreeMap;

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

fn of_file(path: &str, file: &FileInput) -> Inputs {
    let files = BTreeMap::from([(path.to_owned(), file.clone())]);
    Inputs {
        files: SourceTree::new(files),
        ..inputs()
    }
}

fn of_variable(value: Option<&str>) -> Inputs {
    let passed = value.map(|value| ("TOKEN".to_owned(), Digest::of(value.as_bytes())));
    Inputs {
        passed: passed.into_iter().collect(),
        ..inputs()
    }
}

#[test]
fn a_file_is_other_by_content_or_by_what_it_is() {
    let file = |text: &str| FileInput::File(Digest::of(text.as_bytes()));
    let program = |text: &str| FileInput::Program(Digest::of(text.as_bytes()));
    let link = |target: &str| FileInput::Link(target.to_owned());
    let content = vec![MissReason::Content("x".to_owned())];
    let kind = vec![MissReason::Kind("x".to_owned())];
    for (before, now, want) in [
        (file("1"), file("1"), &vec![]),
        (file("1"), file("2"), &content),
        (program("1"), program("1"), &vec![]),
        (program("1"), program("2"), &content),
        (file("1"), program("1"), &kind),
        (program("1"), file("1"), &kind),
        (file("1"), link("1"), &kind),
        (link("1"), file("1"), &kind),
        (link("1"), program("1"), &kind),
        (link("1"), link("2"), &kind),
        (FileInput::Folder, file("1"), &kind),
        (program("1"), FileInput::Folder, &kind),
    ] {
        let reasons = MissReason::between(&of_file("x", &before), &of_file("x", &now));
        assert_eq!(&reasons, want, "{before:?} {now:?}");
    }
}

#[test]
fn a_variable_of_the_users_is_named_and_its_value_is_not() {
    let between = |before: Option<&str>, now: Option<&str>| {
        let reasons = MissReason::between(&of_variable(before), &of_variable(now));
        let reasons = reasons.iter().map(ToString::to_string);
        reasons.collect::<Vec<_>>()
    };
    assert_eq!(between(None, None), [""; 0]);
    assert_eq!(between(Some("a"), Some("a")), [""; 0]);
    assert_eq!(between(Some("a"), Some("b")), ["variable TOKEN (value)"]);
    assert_eq!(between(None, Some("a")), ["variable TOKEN: unset → set"]);
    assert_eq!(between(Some("a"), None), ["variable TOKEN: set → unset"]);
}

#[test]
fn a_variable_of_the_users_is_in_every_key_and_none_leaves_keys_as_they_were() {
    let keys = |inputs: &Inputs| [inputs.restore_key(), inputs.whole_key()];
    let [unset, one, other] = [None, Some("a"), Some("b")].map(|value| keys(&of_variable(value)));
    for (left, right) in [(unset, one), (one, other), (unset, other)] {
        assert!(left[0] != right[0] && left[1] != right[1]);
    }
    // A table that was kept before there were such variables still has its key.
    let table = String::from_utf8(inputs().to_bytes()).unwrap();
    assert!(!table.contains("passed"), "{table}");
}

#[test]
fn a_toolchain_of_the_same_version_is_other_by_its_content() {
    let toolchain = |before: &str, now: &str| {
        MissReason::Toolchain(before.to_owned(), now.to_owned()).to_string()
    };
    assert_eq!(
        toolchain("10.0.100", "10.0.100"),
        "toolchain 10.0.100 (content)"
    );
    assert_eq!(
        toolchain("10.0.100", "10.0.101"),
        "toolchain 10.0.100 → 10.0.101"
    );
}

#[test]
fn an_sdk_that_lies_elsewhere_is_one_reason_and_not_one_for_each_variable_that_names_it() {
    let at = |root: &str| Inputs {
        toolchain: ToolchainInput {
            root: root.to_owned(),
            ..inputs().toolchain
        },
        commands: BTreeMap::from([(StepName::Restore, vec![format!("{root}/dotnet")])]),
        environment: BTreeMap::from([("DOTNET_ROOT".to_owned(), root.to_owned())]),
        ..inputs()
    };
    let reasons = MissReason::between(&at("/usr/lib/dotnet"), &at("/opt/dotnet"));
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    let want = "the SDK was seen at /usr/lib/dotnet, and is now at /opt/dotnet";
    assert_eq!(reasons, [want]);
}

#[test]
fn steps_have_the_names_under_which_records_are_kept() {
    for (step, name) in [
        (StepName::Restore, "restore"),
        (StepName::Publish, "publish"),
    ] {
        assert_eq!(step.as_str(), name);
        assert_eq!(step.to_string(), name);
        assert_eq!(serde_json::to_value(step).unwrap(), name);
    }
}

#[test]
fn sets_and_answers_know_how_much_is_in_them() {
    let machine = BTreeMap::new();
    let machine = SourceTree::new(machine);
    let mut set = PathSet::default();
    let answers = |set: &PathSet| Answers::of(set, &machine).unwrap();
    assert!(set.is_empty() && answers(&set).is_empty());
    assert_eq!((set.len(), answers(&set).len()), (0, 0));
    set.add_source("a", Look::Read);
    assert!(!set.is_empty() && answers(&set).is_empty());
    set.add_machine("/etc/a", Look::Read);
    set.add_machine("/etc/b", Look::Probed);
    assert!(!set.is_empty() && !answers(&set).is_empty());
    assert_eq!((set.len(), answers(&set).len()), (3, 2));
}
