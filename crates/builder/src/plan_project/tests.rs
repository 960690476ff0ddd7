use crate::bench::{Bench, published, published_of, restored};
use crate::{FileRole, KnownLooks, StepPlan};
use mizzen_plan::{Look, MissReason, Sight, StepName};

const PINNED: &str = "Serilog >= 4.3.0";

#[test]
fn a_plan_tells_what_a_build_would_do_and_does_none_of_it() {
    let bench = Bench::new();
    let steps = |bench: &Bench| {
        let plan = bench.plan().unwrap();
        assert_eq!(bench.ran(), [""; 0]);
        plan.steps
    };
    let [restore, publish] = &steps(&bench)[..] else {
        panic!("there are two");
    };
    let first = Some(vec![MissReason::FirstBuild]);
    assert_eq!((restore.step, &restore.runs), (StepName::Restore, &first));
    assert_eq!((publish.step, publish.key), (StepName::Publish, None));
    assert_eq!(publish.runs, first);

    bench.will([restored(PINNED), published(PINNED)]);
    let made = bench.build().unwrap();
    bench.ran();
    let key_of = |steps: &[StepPlan], step: usize| steps[step].key.unwrap();
    let hit = steps(&bench);
    assert!(hit.iter().all(|step| step.runs.is_none()));
    assert_eq!(key_of(&hit, 0), made.steps[0].key);
    bench.write("shop/src/Api/Program.cs", "edited");
    let edited = steps(&bench);
    assert_eq!(edited[0].runs, None);
    let content = MissReason::Content("src/Api/Program.cs".to_owned());
    assert_eq!(edited[1].runs, Some(vec![content]));

    let plan = bench.plan().unwrap();
    assert!(matches!(
        plan.role_of("src/Api/Api.csproj"),
        FileRole::Restore(_)
    ));
    assert!(matches!(plan.role_of("README.md"), FileRole::Publish(_)));
    assert_eq!(plan.role_of("src/Api/obj/x"), FileRole::NotStaged);
}

#[test]
fn what_is_known_of_a_step_is_how_it_saw_a_file_and_how_old_that_is() {
    let mut bench = Bench::new();
    let root = bench.request.workspace.root.clone();
    let known = |bench: &Bench, file: &str| {
        let plan = bench.plan_with_looks().unwrap();
        assert_eq!(bench.ran(), [""; 0]);
        let sights = plan.sights(&root.join(file), &root, &bench.store).unwrap();
        let [restore, publish] = &sights[..] else {
            panic!("there are two");
        };
        assert_eq!(publish.looks.step, StepName::Publish);
        assert_eq!(restore.sight, None);
        let known = publish.looks.known.clone();
        (restore.looks.known.clone(), known, publish.sight)
    };
    let (restore, publish, sight) = known(&bench, "src/Api/Program.cs");
    let never = KnownLooks::NeverRan;
    assert_eq!((restore, publish, sight), (never.clone(), never, None));

    let read = ["src/Api/Api.csproj", "src/Api/Program.cs"];
    bench.request.now = 1_700_000_000;
    bench.will([restored(PINNED), published_of(PINNED, &read)]);
    bench.build().unwrap();
    bench.ran();
    bench.request.now += 60;
    let of = |known: &KnownLooks| match known {
        KnownLooks::Seen {
            paths,
            at,
            is_of_today,
        } => (paths.len(), *at, *is_of_today),
        other => panic!("{other:?}"),
    };
    let (restore, publish, sight) = known(&bench, "src/Api/Program.cs");
    let why = "a script is played".to_owned();
    let at = 1_700_000_000;
    assert_eq!(restore, KnownLooks::NotSeen { why, at });
    assert_eq!(of(&publish), (2, Some(at), true));
    assert_eq!(sight, Some(Sight::LookUp(Look::Read)));
    assert_eq!(known(&bench, "README.md").2, None);

    // The newest run counts: its time, and where it ran with other options, that it did.
    bench.write("shop/src/Api/Program.cs", "edited");
    bench.will([published_of(PINNED, &read)]);
    bench.build().unwrap();
    bench.ran();
    let publish = known(&bench, "README.md").1;
    assert_eq!(of(&publish), (2, Some(at + 60), true));
    bench.request.options.configuration = "Debug".to_owned();
    let publish = known(&bench, "README.md").1;
    assert_eq!(of(&publish), (2, Some(at + 60), false));

    // A list of paths by which a record is found stands before a newer one.
    bench.request.options.configuration = "Release".to_owned();
    bench.request.now += 60;
    bench.write("shop/src/Api/Program.cs", "edited again");
    bench.will([published_of(PINNED, &["src/Api/Program.cs"])]);
    bench.build().unwrap();
    bench.ran();
    assert_eq!(of(&known(&bench, "README.md").1), (1, Some(at + 120), true));
    bench.write("shop/src/Api/Program.cs", "edited");
    assert_eq!(of(&known(&bench, "README.md").1), (2, Some(at + 60), true));
}

#[test]
fn the_time_at_which_a_step_was_watched_is_in_no_key() {
    let mut bench = Bench::new();
    let read = ["src/Api/Program.cs"];
    bench.will([restored(PINNED), published_of(PINNED, &read)]);
    bench.build().unwrap();
    bench.ran();
    let before = [bench.kept("publish-paths"), bench.kept("publish-by-paths")];
    bench.request.now += 1_000;
    bench.request.skip.publish = true;
    bench.will([published_of(PINNED, &read)]);
    bench.build().unwrap();
    let after = [bench.kept("publish-paths"), bench.kept("publish-by-paths")];
    assert_eq!(before, after);
}
