use crate::inputs::key_inputs::key_inputs;
use crate::inputs::observed::{Observed, observe};
use crate::inputs::project_findings::Findings;
use crate::inputs::sdk::{MountedSdk, mounted_sdk, shown_sdk};
use crate::inputs::sdk_place::SdkPlace;
use crate::inputs::stage_layout::{SOURCES, canonical};
use crate::inputs::unshown_paths::UnshownPaths;
use crate::report::Event;
use crate::{BuildError, Context, ProjectRequest, VolatilePolicy};
use mizzen_dotnet::Canonical;
use mizzen_oci::Digest;
use mizzen_plan::{Inputs, Skip, StepName, Unkeyed};
use mizzen_stage::Content;
use std::collections::BTreeMap;
use std::path::Path;
use tracing::debug_span;

/// Everything that is the same for the steps of one build.
pub(crate) struct Staged<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) request: &'a ProjectRequest,
    pub(crate) stage_root: &'a Path,
    pub(crate) canonical: Canonical,
    /// Where the SDK is seen, as far as that is known: before a rung was tried it may be the stage, and
    /// after it the machine.
    pub(crate) sdk_place: SdkPlace,
    /// The key of restore as it was before a rung was tried: notes are kept by it.
    pub(crate) note_key: Digest,
    pub(crate) observed: Observed,
    pub(crate) inputs: Inputs,
}

impl Staged<'_> {
    /// Returns which records not to look for: as asked, and as the policy says of what was found.
    pub(crate) fn skip(&self) -> Skip {
        let policy = self.request.policy;
        let is_volatile = policy.volatile == VolatilePolicy::NeverCache;
        let unkeyed = if policy.network {
            Some(Unkeyed::Network)
        } else if is_volatile && self.observed.dependencies.volatile().is_some() {
            Some(Unkeyed::Volatile)
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
        let (known, store) = (&self.observed.dependencies, &self.context.store);
        let dependencies = known.with_packages(packages, self.request, store)?;
        let is_more = dependencies.is_more_than(known);
        self.observed.dependencies = dependencies;
        if is_more {
            self.make_keys();
        }
        Ok(is_more)
    }

    /// Sees the SDK where it lies on the machine, if steps will run on a rung that cannot show it
    /// elsewhere. Returns whether the keys are others now: a result that was made with the SDK in the stage
    /// is good here, too, and was looked for before.
    ///
    /// # Errors
    /// [`BuildError::Stage`] if no step can run.
    pub(crate) fn settle_sdk(&mut self) -> Result<bool, BuildError> {
        let executor = self.context.executor;
        if self.sdk_place == SdkPlace::Machine
            || self.request.absent_toolchain.is_some()
            || !executor.capabilities()?.leaves_the_machine_open()
        {
            return Ok(false);
        }
        self.sdk_place = SdkPlace::Machine;
        let root = self.sdk_place.root(self.request, self.stage_root);
        self.canonical = canonical(self.stage_root, &root);
        self.make_keys();
        Ok(true)
    }

    fn make_keys(&mut self) {
        let places = (self.stage_root, self.sdk_place);
        self.inputs = key_inputs(self.request, places, &self.observed);
    }

    /// Returns what of the machine the stage shows so that `dotnet` runs.
    ///
    /// # Errors
    /// [`BuildError::Read`] if the SDK cannot be read.
    pub(crate) fn mounted_sdk(&self) -> Result<MountedSdk, BuildError> {
        let (toolchain, sdk) = (&self.request.toolchain, &self.request.sdk);
        match self.sdk_place {
            SdkPlace::Stage => shown_sdk(toolchain, sdk),
            SdkPlace::Machine => mounted_sdk(toolchain, sdk),
        }
    }

    /// Returns a line of `dotnet` with the paths that the user knows.
    pub(crate) fn with_own_paths(&self, text: &str, sources: &str) -> String {
        let (request, stage) = (self.request, &self.canonical);
        let text = text.replace(sources, &request.workspace.root.to_string_lossy());
        text.replace(
            &format!("{}/", stage.sdk),
            &format!("{}/", request.toolchain.root.display()),
        )
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

    /// Tells what of `unshown` this machine has, but for what a project file names and is told already.
    pub(crate) fn tell_unshown(&self, unshown: &UnshownPaths) {
        for path in unshown.on_machine(&self.request.workspace.root) {
            if !self.observed.dependencies.has_told(&path.path) {
                let text = path.to_string();
                self.context.reporter.event(&Event::Warning(&text));
            }
        }
    }

    /// Returns what the stage of `step` shows.
    pub(crate) fn contents_for(&self, step: StepName) -> BTreeMap<String, Content> {
        let observed = &self.observed;
        let nuget = match step {
            StepName::Restore => &observed.nuget.restore,
            StepName::Publish => &observed.nuget.publish,
        };
        let in_sources = |(path, content)| (format!("{SOURCES}/{path}"), content);
        let sources = observed.contents().into_iter().map(in_sources);
        let git = observed.dependencies.git.unkeyed.clone();
        let git = git.into_iter().map(in_sources);
        let injected = observed.injected.contents.clone();
        let all = sources.chain(injected).chain(git);
        all.chain(nuget.clone()).collect()
    }
}

/// Looks at everything that decides about the build, and makes its key.
///
/// # Errors
/// As [`observe`].
pub(crate) fn read<'a>(
    context: &'a Context<'a>,
    request: &'a ProjectRequest,
) -> Result<Staged<'a>, BuildError> {
    let _span = debug_span!("read the inputs").entered();
    let observed = observe(context, request)?;
    for path in &observed.workspace.left_out {
        let note = format!("`{}` is not staged: its name is not UTF-8", path.display());
        context.reporter.event(&Event::Note(&note));
    }
    let stage_root = context.stage_root;
    let sdk_place = SdkPlace::of(request);
    let inputs = key_inputs(request, (stage_root, sdk_place), &observed);
    Ok(Staged {
        context,
        request,
        stage_root,
        canonical: canonical(stage_root, &sdk_place.root(request, stage_root)),
        sdk_place,
        note_key: inputs.restore_key(),
        inputs,
        observed,
    })
}
