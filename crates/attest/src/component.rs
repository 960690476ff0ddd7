use crate::licence::Licence;
use crate::package_url::PackageUrl;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizzen_dotnet::{InventoryLibrary, LibraryKind, name_and_version};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Something that an image is made of: a package, a project, a runtime.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Component {
    /// What it is.
    pub kind: ComponentKind,
    /// Its name, as its ecosystem writes it.
    pub name: String,
    /// Its version; unknown where nothing tells.
    pub version: Option<String>,
    /// The name that it has everywhere; a project has none.
    pub package_url: Option<String>,
    /// Whether the application itself asks for it; unknown for what no application asks for.
    pub is_direct: Option<bool>,
    /// The SHA-512 of the package as its feed sent it, in base64.
    pub file_sha512: Option<String>,
    /// The SHA-512 of what is in the package, its signature left out, in base64: what NuGet's lock files
    /// have.
    pub content_sha512: Option<String>,
    /// The licence that it states.
    pub licence: Option<Licence>,
    /// Where it came from.
    pub source: Option<String>,
    /// The components that it needs, by their keys.
    pub dependencies: BTreeSet<String>,
}

/// What a component is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ComponentKind {
    /// The application.
    Application,
    /// Another project of its workspace, or an assembly that it refers to as a file.
    Project,
    /// A NuGet package.
    Package,
    /// A runtime or a framework of .NET.
    Framework,
    /// A package of the base's distribution.
    System,
}

/// What the SDK puts before the name of a runtime's package.
const RUNTIME_PACK: &str = "runtimepack.";

impl Component {
    /// Returns the SHA-512 of the package in hexadecimal digits.
    pub(crate) fn file_sha512_hex(&self) -> Option<String> {
        let hash = STANDARD.decode(self.file_sha512.as_ref()?).ok()?;
        Some(hex(&hash))
    }

    /// Returns a component of which no more is known than this.
    pub(crate) fn bare(kind: ComponentKind, name: &str, version: Option<&str>) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            version: version
                .filter(|version| !version.is_empty())
                .map(str::to_owned),
            package_url: None,
            is_direct: None,
            file_sha512: None,
            content_sha512: None,
            licence: None,
            source: None,
            dependencies: BTreeSet::new(),
        }
    }

    /// Returns a library of an application: `Serilog/4.3.0`.
    pub(crate) fn of_library(
        library: &str,
        facts: &InventoryLibrary,
        is_root: bool,
        is_direct: bool,
    ) -> Self {
        let kind = match facts.listed.kind {
            _ if is_root => ComponentKind::Application,
            LibraryKind::Project | LibraryKind::Reference => ComponentKind::Project,
            LibraryKind::Package => ComponentKind::Package,
            LibraryKind::RuntimePack => ComponentKind::Framework,
        };
        let (name, version) = name_and_version(library);
        let name = name.strip_prefix(RUNTIME_PACK).unwrap_or(name);
        let is_of_feed = matches!(kind, ComponentKind::Package | ComponentKind::Framework);
        let package_url = PackageUrl::new("nuget", None, name, Some(version));
        Self {
            package_url: is_of_feed.then(|| package_url.to_string()),
            is_direct: (kind == ComponentKind::Package).then_some(is_direct),
            file_sha512: facts.file_sha512.clone(),
            content_sha512: facts.listed.content_sha512.clone(),
            licence: facts.licence.as_ref().map(Licence::of_package),
            source: facts.source.clone(),
            dependencies: facts.listed.dependencies.clone(),
            ..Self::bare(kind, name, Some(version))
        }
    }

    /// Returns a shared framework that an image has from its base, for programs of `runtime_identifier`.
    ///
    /// It has the name of the package that carries the same: that is what advisories name.
    pub(crate) fn of_framework(
        name: &str,
        version: Option<&str>,
        runtime_identifier: &str,
    ) -> Self {
        let package = format!("{name}.Runtime.{runtime_identifier}");
        let package_url = PackageUrl::new("nuget", None, &package, version);
        Self {
            package_url: Some(package_url.to_string()),
            ..Self::bare(ComponentKind::Framework, name, version)
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
