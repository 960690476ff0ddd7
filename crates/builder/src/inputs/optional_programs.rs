use crate::inputs::project_findings::Findings;
use fs_err as fs;
use mizzen_dotnet::{Oddity, PROGRAM_FOLDERS};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What fetching programs are written in.
const NODE: [&str; 4] = ["npm", "npx", "pnpm", "yarn"];

/// Where programs lie with all that they need, each in a folder of its own; no stage shows it whole.
const OPTIONAL: &str = "/opt";

/// Returns the folders below `/opt` of the programs that targets run, which a stage has to show: what is
/// looked up there is watched as elsewhere.
pub(crate) fn optional_programs(files: &Findings) -> Vec<PathBuf> {
    let mut programs = BTreeSet::new();
    for oddity in files.values().flatten() {
        match oddity {
            Oddity::Runs { program, .. } => drop(programs.insert(program.as_str())),
            Oddity::Networked { what, .. } => {
                let program = what.split_whitespace().next().unwrap_or_default();
                programs.extend(NODE.contains(&program).then_some("node"));
                programs.insert(program);
            }
            Oddity::Reads { .. }
            | Oddity::GitAware { .. }
            | Oddity::Volatile(_)
            | Oddity::NativeCode { .. } => {}
        }
    }
    let programs = programs.into_iter().filter(|name| !name.is_empty());
    let folders: BTreeSet<_> = programs.filter_map(optional_folder).collect();
    folders.into_iter().collect()
}

/// Returns the folder in which a program lies with all that it needs, if it lies in one.
fn optional_folder(program: &str) -> Option<PathBuf> {
    let mut places = PROGRAM_FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join(program));
    let place = places.find(|place| place.is_file())?;
    let resolved = fs::canonicalize(place).ok()?;
    let below = resolved.strip_prefix(OPTIONAL).ok()?;
    Some(Path::new(OPTIONAL).join(below.components().next()?))
}
