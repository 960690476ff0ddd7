use crate::BuildError;
use crate::inputs::links::is_outside;
use crate::inputs::nuget_files::{MACHINE, NugetFile, files_outside};
use crate::inputs::stage_layout::{HOME, SOURCES};
use crate::inputs::tree_digest::tree_digest;
use crate::nuget_settings::NugetSettings;
use crate::outside::{Outside, OutsideRequest, OwnFeeds};
use crate::request::ProjectRequest;
use fs_err as fs;
use mizzen_dotnet::{
    FALLBACK_FOLDERS, NugetConfig, NugetConfigPlace, Properties, Workspace, fallback_folders,
    is_restore_input, project_text,
};
use mizzen_oci::Digest;
use mizzen_stage::Content;
use mizzen_store::{Cancel, Store};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// What the user has told NuGet, as the stages show it.
#[derive(Default)]
pub(crate) struct StagedNuget {
    /// What restore sees: credentials, too.
    pub(crate) restore: BTreeMap<String, Content>,
    /// What publish sees, which fetches nothing.
    pub(crate) publish: BTreeMap<String, Content>,
    /// What the key knows of files outside the workspace.
    pub(crate) keyed: BTreeMap<String, Digest>,
    /// Files of the workspace that the stage shows with other bytes, for which the key has these.
    pub(crate) replaced: BTreeMap<String, Vec<u8>>,
    /// What restore may read of the machine.
    pub(crate) mounted: Vec<PathBuf>,
    /// Folders of packages that are used where they lie.
    pub(crate) fallback_folders: Vec<PathBuf>,
    /// Variables that restore alone sees.
    pub(crate) secret_variables: BTreeMap<String, String>,
    /// Variables that every step sees.
    pub(crate) variables: BTreeMap<String, String>,
    /// The folder in which restore finds credential providers that are tools.
    pub(crate) plugin_tools: Option<String>,
    /// The variables whose values configurations hold in place of their names.
    pub(crate) shown_variables: BTreeMap<String, String>,
    /// What files that are not the user's own ask for outside the workspace.
    pub(crate) requests: Vec<OutsideRequest>,
}

/// Says where NuGet looks for the configuration of the machine.
const MACHINE_VARIABLE: &str = "NUGET_COMMON_APPLICATION_DATA";
const FALLBACK_VARIABLE: &str = "NUGET_FALLBACK_PACKAGES";
/// How the variables begin that hold the credentials of one feed each.
const CREDENTIALS_PREFIX: &str = "NuGetPackageSourceCredentials_";
const PLUGIN_TOOLS: &str = "nuget-plugins";

/// What NuGet takes where the user has no file, and writes into it.
const DEFAULT: &str = r#"<configuration><packageSources><add key="nuget.org" value="https://api.nuget.org/v3/index.json" protocolVersion="3" /></packageSources></configuration>"#;

/// Variables of NuGet and of credential providers that name files or folders.
const PLUGIN_VARIABLES: [&str; 2] = ["NUGET_PLUGIN_PATHS", "NUGET_NETCORE_PLUGIN_PATHS"];

/// What decides about NuGet beside the files of the workspace.
#[derive(Clone, Copy)]
pub(crate) struct NugetTold<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) settings: &'a NugetSettings,
    pub(crate) properties: &'a Properties,
}

impl<'a> NugetTold<'a> {
    pub(crate) fn of(request: &'a ProjectRequest) -> Self {
        Self {
            workspace: &request.workspace,
            settings: &request.nuget,
            properties: &request.options.properties,
        }
    }
}

