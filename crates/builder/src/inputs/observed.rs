use crate::inputs::file_based::directives;
use crate::inputs::host_dependencies::HostDependencies;
use crate::inputs::injected::{Injected, injected};
use crate::inputs::nuget::{NugetTold, StagedNuget, fallback_packages, staged_nuget};
use crate::inputs::sdk::toolchain_id;
use crate::inputs::workspace_scan::WorkspaceScan;
use crate::{BuildError, Context, LockedToolchain, ProjectRequest};
use fs_err as fs;
use mizzen_dotnet::with_sdk_path;
use mizzen_oci::Digest;
use mizzen_stage::{Content, StageError};
use mizzen_store::{Cancel, Store, ValueKey};
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that decides about a build beside what the user asks for, each part as its observer
/// found it. What the key makes of it is [`key_inputs`](crate::inputs::key_inputs::key_inputs).
pub(crate) struct Observed {
    /// The processor, by its name in Rust.
    pub(crate) architecture: String,
    /// Names the bytes of `dotnet` and the SDK.
    pub(crate) toolchain: Digest,
    /// The workspace.
    pub(crate) workspace: Arc<WorkspaceScan>,
    /// The `global.json` that the stage shows in place of the workspace's, with its path there.
    pub(crate) global_json: Option<(String, Content)>,
    /// What mizzen adds.
    pub(crate) injected: Injected,
    /// What restore reads of a file-based app, with its name in the key.
    pub(crate) directives: Option<(String, Digest)>,
    /// What the user and the workspace have told NuGet.
    pub(crate) nuget: StagedNuget,
    /// The folders of packages that are used where they lie, by their names in the key.
    pub(crate) fallback_packages: BTreeMap<String, Digest>,
    /// Keyed digests of the user's variables whose values decide about the build.
    pub(crate) passed: BTreeMap<String, Digest>,
    /// What project files and packages depend on outside the workspace.
    pub(crate) dependencies: HostDependencies,
}

/// Looks at everything that decides about the build.
///
/// # Errors
/// [`BuildError`] if something of it cannot be read, is not what is locked, or is asked for and not
/// allowed.
pub(crate) fn observe(
    context: &Context<'_>,
    request: &ProjectRequest,
) -> Result<Observed, BuildError> {
    let (store, cancel) = (&context.store, &context.cancel);
    let (seen, sdk) = (context.observations, &request.sdk);
    let mut ignore = request.ignore.clone();
    ignore.extend(sdk.in_workspace.iter().cloned());
    let (workspace, toolchain) = std::thread::scope(|scope| {
        // An SDK is thousands of files to ask for; the workspace is asked for meanwhile.
        let toolchain = scope.spawn(|| match request.absent_toolchain {
            Some(id) => Ok(id),
            None => seen.toolchain(&request.toolchain, sdk, (store, cancel)),
        });
        let (root, rules) = (&request.workspace.root, &request.inputs);
        let workspace = seen.workspace(root, rules, ignore, (store, cancel));
        let toolchain = toolchain.join();
        (
            workspace,
            toolchain.unwrap_or_else(|panic| resume_unwind(panic)),
        )
    });
    let (workspace, toolchain) = (workspace?, toolchain?);
    check_locked(request, toolchain)?;
    let contents = &workspace.contents;
    let nuget = staged_nuget(NugetTold::of(request), context.stage_root, contents)?;
    let missing = request.allowed.missing(&nuget.requests);
    if !missing.is_empty() {
        return Err(BuildError::NotAllowed(missing));
    }
    Ok(Observed {
        architecture: std::env::consts::ARCH.to_owned(),
        toolchain,
        global_json: global_json(request, contents)?,
        injected: injected(),
        directives: directives(&request.workspace.project, contents)?,
        fallback_packages: fallback_packages(&nuget.fallback_folders, store, cancel)?,
        passed: passed(request, &nuget, store)?,
        dependencies: HostDependencies::of_projects(request, contents, store)?,
        nuget,
        workspace,
    })
}

fn check_locked(request: &ProjectRequest, toolchain: Digest) -> Result<(), BuildError> {
    match &request.locked {
        Some(locked) if locked.id != toolchain => {
            let here = LockedToolchain {
                version: request.sdk.version.clone(),
                id: toolchain,
            };
            let locked = locked.clone();
            Err(BuildError::OtherToolchain { here, locked })
        }
        _ => Ok(()),
    }
}

/// Returns the `global.json` of the workspace as the stage needs it: the stage is elsewhere, and the SDK
/// is not in it.
fn global_json(
    request: &ProjectRequest,
    contents: &BTreeMap<String, Content>,
) -> Result<Option<(String, Content)>, BuildError> {
    let file = request.sdk.global_json.as_ref();
    let file = file.filter(|file| request.sdk.has_paths && contents.contains_key(*file));
    let Some(file) = file else {
        return Ok(None);
    };
    let text = fs::read(request.workspace.root.join(file)).map_err(BuildError::Read)?;
    let content = Content::Bytes(with_sdk_path(&text, &request.sdk.root).into());
    Ok(Some((file.clone(), content)))
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

impl Observed {
    /// Checks that the SDK and the folders of packages, which a stage shows where they are, are still what
    /// the key says.
    ///
    /// # Errors
    /// [`StageError::Changed`] names what is not.
    pub(crate) fn check_mounted(
        &self,
        request: &ProjectRequest,
        store: &Store,
        cancel: &Cancel,
    ) -> Result<(), BuildError> {
        if toolchain_id(&request.toolchain, &request.sdk, store, cancel)? != self.toolchain {
            return Err(StageError::Changed(request.sdk.root.clone()).into());
        }
        for folder in &self.nuget.fallback_folders {
            let now = fallback_packages(std::slice::from_ref(folder), store, cancel)?;
            let is_as_it_was = |(name, digest)| self.fallback_packages.get(name) == Some(digest);
            if !now.iter().all(is_as_it_was) {
                return Err(StageError::Changed(folder.clone()).into());
            }
        }
        Ok(())
    }

    /// Returns the workspace as the stage shows it, by path relative to its root, with what is put there.
    pub(crate) fn contents(&self) -> BTreeMap<String, Content> {
        let mut contents = self.workspace.contents.clone();
        contents.extend(self.global_json.clone());
        contents.extend(self.dependencies.git.keyed.clone());
        contents
    }

    /// Returns the files and folders outside the workspace that every stage shows where they are.
    pub(crate) fn mounted(&self) -> impl Iterator<Item = PathBuf> {
        let mounted = self.workspace.mounted.iter();
        let mounted = mounted.chain(&self.dependencies.programs);
        mounted.chain(&self.dependencies.git.mounted).cloned()
    }
}
