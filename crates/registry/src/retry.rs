use crate::pace::Slow;
use crate::{RegistryError, Wait};
use std::error::Error;
use std::time::{Duration, SystemTime};

/// How often and how long failures that may pass are retried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetrySettings {
    /// How often one operation (a manifest read, a blob sent) is tried in all, where the registry
    /// answers. All requests of an operation count: a blob takes several.
    pub attempts: u32,
    /// The same, where no connection can be made: whoever does not answer at all is not busy.
    pub unreached_attempts: u32,
    /// The wait before the second attempt; it doubles with each further one.
    pub first_delay: Duration,
    /// The longest wait that is our own choice.
    pub longest_delay: Duration,
    /// The longest `Retry-After` that is obeyed; a longer one is an error at once.
    pub longest_retry_after: Duration,
    /// How long one operation may wait between attempts in all.
    pub patience: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            attempts: 10,
            unreached_attempts: 6,
            first_delay: Duration::from_millis(300),
            longest_delay: Duration::from_secs(20),
            longest_retry_after: Duration::from_secs(120),
            patience: Duration::from_secs(300),
        }
    }
}

/// Why an attempt gave nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may pass: connection loss, 429, 5xx.
    Transient {
        cause: Box<dyn Error + Send + Sync>,
        /// The `Retry-After` of the answer.
        retry_after: Option<Duration>,
    },
    /// The peer holds on to us; it may be faster next time.
    Slow(Slow),
    /// It will not.
    Final(RegistryError),
}

/// Returns an error and what it comes from, as one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl Failure {
    /// Returns what went wrong, as one line.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Transient { cause, .. } => chain(&**cause),
            Self::Slow(slow) => slow.to_string(),
            Self::Final(error) => chain(error),
        }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Final(error)
    }
}

impl Failure {
    pub(crate) fn transient(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Transient {
            cause: cause.into(),
            retry_after: None,
        }
    }
}

/// Each slow attempt takes half a minute or more, so there are few.
const MOST_SLOW: u32 = 3;

/// What one operation may still spend on failures.
///
/// All requests of an operation share it, so retries inside retries do not multiply.
#[derive(Debug)]
pub(crate) struct Budget {
    settings: RetrySettings,
    failures: u32,
    slow: u32,
    unreached: u32,
    waited: Duration,
}

impl Budget {
    pub(crate) fn new(settings: RetrySettings) -> Self {
        Self {
            settings,
            failures: 0,
            slow: 0,
            unreached: 0,
            waited: Duration::ZERO,
        }
    }

    /// Returns which attempt comes next, from 1.
    pub(crate) fn attempt(&self) -> u32 {
        self.failures + 1
    }

    /// Takes note of a failure that may pass, and says how long to wait before the next attempt.
    pub(crate) fn spend(
        &mut self,
        registry: &str,
        what: &str,
        failure: Failure,
    ) -> Result<Wait, RegistryError> {
        let (cause, retry_after) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Transient { cause, retry_after } => (cause, retry_after),
            Failure::Slow(slow) => {
                self.slow += 1;
                let cause: Box<dyn Error + Send + Sync> = Box::new(slow);
                if self.slow == MOST_SLOW {
                    return Err(RegistryError::Slow {
                        registry: registry.to_owned(),
                        what: what.to_owned(),
                        attempts: self.failures + 1,
                        cause,
                    });
                }
                (cause, None)
            }
        };
        self.failures += 1;
        if let Some(asked) = retry_after
            && asked > self.settings.longest_retry_after
        {
            return Err(RegistryError::WaitTooLong {
                registry: registry.to_owned(),
                what: what.to_owned(),
                asked,
                longest: self.settings.longest_retry_after,
            });
        }
        let is_unreached = cause
            .downcast_ref::<reqwest::Error>()
            .is_some_and(reqwest::Error::is_connect);
        self.unreached += u32::from(is_unreached);
        let delay = retry_after.unwrap_or_default().max(self.own_delay());
        let is_spent = self.failures >= self.settings.attempts
            || self.unreached >= self.settings.unreached_attempts;
        if is_spent || self.waited + delay > self.settings.patience {
            return Err(RegistryError::Failed {
                registry: registry.to_owned(),
                what: what.to_owned(),
                attempts: self.failures,
                cause,
            });
        }
        self.waited += delay;
        Ok(Wait {
            registry: registry.to_owned(),
            what: what.to_owned(),
            because: chain(&*cause),
            delay,
        })
    }

    // Half of the delay is chance, so that clients that failed together do not come back together.
    fn own_delay(&self) -> Duration {
        let doublings = (self.failures - 1).min(16);
        let whole =
            (self.settings.first_delay * 2_u32.pow(doublings)).min(self.settings.longest_delay);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Reads a `Retry-After` in either form; a date counts from the answer's own `Date`, whose clock
/// wrote both.
pub(crate) fn retry_after(value: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value.trim()).ok()?;
    let from = date
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or(now);
    Some(until.duration_since(from).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Budget, Failure, RetrySettings, retry_after};
    use crate::RegistryError;
    use std::time::{Duration, SystemTime};

    fn spend(budget: &mut Budget, seconds: Option<u64>) -> Result<Duration, RegistryError> {
        let failure = Failure::Transient {
            cause: "503".into(),
            retry_after: seconds.map(Duration::from_secs),
        };
        budget
            .spend("r", "a manifest", failure)
            .map(|wait| wait.delay)
    }

    #[test]
    fn delays_double_with_chance_and_end_with_the_attempts() {
        let mut budget = Budget::new(RetrySettings::default());
        for want_ms in [
            300,
            600,
            1200,
            2400,
            4800,
            9600,
            19_200,
            20_000,
            20_000_u128,
        ] {
            let delay = spend(&mut budget, None).unwrap().as_millis();
            assert!(
                (want_ms / 2..=want_ms).contains(&delay),
                "{delay} of {want_ms}"
            );
        }
        assert!(matches!(
            spend(&mut budget, None),
            Err(RegistryError::Failed { attempts: 10, .. })
        ));
    }

    #[test]
    fn a_retry_after_is_waited_for_in_full_unless_it_is_too_long() {
        let mut budget = Budget::new(RetrySettings::default());
        assert_eq!(
            spend(&mut budget, Some(100)).unwrap(),
            Duration::from_secs(100)
        );
        assert!(matches!(
            spend(&mut budget, Some(121)),
            Err(RegistryError::WaitTooLong { .. })
        ));
        assert_eq!(
            spend(&mut budget, Some(120)).unwrap(),
            Duration::from_secs(120)
        );
        // 220 s are waited; 100 more would be over the patience of 300.
        assert!(matches!(
            spend(&mut budget, Some(100)),
            Err(RegistryError::Failed { .. })
        ));
    }

    #[test]
    fn both_forms_of_retry_after_are_understood() {
        let (until, date) = (
            "Wed, 21 Oct 2026 07:28:30 GMT",
            "Wed, 21 Oct 2026 07:28:00 GMT",
        );
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(retry_after("7", None, now), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after(until, Some(date), now),
            Some(Duration::from_secs(30))
        );
        assert_eq!(retry_after(date, Some(until), now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", None, now), None);
    }
}