/// Reads every configuration that plain `dotnet` would read, those of the workspace (`contents`)
/// included.
///
/// # Errors
/// [`BuildError::NugetConfig`] if one outside the workspace is malformed.
pub(crate) fn staged_nuget(
    told: NugetTold<'_>,
    stage_root: &Path,
    contents: &BTreeMap<String, Content>,
) -> Result<StagedNuget, BuildError> {
    let mut staged = StagedNuget::default();
    let mut own = OwnFeeds::of(told.settings);
    // The files that are not the user's own, and what they say.
    let mut asking: Vec<(String, NugetConfig)> = Vec::new();
    for (path, file) in files_outside(told.settings, &told.workspace.nuget_configs_above) {
        let config = match &file {
            NugetFile::Own(file) | NugetFile::Above(file) => read(file, None, told)?,
            NugetFile::Default => Some(parse(DEFAULT, Path::new("/"), None, told)?),
        };
        let Some(config) = config else { continue };
        let fact = format!("NuGet configuration {path}");
        let digest = Digest::of(&config.keyed);
        staged.keyed.insert(fact, digest);
        staged.take(&config, told);
        match file {
            NugetFile::Above(file) => asking.push((file.display().to_string(), config.clone())),
            NugetFile::Own(_) | NugetFile::Default => own.take(&config),
        }
        let bytes = |bytes: Vec<u8>| Content::Bytes(bytes.into());
        staged
            .publish
            .insert(path.clone(), bytes(config.without_secrets));
        staged.restore.insert(path, bytes(config.staged));
    }
    for (path, content) in contents {
        let name = path.rsplit('/').next().unwrap_or(path);
        let Content::File { source, .. } = content else {
            continue;
        };
        if !name.eq_ignore_ascii_case("nuget.config") {
            continue;
        }
        // NuGet itself says what is wrong with one of the workspace's own.
        let Ok(Some(config)) = read(source, Some(&told.workspace.root), told) else {
            continue;
        };
        staged.take(&config, told);
        let inside = format!("{SOURCES}/{path}");
        if config.has_changed {
            let bytes = Content::Bytes(config.staged.clone().into());
            staged.restore.insert(inside.clone(), bytes);
            staged.replaced.insert(path.clone(), config.keyed.clone());
        }
        if config.has_changed || config.has_secrets {
            let bytes = Content::Bytes(config.without_secrets.clone().into());
            staged.publish.insert(inside, bytes);
        }
        asking.push((path.clone(), config));
    }
    for (file, config) in asking {
        staged.ask(&file, &config, &own, told);
    }
    staged.take_plugins(told.settings, stage_root);
    staged.take_fallback_folders(told, &own, contents)?;
    let machine = stage_root.join(HOME).join(MACHINE);
    let machine = machine.display().to_string();
    staged
        .variables
        .insert(MACHINE_VARIABLE.to_owned(), machine);
    Ok(staged)
}

fn read(
    file: &Path,
    workspace: Option<&Path>,
    told: NugetTold<'_>,
) -> Result<Option<NugetConfig>, BuildError> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(BuildError::Read)?,
    };
    parse(&text, file, workspace, told).map(Some)
}

fn parse(
    text: &str,
    file: &Path,
    workspace: Option<&Path>,
    told: NugetTold<'_>,
) -> Result<NugetConfig, BuildError> {
    let place = NugetConfigPlace {
        folder: file.parent().unwrap_or(file),
        workspace,
        variable: &|name| told.settings.variables.get(name).cloned(),
    };
    NugetConfig::parse(text, place).map_err(|source| BuildError::NugetConfig {
        path: file.to_owned(),
        source,
    })
}

impl StagedNuget {
    fn take(&mut self, config: &NugetConfig, told: NugetTold<'_>) {
        self.mounted.extend(config.folders.iter().cloned());
        let fallback_folders = config.fallback_folders.iter().cloned();
        self.fallback_folders.extend(fallback_folders);
        for name in &config.secret_variables {
            let value = told.settings.variables.get(name);
            let value = value.map(|value| (name.clone(), value.clone()));
            self.secret_variables.extend(value);
        }
        for name in &config.variables {
            let value = told.settings.variables.get(name);
            let value = value.map(|value| (name.clone(), value.clone()));
            self.shown_variables.extend(value);
        }
    }

    /// Takes in what a configuration that is not the user's own asks for outside the workspace.
    fn ask(&mut self, file: &str, config: &NugetConfig, own: &OwnFeeds, told: NugetTold<'_>) {
        let mut ask = |wanted| {
            let asked_by = file.to_owned();
            self.requests.push(OutsideRequest { wanted, asked_by });
        };
        for folder in config.folders.iter().chain(&config.fallback_folders) {
            ask_for_folder(folder, own, told, &mut ask);
        }
        let is_set = |name: &&String| told.settings.variables.contains_key(*name);
        let variables = config.variables.iter().chain(&config.secret_variables);
        for name in variables.filter(is_set) {
            ask(Outside::Variable(name.clone()));
        }
        for source in &config.sources {
            if own.would_leak_to(source) {
                ask(Outside::Credentials {
                    source: source.name.clone(),
                    address: source.address.clone(),
                });
            }
        }
    }

    /// Puts the user's credential providers where NuGet looks for them.
    fn take_plugins(&mut self, nuget: &NugetSettings, stage_root: &Path) {
        for name in PLUGIN_VARIABLES {
            let Some(paths) = nuget.variables.get(name) else {
                continue;
            };
            // Files between `;`, and where the providers are tools, folders between `:`.
            for path in paths.split([';', ':']).map(Path::new) {
                let folder = if path.is_dir() {
                    Some(path)
                } else {
                    path.parent()
                };
                self.mounted.extend(folder.map(Path::to_owned));
            }
            self.secret_variables.insert(name.to_owned(), paths.clone());
        }
        if let Some(plugins) = &nuget.plugins {
            let link = Content::Link(plugins.to_string_lossy().into_owned());
            self.restore.insert(format!("{HOME}/.nuget/plugins"), link);
            self.mounted.push(plugins.clone());
        }
        for tool in &nuget.plugin_tools {
            let Some(name) = tool.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let link = Content::Link(tool.to_string_lossy().into_owned());
            self.restore
                .insert(format!("{HOME}/{PLUGIN_TOOLS}/{name}"), link);
            self.mounted.extend(tool.parent().map(Path::to_owned));
        }
        if !nuget.plugin_tools.is_empty() {
            let folder = stage_root.join(HOME).join(PLUGIN_TOOLS);
            self.plugin_tools = Some(folder.display().to_string());
        }
    }

