use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A library of an application, as deps.json or restore's own list has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedLibrary {
    /// What it is.
    pub kind: LibraryKind,
    /// The libraries that it needs, by name and version: `Serilog/4.3.0`. All of them are listed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<String>,
    /// The SHA-512 of what is in its package, in base64; a project has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_sha512: Option<String>,
}

/// What a library is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LibraryKind {
    /// The application itself, or a project that it refers to.
    Project,
    /// A NuGet package.
    Package,
    /// The runtime of a self-contained application.
    RuntimePack,
    /// An assembly that a project refers to as a file.
    Reference,
}

/// Libraries and what each asks for, as the files have it: by name, with a version or a range.
#[derive(Default)]
pub(crate) struct LibraryList(BTreeMap<String, (ListedLibrary, Vec<String>)>);

/// The names that an object has, whatever it says of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Names(pub(crate) BTreeSet<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Names, A::Error> {
                let mut names = BTreeSet::new();
                while let Some((name, _)) = object.next_entry::<String, IgnoredAny>()? {
                    names.insert(name);
                }
                Ok(Names(names))
            }
        }

        from.deserialize_map(Object)
    }
}

impl LibraryKind {
    pub(crate) fn of(kind: &str) -> Self {
        match kind {
            "package" => Self::Package,
            "runtimepack" => Self::RuntimePack,
            "project" => Self::Project,
            _ => Self::Reference,
        }
    }
}

impl LibraryList {
    /// Adds `library`, which asks for `dependencies` by their names without versions.
    pub(crate) fn add(
        &mut self,
        library: &str,
        kind: &str,
        content_hash: Option<&str>,
        dependencies: impl Iterator<Item = String>,
    ) {
        // deps.json puts the algorithm in front, and has an empty hash for projects.
        let hash = content_hash.map(|hash| hash.strip_prefix("sha512-").unwrap_or(hash));
        let listed = ListedLibrary {
            kind: LibraryKind::of(kind),
            dependencies: BTreeSet::new(),
            content_sha512: hash.filter(|hash| !hash.is_empty()).map(str::to_owned),
        };
        let dependencies = dependencies.collect();
        self.0.insert(library.to_owned(), (listed, dependencies));
    }

    /// Returns those that are asked for, as `Serilog >= 4.3.0`.
    pub(crate) fn named(&self, asked: &[String]) -> BTreeSet<String> {
        let names: Vec<&str> = asked
            .iter()
            .filter_map(|asked| asked.split_whitespace().next())
            .collect();
        let is_asked = |library: &&String| {
            let name = name_of(library);
            names.iter().any(|asked| asked.eq_ignore_ascii_case(name))
        };
        self.0.keys().filter(is_asked).cloned().collect()
    }

    /// Returns the libraries by name and version, each with those that it needs as far as they are in
    /// the list.
    pub(crate) fn resolved(self) -> BTreeMap<String, ListedLibrary> {
        let versions: BTreeMap<String, String> = self
            .0
            .keys()
            .map(|library| (name_of(library).to_ascii_lowercase(), library.clone()))
            .collect();
        let resolve = |name: &String| versions.get(&name.to_ascii_lowercase()).cloned();
        let libraries = self.0.into_iter().map(|(library, (listed, asked))| {
            let dependencies = asked.iter().filter_map(resolve).collect();
            let listed = ListedLibrary {
                dependencies,
                ..listed
            };
            (library, listed)
        });
        libraries.collect()
    }
}

/// Returns `Serilog` of `Serilog/4.3.0`.
pub(crate) fn name_of(library: &str) -> &str {
    library.rsplit_once('/').map_or(library, |(name, _)| name)
}
