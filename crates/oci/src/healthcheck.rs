use serde_json::{Map, Value, json};

/// How Docker and podman ask a container whether it is well: what an image's config has under
/// `Healthcheck`.
///
/// Source: Docker image-spec v1.2, "Healthcheck"; moby, `daemon/health.go`.
#[derive(Clone, PartialEq, Debug)]
pub struct Healthcheck(Map<String, Value>);

/// A health check that engines could not read, or not run.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct HealthcheckError(String);

/// Members that hold nanoseconds.
const DURATIONS: [&str; 4] = ["Interval", "Timeout", "StartPeriod", "StartInterval"];
/// What engines take for the least that is not nothing.
const LEAST_NANOSECONDS: u64 = 1_000_000;
/// How Go's durations are written, in nanoseconds.
const UNITS: [(&str, f64); 7] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

impl Healthcheck {
    /// Reads what a person writes: a duration is a number of nanoseconds, or a text such as `30s`, which
    /// becomes one.
    ///
    /// # Errors
    /// [`HealthcheckError`] for a member that there is not, and for what [`check`](Self::check) finds.
    pub fn parse(value: &Value) -> Result<Self, HealthcheckError> {
        let mut members = object(value)?.clone();
        let known = ["Test", "Retries"].into_iter().chain(DURATIONS);
        let known: Vec<&str> = known.collect();
        if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(HealthcheckError(format!(
                "`{name}` is not a part of a health check: those are {}",
                known.join(", ")
            )));
        }
        for name in DURATIONS {
            if let Some(Value::String(text)) = members.get(name) {
                let nanoseconds = nanoseconds(text).ok_or_else(|| {
                    HealthcheckError(format!("`{name}` is `{text}`: want 30s, 1m30s or 500ms"))
                })?;
                members.insert(name.to_owned(), json!(nanoseconds));
            }
        }
        Self::check(&Value::Object(members.clone()))?;
        Ok(Self(members))
    }

    /// Checks what a config has. Members that nobody knows yet are for others.
    ///
    /// # Errors
    /// [`HealthcheckError`] says what of it engines cannot read.
    pub fn check(value: &Value) -> Result<(), HealthcheckError> {
        let members = object(value)?;
        let test = members.get("Test").unwrap_or(&Value::Null);
        let words = match test {
            Value::Null => Some(Vec::new()),
            Value::Array(words) => words.iter().map(Value::as_str).collect(),
            _ => None,
        };
        let is_sound = words.is_some_and(|words| match words[..] {
            [] | ["NONE"] | ["CMD-SHELL", _] => true,
            [kind, _, ..] => kind == "CMD",
            _ => false,
        });
        if !is_sound {
            return Err(HealthcheckError(format!(
                "`Test` is {test}: want [\"CMD\", PROGRAM, …], [\"CMD-SHELL\", LINE] or [\"NONE\"]"
            )));
        }
        for name in DURATIONS {
            let number = members.get(name).filter(|number| !number.is_null());
            let is_duration = |number: u64| {
                (number == 0 || number >= LEAST_NANOSECONDS) && i64::try_from(number).is_ok()
            };
            if let Some(number) = number
                && !number.as_u64().is_some_and(is_duration)
            {
                return Err(HealthcheckError(format!(
                    "`{name}` is {number}: want nanoseconds, a millisecond (1000000) or more"
                )));
            }
        }
        let retries = members.get("Retries").filter(|number| !number.is_null());
        let is_count = |number: &&Value| {
            let number = number.as_u64();
            number.is_some_and(|number| u32::try_from(number).is_ok())
        };
        if let Some(retries) = retries.filter(|retries| !is_count(retries)) {
            return Err(HealthcheckError(format!(
                "`Retries` is {retries}: want a number"
            )));
        }
        Ok(())
    }

    /// Returns whether a shell of the image runs it.
    pub fn needs_shell(&self) -> bool {
        self.0
            .get("Test")
            .is_some_and(|test| test[0] == "CMD-SHELL")
    }

    /// Returns it as a config has it.
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, HealthcheckError> {
    let object = value.as_object();
    object.ok_or_else(|| HealthcheckError("it is not a JSON object".to_owned()))
}

/// Reads a duration as Go writes it, so as a Dockerfile has it: `1m30s`, `0.5s`.
fn nanoseconds(text: &str) -> Option<u64> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, behind) = rest.split_at(end);
        let end = behind.find(|letter: char| letter.is_ascii_digit() || letter == '.');
        let (unit, behind) = behind.split_at(end.unwrap_or(behind.len()));
        let (_, of_unit) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        sum += number.parse::<f64>().ok()? * of_unit;
        rest = behind;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and below what an i64 holds"
    )]
    (!text.is_empty() && sum < 9e18).then(|| sum.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::{Healthcheck, nanoseconds};
    use serde_json::json;

    #[test]
    fn durations_become_nanoseconds() {
        for (text, want) in [
            ("30s", Some(30_000_000_000)),
            ("1m30s", Some(90_000_000_000)),
            ("0.5s", Some(500_000_000)),
            ("500ms", Some(500_000_000)),
            ("2h", Some(7_200_000_000_000)),
            ("30", None),
            ("s", None),
            ("", None),
            ("-1s", None),
            ("1d", None),
            ("1.2.3s", None),
            ("9999999999h", None),
        ] {
            assert_eq!(nanoseconds(text), want, "{text}");
        }
        let written = json!({"Test": ["CMD", "/app/health"], "Interval": "30s", "Timeout": 5_000_000_000_u64, "Retries": 3});
        let read = json!({"Test": ["CMD", "/app/health"], "Interval": 30_000_000_000_u64, "Timeout": 5_000_000_000_u64, "Retries": 3});
        assert_eq!(Healthcheck::parse(&written).unwrap().to_json(), read);
        assert!(Healthcheck::check(&read).is_ok());
        // A config has numbers alone.
        assert!(Healthcheck::check(&written).is_err());
    }

    #[test]
    fn what_engines_cannot_read_or_run_is_told() {
        for (value, said) in [
            (json!([]), "not a JSON object"),
            (json!({"Test": "curl localhost"}), "`Test` is"),
            (json!({"Test": ["curl", "localhost"]}), "`Test` is"),
            (json!({"Test": ["CMD"]}), "`Test` is"),
            (json!({"Test": ["CMD-SHELL", "curl", "x"]}), "`Test` is"),
            (json!({"Test": ["CMD", 1]}), "`Test` is"),
            (json!({"Interval": "half an hour"}), "want 30s"),
            (json!({"Interval": 30}), "nanoseconds"),
            (json!({"Timeout": 1.5}), "nanoseconds"),
            (json!({"StartPeriod": -1}), "nanoseconds"),
            (json!({"Retries": "3"}), "`Retries`"),
            (json!({"interval": "30s"}), "`interval` is not a part"),
        ] {
            let error = Healthcheck::parse(&value).unwrap_err().to_string();
            assert!(error.contains(said), "{value}: {error}");
        }
        for value in [
            json!({}),
            json!({"Test": []}),
            json!({"Test": ["NONE"], "Interval": 0}),
        ] {
            assert!(Healthcheck::parse(&value).is_ok(), "{value}");
        }
        // Of a config of somebody else's.
        assert!(Healthcheck::check(&json!({"Test": ["NONE"], "Later": 1})).is_ok());
    }
}
