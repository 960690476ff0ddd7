//! What is decided from facts and records alone.

use mizzen_oci::Digest;
use mizzen_plan::{
    Facts, FileFact, Key, MissReason, Plan, RECIPE, Record, Records, Skip, StepCommand, StepName,
    Toolchain, Unkeyed, Verdict, plan,
};
use std::collections::BTreeMap;

#[derive(Default)]
struct Known {
    whole: Option<Digest>,
    restore: Option<Digest>,
    publish: Option<Digest>,
    latest: Option<Facts>,
}

impl Records for Known {
    type Result = &'static str;

    fn whole(&self, key: &Digest) -> Record<&'static str> {
        if self.whole == Some(*key) {
            Record::Found("image")
        } else {
            Record::Missing
        }
    }

    fn step(&self, step: StepName, key: &Digest) -> Record<&'static str> {
        match step {
            StepName::Restore if self.restore == Some(*key) => Record::Found("packages"),
            StepName::Publish if self.publish == Some(*key) => Record::Found("image"),
            _ => Record::Missing,
        }
    }

    fn resolved(&self, restored: &&'static str) -> BTreeMap<String, Digest> {
        BTreeMap::from([((*restored).to_owned(), Digest::of(restored.as_bytes()))])
    }

    fn latest(&self) -> Option<Facts> {
        self.latest.clone()
    }
}

fn facts() -> Facts {
    let file =
        |path: &str, text: &str| (path.to_owned(), FileFact::File(Digest::of(text.as_bytes())));
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
        commands: [
            (StepCommand::Restore, vec!["restore".to_owned()]),
            (StepCommand::Publish, vec!["publish".to_owned()]),
        ]
        .into(),
        environment: [("TZ".to_owned(), "UTC".to_owned())].into(),
        injected: BTreeMap::new(),
        layers: BTreeMap::new(),
        files: [file("App.csproj", "<Project/>"), file("Program.cs", "one")].into(),
    }
}

fn edited(path: &str, text: &str) -> Facts {
    let mut facts = facts();
    facts
        .files
        .insert(path.to_owned(), FileFact::File(Digest::of(text.as_bytes())));
    facts
}

fn verdicts(plan: &Plan<&'static str>) -> [Verdict<&'static str>; 2] {
    [plan.steps[0].verdict.clone(), plan.steps[1].verdict.clone()]
}

#[test]
fn the_whole_key_answers_everything_at_once() {
    let known = Known {
        whole: Some(facts().whole_key()),
        ..Known::default()
    };
    let plan = plan(&facts(), &known, Skip::default(), None);
    assert_eq!(verdicts(&plan), [Verdict::Covered, Verdict::Hit("image")]);
}

#[test]
fn nothing_known_means_publish_waits_for_restore() {
    let plan = plan(&facts(), &Known::default(), Skip::default(), None);
    assert_eq!(plan.steps[1].key.key, Key::After(StepName::Restore));
    assert_eq!(
        plan.steps[0].verdict,
        Verdict::Run(vec![MissReason::FirstBuild])
    );
}

#[test]
fn editing_a_source_keeps_restore_and_names_the_file() {
    let known = Known {
        restore: Some(facts().restore_key()),
        latest: Some(facts()),
        ..Known::default()
    };
    let plan = plan(&edited("Program.cs", "two"), &known, Skip::default(), None);
    let reason = MissReason::Content("Program.cs".to_owned());
    assert_eq!(
        verdicts(&plan),
        [Verdict::Hit("packages"), Verdict::Run(vec![reason])]
    );
}

#[test]
fn editing_a_project_restores_again_and_the_same_packages_give_a_publish_hit() {
    let edited = edited("App.csproj", "<Project />");
    let resolved = Known::default().resolved(&"packages");
    let known = Known {
        restore: Some(facts().restore_key()),
        publish: Some(edited.publish_key(&resolved)),
        ..Known::default()
    };
    let first = plan(&edited, &known, Skip::default(), None);
    assert!(matches!(first.steps[0].verdict, Verdict::Run(_)));
    let second = plan(&edited, &known, Skip::default(), Some(&"packages"));
    assert_eq!(verdicts(&second)[1], Verdict::Hit("image"));
}

