use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a project says of itself and of its image, as the injected target wrote it after restore.
///
/// The file is a sequence of records that end in U+001E, their fields parted by U+001F:
/// `property`, name, value; or `item`, kind, identity, metadatum. U+001C stands for a backslash.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ProjectFacts {
    properties: BTreeMap<String, String>,
    items: BTreeMap<String, Vec<ProjectItem>>,
}

/// An item of a project: `<ContainerPort Include="8080" Type="tcp" />`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProjectItem {
    /// What it includes: `8080`.
    pub identity: String,
    /// The one metadatum that is read of its kind: `tcp`; empty where there is none.
    pub metadatum: String,
}

impl ProjectFacts {
    /// Reads the text of the file; `None` if it is not whole.
    pub fn parse(text: &str) -> Option<Self> {
        let mut facts = Self::default();
        let text = text.replace('\u{1c}', "\\");
        for record in text.split('\u{1e}') {
            let fields: Vec<&str> = record.split('\u{1f}').collect();
            match fields[..] {
                ["property", name, value] if !value.trim().is_empty() => {
                    let value = value.trim().to_owned();
                    facts.properties.insert(name.to_owned(), value);
                }
                ["item", kind, identity, metadatum] => {
                    let item = ProjectItem {
                        identity: identity.to_owned(),
                        metadatum: metadatum.to_owned(),
                    };
                    facts.items.entry(kind.to_owned()).or_default().push(item);
                }
                ["end"] => return Some(facts),
                _ => {}
            }
        }
        None
    }

    /// Returns the facts of records whose fields `|` parts.
    #[cfg(test)]
    pub(crate) fn of_records(records: &[&str]) -> Self {
        let record = |record: &&str| record.replace('|', "\u{1f}") + "\u{1e}";
        let records: String = records.iter().map(record).collect();
        Self::parse(&format!("{records}end\u{1e}")).expect("the end is there")
    }

    /// Returns the value of a property; `None` if it is empty.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }

    /// Returns whether a property is `true`, in any case.
    pub fn is_true(&self, name: &str) -> bool {
        self.property(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Returns the parts of a property that `;` separates.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let parts = self.property(name).unwrap_or_default().split(';');
        parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect()
    }

    /// Returns the items of a kind, in the project's order.
    pub fn items(&self, kind: &str) -> &[ProjectItem] {
        self.items.get(kind).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::ProjectFacts;

    #[test]
    fn values_hold_everything_but_the_separators() {
        let facts = ProjectFacts::parse(
            "property\u{1f}Title\u{1f}a; \"b\"\n= c\u{1e}property\u{1f}Empty\u{1f}\u{1e}\
             property\u{1f}Tags\u{1f} 1; ;2\u{1e}item\u{1f}Label\u{1f}x\u{1f}C:\u{1c}y\u{1e}\
             item\u{1f}Label\u{1f}z\u{1f}\u{1e}end\u{1e}\n",
        )
        .unwrap();
        assert_eq!(facts.property("Title"), Some("a; \"b\"\n= c"));
        assert_eq!(facts.property("Empty"), None);
        assert_eq!(facts.list("Tags"), ["1", "2"]);
        let labels = facts.items("Label");
        assert_eq!((labels.len(), labels[0].metadatum.as_str()), (2, "C:\\y"));
        assert_eq!(facts.items("Port"), []);
    }

    #[test]
    fn a_file_without_its_end_says_nothing() {
        assert_eq!(ProjectFacts::parse("property\u{1f}A\u{1f}b\u{1e}"), None);
    }
}
