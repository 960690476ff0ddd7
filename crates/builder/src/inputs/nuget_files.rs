use crate::inputs::stage_layout::HOME;
use crate::nuget_settings::NugetSettings;
use std::path::PathBuf;

/// A NuGet configuration outside the workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NugetFile {
    /// The user's, or the machine's.
    Own(PathBuf),
    /// Between the workspace and the root of the file system: anybody may have put it there.
    Above(PathBuf),
    /// What NuGet takes where the user has none.
    Default,
}

/// The folder of the stage's home in which NuGet looks for the configuration of the machine.
pub(crate) const MACHINE: &str = "machine";
const USER_FILE: &str = ".nuget/NuGet/NuGet.Config";
const ADDITIONAL: &str = ".nuget/NuGet/config";

/// Returns the files outside the workspace by where the stage shows them, so that the order in which
/// they override each other stays. `above` are those above the workspace, the nearest first.
pub(crate) fn files_outside(nuget: &NugetSettings, above: &[PathBuf]) -> Vec<(String, NugetFile)> {
    let mut slots = Vec::new();
    let home = nuget
        .user
        .as_deref()
        .and_then(|file| file.ancestors().nth(3));
    let mut further = above.iter().map(|file| {
        let is_own = file.parent() == home;
        (if is_own {
            NugetFile::Own
        } else {
            NugetFile::Above
        })(file.clone())
    });
    if let Some(nearest) = further.next() {
        slots.push(("nuget.config".to_owned(), nearest));
    }
    let mut rest: Vec<NugetFile> = further.collect();
    let user = nuget.user.as_ref().filter(|file| file.is_file());
    // What NuGet would write itself: a machine where it has done so has the same key.
    rest.push(user.map_or(NugetFile::Default, |file| NugetFile::Own(file.clone())));
    let mut names = vec![format!("{HOME}/{USER_FILE}")];
    rest.extend(nuget.additional.iter().cloned().map(NugetFile::Own));
    names.extend((0..rest.len()).map(|number| format!("{HOME}/{ADDITIONAL}/{number:03}.config")));
    slots.extend(names.into_iter().zip(rest));
    for (number, file) in nuget.machine.iter().enumerate() {
        let is_default = file
            .file_name()
            .is_some_and(|name| name.eq_ignore_ascii_case("NuGetDefaults.Config"));
        let path = if is_default {
            format!("{HOME}/{MACHINE}/NuGet/NuGetDefaults.Config")
        } else {
            format!("{HOME}/{MACHINE}/NuGet/Config/{number:03}.config")
        };
        slots.push((path, NugetFile::Own(file.clone())));
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::{NugetFile, files_outside};
    use crate::NugetSettings;
    use fs_err as fs;
    use std::path::PathBuf;

    #[test]
    fn the_order_in_which_files_override_each_other_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        let user = at("home/.nuget/NuGet/NuGet.Config");
        let mut nuget = NugetSettings {
            user: Some(user.clone()),
            additional: vec![at("home/x.config")],
            machine: vec![at("etc/a.config"), at("etc/nugetdefaults.config")],
            ..NugetSettings::default()
        };
        // The second is the user's own: it lies in the home folder.
        let above = ["home/work/nuget.config", "home/nuget.config"].map(at);
        let own = |path: &str| NugetFile::Own(at(path));
        let want = |user: NugetFile| {
            [
                ("nuget.config", NugetFile::Above(above[0].clone())),
                ("home/.nuget/NuGet/NuGet.Config", own("home/nuget.config")),
                ("home/.nuget/NuGet/config/000.config", user),
                ("home/.nuget/NuGet/config/001.config", own("home/x.config")),
                ("home/machine/NuGet/Config/000.config", own("etc/a.config")),
                (
                    "home/machine/NuGet/NuGetDefaults.Config",
                    own("etc/nugetdefaults.config"),
                ),
            ]
            .map(|(path, file)| (path.to_owned(), file))
        };
        assert_eq!(files_outside(&nuget, &above), want(NugetFile::Default));
        fs::create_dir_all(user.parent().unwrap()).unwrap();
        fs::write(&user, "").unwrap();
        assert_eq!(files_outside(&nuget, &above), want(NugetFile::Own(user)));

        nuget = NugetSettings::default();
        let default = (
            "home/.nuget/NuGet/NuGet.Config".to_owned(),
            NugetFile::Default,
        );
        assert_eq!(files_outside(&nuget, &[] as &[PathBuf]), [default]);
    }
}
