use crate::{DiffId, Digest, Platform, canonical_json, descriptor::null_is_empty, json_bounds};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// An image's config as the JSON object it is; every member that no method here names is kept.
///
/// A typed struct would drop what it does not know: Docker's `Healthcheck`, `OnBuild`, `Shell` and
/// `ArgsEscaped`, and what comes after them.
/// Source: OCI image-spec, config.md.
#[derive(Clone, PartialEq, Debug)]
pub struct ImageConfig(Map<String, Value>);

/// One step in the history of an image.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// When, as RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// What made the layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// What is in the layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The step changed the config only and has no layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

/// Bytes that are not an image config.
#[derive(Debug, thiserror::Error)]
#[error("image config {digest} is malformed")]
pub struct ConfigError {
    /// The digest of the bytes.
    pub digest: Digest,
    /// What the parser says.
    #[source]
    pub source: serde_json::Error,
}

#[derive(Deserialize)]
struct Rootfs {
    #[serde(default, deserialize_with = "null_is_empty")]
    diff_ids: Vec<DiffId>,
}

impl ImageConfig {
    /// Returns the config of an image without layers.
    pub fn scratch(platform: &Platform) -> Self {
        let mut config = Map::new();
        config.insert("architecture".to_owned(), json!(platform.architecture));
        config.insert("os".to_owned(), json!(platform.os));
        if let Some(variant) = &platform.variant {
            config.insert("variant".to_owned(), json!(variant));
        }
        config.insert("config".to_owned(), json!({}));
        config.insert(
            "rootfs".to_owned(),
            json!({ "type": "layers", "diff_ids": [] }),
        );
        Self(config)
    }

