use crate::SdkVersion;
use mizzen_oci::canonical_json;
use serde_json::{Value, json};
use std::path::Path;

/// Which SDK a `global.json` asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SdkRequest {
    /// The version that is asked for, or the lowest that would do.
    pub version: Option<SdkVersion>,
    /// Which others would do.
    pub roll_forward: RollForward,
    /// Whether a prerelease would.
    pub allow_prerelease: bool,
    /// The folders to look in, in this order; `None` for that of `dotnet` alone. A path that is not
    /// absolute is relative to the file, and `$host$` is the folder of `dotnet`.
    pub paths: Option<Vec<String>>,
    /// What to tell a person where nothing is found.
    pub error_message: Option<String>,
}

/// Which SDKs are as good as the one that is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RollForward {
    /// None.
    Disable,
    /// The version itself, else the latest patch of its feature band.
    Patch,
    /// The latest patch of the lowest feature band that has one.
    Feature,
    /// The same, of the lowest minor version.
    Minor,
    /// The same, of the lowest major version.
    Major,
    /// The latest patch of the feature band.
    LatestPatch,
    /// The latest feature band of the minor version.
    LatestFeature,
    /// The latest of the major version.
    LatestMinor,
    /// The latest of all.
    LatestMajor,
}

const POLICIES: [(&str, RollForward); 9] = [
    ("disable", RollForward::Disable),
    ("patch", RollForward::Patch),
    ("feature", RollForward::Feature),
    ("minor", RollForward::Minor),
    ("major", RollForward::Major),
    ("latestPatch", RollForward::LatestPatch),
    ("latestFeature", RollForward::LatestFeature),
    ("latestMinor", RollForward::LatestMinor),
    ("latestMajor", RollForward::LatestMajor),
];

impl Default for SdkRequest {
    /// What holds where there is no file: the latest SDK, prereleases too.
    fn default() -> Self {
        Self {
            version: None,
            roll_forward: RollForward::LatestMajor,
            allow_prerelease: true,
            paths: None,
            error_message: None,
        }
    }
}

impl SdkRequest {
    /// Reads a `global.json` as `dotnet` does: one that it does not understand asks for nothing.
    ///
    /// Source: `sdk_resolver.cpp` of dotnet/runtime.
    pub fn parse(global_json: &[u8]) -> Self {
        let value = first_value(global_json);
        value.as_ref().and_then(Self::of).unwrap_or_default()
    }

    fn of(value: &Value) -> Option<Self> {
        let mut request = Self::default();
        let Some(sdk) = given(value.as_object()?.get("sdk")) else {
            return Some(request);
        };
        let sdk = sdk.as_object()?;
        if let Some(version) = given(sdk.get("version")) {
            request.version = Some(version.as_str()?.parse().ok()?);
            request.roll_forward = RollForward::Patch;
        }
        if let Some(policy) = given(sdk.get("rollForward")) {
            let name = policy.as_str()?;
            let mut policies = POLICIES.iter();
            let (_, policy) = policies.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            request.roll_forward = *policy;
            if *policy != RollForward::LatestMajor && request.version.is_none() {
                return None;
            }
        }
        if let Some(allow) = given(sdk.get("allowPrerelease")) {
            request.allow_prerelease = allow.as_bool()?;
        }
        let asks_for_prerelease = request
            .version
            .as_ref()
            .is_some_and(SdkVersion::is_prerelease);
        request.allow_prerelease |= asks_for_prerelease;
        if let Some(paths) = given(sdk.get("paths")) {
            let paths = paths.as_array()?.iter();
            request.paths = Some(
                paths
                    .filter_map(|path| Some(path.as_str()?.to_owned()))
                    .collect(),
            );
        }
        if let Some(message) = given(sdk.get("errorMessage")) {
            request.error_message = Some(message.as_str()?.to_owned());
        }
        Some(request)
    }

    /// Returns the best of `installed`, by its place; `None` if none would do.
    pub fn best(&self, installed: &[SdkVersion]) -> Option<usize> {
        let prefers_exact = matches!(self.roll_forward, RollForward::Disable | RollForward::Patch);
        if let Some(version) = &self.version
            && prefers_exact
        {
            // The folder of this very name, whatever follows a `+`.
            let name = version.to_string();
            let mut names = installed.iter().map(ToString::to_string);
            if let Some(exact) = names.position(|installed| installed == name) {
                return Some(exact);
            }
        }
        let mut best: Option<(usize, &SdkVersion)> = None;
        for (place, version) in installed.iter().enumerate() {
            if self.takes(version) && best.is_none_or(|(_, best)| self.is_better(version, best)) {
                best = Some((place, version));
            }
        }
        best.map(|(place, _)| place)
    }

    fn takes(&self, installed: &SdkVersion) -> bool {
        use RollForward::{
            Disable, Feature, LatestFeature, LatestMajor, LatestMinor, LatestPatch, Major, Minor,
            Patch,
        };
        if installed.is_prerelease() && !self.allow_prerelease {
            return false;
        }
        let Some(asked) = &self.version else {
            return true;
        };
        let is_near = match self.roll_forward {
            Disable => false,
            Patch | LatestPatch => installed.feature_band() == asked.feature_band(),
            Feature | LatestFeature => installed.minor() == asked.minor(),
            Minor | LatestMinor => installed.major() == asked.major(),
            Major | LatestMajor => true,
        };
        is_near && installed >= asked
    }

