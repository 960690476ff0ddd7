//! What is decided from inputs and records alone.

use mizzen_oci::Digest;
use mizzen_plan::{
    FileInput, Inputs, Key, LastLooks, Look, MissReason, PathSet, Plan, RECIPE, Record, Records,
    Sight, Skip, SourceTree, StepName, ToolchainInput, Unkeyed, Verdict, plan,
};
use std::collections::BTreeMap;

#[derive(Default)]
struct Known {
    whole: Option<Digest>,
    restore: Option<Digest>,
    restored_by_paths: bool,
    changed_on_the_machine: Option<(String, Look)>,
    publish: Option<Digest>,
    latest: Option<Inputs>,
    /// What a publish looked up, and the workspace in which it did.
    by_paths: Option<(PathSet, Inputs)>,
}

impl Records for Known {
    type Restored = &'static str;
    type Published = &'static str;

    fn whole(&self, key: &Digest) -> Record<&'static str> {
        if self.whole == Some(*key) {
            Record::Found("image")
        } else {
            Record::Missing
        }
    }

    fn restored(&self, key: &Digest) -> Record<&'static str> {
        if self.restore == Some(*key) {
            Record::Found("packages")
        } else {
            Record::Missing
        }
    }

    fn restored_by_paths(&self, _: &Inputs) -> Record<&'static str> {
        if self.restored_by_paths {
            Record::Found("packages by paths")
        } else {
            Record::Missing
        }
    }

    fn published_by_paths(&self, inputs: &Inputs, _: &&'static str) -> Record<&'static str> {
        match &self.by_paths {
            Some((paths, earlier)) => {
                let is_same = paths
                    .changed_sources(&earlier.files, &inputs.files)
                    .is_ok_and(|changed| changed.is_empty());
                if is_same {
                    Record::Found("image by paths")
                } else {
                    Record::Missing
                }
            }
            None => Record::Missing,
        }
    }

    fn last_looks(&self) -> Option<LastLooks> {
        let looks = |(paths, _): &(PathSet, Inputs)| LastLooks {
            paths: paths.clone(),
            machine: self.changed_on_the_machine.clone(),
        };
        self.by_paths.as_ref().map(looks)
    }

    fn published(&self, key: &Digest) -> Record<&'static str> {
        if self.publish == Some(*key) {
            Record::Found("image")
        } else {
            Record::Missing
        }
    }

    fn resolved(&self, restored: &&'static str) -> BTreeMap<String, Digest> {
        BTreeMap::from([((*restored).to_owned(), Digest::of(restored.as_bytes()))])
    }

    fn latest(&self) -> Option<Inputs> {
        self.latest.clone()
    }
}

fn inputs() -> Inputs {
    let file = |path: &str, text: &str| {
        (
            path.to_owned(),
            FileInput::File(Digest::of(text.as_bytes())),
        )
    };
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
        commands: [
            (StepName::Restore, vec!["restore".to_owned()]),
            (StepName::Publish, vec!["publish".to_owned()]),
        ]
        .into(),
        environment: [("TZ".to_owned(), "UTC".to_owned())].into(),
        passed: BTreeMap::new(),
        injected: BTreeMap::new(),
        layers: BTreeMap::new(),
        files: [file("App.csproj", "<Project/>"), file("Program.cs", "one")]
            .into_iter()
            .collect(),
    }
}

/// Changes the files that are staged.
fn edit(inputs: &mut Inputs, edit: impl FnOnce(&mut BTreeMap<String, FileInput>)) {
    let mut files = (*inputs.files).clone();
    edit(&mut files);
    inputs.files = SourceTree::new(files);
}

fn put(inputs: &mut Inputs, path: &str, file: FileInput) {
    edit(inputs, |files| drop(files.insert(path.to_owned(), file)));
}

fn remove(inputs: &mut Inputs, path: &str) {
    edit(inputs, |files| drop(files.remove(path)));
}

fn edited(path: &str, text: &str) -> Inputs {
    let mut inputs = inputs();
    let file = FileInput::File(Digest::of(text.as_bytes()));
    put(&mut inputs, path, file);
    inputs
}

fn verdicts(plan: &Plan<&'static str, &'static str>) -> [Verdict<&'static str>; 2] {
    [plan.restore.verdict.clone(), plan.publish.verdict.clone()]
}

#[test]
fn the_whole_key_answers_everything_at_once() {
    let known = Known {
        whole: Some(inputs().whole_key()),
        ..Known::default()
    };
    let plan = plan(&inputs(), &known, Skip::default(), None);
    assert_eq!(verdicts(&plan), [Verdict::Covered, Verdict::Hit("image")]);
}

#[test]
fn nothing_known_means_publish_waits_for_restore() {
    let plan = plan(&inputs(), &Known::default(), Skip::default(), None);
    assert_eq!(plan.publish.key, Key::After(StepName::Restore));
    assert_eq!(
        plan.restore.verdict,
        Verdict::Run(vec![MissReason::FirstBuild])
    );
}