    /// Finds the folders of packages that are used where they lie, beside those of configurations: by
    /// a variable, and by a property that a file of the workspace sets.
    fn take_fallback_folders(
        &mut self,
        told: NugetTold<'_>,
        own: &OwnFeeds,
        contents: &BTreeMap<String, Content>,
    ) -> Result<(), BuildError> {
        let mut named = Vec::new();
        if let Some(folders) = told.settings.variables.get(FALLBACK_VARIABLE) {
            let variable = (FALLBACK_VARIABLE.to_owned(), folders.clone());
            self.variables.extend([variable]);
            named.extend(folders.split([';', ':']).map(str::to_owned));
        }
        let property = told.properties.get(FALLBACK_FOLDERS);
        let asked = property.into_iter().flat_map(paths_of);
        let mut asked: Vec<(String, String)> = asked
            .map(|folder| (folder, format!("property {FALLBACK_FOLDERS}")))
            .collect();
        for (path, content) in contents {
            let Content::File { source, .. } = content else {
                continue;
            };
            if !is_restore_input(path) {
                continue;
            }
            let text = fs::read(source).map_err(BuildError::Read)?;
            let folders = fallback_folders(&project_text(&text)).into_iter();
            asked.extend(folders.map(|folder| (folder, path.clone())));
        }
        for (folder, asked_by) in &asked {
            let folder = Path::new(folder);
            if folder.is_absolute() && folder.is_dir() {
                ask_for_folder(folder, own, told, &mut |wanted| {
                    let asked_by = asked_by.clone();
                    self.requests.push(OutsideRequest { wanted, asked_by });
                });
            }
        }
        named.extend(asked.into_iter().map(|(folder, _)| folder));
        let folders = named.iter().map(PathBuf::from);
        self.fallback_folders.extend(folders);
        // One that is not there NuGet names itself.
        self.fallback_folders
            .retain(|folder| folder.is_absolute() && folder.is_dir());
        self.fallback_folders.sort_unstable();
        self.fallback_folders.dedup();
        Ok(())
    }
}

/// Returns what the key knows of folders of packages that are used where they lie, by name.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn fallback_packages(
    folders: &[PathBuf],
    store: &Store,
    cancel: &Cancel,
) -> Result<BTreeMap<String, Digest>, BuildError> {
    let named = folders.iter().map(|folder| {
        let digest = tree_digest(folder, &|_| false, store, cancel)?;
        Ok((format!("fallback folder {}", folder.display()), digest))
    });
    named.collect()
}

/// Asks for a folder that is neither of the workspace nor one that the user has named, too.
fn ask_for_folder(
    folder: &Path,
    own: &OwnFeeds,
    told: NugetTold<'_>,
    ask: &mut dyn FnMut(Outside),
) {
    let resolved = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let is_own = own.folders.iter().any(|named| resolved.starts_with(named));
    if !is_own && is_outside(&told.workspace.root, &resolved) {
        ask(Outside::Path(resolved));
    }
}

impl OwnFeeds {
    /// Returns what variables say of feeds; files are yet to be read.
    fn of(settings: &NugetSettings) -> Self {
        let names = settings.variables.keys();
        let names = names.filter_map(|name| name.strip_prefix(CREDENTIALS_PREFIX));
        let mut own = Self {
            credentials: names.map(str::to_owned).collect(),
            ..Self::default()
        };
        let folders = settings.variables.get(FALLBACK_VARIABLE);
        own.add_folders(
            folders
                .into_iter()
                .flat_map(|folders| folders.split([';', ':']))
                .map(PathBuf::from),
        );
        own
    }

    fn take(&mut self, config: &NugetConfig) {
        self.sources.extend(config.sources.iter().cloned());
        self.credentials.extend(config.credentials.iter().cloned());
        let folders = config.folders.iter().chain(&config.fallback_folders);
        self.add_folders(folders.cloned());
    }

    fn add_folders(&mut self, folders: impl Iterator<Item = PathBuf>) {
        let resolved = folders.filter_map(|folder| fs::canonicalize(folder).ok());
        self.folders.extend(resolved);
    }
}

fn paths_of(value: &str) -> impl Iterator<Item = String> {
    value.split(';').map(|path| path.trim().to_owned())
}
