//! What is between a decision and a run.

use crate::BuildError;
use crate::bench::{Bench, published, restored};

const PINNED: &str = "Serilog >= 4.3.0";

#[test]
fn a_step_asks_first_whether_its_work_would_be_in_vain_and_then_tells_that_it_starts() {
    let mut bench = Bench::new();
    bench.will([restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    bench.ran();
    bench.heard();
    bench.write("shop/src/Api/Program.cs", "edited");
    bench.is_in_vain = true;
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::Preflight(_)), "{error}");
    assert_eq!(bench.heard(), ["restore hit"]);
    bench.is_in_vain = false;
    bench.will([published(PINNED)]);
    bench.build().unwrap();
    assert_eq!(bench.ran(), ["publish"]);
    assert!(bench.heard()[1].starts_with("publish starts: "));
}

#[test]
fn a_publish_that_somebody_stopped_does_not_run() {
    let bench = Bench::new();
    bench.will([restored(PINNED), published(PINNED)]);
    bench.build().unwrap();
    bench.ran();
    bench.heard();
    bench.write("shop/src/Api/Program.cs", "edited");
    bench.cancel_at("restore hit");
    let error = bench.build().unwrap_err();
    assert!(matches!(error, BuildError::Cancelled(_)), "{error}");
    assert_eq!(bench.ran(), [""; 0]);
    assert_eq!(bench.heard(), ["restore hit"]);
}