    fn is_better(&self, version: &SdkVersion, than: &SdkVersion) -> bool {
        use RollForward::{LatestFeature, LatestMajor, LatestMinor, LatestPatch};
        let latest = [LatestPatch, LatestFeature, LatestMinor, LatestMajor];
        let takes_latest = self.version.is_none()
            || latest.contains(&self.roll_forward)
            || version.feature_band() == than.feature_band();
        if takes_latest {
            version > than
        } else {
            version < than
        }
    }
}

/// Returns a `global.json` with `root` as the only folder to look in.
pub fn with_sdk_path(global_json: &[u8], root: &Path) -> Vec<u8> {
    let Some(mut value) = first_value(global_json) else {
        return global_json.to_vec();
    };
    value["sdk"]["paths"] = json!([root.to_string_lossy()]);
    canonical_json(&value)
}

fn given(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// Reads the first value of a text: `dotnet` allows comments in it and anything behind it.
pub(crate) fn first_value(text: &[u8]) -> Option<Value> {
    read(text).ok()
}

/// Returns why a `global.json` cannot be read: its own readers differ in what they make of that.
pub fn global_json_fault(text: &[u8]) -> Option<String> {
    read(text).err().map(|error| error.to_string())
}

fn read(text: &[u8]) -> serde_json::Result<Value> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = without_comments(text);
    let mut values = serde_json::Deserializer::from_slice(&text).into_iter();
    values
        .next()
        .unwrap_or_else(|| Err(serde::de::Error::custom("it is empty")))
}

fn without_comments(text: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let [first, tail @ ..] = rest {
        let skipped = match (in_string, first, tail.first()) {
            (true, b'\\', Some(escaped)) => {
                kept.extend([b'\\', *escaped]);
                rest = &tail[1..];
                continue;
            }
            (false, b'/', Some(b'/')) => tail.iter().position(|byte| *byte == b'\n'),
            (false, b'/', Some(b'*')) => {
                let end = tail[1..].windows(2).position(|end| end == b"*/");
                end.map(|end| end + 3)
            }
            _ => {
                in_string ^= *first == b'"';
                kept.push(*first);
                rest = tail;
                continue;
            }
        };
        rest = skipped.map_or(&[], |length| &tail[length..]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{RollForward, SdkRequest, first_value};
    use crate::SdkVersion;

    fn best(global_json: &str, installed: &[&str]) -> Option<String> {
        let versions: Vec<SdkVersion> =
            installed.iter().map(|text| text.parse().unwrap()).collect();
        let place = SdkRequest::parse(global_json.as_bytes()).best(&versions)?;
        Some(versions[place].to_string())
    }

    #[test]
    fn comments_a_mark_and_what_follows_are_no_part_of_the_value() {
        let text = "\u{feff}// a\n{ /* b */ \"sdk\": { \"version\": \"10.0.100\", \"x\": \"//\\\"/*\" } } rest";
        let value = first_value(text.as_bytes()).unwrap();
        assert_eq!(value["sdk"]["x"], "//\"/*");
        assert_eq!(first_value(b"{ /* never closed"), None);
    }

    #[test]
    fn what_is_not_understood_asks_for_nothing() {
        for text in [
            "nonsense",
            "[]",
            r#"{"sdk": []}"#,
            r#"{"sdk": {"version": 10}}"#,
            r#"{"sdk": {"version": "10.0"}}"#,
            r#"{"sdk": {"rollForward": "patch"}}"#,
            r#"{"sdk": {"version": "10.0.100", "rollForward": "sideways"}}"#,
            r#"{"sdk": {"version": "10.0.100", "allowPrerelease": "no"}}"#,
            r#"{"sdk": {"version": "10.0.100", "paths": "x"}}"#,
        ] {
            assert_eq!(
                SdkRequest::parse(text.as_bytes()),
                SdkRequest::default(),
                "{text}"
            );
        }
        let named =
            SdkRequest::parse(br#"{"sdk":{"version":"8.0.100","rollForward":"LATESTminor"}}"#);
        assert_eq!(named.roll_forward, RollForward::LatestMinor);
    }

    #[test]
    fn the_version_itself_wins_over_a_later_patch_and_only_then() {
        let installed = ["10.0.102", "10.0.100", "10.0.200"];
        let asked = |policy: &str| {
            let text = format!(r#"{{"sdk":{{"version":"10.0.100","rollForward":"{policy}"}}}}"#);
            best(&text, &installed).unwrap()
        };
        assert_eq!(asked("patch"), "10.0.100");
        assert_eq!(asked("feature"), "10.0.102");
        assert_eq!(asked("latestFeature"), "10.0.200");
        assert_eq!(best(r#"{"sdk":{"version":"11.0.100"}}"#, &installed), None);
    }
}
