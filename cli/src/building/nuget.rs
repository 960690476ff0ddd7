//! Where a user tells NuGet what: files of the user's and of the machine, credential providers.

use crate::Process;
use fs_err as fs;
use mizzen_builder::NugetSettings;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where the machine's configuration is, unless a variable says otherwise.
const MACHINE: &str = "/etc/opt";

/// Collects what plain `dotnet` would find outside the workspace.
///
/// Source: `NuGetEnvironment` and `PluginDiscoverer` of NuGet.
pub(crate) fn nuget(process: &Process) -> NugetSettings {
    let home = process.variable("DOTNET_CLI_HOME").map(PathBuf::from);
    let home = home.or_else(|| process.home());
    let own = home.map(|home| home.join(".nuget"));
    let machine = process.variable("NUGET_COMMON_APPLICATION_DATA");
    let machine = Path::new(machine.unwrap_or(MACHINE)).join("NuGet");
    let mut of_machine = configs(&machine.join("Config"));
    of_machine.extend(Some(machine.join("NuGetDefaults.Config")).filter(|file| file.is_file()));
    let additional = own.as_ref().map(|own| configs(&own.join("NuGet/config")));
    NugetSettings {
        user: own.as_ref().map(|own| own.join("NuGet/NuGet.Config")),
        additional: additional.unwrap_or_default(),
        machine: of_machine,
        plugins: own
            .map(|own| own.join("plugins"))
            .filter(|folder| folder.is_dir()),
        plugin_tools: process
            .path()
            .iter()
            .flat_map(|folder| tools(folder))
            .collect(),
        variables: process.environment.clone(),
    }
}

/// Returns the configurations in `folder`, in the order of their names.
fn configs(folder: &Path) -> Vec<PathBuf> {
    let mut configs: Vec<PathBuf> = files(folder)
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "config")
        })
        .collect();
    configs.sort_unstable();
    configs
}

/// Returns the credential providers in a folder of `PATH`: tools that can be executed.
fn tools(folder: &Path) -> Vec<PathBuf> {
    let is_provider = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("nuget-plugin-"))
            && fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
    };
    let mut tools: Vec<PathBuf> = files(folder).filter(is_provider).collect();
    tools.sort_unstable();
    tools
}

/// Returns the files in `folder`; none if it cannot be read, as NuGet has it.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::nuget;
    use crate::Process;
    use fs_err as fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn files_and_credential_providers_are_found_where_nuget_looks_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for file in [
            "home/.nuget/NuGet/config/b.config",
            "home/.nuget/NuGet/config/a.config",
            "home/.nuget/NuGet/config/readme.md",
            "home/.nuget/plugins/netcore/P/P.dll",
            "machine/NuGet/Config/Corp.config",
            "machine/NuGet/NuGetDefaults.Config",
            "bin/nuget-plugin-corp",
            "bin/nuget-plugin-notes.txt",
            "bin/other",
        ] {
            fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            fs::write(at(file), "").unwrap();
        }
        let executable = std::fs::Permissions::from_mode(0o755);
        fs::set_permissions(at("bin/nuget-plugin-corp"), executable).unwrap();
        let text = |path: &str| at(path).to_str().unwrap().to_owned();
        let process = Process {
            arguments: Vec::new(),
            environment: [
                ("HOME".to_owned(), text("home")),
                ("PATH".to_owned(), text("bin")),
                ("NUGET_COMMON_APPLICATION_DATA".to_owned(), text("machine")),
            ]
            .into(),
            working_folder: "/".into(),
            stderr_is_terminal: false,
        };
        let found = nuget(&process);
        assert_eq!(found.user, Some(at("home/.nuget/NuGet/NuGet.Config")));
        let names = ["a", "b"].map(|name| at(&format!("home/.nuget/NuGet/config/{name}.config")));
        assert_eq!(found.additional, names);
        let machine = [
            "machine/NuGet/Config/Corp.config",
            "machine/NuGet/NuGetDefaults.Config",
        ];
        assert_eq!(found.machine, machine.map(at));
        assert_eq!(found.plugins, Some(at("home/.nuget/plugins")));
        assert_eq!(found.plugin_tools, [at("bin/nuget-plugin-corp")]);
    }
}
