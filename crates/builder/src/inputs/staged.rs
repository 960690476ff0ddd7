use crate::inputs::file_based::add_directives;
use crate::inputs::host_dependencies::HostDependencies;
use crate::inputs::injected::{Injected, injected};
use crate::inputs::key_inputs::key_inputs;
use crate::inputs::nuget::{NugetTold, StagedNuget, staged_nuget};
use crate::inputs::project_findings::Findings;
use crate::inputs::scan::{Scan, scan_workspace};
use crate::inputs::sdk::toolchain_id;
use crate::inputs::stage_layout::{SOURCES, canonical};
use crate::report::Event;
use crate::{BuildError, Context, LockedToolchain, ProjectRequest, VolatilePolicy};
use fs_err as fs;
use mizzen_dotnet::{Canonical, with_sdk_path};
use mizzen_oci::Digest;
use mizzen_plan::{Inputs, Skip, StepName, Unkeyed};
use mizzen_stage::Content;
use mizzen_store::{Store, ValueKey};
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::Path;
use tracing::debug_span;

/// Everything that is the same for the steps of one build.
pub(crate) struct Staged<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) request: &'a ProjectRequest,
    pub(crate) stage_root: &'a Path,
    pub(crate) canonical: Canonical,
    pub(crate) scan: Scan,
    pub(crate) injected: Injected,
    pub(crate) nuget: StagedNuget,
    pub(crate) dependencies: HostDependencies,
    pub(crate) inputs: Inputs,
}

impl Staged<'_> {
    /// Returns which records not to look for: as asked, and as the policy says of what was found.
    pub(crate) fn skip(&self) -> Skip {
        let policy = self.request.policy;
        let is_volatile = policy.volatile == VolatilePolicy::NeverCache;
        let unkeyed = if policy.network {
            Some(Unkeyed::Network)
        } else if is_volatile && self.dependencies.volatile().is_some() {
            Some(Unkeyed::Volatile)
        } else if self.dependencies.links_with_unknown() {
            Some(Unkeyed::Linker)
        } else {
            None
        };
        Skip {
            unkeyed,
            ..self.request.skip
        }
    }

    /// Takes in what a restore, now or before, told of the packages. Returns whether the keys are others
    /// now, for something of them has to see git's files, or links with what the machine has.
    ///
    /// # Errors
    /// [`BuildError::Read`] names the file that cannot be read.
    pub(crate) fn add_packages(&mut self, packages: &Findings) -> Result<bool, BuildError> {
        let shown = (&mut self.scan, &mut self.injected, &*self.context.store);
        let is_more = self
            .dependencies
            .add_packages(packages, self.request, shown)?;
        if is_more {
            let host = std::mem::take(&mut self.inputs.host);
            let passed = std::mem::take(&mut self.inputs.passed);
            self.inputs = key_inputs(
                self.request,
                self.stage_root,
                self.inputs.toolchain.id,
                &self.scan,
                &self.injected,
                &self.nuget,
            );
            self.inputs.host = host;
            self.inputs.passed = passed;
            self.inputs.linker = self.dependencies.linker();
        }
        Ok(is_more)
    }

    /// Returns the variables that every step sees.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let mut variables = self.inputs.environment.clone();
        variables.extend(self.request.passed.clone());
        variables
    }

    /// Returns where every stage has the workspace.
    pub(crate) fn sources(&self) -> &Path {
        Path::new(&self.canonical.sources)
    }

    /// Returns what the stage of `step` shows.
    pub(crate) fn contents_for(&self, step: StepName) -> BTreeMap<String, Content> {
        let nuget = match step {
            StepName::Restore => &self.nuget.restore,
            StepName::Publish => &self.nuget.publish,
        };
        let sources = self
            .scan
            .contents
            .iter()
            .map(|(path, content)| (format!("{SOURCES}/{path}"), content.clone()));
        let injected = self.injected.contents.clone();
        sources.chain(injected).chain(nuget.clone()).collect()
    }
}

/// Reads the workspace and everything else that decides about the build.
///
/// # Errors
/// [`BuildError`] if something of it cannot be read, or is not what is locked.
pub(crate) fn read<'a>(
    context: &'a Context<'a>,
    request: &'a ProjectRequest,
) -> Result<Staged<'a>, BuildError> {
    let _span = debug_span!("read the inputs").entered();
    let (store, cancel) = (&context.store, &context.cancel);
    let (sdk, mut ignore) = (&request.sdk, request.ignore.clone());
    ignore.extend(sdk.in_workspace.iter().cloned());
    let (scan, toolchain) = std::thread::scope(|scope| {
        // An SDK is thousands of files to ask for; the workspace is asked for meanwhile.
        let toolchain = scope.spawn(|| toolchain_id(&request.toolchain, sdk, store, cancel));
        let (root, rules) = (&request.workspace.root, &request.inputs);
        let scan = scan_workspace(root, rules, &ignore, store, cancel);
        let toolchain = toolchain.join();
        (scan, toolchain.unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let (mut scan, toolchain) = (scan?, toolchain?);
    if let Some(locked) = request
        .locked
        .as_ref()
        .filter(|locked| locked.id != toolchain)
    {
        let here = LockedToolchain {
            version: sdk.version.clone(),
            id: toolchain,
        };
        let locked = locked.clone();
        return Err(BuildError::OtherToolchain { here, locked });
    }
    if let Some(file) = sdk.global_json.as_ref().filter(|_| sdk.has_paths)
        && let Some(content) = scan.contents.get_mut(file)
    {
        // The stage is elsewhere, and the SDK is not in it.
        let text = fs::read(request.workspace.root.join(file)).map_err(BuildError::Read)?;
        *content = Content::Bytes(with_sdk_path(&text, &sdk.root).into());
    }
    for path in &scan.left_out {
        let note = format!("`{}` is not staged: its name is not UTF-8", path.display());
        context.reporter.event(&Event::Note(&note));
    }
    let mut injected = injected();
    let dependencies = HostDependencies::read(request, &mut scan, &mut injected, store)?;
    add_directives(&mut injected, &request.workspace.project, &scan)?;
    let mut nuget = staged_nuget(NugetTold::of(request), context.stage_root, &scan.contents)?;
    let missing = request.allowed.missing(&nuget.requests);
    if !missing.is_empty() {
        return Err(BuildError::NotAllowed(missing));
    }
    nuget.read_fallback_folders(store, cancel)?;
    let mut inputs = key_inputs(
        request,
        context.stage_root,
        toolchain,
        &scan,
        &injected,
        &nuget,
    );
    inputs.host.extend(dependencies.machine.clone());
    inputs.passed = passed(request, &nuget, store)?;
    Ok(Staged {
        context,
        request,
        stage_root: context.stage_root,
        canonical: canonical(context.stage_root, &request.toolchain.root),
        scan,
        injected,
        nuget,
        dependencies,
        inputs,
    })
}

/// Returns what the key knows of variables of the user's whose values decide about the build.
fn passed(
    request: &ProjectRequest,
    nuget: &StagedNuget,
    store: &Store,
) -> Result<BTreeMap<String, Digest>, BuildError> {
    let values = request.passed.iter().chain(&nuget.shown_variables);
    let mut values = values.peekable();
    if values.peek().is_none() {
        return Ok(BTreeMap::new());
    }
    let key = ValueKey::of(store)?;
    let digests = values.map(|(name, value)| (name.clone(), key.digest(name, value)));
    Ok(digests.collect())
}
