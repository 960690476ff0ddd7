use serde_json::Value;
use std::collections::BTreeMap;

/// How a run of mizzen ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The metadata file; null where none was written.
    pub(crate) metadata: Value,
}

/// The exit code that a shell gives to what was ended by `SIGKILL`.
pub(crate) const KILLED: i32 = 128 + 9;

impl Run {
    pub(super) fn of(output: std::process::Output, metadata: Value) -> Self {
        Self {
            code: output.status.code().unwrap_or(KILLED),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            metadata,
        }
    }

    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, 0, "mizzen failed:\n{}", self.stderr);
        self
    }

    /// Checks that one clear error was told, that nothing was printed for machines, and returns what
    /// was said.
    pub(crate) fn failure(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}", self.stderr);
        assert_eq!((self.stdout.as_str(), &self.metadata), ("", &Value::Null));
        let errors = self
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: "))
            .count();
        assert_eq!(errors, 1, "{}", self.stderr);
        self.stderr
    }

    pub(crate) fn image(&self) -> &Value {
        &self.metadata["images"][0]
    }

    pub(crate) fn digest(&self) -> &str {
        self.image()["digest"].as_str().unwrap()
    }

    /// Returns the digests of the layers that mizzen made, by name.
    pub(crate) fn layers(&self) -> BTreeMap<String, String> {
        let layers = self.image()["layers"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        layers
            .map(|layer| (text(&layer["name"]), text(&layer["digest"])))
            .collect()
    }

    pub(crate) fn network(&self, name: &str) -> u64 {
        self.metadata["network"][name].as_u64().unwrap()
    }

    /// Returns `restore=hit publish=ran`.
    pub(crate) fn steps(&self) -> String {
        let steps = self.image()["steps"].as_array().unwrap().iter();
        let steps = steps.map(|step| {
            format!(
                "{}={}",
                step["step"].as_str().unwrap(),
                step["outcome"].as_str().unwrap()
            )
        });
        steps.collect::<Vec<_>>().join(" ")
    }
}
