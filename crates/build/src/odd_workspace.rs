use crate::facts::{Injected, SOURCES};
use crate::git_view::GitView;
use crate::odd_files::{OddFiles, git_reads, odd_files};
use crate::report::{Event, Reporter};
use crate::request::ProjectRequest;
use crate::scan::Scan;
use crate::{BuildError, VolatilePolicy};
use fs_err as fs;
use mizzen_dotnet::{Oddity, PROGRAM_FOLDERS};
use mizzen_store::{FileState, StatCache, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the oddities of a workspace ask of the stage and of the key.
pub(crate) struct OddWorkspace {
    /// What was found, by file.
    pub(crate) files: OddFiles,
    /// The digests of programs of the machine that targets run, by name.
    pub(crate) programs: BTreeMap<String, String>,
    warnings: Vec<String>,
}

/// What fetching programs are written in.
const NODE: [&str; 4] = ["npm", "npx", "pnpm", "yarn"];

impl OddWorkspace {
    /// Looks for oddities in what was scanned, and adds what they need to see.
    ///
    /// # Errors
    /// [`BuildError::Read`] names the file that cannot be read.
    pub(crate) fn read(
        request: &ProjectRequest,
        scan: &mut Scan,
        injected: &mut Injected,
        store: &Store,
    ) -> Result<Self, BuildError> {
        let files = odd_files(&scan.contents, &request.workspace.project, store)?;
        let mut odd = Self {
            programs: programs(&files, store)?,
            warnings: Vec::new(),
            files,
        };
        if let Some(reads) = git_reads(&odd.files, request.policy.git) {
            let view = GitView::of(&request.workspace.root, reads, store)?;
            scan.contents.extend(view.keyed);
            scan.shown.extend(view.shown);
            scan.shown_facts.extend(view.facts);
            let unkeyed = view.unkeyed.into_iter();
            let unkeyed = unkeyed.map(|(path, content)| (format!("{SOURCES}/{path}"), content));
            injected.contents.extend(unkeyed);
            odd.warnings.extend(view.warnings);
        }
        Ok(odd)
    }

    /// Returns each oddity as a line that names its file, and what is wrong with the repository.
    pub(crate) fn lines(&self) -> Vec<String> {
        let files = self.files.iter();
        let lines = files.flat_map(|(path, oddities)| {
            oddities
                .iter()
                .map(move |oddity| format!("{path}: {oddity}"))
        });
        lines.chain(self.warnings.iter().cloned()).collect()
    }

    /// Returns the first that makes something else each time, with its file.
    pub(crate) fn volatile(&self) -> Option<(&String, &Oddity)> {
        self.all()
            .find(|(_, oddity)| matches!(oddity, Oddity::Volatile(_)))
    }

    /// Says no to what is another value each time where the policy is not to build that.
    ///
    /// # Errors
    /// [`BuildError::Volatile`] with the first.
    pub(crate) fn check(&self, policy: VolatilePolicy) -> Result<(), BuildError> {
        match self.volatile() {
            Some((path, oddity)) if policy == VolatilePolicy::Error => Err(BuildError::Volatile {
                path: path.clone(),
                what: oddity.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Tells what a person should know whether or not something runs.
    pub(crate) fn tell(&self, policy: VolatilePolicy, reporter: &dyn Reporter) {
        for warning in &self.warnings {
            reporter.event(&Event::Warning(warning));
        }
        for (path, oddity) in self.all() {
            if let Oddity::Volatile(_) = oddity {
                let meaning = match policy {
                    VolatilePolicy::NeverCache => "it is published each time",
                    _ => "what is reused keeps the one it was built with",
                };
                let warning = format!("{path}: {oddity}; {meaning}");
                reporter.event(&Event::Warning(&warning));
            } else {
                reporter.event(&Event::Note(&format!("{path}: {oddity}")));
            }
        }
    }

    /// Returns what the targets that fetch are and do, for whoever has no network.
    pub(crate) fn networked(&self) -> Vec<String> {
        let networked = self.all().filter_map(|(path, oddity)| match oddity {
            Oddity::Networked { target, what } => {
                Some(format!("target `{target}` of `{path}` fetches (`{what}`)"))
            }
            _ => None,
        });
        networked.collect()
    }

    fn all(&self) -> impl Iterator<Item = (&String, &Oddity)> {
        let files = self.files.iter();
        files.flat_map(|(path, oddities)| oddities.iter().map(move |oddity| (path, oddity)))
    }
}

/// Returns the digests of the programs that targets run, as far as they are where a stage finds them.
fn programs(files: &OddFiles, store: &Store) -> Result<BTreeMap<String, String>, BuildError> {
    let mut names = BTreeSet::new();
    for oddity in files.values().flatten() {
        match oddity {
            Oddity::Runs { program, .. } => drop(names.insert(program.clone())),
            Oddity::Networked { what, .. } => {
                let program = what.split_whitespace().next().unwrap_or_default();
                names.extend(NODE.contains(&program).then(|| "node".to_owned()));
                names.insert(program.to_owned());
            }
            Oddity::GitAware { .. } | Oddity::Volatile(_) => {}
        }
    }
    let mut programs = BTreeMap::new();
    if names.is_empty() {
        return Ok(programs);
    }
    let mut cache = StatCache::load(store, Path::new("/usr/bin"))?;
    for name in names.iter().filter(|name| !name.is_empty()) {
        let places = PROGRAM_FOLDERS
            .iter()
            .map(|folder| Path::new(folder).join(name));
        let mut found = places.filter_map(|place| fs::canonicalize(place).ok());
        let Some(program) = found.find(|program| program.is_file()) else {
            continue;
        };
        let state = FileState::of(&fs::metadata(&program).map_err(BuildError::Read)?);
        let digest = cache.digest(&program.to_string_lossy(), &program, state);
        programs.insert(
            format!("program {name}"),
            digest.map_err(BuildError::Read)?.to_string(),
        );
    }
    cache.save(store)?;
    Ok(programs)
}
