use crate::inputs::git_view::GitView;
use crate::inputs::hidden_paths::without_hidden;
use crate::inputs::optional_programs::optional_programs;
use crate::inputs::project_findings::{Findings, git_reads, project_findings};
use crate::request::ProjectRequest;
use crate::{BuildError, VolatilePolicy};
use mizzen_dotnet::{Oddity, is_in_system_folder, machine_paths};
use mizzen_plan::StepName;
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
    /// Folders of programs that a stage would not show.
    pub(crate) programs: Vec<PathBuf>,
    /// As much of git's files as somebody asks for.
    pub(crate) git: GitView,
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
            programs: optional_programs(&findings),
            git: git_view(&GitView::default(), &findings, request, store)?,
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
        Ok(Self {
            git: git_view(&self.git, &findings, request, store)?,
            findings,
            hidden: self.hidden.clone(),
            programs: self.programs.clone(),
        })
    }

    /// Returns whether a stage shows more than with what was known `earlier`.
    pub(crate) fn is_more_than(&self, earlier: &Self) -> bool {
        self.git.reads > earlier.git.reads
    }

    /// Returns what `step` is said to read or run of the machine, so that a key without that is not a key;
    /// `None` if nothing says so.
    pub(crate) fn read_by(&self, step: StepName, request: &ProjectRequest) -> Option<String> {
        let reads = |oddity: &Oddity| match oddity {
            Oddity::Reads { .. } => true,
            // No restore runs a target or links.
            Oddity::Runs { .. } | Oddity::Networked { .. } | Oddity::NativeCode { .. } => {
                step == StepName::Publish
            }
            Oddity::GitAware { .. } | Oddity::Volatile(_) => false,
        };
        if let Some((path, oddity)) = self.all().find(|(_, oddity)| reads(oddity)) {
            return Some(format!("{path}: {oddity}"));
        }
        let properties = request.options.properties.iter().map(|(_, value)| value);
        let values = properties.chain(request.passed.values().map(String::as_str));
        let mut paths = values.flat_map(machine_paths);
        let path = paths.find(|path| is_in_system_folder(path))?;
        Some(format!("an option names `{path}`"))
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
