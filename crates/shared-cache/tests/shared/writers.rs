use crate::machine::{Machine, key, repository};
use mizzen_oci::Digest;
use mizzen_store::ActionCache;
use mizzen_testkit::DockerRegistry;

#[test]
fn sixteen_machines_that_write_at_once_leave_every_record_right_and_none_out() {
    let registry = DockerRegistry::start().unwrap();
    let cache = repository(&registry.host(), "cache");
    std::thread::scope(|scope| {
        for number in 0..16 {
            let cache = &cache;
            scope.spawn(move || {
                let machine = Machine::patient();
                let own = number.to_string();
                let all = machine.cache(&[cache], &[cache]);
                for (of, layer) in [("same", "same"), (&own, &own)] {
                    all.put("publish", &key(of), &machine.record(layer))
                        .unwrap();
                }
                all.put("paths", &key("weak"), &machine.sets(&[&own]))
                    .unwrap();
                assert!(all.send().unwrap() >= 2);
                assert_eq!(all.take_told(), [""; 0]);
            });
        }
    });
    let machine = Machine::patient();
    let all = machine.cache(&[&cache], &[]);
    let names = (0..16).map(|number: i32| number.to_string());
    for name in names.chain(["same".to_owned()]) {
        let found = all.get("publish", &key(&name)).unwrap().unwrap();
        let layer = found.outputs["layer"];
        assert_eq!(layer.digest, Digest::of(name.as_bytes()));
        assert_eq!(all.bring(&[layer]).unwrap(), None);
    }
    // Of path sets some may be lost, and what is left is sound.
    let sets = all.get("paths", &key("weak")).unwrap().unwrap();
    let known: Vec<Digest> = (0..16)
        .map(|number: i32| key(&number.to_string()))
        .collect();
    assert!(sets.outputs.values().all(|set| known.contains(&set.digest)));
    assert!(!sets.outputs.is_empty());
}
