use super::defaults::DefaultOption;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Value;

/// `[build]`, or `[images.<project>]`: options of `mizzen build` by their long names.
pub(super) type Options = BTreeMap<String, Value>;

/// Options whose value is JSON.
pub(super) const JSON: [&str; 3] = ["cmd", "entrypoint", "healthcheck"];
/// Options whose value is a path, or one behind a scheme.
const PATHS: [&str; 7] = [
    "add",
    "base",
    "cache-dir",
    "digest-file",
    "image-refs",
    "metadata-file",
    "output",
];
pub(super) const SCHEMES: [&str; 3] = ["oci:", "oci-archive:", "docker-archive:"];

/// Returns what `options` say, as the command line would; paths are relative to `folder`.
///
/// # Errors
/// The name of an option whose value is of no kind that an option takes.
pub(super) fn default_options(
    options: &Options,
    place: &str,
    folder: &Path,
) -> Result<Vec<DefaultOption>, String> {
    let option = |(name, value): (&String, &Value)| {
        let values = match value {
            value if JSON.contains(&name.as_str()) => {
                vec![serde_json::to_string(value).map_err(|_| name.clone())?]
            }
            Value::Array(values) => {
                let words = values.iter().map(word).collect::<Option<_>>();
                words.ok_or_else(|| name.clone())?
            }
            Value::Table(pairs) => {
                let pair = |(name, value): (&String, &Value)| {
                    word(value).map(|value| format!("{name}={value}"))
                };
                let words = pairs.iter().map(pair).collect::<Option<_>>();
                words.ok_or_else(|| name.clone())?
            }
            value => vec![word(value).ok_or_else(|| name.clone())?],
        };
        Ok(DefaultOption {
            name: name.clone(),
            values: located(name, values, folder),
            place: place.to_owned(),
        })
    };
    options.iter().map(option).collect()
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

fn located(name: &str, values: Vec<String>, folder: &Path) -> Vec<String> {
    if !PATHS.contains(&name) {
        return values;
    }
    let located = |word: String| {
        let scheme = SCHEMES.iter().find(|scheme| word.starts_with(**scheme));
        match scheme {
            Some(scheme) => format!("{scheme}{}", folder.join(&word[scheme.len()..]).display()),
            // A reference of a registry, an engine's image.
            None if ["base", "output"].contains(&name) => word,
            None => folder.join(word).to_string_lossy().into_owned(),
        }
    };
    values.into_iter().map(located).collect()
}

#[cfg(test)]
mod tests {
    use super::default_options;
    use std::path::Path;

    #[test]
    fn every_kind_of_value_becomes_what_the_command_line_would_say() {
        let options = toml::from_str(
            "base = \"oci:base\"\nbase-registry = \"m/x\"\noffline = true\nport = [8080, \"53/udp\"]\n\
             env = { A = \"1\", B = 2 }\nentrypoint = [\"dotnet\", \"x.dll\"]\ndigest-file = \"d\"\n",
        )
        .unwrap();
        let options = default_options(&options, "file", Path::new("/w")).unwrap();
        let written: Vec<String> = options
            .iter()
            .map(|option| format!("{}: {}", option.name, option.values.join(" ")))
            .collect();
        assert_eq!(
            written,
            [
                "base: oci:/w/base",
                "base-registry: m/x",
                "digest-file: /w/d",
                "entrypoint: [\"dotnet\",\"x.dll\"]",
                "env: A=1 B=2",
                "offline: true",
                "port: 8080 53/udp",
            ]
        );
        let nonsense = toml::from_str("port = [[1]]").unwrap();
        let error = default_options(&nonsense, "file", Path::new("/w")).unwrap_err();
        assert_eq!(error, "port");
    }
}