    /// Reads a config of either family.
    ///
    /// # Errors
    /// [`ConfigError`] if the bytes are no JSON object, or lack `os`, `architecture` or sound
    /// `rootfs` and `history`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let malformed = |source| ConfigError {
            digest: Digest::of(bytes),
            source,
        };
        json_bounds::check(bytes).map_err(malformed)?;
        let config: Map<String, Value> = serde_json::from_slice(bytes).map_err(malformed)?;
        let object = Value::Object(config.clone());
        serde_json::from_value::<Platform>(object.clone()).map_err(malformed)?;
        serde_json::from_value::<Rootfs>(object["rootfs"].clone()).map_err(malformed)?;
        serde_json::from_value::<Option<Vec<History>>>(object["history"].clone())
            .map_err(malformed)?;
        if !matches!(object["config"], Value::Null | Value::Object(_)) {
            return Err(malformed(serde::de::Error::custom(
                "`config` is not an object",
            )));
        }
        Ok(Self(config))
    }

    /// Returns the bytes that carry the digest.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(&Value::Object(self.0.clone()))
    }

    /// Returns what the image runs on.
    pub fn platform(&self) -> Platform {
        serde_json::from_value(Value::Object(self.0.clone())).expect("parse() has checked it")
    }

    /// Returns the diff ids of the layers, bottom first.
    pub fn diff_ids(&self) -> Vec<DiffId> {
        let rootfs = self.0.get("rootfs").cloned().unwrap_or_else(|| json!({}));
        serde_json::from_value::<Rootfs>(rootfs)
            .expect("parse() has checked it")
            .diff_ids
    }

    /// Returns the history, oldest first.
    pub fn history(&self) -> Vec<History> {
        let history = self.0.get("history").cloned().unwrap_or(Value::Null);
        serde_json::from_value::<Option<_>>(history)
            .expect("parse() has checked it")
            .unwrap_or_default()
    }

    /// Adds a layer on top, with its line in the history.
    ///
    /// A history is optional, and some tools write a short one; one that is there has a line for each
    /// layer, so layers below that have none get one.
    pub fn push_layer(&mut self, diff_id: DiffId, history: &History) {
        let mut diff_ids = self.diff_ids();
        let lines = self.history();
        let explained = lines.iter().filter(|line| !line.empty_layer);
        for _ in explained.count()..diff_ids.len() {
            self.push_history(&History {
                created_by: Some("a layer of the base, of which its maker says nothing".to_owned()),
                ..History::default()
            });
        }
        diff_ids.push(diff_id);
        self.0.insert(
            "rootfs".to_owned(),
            json!({ "type": "layers", "diff_ids": diff_ids }),
        );
        self.push_history(history);
    }

    /// Adds a line to the history; existing lines keep members that mizzen has no word for.
    pub fn push_history(&mut self, history: &History) {
        match self.0.get_mut("history") {
            Some(Value::Array(lines)) => lines.push(json!(history)),
            _ => {
                self.0.insert("history".to_owned(), json!([history]));
            }
        }
    }

    /// Sets a member of the config itself, such as `created`.
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Returns a member of the config itself.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns a member of the execution parameters (`config`), such as `User`.
    pub fn run_get(&self, name: &str) -> Option<&Value> {
        self.0
            .get("config")?
            .get(name)
            .filter(|value| !value.is_null())
    }

    /// Sets a member of the execution parameters (`config`), such as `WorkingDir`.
    pub fn run_set(&mut self, name: &str, value: Value) {
        let run = self.0.entry("config").or_insert_with(|| json!({}));
        if run.is_null() {
            *run = json!({});
        }
        run[name] = value;
    }

    /// Removes a member of the execution parameters (`config`).
    pub fn run_remove(&mut self, name: &str) {
        if let Some(Value::Object(run)) = self.0.get_mut("config") {
            run.remove(name);
        }
    }

    /// Returns the user that the image runs as, if it names one.
    pub fn user(&self) -> Option<&str> {
        self.run_get("User")?
            .as_str()
            .filter(|user| !user.is_empty())
    }

    /// Returns a variable of the image's environment; the last of several wins, as in a process.
    pub fn env(&self, name: &str) -> Option<&str> {
        let variables = self.run_get("Env")?.as_array()?;
        let mut pairs = variables
            .iter()
            .rev()
            .filter_map(|variable| variable.as_str()?.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Sets a variable of the image's environment in its place, or adds it at the end.
    pub fn set_env(&mut self, name: &str, value: &str) {
        let mut variables = self
            .run_get("Env")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let is_it = |variable: &Value| {
            variable
                .as_str()
                .and_then(|text| text.split_once('='))
                .is_some_and(|(key, _)| key == name)
        };
        let line = Value::String(format!("{name}={value}"));
        match variables.iter().position(is_it) {
            Some(place) => {
                variables[place] = line;
                let mut seen = 0..;
                variables.retain(|variable| seen.next() == Some(place) || !is_it(variable));
            }
            None => variables.push(line),
        }
        self.run_set("Env", Value::Array(variables));
    }

    /// Returns the image's labels.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.run_get("Labels").cloned().unwrap_or(Value::Null);
        serde_json::from_value::<Option<_>>(labels)
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    /// Adds labels, over those of the same name.
    pub fn add_labels(&mut self, labels: &BTreeMap<String, String>) {
        let mut all = self.labels();
        all.extend(labels.clone());
        if !all.is_empty() {
            self.run_set("Labels", json!(all));
        }
    }

    /// Adds ports such as `8080/tcp` to those that the image says it listens on.
    pub fn expose<'a>(&mut self, ports: impl IntoIterator<Item = &'a str>) {
        let mut exposed = self
            .run_get("ExposedPorts")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        for port in ports {
            exposed.entry(port).or_insert_with(|| json!({}));
        }
        if !exposed.is_empty() {
            self.run_set("ExposedPorts", Value::Object(exposed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{History, ImageConfig};
    use crate::{DiffId, Digest, Platform};
    use serde_json::json;

    const DOCKER: &str = r#"{"architecture":"amd64","os":"linux","os.features":["x"],"rootfs":{"type":"layers","diff_ids":null},
        "config":{"Healthcheck":{"Test":["CMD","x"]},"OnBuild":["RUN y"],"Shell":["sh"],"ArgsEscaped":true,"Env":["A=1","A=2","B="]},
        "container_config":{"z":1}}"#;

    #[test]
    fn members_that_no_type_knows_survive_an_edit() {
        let mut config = ImageConfig::parse(DOCKER.as_bytes()).unwrap();
        config.run_set("User", json!("1654"));
        config.push_layer(DiffId(Digest::of(b"x")), &History::default());
        let written = String::from_utf8(config.to_bytes()).unwrap();
        for kept in [
            "Healthcheck",
            "OnBuild",
            "Shell",
            "ArgsEscaped",
            "container_config",
            "os.features",
        ] {
            assert!(written.contains(kept), "{kept} in {written}");
        }
        assert_eq!(config.diff_ids(), [DiffId(Digest::of(b"x"))]);
        assert_eq!(ImageConfig::parse(written.as_bytes()).unwrap(), config);
    }

    #[test]
    fn the_last_variable_of_a_name_wins_and_setting_leaves_one() {
        let mut config = ImageConfig::parse(DOCKER.as_bytes()).unwrap();
        assert_eq!(
            (config.env("A"), config.env("B"), config.env("C")),
            (Some("2"), Some(""), None)
        );
        config.set_env("A", "3");
        config.set_env("C", "x=y");
        assert_eq!(config.run_get("Env"), Some(&json!(["A=3", "B=", "C=x=y"])));
    }

    #[test]
    fn what_is_no_config_is_refused() {
        for text in [
            "[]",
            "{}",
            r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["md5:x"]}}"#,
        ] {
            assert!(ImageConfig::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn ports_and_labels_are_added_to_the_bases() {
        let mut config = ImageConfig::scratch(&"linux/amd64".parse::<Platform>().unwrap());
        config.expose(["8080/tcp"]);
        config.expose(["9090/udp", "8080/tcp"]);
        assert_eq!(
            config.run_get("ExposedPorts"),
            Some(&json!({"8080/tcp": {}, "9090/udp": {}}))
        );
        config.add_labels(&[("a".to_owned(), "1".to_owned())].into());
        config.add_labels(&[("a".to_owned(), "2".to_owned())].into());
        assert_eq!(config.labels()["a"], "2");
    }
}
