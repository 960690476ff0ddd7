use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the user has told NuGet outside the workspace.
#[derive(Clone, Default)]
pub struct NugetSettings {
    /// The user's own file, whether it is there or not.
    pub user: Option<PathBuf>,
    /// More files of the user's, in the order of their names.
    pub additional: Vec<PathBuf>,
    /// The files of the machine, in the order of their names; the defaults of its maker.
    pub machine: Vec<PathBuf>,
    /// The folder in which NuGet looks for credential providers by convention, if it is there.
    pub plugins: Option<PathBuf>,
    /// Credential providers that are tools on the user's `PATH`.
    pub plugin_tools: Vec<PathBuf>,
    /// All variables of the user's: configurations name some.
    pub variables: BTreeMap<String, String>,
}
