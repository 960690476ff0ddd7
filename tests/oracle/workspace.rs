use crate::support::monorepo::monorepo;
use crate::support::{User, prepared};
use fs_err as fs;
use std::path::PathBuf;

/// Where a walk begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Workspace {
    /// The generated repository.
    Generated,
    /// `testdata/solutions/shop`.
    Sample,
    /// One project of the generated repository alone, whose builds are quick.
    Single,
}

/// What edits need to know of a workspace.
pub(crate) struct Shape {
    /// The folder of the project that becomes an image.
    pub(crate) app: &'static str,
    /// Folders with sources.
    pub(crate) sources: &'static [&'static str],
    /// Project files that the app is made of.
    pub(crate) projects: &'static [&'static str],
    /// A property of `Directory.Build.props`, and the value that it has.
    pub(crate) property: (&'static str, &'static str),
}

impl Workspace {
    pub(crate) const fn shape(self) -> Shape {
        match self {
            Self::Generated => Shape {
                app: "src/App",
                sources: &["src/App", "src/Lib", "src/Shared", "src/Service"],
                projects: &["src/App/App.csproj", "src/Lib/Lib.csproj"],
                property: ("Company", "Acme"),
            },
            Self::Sample => Shape {
                app: "src/Shop.Api",
                sources: &["src/Shop.Api", "src/Shop.Catalog"],
                projects: &[
                    "src/Shop.Api/Shop.Api.csproj",
                    "src/Shop.Catalog/Shop.Catalog.csproj",
                ],
                property: ("Version", "1.4.0"),
            },
            Self::Single => Shape {
                app: "src/Service",
                sources: &["src/Service"],
                projects: &["src/Service/Service.csproj"],
                property: ("Company", "Acme"),
            },
        }
    }

    /// Makes it in the user's folder `work`, and its feed in `feed`.
    pub(crate) fn make(self, user: &User) -> PathBuf {
        fs::create_dir_all(user.path("feed")).unwrap();
        match self {
            Self::Sample => user.workspace("shop", "work", Some(&prepared("MIZZEN_FEED"))),
            Self::Generated => monorepo(user, "work"),
            Self::Single => {
                let root = monorepo(user, "work");
                for other in ["src/App", "src/Lib", "src/Shared", "libs", "eng"] {
                    fs::remove_dir_all(root.join(other)).unwrap();
                }
                root
            }
        }
    }
}
