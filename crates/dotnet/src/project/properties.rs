use std::collections::BTreeMap;

/// Properties as a command line sets them, by name in any case: MSBuild knows no other properties.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Properties {
    /// By name in lower case: the name as it was written, and the value.
    named: BTreeMap<String, (String, String)>,
}

impl Properties {
    /// Sets a property; of several values the last one stands, as in MSBuild.
    pub fn set(&mut self, name: &str, value: String) {
        let named = (name.to_owned(), value);
        self.named.insert(name.to_lowercase(), named);
    }

    /// Returns the value of a property.
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = self.named.get(&name.to_lowercase());
        named.map(|(_, value)| value.as_str())
    }

    /// Returns names, as they were written last, and values, sorted by name without regard to case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.named.values();
        named.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(all: I) -> Self {
        let mut properties = Self::default();
        for (name, value) in all {
            properties.set(&name, value);
        }
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::Properties;

    #[test]
    fn names_know_no_case_and_the_last_value_stands() {
        let given = [("x", "1"), ("Version", "3"), ("X", "2")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let properties: Properties = given.into_iter().collect();
        let all: Vec<_> = properties.iter().collect();
        assert_eq!(all, [("Version", "3"), ("X", "2")]);
        assert_eq!(properties.get("VERSION"), Some("3"));
        assert_eq!(properties.get("y"), None);
    }
}
