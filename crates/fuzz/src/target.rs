use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRunner};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long each target runs; without it, for [`SHORT_CASES`].
const SECONDS: &str = "MIZZEN_FUZZ_SECONDS";
const SHORT_CASES: u32 = 256;
/// How many cases run between two looks at the clock.
const ROUND_CASES: u32 = 1_000;
/// No reader of a small input needs more: what does, believes a number that it should not.
const MOST_BYTES: u64 = 128 << 20;
/// Between what is slow on a busy machine, and what does not end.
const MOST_TIME: Duration = Duration::from_secs(60);
/// What makes a smaller input of one that is slow must not take hours.
const MOST_SHRINK_MILLISECONDS: u32 = 120_000;

/// One target after another: a fault is of the target that runs.
static TURN: Mutex<()> = Mutex::new(());

/// Runs `read` on what `inputs` makes up. It must not panic, take more than 128 MiB of memory, or
/// more than a minute; the smallest input that makes it do so is shown.
///
/// # Panics
/// There is such an input.
pub fn fuzz<T: std::fmt::Debug>(target: &str, inputs: impl Strategy<Value = T>, read: impl Fn(T)) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    #[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
    let seconds = std::env::var(SECONDS).ok();
    let seconds = seconds.map(|text| text.parse().expect("MIZZEN_FUZZ_SECONDS is a number"));
    let duration = seconds.map(Duration::from_secs);
    let cases = Cell::new(0_u64);
    let slowest = Cell::new(Duration::ZERO);
    let start = Instant::now();
    loop {
        let mut runner = TestRunner::new(Config {
            cases: duration.map_or(SHORT_CASES, |_| ROUND_CASES),
            failure_persistence: None,
            max_shrink_iters: 20_000,
            max_shrink_time: MOST_SHRINK_MILLISECONDS,
            // Nobody guesses these numbers, and with the default they are two fifths of the work.
            rng_algorithm: RngAlgorithm::XorShift,
            ..Config::default()
        });
        let outcome = runner.run(&inputs, |input| {
            cases.set(cases.get() + 1);
            let (took, outcome) = check(|| read(input));
            slowest.set(slowest.get().max(took));
            outcome
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(reason, input)) => {
                panic!("{target}, after {} cases: {reason}\n{input:?}", cases.get());
            }
            Err(TestError::Abort(reason)) => panic!("{target}: {reason}"),
        }
        if start.elapsed() >= duration.unwrap_or_default() {
            break;
        }
    }
    if duration.is_some() {
        #[expect(clippy::print_stderr, reason = "what a long run is asked for")]
        {
            let seconds = start.elapsed().as_secs();
            let (cases, slowest) = (cases.get(), slowest.get().as_millis());
            eprintln!("fuzz: {target}: {cases} cases in {seconds} s, the slowest in {slowest} ms");
        }
    }
}

fn check(read: impl FnOnce()) -> (Duration, Result<(), TestCaseError>) {
    let start = Instant::now();
    let mut outcome = Ok(());
    // Of this thread alone: other tests do not count. A panic would leave the counter counting.
    let memory = allocation_counter::measure(|| {
        outcome = catch_unwind(AssertUnwindSafe(read));
    });
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
    let took = start.elapsed();
    let fault = if memory.bytes_max > MOST_BYTES {
        Some(format!("it took {} bytes of memory", memory.bytes_max))
    } else if took > MOST_TIME {
        Some("it took more than a minute".to_owned())
    } else {
        None
    };
    (
        took,
        fault.map_or(Ok(()), |why| Err(TestCaseError::fail(why))),
    )
}
