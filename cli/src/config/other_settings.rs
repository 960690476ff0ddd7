use super::config_file::Config;
use super::name::NAME;
use mizzen_builder::Policy;
use std::collections::BTreeMap;

/// Returns what the file says that is not an option of the command line: name, value, place.
pub(crate) fn other_settings(config: &Config) -> Vec<[String; 3]> {
    let place = |table: &str, is_set: bool| {
        if is_set {
            format!("{NAME} [{table}]")
        } else {
            "default".to_owned()
        }
    };
    let list = |table: &str, name: &str, values: &[String]| {
        let setting = format!("{table}.{name}");
        [setting, values.join(", "), place(table, !values.is_empty())]
    };
    let root = config.inputs.root.as_ref();
    let root = root.map(|root| root.display().to_string());
    let mut settings = vec![
        list("env", "pass", &config.env.pass),
        list("env", "secret", &config.env.secret),
        list("inputs", "root", root.as_slice()),
        list("inputs", "extra", &config.inputs.extra),
        list("inputs", "ignore", &config.inputs.ignore),
    ];
    let git = config.labels.git.then(|| "true".to_owned());
    settings.push(list("labels", "git", git.as_slice()));
    settings.retain(|[_, value, _]| !value.is_empty());
    let unset = shown(Policy::default());
    let policy = shown(config.policy).into_iter().zip(unset);
    settings.extend(policy.map(|((name, value), (_, unset))| {
        let origin = place("policy", value != unset);
        [format!("policy.{name}"), value, origin]
    }));
    for host in config.registry_names() {
        let place = format!("{NAME} [registry]");
        settings.push(["registry".to_owned(), host.clone(), place]);
    }
    settings
}

/// Returns each setting of a policy as the file has it.
fn shown(policy: Policy) -> BTreeMap<String, String> {
    let table = toml::Table::try_from(policy).expect("a policy is made of words");
    let plain = |value: toml::Value| match value {
        toml::Value::String(text) => text,
        value => value.to_string(),
    };
    let settings = table.into_iter();
    settings.map(|(name, value)| (name, plain(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::shown;
    use mizzen_builder::{FloatPolicy, Policy};
    use std::time::Duration;

    #[test]
    fn what_floats_may_be_good_for_a_time() {
        let floats = |text: &str| {
            let policy: Policy = toml::from_str(&format!("floats = \"{text}\"\n")).unwrap();
            let shown = shown(policy).remove("floats");
            (policy.floats, shown.unwrap())
        };
        let hours = |hours: u64| FloatPolicy::Ttl(Duration::from_secs(hours * 3600));
        assert_eq!(floats("ttl:12h"), (hours(12), "ttl:12h".to_owned()));
        assert_eq!(floats("ttl:1d 6h"), (hours(30), "ttl:1day 6h".to_owned()));
        assert_eq!(floats("error"), (FloatPolicy::Error, "error".to_owned()));
    }
}
