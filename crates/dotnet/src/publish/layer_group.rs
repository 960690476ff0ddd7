use std::fmt;

/// What a published file belongs to, in the order of the layers: the bottom one changes least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LayerGroup {
    /// The runtime of a self-contained application.
    RuntimePack,
    /// NuGet packages of stable versions.
    Packages,
    /// NuGet packages of prerelease versions.
    PrereleasePackages,
    /// Other projects of the solution.
    Projects,
    /// What the web server hands out as it is.
    StaticWebAssets,
    /// The application itself, its configuration and everything that nothing lists.
    App,
}

impl LayerGroup {
    /// Returns the name that users meet.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RuntimePack => "runtime",
            Self::Packages => "packages",
            Self::PrereleasePackages => "prerelease-packages",
            Self::Projects => "projects",
            Self::StaticWebAssets => "static-web-assets",
            Self::App => "app",
        }
    }
}

impl fmt::Display for LayerGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
