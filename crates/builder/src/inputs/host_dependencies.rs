use crate::inputs::git_view::GitView;
use crate::inputs::hidden_paths::without_hidden;
use crate::inputs::machine_inputs::{MachineInputs, machine_inputs};
use crate::inputs::native_linker::{is_covered, native_linker};
use crate::inputs::project_findings::{Findings, git_reads, project_findings};
use crate::request::ProjectRequest;
use crate::{BuildError, VolatilePolicy};
use mizzen_dotnet::Oddity;
use mizzen_stage::Content;
use mizzen_store::Store;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a build depends on outside of its workspace, as its project files and packages say.
#[derive(Clone, Default)]
pub(crate) struct HostDependencies {
    /// What was found, by file, and by package once restore has told.
    pub(crate) findings: Findings,
    /// What project files name and no stage shows, and how that is told.
    pub(crate) hidden: Vec<(PathBuf, String)>,
    /// Programs and paths of the machine.
    pub(crate) machine: MachineInputs,
    /// As much of git's files as somebody asks for.
    pub(crate) git: GitView,
    /// What names the machine's linker, where native code is linked.
    pub(crate) linker: Option<BTreeMap<String, String>>,
}

impl HostDependencies {
    /// Looks for what the project files among `contents`, the workspace, depend on.
    ///
    /// # Errors
    /// [`BuildError::Read`] names the file that cannot be read.
    pub(crate) fn of_projects(
        request: &ProjectRequest,
        contents: &BTreeMap<String, Content>,
        store: &Store,
    ) -> Result<Self, BuildError> {
        let found = project_findings(contents, &request.workspace.project, store)?;
        let (findings, hidden) = without_hidden(found, request);
        Ok(Self {
            machine: machine_inputs(&findings, request, store)?,
            git: git_view(&GitView::default(), &findings, request, store)?,
            linker: None,
            findings,
            hidden,
        })
    }

    /// Returns the same with what restore told of packages, and what these depend on.
    ///
    /// # Errors
    /// [`BuildError::Read`] names the file that cannot be read.
    pub(crate) fn with_packages(
        &self,
        packages: &Findings,
        request: &ProjectRequest,
        store: &Store,
    ) -> Result<Self, BuildError> {
        // What a project file asks for by name is said already.
        let is_said = |package: &String| {
            let id = package.split(' ').nth(1).unwrap_or_default();
            self.all().any(|(_, oddity)| {
                matches!(oddity, Oddity::GitAware { who, .. } if who.eq_ignore_ascii_case(id))
            })
        };
        let new = packages.iter().filter(|(package, _)| !is_said(package));
        let new = new.map(|(package, found)| (package.clone(), found.clone()));
        let findings: Findings = self.findings.clone().into_iter().chain(new).collect();
        let links = |oddity: &Oddity| matches!(oddity, Oddity::NativeCode { .. });
        let linker = match &self.linker {
            None if findings.values().flatten().any(links) => {
                Some(native_linker(Path::new("/"), store)?)
            }
            known => known.clone(),
        };
        Ok(Self {
            git: git_view(&self.git, &findings, request, store)?,
            linker,
            findings,
            hidden: self.hidden.clone(),
            machine: self.machine.clone(),
        })
    }

    /// Returns whether a stage shows more than with what was known `earlier`, or a key has more.
    pub(crate) fn is_more_than(&self, earlier: &Self) -> bool {
        self.git.reads > earlier.git.reads || self.linker.is_some() && earlier.linker.is_none()
    }

    /// Returns whether native code is linked with nobody knows what.
    pub(crate) fn links_with_unknown(&self) -> bool {
        self.linker
            .as_ref()
            .is_some_and(|linker| !is_covered(linker))
    }

    /// Returns each oddity as a line that names its file, and what is wrong.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.all().map(|(path, oddity)| format!("{path}: {oddity}"));
        let warnings = self.all_warnings();
        lines.chain(warnings.cloned()).collect()
    }

    /// Returns whether it is told already that no stage shows this path, for a project file names it, or a
    /// folder above it.
    pub(crate) fn has_told(&self, path: &Path) -> bool {
        self.hidden.iter().any(|(named, _)| path.starts_with(named))
    }

    fn all_warnings(&self) -> impl Iterator<Item = &String> {
        let hidden = self.hidden.iter().map(|(_, warning)| warning);
        self.git.warnings.iter().chain(hidden)
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

    /// Returns what a person should know whether or not something runs, and of each whether it is a
    /// warning.
    pub(crate) fn notices(&self, policy: VolatilePolicy) -> Vec<(bool, String)> {
        let warnings = self.all_warnings();
        let warnings = warnings.cloned().map(|text| (true, text));
        let oddities = self.all().map(|(path, oddity)| match oddity {
            Oddity::Volatile(_) => {
                let meaning = match policy {
                    VolatilePolicy::NeverCache => "it is published each time",
                    _ => "what is reused keeps the one it was built with",
                };
                (true, format!("{path}: {oddity}; {meaning}"))
            }
            _ => (false, format!("{path}: {oddity}")),
        });
        warnings.chain(oddities).collect()
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
        let findings = self.findings.iter();
        findings.flat_map(|(path, oddities)| oddities.iter().map(move |oddity| (path, oddity)))
    }
}

/// Returns as much of git's files as is asked for by now: `known`, if that is enough.
fn git_view(
    known: &GitView,
    findings: &Findings,
    request: &ProjectRequest,
    store: &Store,
) -> Result<GitView, BuildError> {
    let asked = git_reads(findings, request.policy.git);
    match asked.filter(|_| asked > known.reads) {
        None => Ok(known.clone()),
        Some(reads) => GitView::of(&request.workspace.root, reads, &request.allowed, store),
    }
}
