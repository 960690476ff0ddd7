use std::fmt::Display;
use std::time::Duration;

/// Writes a number of bytes for people: three digits and a unit.
pub(crate) fn size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => {
            let tenths = bytes / (unit / 10);
            if tenths >= 1000 {
                format!("{} {name}", tenths / 10)
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            }
        }
        None => format!("{bytes} B"),
    }
}

/// Writes how many there are of something whose plural ends in `s`: `1 file`, `2 files`.
pub(crate) fn count(number: impl Display, what: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Writes how long it took for people.
pub(crate) fn time(duration: Duration) -> String {
    match duration.as_millis() {
        milliseconds @ ..1000 => format!("{milliseconds} ms"),
        milliseconds => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
    }
}

/// Writes for people how long before `now` something was, both in seconds since 1970.
pub(crate) fn age(now: u64, at: u64) -> String {
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60)];
    // What seems to come from the future is of a clock that was wrong.
    let seconds = now.saturating_sub(at);
    match units.iter().find(|(_, unit)| seconds >= *unit) {
        Some((name, unit)) => count(seconds / unit, name),
        None => "less than a minute".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{age, count, size, time};
    use std::time::Duration;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(
            [0, 1, 2, 11].map(|number| count(number, "request")),
            ["0 requests", "1 request", "2 requests", "11 requests"]
        );
        assert_eq!(
            [0, 999, 1000, 15_340, 123_456, 15_340_000, 2_000_000_000].map(size),
            [
                "0 B", "999 B", "1.0 kB", "15.3 kB", "123 kB", "15.3 MB", "2.0 GB"
            ]
        );
        assert_eq!(
            [0, 59, 60, 7_199, 7_200, 172_800].map(|seconds| age(1_000_000, 1_000_000 - seconds)),
            [
                "less than a minute",
                "less than a minute",
                "1 minute",
                "1 hour",
                "2 hours",
                "2 days"
            ]
        );
        assert_eq!(age(10, 20), "less than a minute");
        assert_eq!(
            [12, 999, 1000, 61_230].map(|milliseconds| time(Duration::from_millis(milliseconds))),
            ["12 ms", "999 ms", "1.0 s", "61.2 s"]
        );
    }
}