#[test]
fn asked_for_steps_run_whatever_is_known() {
    let resolved = Known::default().resolved(&"packages");
    let known = Known {
        whole: Some(facts().whole_key()),
        restore: Some(facts().restore_key()),
        publish: Some(facts().publish_key(&resolved)),
        latest: Some(facts()),
    };
    let asked = || Verdict::Run(vec![MissReason::Asked]);
    let publish = Skip {
        publish: true,
        ..Skip::default()
    };
    assert_eq!(
        verdicts(&plan(&facts(), &known, publish, None)),
        [Verdict::Hit("packages"), asked()]
    );
    let restore = Skip {
        restore: true,
        ..Skip::default()
    };
    assert_eq!(
        verdicts(&plan(&facts(), &known, restore, None)),
        [asked(), asked()]
    );
    for (unkeyed, why) in [
        (Unkeyed::Network, MissReason::Network),
        (Unkeyed::Volatile, MissReason::Volatile),
    ] {
        let skip = Skip {
            unkeyed: Some(unkeyed),
            ..Skip::default()
        };
        assert_eq!(
            verdicts(&plan(&facts(), &known, skip, None)),
            [Verdict::Hit("packages"), Verdict::Run(vec![why])]
        );
    }
}

#[test]
fn every_fact_is_in_the_whole_key_and_what_restore_reads_in_its_own() {
    let change = |edit: fn(&mut Facts)| {
        let mut changed = facts();
        edit(&mut changed);
        (
            changed.whole_key() != facts().whole_key(),
            changed.restore_key() != facts().restore_key(),
        )
    };
    assert_eq!(change(|_| ()), (false, false));
    assert_eq!(change(|facts| facts.recipe += 1), (true, true));
    assert_eq!(change(|facts| facts.project.push('x')), (true, true));
    assert_eq!(change(|facts| facts.stage.push('x')), (true, true));
    assert_eq!(
        change(|facts| facts.toolchain.id = Digest::of(b"other")),
        (true, true)
    );
    assert_eq!(change(|facts| facts.toolchain.root.push('x')), (true, true));
    let icu = |facts: &mut Facts| facts.host.extend([("icu".to_owned(), "72".to_owned())]);
    assert_eq!(change(icu), (true, true));
    let linker = |facts: &mut Facts| facts.linker.extend([("ld".to_owned(), "1".to_owned())]);
    assert_eq!(change(linker), (true, false));
    assert_eq!(
        change(|facts| drop(facts.environment.insert("A".to_owned(), String::new()))),
        (true, true)
    );
    assert_eq!(
        change(|facts| facts.injected.extend([("a".to_owned(), Digest::of(b""))])),
        (true, true)
    );
    assert_eq!(
        change(|facts| drop(facts.commands.insert(StepCommand::Restore, vec![]))),
        (true, true)
    );
    assert_eq!(
        change(|facts| drop(facts.commands.insert(StepCommand::Publish, vec![]))),
        (true, false)
    );
    assert_eq!(
        change(|facts| drop(facts.layers.insert("a".to_owned(), String::new()))),
        (true, false)
    );
    assert_eq!(
        change(|facts| drop(facts.files.remove("Program.cs"))),
        (true, false)
    );
    assert_eq!(
        change(|facts| drop(facts.files.insert("new".to_owned(), FileFact::Folder))),
        (true, false)
    );
    assert_eq!(
        change(|facts| drop(facts.files.remove("App.csproj"))),
        (true, true)
    );
    let program = |facts: &mut Facts| {
        drop(facts.files.insert(
            "Program.cs".to_owned(),
            FileFact::Program(Digest::of(b"one")),
        ));
    };
    assert_eq!(change(program), (true, false));
}

#[test]
fn a_table_survives_its_bytes() {
    assert_eq!(Facts::parse(&facts().to_bytes()).unwrap(), facts());
    assert_eq!(Facts::parse(b"{}"), None);
}

#[test]
fn reasons_read_as_sentences() {
    let mut now = edited("Program.cs", "two");
    now.files.remove("App.csproj");
    now.files.insert("New.cs".to_owned(), FileFact::Folder);
    now.environment.insert("CI".to_owned(), "true".to_owned());
    now.toolchain.version = "10.0.401".to_owned();
    let reasons: Vec<String> = MissReason::between(&facts(), &now)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        reasons,
        [
            "toolchain 10.0.100 → 10.0.401",
            "variable CI: unset → true",
            "- App.csproj",
            "+ New.cs",
            "~ Program.cs (content)"
        ]
    );
}

#[test]
fn gits_files_are_no_reason_while_nobody_knows_whether_git_is_asked() {
    let with_git = |facts: &mut Facts, head: &[u8]| {
        let head = FileFact::File(Digest::of(head));
        facts.files.insert(".git/HEAD".to_owned(), head);
    };
    let mut earlier = facts();
    with_git(&mut earlier, b"one");
    let mut now = edited("App.csproj", "two");
    let reasons = |now: &Facts| {
        let reasons = MissReason::between(&earlier, now);
        reasons.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(reasons(&now), ["~ App.csproj (content)"]);
    with_git(&mut now, b"two");
    assert_eq!(
        reasons(&now),
        ["~ .git/HEAD (content)", "~ App.csproj (content)"]
    );
}
