use crate::inputs::git_view::GitView;
use crate::inputs::hidden_paths::take_hidden;
use crate::inputs::injected::Injected;
use crate::inputs::machine_inputs::machine_inputs;
use crate::inputs::native_linker::{is_covered, native_linker};
use crate::inputs::project_findings::{Findings, git_reads, project_findings};
use crate::inputs::scan::Scan;
use crate::inputs::stage_layout::SOURCES;
use crate::report::{Event, Reporter};
use crate::request::ProjectRequest;
use crate::{BuildError, VolatilePolicy};
use mizzen_dotnet::{GitReads, Oddity};
use mizzen_store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the oddities of a workspace ask of the stage and of the key.
pub(crate) struct HostDependencies {
    /// What was found, by file, and by package once restore has told.
    pub(crate) files: Findings,
    /// How much of git's files the stage shows.
    reads: Option<GitReads>,
    /// What decides about the build outside of the workspace, by name.
    pub(crate) machine: BTreeMap<String, String>,
    /// What names the machine's linker, where native code is linked.
    linker: Option<BTreeMap<String, String>>,
    /// What is wrong with the repository.
    warnings: Vec<String>,
    /// What project files name and no stage shows.
    hidden: Vec<String>,
    /// What was told already.
    told: BTreeSet<String>,
}

impl HostDependencies {
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
        let mut files = project_findings(&scan.contents, &request.workspace.project, store)?;
        let mut dependencies = Self {
            hidden: take_hidden(&mut files, request),
            machine: machine_inputs(&files, request, scan, store)?,
            linker: None,
            warnings: Vec::new(),
            reads: None,
            told: BTreeSet::new(),
            files,
        };
        dependencies.show_git(request, scan, injected, store)?;
        Ok(dependencies)
    }

    /// Adds what restore told of packages, and what they need to see. Returns whether that is more than
    /// what was mounted before.
    ///
    /// # Errors
    /// [`BuildError::Read`] names the file that cannot be read.
    pub(crate) fn add_packages(
        &mut self,
        packages: &Findings,
        request: &ProjectRequest,
        (scan, injected, store): (&mut Scan, &mut Injected, &Store),
    ) -> Result<bool, BuildError> {
        // What a project file asks for by name is said already.
        let is_said = |package: &String| {
            let id = package.split(' ').nth(1).unwrap_or_default();
            self.all().any(|(_, oddity)| {
                matches!(oddity, Oddity::GitAware { who, .. } if who.eq_ignore_ascii_case(id))
            })
        };
        let new = packages.iter().filter(|(package, _)| !is_said(package));
        let new: Findings = new
            .map(|(package, dependencies)| (package.clone(), dependencies.clone()))
            .collect();
        self.files.extend(new);
        let links = self
            .all()
            .any(|(_, oddity)| matches!(oddity, Oddity::NativeCode { .. }));
        let is_new = links && self.linker.is_none();
        if is_new {
            self.linker = Some(native_linker(Path::new("/"), store)?);
        }
        Ok(self.show_git(request, scan, injected, store)? || is_new)
    }

    /// Returns what names the machine's linker; nothing where no native code is linked.
    pub(crate) fn linker(&self) -> BTreeMap<String, String> {
        self.linker.clone().unwrap_or_default()
    }

    /// Returns whether native code is linked with nobody knows what.
    pub(crate) fn links_with_unknown(&self) -> bool {
        self.linker
            .as_ref()
            .is_some_and(|linker| !is_covered(linker))
    }

    /// Shows as much of git's files as is asked for by now; returns whether that is more than before.
    fn show_git(
        &mut self,
        request: &ProjectRequest,
        scan: &mut Scan,
        injected: &mut Injected,
        store: &Store,
    ) -> Result<bool, BuildError> {
        let asked = git_reads(&self.files, request.policy.git);
        let Some(reads) = asked.filter(|_| asked > self.reads) else {
            return Ok(false);
        };
        let view = GitView::of(&request.workspace.root, reads, store)?;
        scan.contents.extend(view.keyed);
        if self.reads.is_none() {
            scan.mounted.extend(view.mounted);
        }
        scan.mounted_files.extend(view.facts);
        let unkeyed = view.unkeyed.into_iter();
        let unkeyed = unkeyed.map(|(path, content)| (format!("{SOURCES}/{path}"), content));
        injected.contents.extend(unkeyed);
        self.warnings = view.warnings;
        self.reads = Some(reads);
        Ok(true)
    }

    /// Returns each oddity as a line that names its file, and what is wrong.
    pub(crate) fn lines(&self) -> Vec<String> {
        let files = self.files.iter();
        let lines = files.flat_map(|(path, oddities)| {
            oddities
                .iter()
                .map(move |oddity| format!("{path}: {oddity}"))
        });
        let warnings = self.warnings.iter().chain(&self.hidden);
        lines.chain(warnings.cloned()).collect()
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

    /// Tells what a person should know whether or not something runs, each once.
    pub(crate) fn tell(&mut self, policy: VolatilePolicy, reporter: &dyn Reporter) {
        let warnings = self.warnings.iter().chain(&self.hidden);
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
        let lines: Vec<(bool, String)> = warnings.chain(oddities).collect();
        for (is_warning, text) in lines {
            if self.told.insert(text.clone()) {
                reporter.event(&if is_warning {
                    Event::Warning(&text)
                } else {
                    Event::Note(&text)
                });
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
