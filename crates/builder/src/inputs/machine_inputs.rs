use crate::BuildError;
use crate::inputs::machine_files::{MachineFiles, installed_packages};
use crate::inputs::project_findings::Findings;
use crate::inputs::tree_digest::tree_digest;
use crate::request::ProjectRequest;
use fs_err as fs;
use mizzen_dotnet::{Oddity, is_in_system_folder, machine_paths};
use mizzen_store::{Cancel, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What fetching programs are written in.
const NODE: [&str; 4] = ["npm", "npx", "pnpm", "yarn"];

/// Where programs lie with all that they need, each in a folder of its own; no stage shows it whole.
const OPTIONAL: &str = "/opt";

/// System folders whose files no distribution's package need have brought.
const UNLISTED: [&str; 2] = ["/etc", "/usr/local"];

/// What of the machine, outside of workspace and SDK, decides about the build.
#[derive(Clone, Default)]
pub(crate) struct MachineInputs {
    /// What the key knows of it, by name.
    pub(crate) keyed: BTreeMap<String, String>,
    /// What the stage shows of it beside the system folders.
    pub(crate) mounted: Vec<PathBuf>,
}

/// Returns what of the machine, outside of workspace and SDK, decides about the build, by name: the
/// programs that targets run, the paths that project files and options name, and, where there are any,
/// the list of what is installed, for a program reads modules and libraries, and a script of the
/// workspace runs other programs.
///
/// What such a program needs below `/opt` is mounted.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn machine_inputs(
    files: &Findings,
    request: &ProjectRequest,
    store: &Store,
) -> Result<MachineInputs, BuildError> {
    let (programs, paths) = named(files, request);
    if programs.is_empty() && paths.is_empty() {
        return Ok(MachineInputs::default());
    }
    let mut keyed = BTreeMap::new();
    // Not the scope of the linker's files: each keeps only what it saw itself.
    let mut machine = MachineFiles::load(store, Path::new("/usr/bin"))?;
    let mut folders = BTreeSet::new();
    for name in programs.iter().filter(|name| !name.is_empty()) {
        if let Some((place, digest)) = machine.program(Path::new("/"), name)? {
            keyed.insert(format!("program {name}"), digest.to_string());
            folders.extend(optional_folder(&place));
        }
    }
    let mounted = folders.iter().cloned().collect();
    for path in paths {
        let is_folder = Path::new(&path).is_dir();
        if is_folder
            && UNLISTED
                .iter()
                .any(|folder| Path::new(&path).starts_with(folder))
        {
            folders.insert(PathBuf::from(path));
        } else if !is_folder {
            let digest = machine.digest(Path::new(&path))?;
            let digest = digest.map_or_else(|| "none".to_owned(), |digest| digest.to_string());
            keyed.insert(format!("file {path}"), digest);
        }
    }
    machine.save(store)?;
    for folder in folders {
        let digest = tree_digest(&folder, &|_| false, store, &Cancel::default())?;
        keyed.insert(format!("folder {}", folder.display()), digest.to_string());
    }
    keyed.extend(installed_packages(Path::new("/"), store)?);
    Ok(MachineInputs { keyed, mounted })
}

/// Returns the programs and the paths of the machine that the workspace and its options name.
fn named(files: &Findings, request: &ProjectRequest) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut programs, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for oddity in files.values().flatten() {
        match oddity {
            Oddity::Runs { program, .. } => drop(programs.insert(program.clone())),
            Oddity::Networked { what, .. } => {
                let program = what.split_whitespace().next().unwrap_or_default();
                programs.extend(NODE.contains(&program).then(|| "node".to_owned()));
                programs.insert(program.to_owned());
            }
            Oddity::Reads { path } => drop(paths.insert(path.clone())),
            Oddity::GitAware { .. } | Oddity::Volatile(_) | Oddity::NativeCode { .. } => {}
        }
    }
    let properties = request.options.properties.iter().map(|(_, value)| value);
    let passed = request.passed.values().map(String::as_str);
    for value in properties.chain(passed) {
        paths.extend(machine_paths(value));
    }
    paths.retain(|path| is_in_system_folder(path));
    (programs, paths)
}

/// Returns the folder in which a program lies with all that it needs, if it lies in one.
fn optional_folder(program: &Path) -> Option<PathBuf> {
    let resolved = fs::canonicalize(program).ok()?;
    let below = resolved.strip_prefix(OPTIONAL).ok()?;
    Some(Path::new(OPTIONAL).join(below.components().next()?))
}
