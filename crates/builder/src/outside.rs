use mizzen_dotnet::PackageSource;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// Something outside a workspace that a file of the workspace asks for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Outside {
    /// That a file or a folder is read, absolute.
    Path(PathBuf),
    /// That the value of a variable is shown.
    Variable(String),
    /// That the user's credentials for a feed are sent to this address.
    Credentials {
        /// The feed's name, by which the credentials are found.
        source: String,
        /// Its address.
        address: String,
    },
}

/// Something that is asked for, and the file that asks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OutsideRequest {
    /// What it is.
    pub wanted: Outside,
    /// Who says so, as the user would call it: a path relative to the workspace, or an absolute one.
    pub asked_by: String,
}

/// What of the outside a build may take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// Whatever is asked for.
    Everything,
    /// These.
    These(BTreeSet<Outside>),
}

impl Default for Allowed {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl Allowed {
    /// Returns what is asked for and not allowed.
    pub(crate) fn missing(&self, requests: &[OutsideRequest]) -> Vec<OutsideRequest> {
        match self {
            Self::Everything => Vec::new(),
            Self::These(allowed) => {
                let missing = requests
                    .iter()
                    .filter(|request| !allowed.contains(&request.wanted));
                missing.cloned().collect()
            }
        }
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "read `{}`", path.display()),
            Self::Variable(name) => write!(f, "see the variable `{name}`"),
            Self::Credentials { source, address } => {
                write!(f, "send your credentials for `{source}` to `{address}`")
            }
        }
    }
}

impl fmt::Display for OutsideRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.wanted, self.asked_by)
    }
}

/// What the user has told NuGet of feeds: by these, what a workspace asks for is nothing new.
#[derive(Default)]
pub(crate) struct OwnFeeds {
    pub(crate) sources: Vec<PackageSource>,
    pub(crate) credentials: BTreeSet<String>,
    pub(crate) folders: BTreeSet<PathBuf>,
}

/// The public feed, whose address is as well known as its name.
const PUBLIC: &str = "https://api.nuget.org/v3/index.json";

impl OwnFeeds {
    /// Returns whether a feed that a workspace names would get the user's credentials, and the user has
    /// not said that this is where they go.
    pub(crate) fn would_leak_to(&self, source: &PackageSource) -> bool {
        // NuGet finds feeds and credentials by their names, whatever their case.
        let is_named = |name: &String| name.eq_ignore_ascii_case(&source.name);
        let is_same = |own: &PackageSource| {
            is_named(&own.name) && own.address == source.address && (own.is_lax || !source.is_lax)
        };
        let is_public = source.address == PUBLIC && !source.is_lax;
        self.credentials.iter().any(is_named) && !is_public && !self.sources.iter().any(is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::{OwnFeeds, PUBLIC, PackageSource};

    fn source(name: &str, address: &str, is_lax: bool) -> PackageSource {
        PackageSource {
            name: name.to_owned(),
            address: address.to_owned(),
            is_lax,
        }
    }

    #[test]
    fn credentials_go_where_the_user_says_and_a_workspace_cannot_lead_them_elsewhere() {
        let own = OwnFeeds {
            sources: vec![source("corp", "https://corp/v3", false)],
            credentials: ["Corp", "nuget.org"].map(str::to_owned).into(),
            ..OwnFeeds::default()
        };
        for (name, address, is_lax, leaks) in [
            ("corp", "https://corp/v3", false, false),
            ("CORP", "https://corp/v3", false, false),
            ("corp", "https://corp/v3", true, true),
            ("Corp", "https://evil/v3", false, true),
            ("other", "https://evil/v3", false, false),
            ("nuget.org", PUBLIC, false, false),
            ("nuget.org", "https://evil/v3", false, true),
        ] {
            let source = source(name, address, is_lax);
            assert_eq!(own.would_leak_to(&source), leaks, "{name} {address}");
        }
    }
}
