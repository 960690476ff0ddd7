use crate::{Framework, FrameworkRollForward};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What `<app>.runtimeconfig.json` says about the runtime that an application needs.
///
/// Source: dotnet/sdk, runtime-configuration-file.md.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RuntimeConfig {
    /// The target framework, `net10.0`; absent before 3.0.
    pub target_framework: Option<String>,
    /// The frameworks that must be where the application runs; empty if it is self-contained.
    pub frameworks: Vec<Framework>,
    /// The frameworks that lie in the publish folder; empty if it is framework-dependent.
    pub included_frameworks: Vec<Framework>,
    /// The application runs without ICU.
    pub invariant_globalization: bool,
    /// Publish took out what the application does not use.
    pub is_trimmed: bool,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "runtimeOptions")]
    options: Options,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    tfm: Option<String>,
    framework: Option<Named>,
    frameworks: Vec<Named>,
    included_frameworks: Vec<Named>,
    config_properties: BTreeMap<String, Value>,
    #[serde(flatten)]
    policy: Policy,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    version: String,
    #[serde(flatten)]
    policy: Policy,
}

/// What the whole file says, or for one framework.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Policy {
    roll_forward: Option<String>,
    /// Instead of that in files for frameworks before 3.0.
    roll_forward_on_no_candidate_fx: Option<u64>,
}

impl Policy {
    fn chosen(&self) -> Option<FrameworkRollForward> {
        let named = self.roll_forward.as_deref();
        let number = self.roll_forward_on_no_candidate_fx;
        let number = number.map(FrameworkRollForward::of_number);
        named.and_then(|name| name.parse().ok()).or(number)
    }
}

impl RuntimeConfig {
    /// Reads the bytes of the file.
    ///
    /// # Errors
    /// What the parser says, if the file is no JSON of the expected shape.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let File { options } = serde_json::from_slice(without_bom(bytes))?;
        let property = |name: &str| options.config_properties.get(name);
        let invariant = property("System.Globalization.Invariant");
        // The SDK switches startup hooks off where it trims, because they may need what is gone.
        let hooks = property("System.StartupHookProvider.IsSupported");
        let is_trimmed = hooks == Some(&Value::Bool(false));
        // The host takes the string too: templates are merged in as they are written.
        let invariant_globalization = invariant.is_some_and(|value| match value {
            Value::Bool(value) => *value,
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        });
        let of_all = options.policy.chosen().unwrap_or_default();
        let framework = |named: Named| Framework {
            roll_forward: named.policy.chosen().unwrap_or(of_all),
            name: named.name,
            version: named.version,
        };
        let frameworks = options.framework.into_iter().chain(options.frameworks);
        let included = options.included_frameworks.into_iter();
        Ok(Self {
            invariant_globalization,
            is_trimmed,
            target_framework: options.tfm,
            frameworks: frameworks.map(framework).collect(),
            included_frameworks: included.map(framework).collect(),
        })
    }

    /// `true` if the runtime lies in the publish folder.
    pub fn is_self_contained(&self) -> bool {
        self.frameworks.is_empty()
    }
}

/// Editors on Windows put a byte order mark in front; the host takes it.
pub(crate) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::RuntimeConfig;

    fn parse(text: &str) -> RuntimeConfig {
        RuntimeConfig::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn one_framework_or_several_or_included_ones_are_told_apart() {
        let one = parse(
            r#"{"runtimeOptions":{"tfm":"netcoreapp3.1","framework":{"name":"Microsoft.NETCore.App","version":"3.1.0"}}}"#,
        );
        assert_eq!(one.frameworks[0].version, "3.1.0");
        let several = parse(
            "\u{feff}{\"runtimeOptions\":{\"tfm\":\"net10.0\",\"frameworks\":[{\"name\":\"A\",\"version\":\"1\"},{\"name\":\"B\",\"version\":\"2\"}]}}",
        );
        assert_eq!(several.frameworks.len(), 2);
        assert!(!several.is_self_contained());
        let included = parse(
            r#"{"runtimeOptions":{"includedFrameworks":[{"name":"Microsoft.NETCore.App","version":"10.0.12"}]}}"#,
        );
        assert!(included.is_self_contained());
    }

    #[test]
    fn the_policy_of_a_framework_stands_over_that_of_the_file() {
        let policies = |text: &str| {
            let config = parse(&format!("{{\"runtimeOptions\":{{{text}}}}}"));
            let policies = config.frameworks.iter();
            let names = policies.map(|framework| format!("{:?}", framework.roll_forward));
            names.collect::<Vec<_>>().join(" ")
        };
        let two = r#""frameworks":[{"name":"A","version":"1"},{"name":"B","version":"1","rollForward":"Disable"}]"#;
        assert_eq!(policies(two), "Minor Disable");
        assert_eq!(
            policies(&format!("\"rollForward\":\"major\",{two}")),
            "Major Disable"
        );
        let old = format!("\"rollForwardOnNoCandidateFx\":0,{two}");
        assert_eq!(policies(&old), "LatestPatch Disable");
    }

    #[test]
    fn invariant_globalization_is_a_bool_or_a_string() {
        let config = |value: &str| {
            parse(&format!(
                r#"{{"runtimeOptions":{{"configProperties":{{"System.Globalization.Invariant":{value}}}}}}}"#
            ))
        };
        assert!(config("true").invariant_globalization);
        assert!(config("\"True\"").invariant_globalization);
        assert!(!config("false").invariant_globalization);
        assert!(!parse(r#"{"runtimeOptions":{}}"#).invariant_globalization);
    }
}
