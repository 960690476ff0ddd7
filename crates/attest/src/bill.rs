use crate::component::Component;
use mizzen_oci::Digest;
use std::collections::BTreeMap;

/// A bill of materials: what an image, or a publish folder, is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bill {
    /// The name of the image or the application.
    pub name: String,
    /// The version of the application.
    pub version: Option<String>,
    /// The digest of the manifest or index; `None` for a folder.
    pub digest: Option<Digest>,
    /// What the image runs on: `linux/amd64`, with the digest of the manifest for it.
    pub platforms: BTreeMap<String, Digest>,
    /// When it was made, as the image says it: RFC 3339, and no clock of this machine.
    pub created: String,
    /// The components, by keys that stay the same: `Serilog/4.3.0`.
    pub components: BTreeMap<String, Component>,
    /// The key of the application, which owns what no other component brings.
    pub application: String,
    /// The files, sorted by path and layer; each is of one component.
    pub files: Vec<BillFile>,
    /// What the image lies on, one for each platform, sorted.
    pub bases: Vec<Base>,
}

/// A file of an image.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BillFile {
    /// The path in the image, without a slash in front.
    pub path: String,
    /// The layer that holds it; `None` in a folder.
    pub layer: Option<Digest>,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The SHA-1 of them, in hexadecimal digits.
    pub sha1: String,
    /// The key of the component that brings it.
    pub component: String,
}

/// An image that another one lies on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Base {
    /// What it is called, where others can pull it.
    pub name: Option<String>,
    /// The digest of its manifest; unknown where the image does not tell.
    pub digest: Option<Digest>,
    /// What it runs on.
    pub platform: String,
}

impl Bill {
    /// Puts files and bases into the order in which they are written.
    pub(crate) fn sorted(mut self) -> Self {
        self.files.sort_unstable();
        self.files.dedup();
        self.bases.sort_unstable();
        self.bases.dedup();
        self
    }
}
