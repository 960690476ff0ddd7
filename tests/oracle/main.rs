//! The oracle: random edits of a workspace, and after each the question whether what mizzen gives
//! with the cache it has kept is, byte for byte, what it gives with an empty one.
//!
//! `./test --oracle STEPS [SEED]` walks further.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod choice;
#[expect(clippy::unnecessary_wraps, reason = "all edits have one shape")]
mod file_edits;
#[expect(clippy::unnecessary_wraps, reason = "all edits have one shape")]
mod machine_edits;
#[expect(clippy::unnecessary_wraps, reason = "all edits have one shape")]
mod package_edits;
#[expect(clippy::unnecessary_wraps, reason = "all edits have one shape")]
mod project_edits;
#[expect(clippy::unnecessary_wraps, reason = "all edits have one shape")]
mod same_edits;
mod state;
mod tree;
mod walk;
mod workspace;

use support::variable;
use walk::walk;
use workspace::Workspace;

/// Of twenty steps, how many go over the sample solution, whose builds are slow, and how many over the
/// generated repository. The rest goes over one project.
const SAMPLE_AND_GENERATED: [usize; 2] = [1, 6];

#[test]
fn a_known_walk_gives_what_an_empty_cache_gives() {
    all(7, 20);
}

#[test]
fn a_walk_that_nobody_has_gone_gives_what_an_empty_cache_gives() {
    let number = |name: &str| variable(name).map(|value| value.parse().unwrap());
    let seed = number("MIZZEN_ORACLE_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    let steps = number("MIZZEN_ORACLE_STEPS").map_or(20, |steps| usize::try_from(steps).unwrap());
    all(seed, steps);
}

fn all(seed: u64, steps: usize) {
    let [sample, generated] = SAMPLE_AND_GENERATED.map(|of_twenty| steps * of_twenty / 20);
    walk(Workspace::Sample, seed, sample);
    walk(Workspace::Generated, seed, generated);
    walk(Workspace::Single, seed, steps - sample - generated);
}
