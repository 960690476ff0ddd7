use crate::{Framework, FrameworkRollForward};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use std::collections::BTreeMap;
use std::fmt;

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
    config_properties: BTreeMap<String, Property>,
    roll_forward: Option<String>,
    roll_forward_on_no_candidate_fx: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    name: String,
    version: String,
    roll_forward: Option<String>,
    roll_forward_on_no_candidate_fx: Option<u64>,
}

/// Returns what the whole file says, or for one framework; files for frameworks before 3.0 have a number.
fn chosen(roll_forward: Option<&str>, number: Option<u64>) -> Option<FrameworkRollForward> {
    let number = number.map(FrameworkRollForward::of_number);
    roll_forward.and_then(|name| name.parse().ok()).or(number)
}

/// A property, as far as anybody asks. What else stands there is passed over, for keeping it would take
/// many times the memory of the file.
#[derive(PartialEq)]
enum Property {
    Flag(bool),
    Text(String),
    Other,
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Property;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a property")
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Property, E> {
                Ok(Property::Flag(flag))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Property, E> {
                Ok(Property::Text(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Property, E> {
                Ok(Property::Other)
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Property, E> {
                Ok(Property::Other)
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Property, E> {
                Ok(Property::Other)
            }

            fn visit_unit<E: de::Error>(self) -> Result<Property, E> {
                Ok(Property::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Property, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Property::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Property, A::Error> {
                while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Property::Other)
            }
        }

        from.deserialize_any(Any)
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
        let is_trimmed = hooks == Some(&Property::Flag(false));
        // The host takes the string too: templates are merged in as they are written.
        let invariant_globalization = invariant.is_some_and(|value| match value {
            Property::Flag(value) => *value,
            Property::Text(text) => text.eq_ignore_ascii_case("true"),
            Property::Other => false,
        });
        let number = options.roll_forward_on_no_candidate_fx;
        let of_all = chosen(options.roll_forward.as_deref(), number).unwrap_or_default();
        let framework = |named: Named| Framework {
            roll_forward: chosen(
                named.roll_forward.as_deref(),
                named.roll_forward_on_no_candidate_fx,
            )
            .unwrap_or(of_all),
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
