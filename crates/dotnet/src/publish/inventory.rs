use crate::publish::listed_library::name_of;
use crate::{DepsJson, LibraryKind, ListedLibrary, PackageLicence, PublishOutput, RestoredPackage};
use mizzen_oci::{Digest, Hasher, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha1::{Digest as _, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io::{self, Read};

/// What a publish is made of: its libraries, and every file of its layers with the library that brings
/// it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// The libraries by name and version: `Serilog/4.3.0`.
    pub libraries: BTreeMap<String, InventoryLibrary>,
    /// Which of them the application is; unknown where nothing tells.
    pub root: Option<String>,
    /// Those that the application itself asks for.
    pub direct: BTreeSet<String>,
    /// The files by the digest of their layer, sorted by path.
    pub layers: BTreeMap<Digest, Vec<InventoryFile>>,
}

/// A library, with what its package says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryLibrary {
    /// What the application's own lists say of it.
    #[serde(flatten)]
    pub listed: ListedLibrary,
    /// The SHA-512 of the package as the feed sent it, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_sha512: Option<String>,
    /// The licence as the package states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<PackageLicence>,
    /// The feed that it came from, without credentials; `None` for a folder of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A file of a layer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryFile {
    /// The path in the image, without a slash in front.
    pub path: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The SHA-1 of them, in hexadecimal digits: SPDX asks for it, and nothing is trusted because of it.
    pub sha1: String,
    /// How many bytes.
    pub size_bytes: u64,
    /// The library that brings it; `None` for the project's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
}

impl From<ListedLibrary> for InventoryLibrary {
    fn from(listed: ListedLibrary) -> Self {
        Self {
            listed,
            file_sha512: None,
            licence: None,
            source: None,
        }
    }
}

/// Makes an [`InventoryFile`] of the bytes of a file.
#[derive(Clone, Default)]
pub struct FileHasher {
    sha256: Hasher,
    sha1: Sha1,
    size_bytes: u64,
}

impl FileHasher {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sha1.update(bytes);
        self.size_bytes += bytes.len() as u64;
    }

    /// Returns the file whose bytes these were.
    pub fn finish(self, path: String, library: Option<String>) -> InventoryFile {
        let sha1 = self.sha1.finalize();
        InventoryFile {
            path,
            digest: self.sha256.finish(),
            sha1: sha1.iter().fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").expect("a string takes everything");
                text
            }),
            size_bytes: self.size_bytes,
            library,
        }
    }
}

impl InventoryFile {
    /// Reads a file to its end.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(content: &mut dyn Read, path: String, library: Option<String>) -> io::Result<Self> {
        let mut hasher = FileHasher::default();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match content.read(&mut buffer)? {
                0 => return Ok(hasher.finish(path, library)),
                count => hasher.update(&buffer[..count]),
            }
        }
    }
}

impl Inventory {
    /// Returns the libraries of `output` with what is known of their packages; the layers are to be
    /// added.
    pub fn of(output: &PublishOutput, packages: &[RestoredPackage]) -> Self {
        // NuGet's folders have both in lower case.
        let key = |id: &str, version: &str| (id.to_lowercase(), version.to_lowercase());
        let known: BTreeMap<_, &RestoredPackage> = packages
            .iter()
            .map(|package| (key(&package.id, &package.version), package))
            .collect();
        let mut inventory = output.deps.as_ref().map(Self::of_deps).unwrap_or_default();
        for (library, facts) in &mut inventory.libraries {
            if facts.listed.kind != LibraryKind::Package {
                continue;
            }
            let (name, version) = name_and_version(library);
            let Some(package) = known.get(&key(name, version)) else {
                continue;
            };
            facts.file_sha512.clone_from(&package.file_sha512);
            facts.licence.clone_from(&package.licence);
            facts.source = package.source.as_deref().and_then(feed);
        }
        // Where no list names the runtime that was published with the application.
        let is_runtime =
            |library: &InventoryLibrary| library.listed.kind == LibraryKind::RuntimePack;
        if !inventory.libraries.values().any(is_runtime) {
            for framework in &output.runtime_config.included_frameworks {
                let library = format!("{}/{}", framework.name, framework.version);
                let listed = ListedLibrary {
                    kind: LibraryKind::RuntimePack,
                    dependencies: BTreeSet::new(),
                    content_sha512: None,
                };
                inventory.libraries.insert(library, listed.into());
            }
        }
        inventory
    }

    /// Returns the libraries that a deps.json lists, without what their packages say.
    pub fn of_deps(deps: &DepsJson) -> Self {
        let libraries = deps.libraries.iter();
        let libraries = libraries.map(|(library, listed)| (library.clone(), listed.clone().into()));
        Self {
            libraries: libraries.collect(),
            root: deps.root.clone(),
            direct: deps.direct.clone(),
            layers: BTreeMap::new(),
        }
    }

    /// Returns the bytes that stand for it.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(&json!(self))
    }

    /// Reads [`Inventory::to_bytes`]; `None` for what is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Returns the name of a library and its version, which may be empty.
pub fn name_and_version(library: &str) -> (&str, &str) {
    let name = name_of(library);
    (name, library[name.len()..].trim_start_matches('/'))
}

/// Returns a feed as it may be told to everybody: without user, password, query; a folder is of one
/// machine and says nothing.
fn feed(source: &str) -> Option<String> {
    let (scheme, rest) = source.split_once("://")?;
    let is_web = ["http", "https"]
        .iter()
        .any(|web| scheme.eq_ignore_ascii_case(web));
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next()?;
    is_web.then(|| format!("{scheme}://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::{Inventory, feed};

    #[test]
    fn a_feed_is_told_without_credentials_and_a_folder_not_at_all() {
        let told = |source| feed(source).unwrap_or_default();
        let nuget = "https://api.nuget.org/v3/index.json";
        assert_eq!(told(nuget), nuget);
        assert_eq!(
            told("https://me:p@ss@feed.example/v3/index.json?sig=secret#x"),
            "https://feed.example/v3/index.json"
        );
        assert_eq!(told("http://feed.example"), "http://feed.example/");
        assert_eq!(told("/home/me/packages"), "");
        assert_eq!(told("file:///home/me/packages"), "");
    }

    #[test]
    fn what_is_no_inventory_is_none() {
        let empty = Inventory::default();
        assert_eq!(Inventory::parse(&empty.to_bytes()), Some(empty));
        assert_eq!(Inventory::parse(b"{"), None);
    }
}