#[test]
fn editing_a_source_keeps_restore_and_names_the_file() {
    let known = Known {
        restore: Some(inputs().restore_key()),
        latest: Some(inputs()),
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
fn a_restore_that_looked_at_nothing_which_changed_is_a_hit() {
    let known = Known {
        restored_by_paths: true,
        latest: Some(inputs()),
        ..Known::default()
    };
    let plan = plan(
        &edited("Other.csproj", "two"),
        &known,
        Skip::default(),
        None,
    );
    assert_eq!(verdicts(&plan)[0], Verdict::Hit("packages by paths"));
}

#[test]
fn an_unusable_record_is_a_reason_only_if_nothing_else_is_found() {
    let machine = || MissReason::Machine("/etc/a".to_owned(), Look::Read);
    let unusable = || Record::<&str>::Unusable(machine());
    assert_eq!(unusable().or(|| Record::Found("a")), Record::Found("a"));
    assert_eq!(unusable().or(|| Record::Missing), unusable());
    let lost = || Record::Unusable(MissReason::OtherFormat);
    assert_eq!(unusable().or(lost), lost());
    assert_eq!(Record::Missing.or(unusable), unusable());
    assert_eq!(Record::Found("a").or(|| unreachable!()), Record::Found("a"));
    assert_eq!(
        machine().to_string(),
        "~ /etc/a (read, outside the workspace)"
    );
}

#[test]
fn an_edit_that_publish_did_not_look_at_is_a_hit_and_others_are_named() {
    let mut paths = PathSet::default();
    paths.add_source("Program.cs", Look::Read);
    paths.add_source("Pages", Look::Listed);
    let with_pages = |mut inputs: Inputs| {
        let page = FileInput::File(Digest::of(b""));
        put(&mut inputs, "Pages/Old.cshtml", page);
        inputs
    };
    let known = Known {
        restore: Some(inputs().restore_key()),
        latest: Some(with_pages(inputs())),
        by_paths: Some((paths, with_pages(inputs()))),
        ..Known::default()
    };
    let publish = |inputs: &Inputs| {
        let [_, publish] = verdicts(&plan(inputs, &known, Skip::default(), None));
        publish
    };
    let unseen = with_pages(edited("README.md", "two"));
    assert_eq!(publish(&unseen), Verdict::Hit("image by paths"));

    let mut both = with_pages(edited("Program.cs", "two"));
    put(&mut both, "README.md", unseen.files["README.md"].clone());
    let seen = |change, sight| Verdict::Run(vec![MissReason::Seen(Box::new(change), sight)]);
    let change = MissReason::Content("Program.cs".to_owned());
    let read = Sight::LookUp(Look::Read);
    assert_eq!(publish(&both), seen(change, read));

    let mut listed = with_pages(edited("Pages/New.cshtml", ""));
    put(&mut listed, "README.md", FileInput::Folder);
    let change = MissReason::Added("Pages/New.cshtml".to_owned());
    assert_eq!(publish(&listed), seen(change, Sight::InListing));
}

#[test]
fn a_change_on_the_machine_that_publish_looked_up_is_named() {
    let mut paths = PathSet::default();
    paths.add_source("Program.cs", Look::Read);
    let known = |machine: Option<(String, Look)>| Known {
        restore: Some(inputs().restore_key()),
        latest: Some(inputs()),
        by_paths: Some((paths.clone(), edited("Program.cs", "two"))),
        changed_on_the_machine: machine,
        ..Known::default()
    };
    let publish = |machine| {
        let [_, publish] = verdicts(&plan(&inputs(), &known(machine), Skip::default(), None));
        publish
    };
    let seen = || ("/etc/a".to_owned(), Look::Read);
    let (path, look) = seen();
    assert_eq!(
        publish(Some(seen())),
        Verdict::Run(vec![MissReason::Machine(path, look)])
    );
    assert_eq!(publish(None), Verdict::Run(vec![MissReason::NotKept]));
}

#[test]
fn the_weak_keys_know_no_file_and_everything_else() {
    let resolved = Known::default().resolved(&"packages");
    let weak = inputs().weak_publish_key(&resolved);
    assert_eq!(
        edited("Program.cs", "two").weak_publish_key(&resolved),
        weak
    );
    let mut other = inputs();
    other.environment.insert("TZ".to_owned(), "CET".to_owned());
    assert_ne!(other.weak_publish_key(&resolved), weak);
    assert_ne!(inputs().weak_publish_key(&BTreeMap::new()), weak);

    let weak = inputs().weak_restore_key();
    assert_eq!(edited("App.csproj", "two").weak_restore_key(), weak);
    assert_ne!(other.weak_restore_key(), weak);
}

#[test]
fn editing_a_project_restores_again_and_the_same_packages_give_a_publish_hit() {
    let edited = edited("App.csproj", "<Project />");
    let resolved = Known::default().resolved(&"packages");
    let known = Known {
        restore: Some(inputs().restore_key()),
        publish: Some(edited.publish_key(&resolved)),
        ..Known::default()
    };
    let first = plan(&edited, &known, Skip::default(), None);
    assert!(matches!(first.restore.verdict, Verdict::Run(_)));
    let second = plan(&edited, &known, Skip::default(), Some(&"packages"));
    assert_eq!(verdicts(&second)[1], Verdict::Hit("image"));
}

#[test]
fn asked_for_steps_run_whatever_is_known() {
    let resolved = Known::default().resolved(&"packages");
    let known = Known {
        whole: Some(inputs().whole_key()),
        restore: Some(inputs().restore_key()),
        publish: Some(inputs().publish_key(&resolved)),
        latest: Some(inputs()),
        ..Known::default()
    };
    let asked = || Verdict::Run(vec![MissReason::Asked]);
    let publish = Skip {
        publish: true,
        ..Skip::default()
    };
    assert_eq!(
        verdicts(&plan(&inputs(), &known, publish, None)),
        [Verdict::Hit("packages"), asked()]
    );
    let restore = Skip {
        restore: true,
        ..Skip::default()
    };
    assert_eq!(
        verdicts(&plan(&inputs(), &known, restore, None)),
        [asked(), asked()]
    );
    // Somebody who asks knows why, whatever else there is to say.
    for asked in [publish, restore] {
        let skip = Skip {
            unkeyed: Some(Unkeyed::Network),
            ..asked
        };
        let [_, publish] = verdicts(&plan(&inputs(), &known, skip, None));
        assert_eq!(publish, Verdict::Run(vec![MissReason::Asked]));
    }
    for (unkeyed, why) in [
        (Unkeyed::Network, MissReason::Network),
        (Unkeyed::Volatile, MissReason::Volatile),
    ] {
        let skip = Skip {
            unkeyed: Some(unkeyed),
            ..Skip::default()
        };
        assert_eq!(
            verdicts(&plan(&inputs(), &known, skip, None)),
            [Verdict::Hit("packages"), Verdict::Run(vec![why])]
        );
    }
}

#[test]
fn every_fact_is_in_the_whole_key_and_what_restore_reads_in_its_own() {
    let change = |edit: fn(&mut Inputs)| {
        let mut changed = inputs();
        edit(&mut changed);
        (
            changed.whole_key() != inputs().whole_key(),
            changed.restore_key() != inputs().restore_key(),
        )
    };
    assert_eq!(change(|_| ()), (false, false));
    assert_eq!(change(|inputs| inputs.recipe += 1), (true, true));
    assert_eq!(change(|inputs| inputs.project.push('x')), (true, true));
    assert_eq!(change(|inputs| inputs.stage.push('x')), (true, true));
    assert_eq!(
        change(|inputs| inputs.toolchain.id = Digest::of(b"other")),
        (true, true)
    );
    assert_eq!(
        change(|inputs| inputs.toolchain.root.push('x')),
        (true, true)
    );
    let icu = |inputs: &mut Inputs| inputs.host.extend([("icu".to_owned(), "72".to_owned())]);
    assert_eq!(change(icu), (true, true));
    assert_eq!(
        change(|inputs| drop(inputs.environment.insert("A".to_owned(), String::new()))),
        (true, true)
    );
    assert_eq!(
        change(|inputs| inputs.injected.extend([("a".to_owned(), Digest::of(b""))])),
        (true, true)
    );
    assert_eq!(
        change(|inputs| drop(inputs.commands.insert(StepName::Restore, vec![]))),
        (true, true)
    );
    assert_eq!(
        change(|inputs| drop(inputs.commands.insert(StepName::Publish, vec![]))),
        (true, false)
    );
    assert_eq!(
        change(|inputs| drop(inputs.layers.insert("a".to_owned(), String::new()))),
        (true, false)
    );
    assert_eq!(change(|inputs| remove(inputs, "Program.cs")), (true, false));
    assert_eq!(
        change(|inputs| put(inputs, "new", FileInput::Folder)),
        (true, false)
    );
    assert_eq!(change(|inputs| remove(inputs, "App.csproj")), (true, true));
    let program = |inputs: &mut Inputs| {
        let program = FileInput::Program(Digest::of(b"one"));
        put(inputs, "Program.cs", program);
    };
    assert_eq!(change(program), (true, false));
}

#[test]
fn a_table_survives_its_bytes() {
    assert_eq!(Inputs::parse(&inputs().to_bytes()).unwrap(), inputs());
    assert_eq!(Inputs::parse(b"{}"), None);
}

#[test]
fn reasons_read_as_sentences() {
    let mut now = edited("Program.cs", "two");
    remove(&mut now, "App.csproj");
    put(&mut now, "New.cs", FileInput::Folder);
    now.environment.insert("CI".to_owned(), "true".to_owned());
    now.toolchain.version = "10.0.401".to_owned();
    let reasons: Vec<String> = MissReason::between(&inputs(), &now)
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
    let with_git = |inputs: &mut Inputs, head: &[u8]| {
        let head = FileInput::File(Digest::of(head));
        put(inputs, ".git/HEAD", head);
    };
    let mut earlier = inputs();
    with_git(&mut earlier, b"one");
    let mut now = edited("App.csproj", "two");
    let reasons = |now: &Inputs| {
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
