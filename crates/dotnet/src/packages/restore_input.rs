/// Returns whether the file at `path` (relative, with `/`) can change what restore resolves by its
/// content. For all others the publish step's own restore is the guard; `mizzen.toml` is one of them,
/// for what it says of a step is in that step's key by itself.
pub fn is_restore_input(path: &str) -> bool {
    let name = path
        .rsplit('/')
        .next()
        .expect("split gives at least one part")
        .to_ascii_lowercase();
    if name == "mizzen.toml" {
        return false;
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    extension.ends_with("proj")
        || [
            "props", "targets", "sln", "slnx", "slnf", "rsp", "user", "pubxml", "toml",
        ]
        .contains(&extension)
        || [
            "nuget.config",
            "global.json",
            "dotnet-tools.json",
            "version.json",
        ]
        .contains(&name.as_str())
        || (name.starts_with("packages") && name.ends_with(".lock.json"))
}

#[cfg(test)]
mod tests {
    use super::is_restore_input;

    #[test]
    fn what_restore_reads_is_told_by_name() {
        for path in [
            "src/A.csproj",
            "Directory.Packages.props",
            "NuGet.Config",
            "global.json",
            "a/packages.A.lock.json",
            "eng/versions.toml",
        ] {
            assert!(is_restore_input(path), "{path}");
        }
        for path in [
            "src/Program.cs",
            "appsettings.json",
            "package.json",
            "mizzen.toml",
        ] {
            assert!(!is_restore_input(path), "{path}");
        }
    }
}
