use crate::bench::{Bench, published, restored};
use crate::{FileRole, StepPlan};
use mizzen_plan::{MissReason, StepName};

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
