use super::asked::{asked_by_build, asked_by_config, asking_folder, sdk_of};
use super::{Consents, Granted, Request, Trust, Wanted, request_id};
use crate::Process;
use crate::building::nuget::nuget;
use crate::building::project::input_rules;
use crate::building::services::{Service, Services};
use crate::config::Config;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::Ui;
use mizzen_builder::{Allowed, Outside, WorkspaceQuestion, workspace_requests};
use mizzen_dotnet::{FALLBACK_FOLDERS, Properties, Workspace};
use mizzen_store::{Cancel, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Returns what the builder may take for one of the services of a command that was `granted` so much.
pub(crate) fn allowed(granted: &Granted, service: &Service, workspace: &Workspace) -> Allowed {
    match granted {
        Granted::Everything => Allowed::Everything,
        Granted::These(granted) => {
            let folder = asking_folder(&service.config, Some(workspace));
            let wanted = granted.get(&folder).into_iter().flatten();
            let wanted = wanted.filter_map(Wanted::outside);
            Allowed::These(wanted.chain(given_folders(service)).collect())
        }
    }
}

/// Checks that what services ask for in `mizzen.toml` and `global.json` is allowed, and returns what
/// else is: NuGet's files are read by the build.
///
/// # Errors
/// [`Request::refusal`] with everything that is missing.
pub(crate) fn grant(
    services: &Services,
    invocation: &Invocation<'_>,
) -> Result<Granted, CommandError> {
    let trust = &services.common().trust;
    let trust = trust.as_ref().unwrap_or(&Trust::Nothing);
    let solution = services.solution.as_ref().map(|(path, _)| path.as_path());
    let services = &services.each[..];
    if *trust == Trust::All {
        return Ok(Granted::Everything);
    }
    let process = invocation.process;
    let configured = configured(services, solution, process)?;
    let mut granted = stored(&configured, process)?;
    let missing = |granted: &BTreeMap<PathBuf, BTreeSet<Wanted>>, requests: &[Request]| {
        let left = requests.iter().map(|request| {
            let none = BTreeSet::new();
            request.without(granted.get(&request.workspace).unwrap_or(&none))
        });
        left.filter(|request| !request.wanted.is_empty())
            .collect::<Vec<_>>()
    };
    if let Trust::Request(trusted) = trust {
        let all = requests(services, solution, invocation)?;
        let id = request_id(&all);
        if id == *trusted {
            for request in all {
                let of_workspace = granted.entry(request.workspace).or_default();
                of_workspace.extend(request.wanted.into_keys());
            }
        } else if !missing(&granted, &all).is_empty() {
            let refusal = refusal(&missing(&granted, &all), services);
            return Err(refusal.hinted(format!(
                "{trusted} was trusted, but this request is {id}: review it before you trust it, too"
            )));
        }
    }
    if missing(&granted, &configured).is_empty() {
        return Ok(Granted::These(granted));
    }
    // Stopped anyway: then for all of it at once.
    let all = requests(services, solution, invocation).unwrap_or(configured);
    Err(refusal(&missing(&granted, &all), services))
}

/// Checks that what the configuration asks for is allowed of a verb that builds nothing.
///
/// # Errors
/// [`Request::refusal`] with everything that is missing.
pub(crate) fn check_config(config: &Config, process: &Process) -> Result<(), CommandError> {
    let trust = process.variable("MIZZEN_TRUST").map(str::parse::<Trust>);
    let trust = trust.transpose();
    let trust = trust.map_err(|why| CommandError::usage(format!("MIZZEN_TRUST: {why}")))?;
    let request = asked_by_config(config, process)?;
    if request.wanted.is_empty() || trust == Some(Trust::All) {
        return Ok(());
    }
    let granted = stored(std::slice::from_ref(&request), process)?;
    let none = BTreeSet::new();
    let missing = request.without(granted.get(&request.workspace).unwrap_or(&none));
    if missing.wanted.is_empty() || trust == Some(Trust::Request(request_id(&[request]))) {
        return Ok(());
    }
    Err(missing.refusal(&missing.workspace.display().to_string()))
}

/// Returns everything that services ask for outside of their workspaces.
///
/// # Errors
/// A workspace cannot be read, or not be staged.
pub(crate) fn requests(
    services: &[Service],
    solution: Option<&Path>,
    invocation: &Invocation<'_>,
) -> Result<Vec<Request>, CommandError> {
    let process = invocation.process;
    let mut requests = configured(services, solution, process)?;
    // Not the cache of the repository's choice: that is part of the question.
    let cache_dir = process.variable("MIZZEN_CACHE_DIR").map(Path::new);
    let session = invocation.session_of(Config::default(), Ui::silent(), cache_dir);
    let session = session.reading();
    for service in services {
        let Some(workspace) = &service.workspace else {
            continue;
        };
        let folder = asking_folder(&service.config, Some(workspace));
        let asked = asked_of_nuget(
            service,
            workspace,
            process,
            session.store()?,
            &session.cancel,
        )?;
        let request = requests
            .iter_mut()
            .find(|request| request.workspace == folder);
        let request = request.expect("each service has asked before");
        for (wanted, asked_by) in asked {
            request.add(wanted, &asked_by);
        }
    }
    Ok(requests)
}

fn asked_of_nuget(
    service: &Service,
    workspace: &Workspace,
    process: &Process,
    store: &Store,
    cancel: &Cancel,
) -> Result<Vec<(Wanted, String)>, CommandError> {
    let sdk = sdk_of(workspace, process);
    let ignore = sdk.map_or_else(Vec::new, |(_, sdk)| sdk.in_workspace);
    let properties = service.arguments.properties.iter().cloned().collect();
    let question = WorkspaceQuestion {
        workspace,
        inputs: &input_rules(&service.config)?,
        ignore: &ignore,
        nuget: &nuget(process),
        properties: &properties,
    };
    let given = given_folders(service);
    let asked = workspace_requests(question, store, cancel)?.into_iter();
    let asked = asked.filter(|request| !given.contains(&request.wanted));
    Ok(asked
        .map(|request| (Wanted::from(request.wanted), request.asked_by))
        .collect())
}

/// Returns the folders that the user's own command line names.
fn given_folders(service: &Service) -> BTreeSet<Outside> {
    let is_given = service
        .settings
        .iter()
        .any(|setting| setting.name == "property" && setting.origin == "command line");
    let properties: Properties = service.arguments.properties.iter().cloned().collect();
    let folders = properties.get(FALLBACK_FOLDERS).filter(|_| is_given);
    let folders = folders.into_iter().flat_map(|folders| folders.split(';'));
    let resolved = folders.filter_map(|folder| fs_err::canonicalize(folder.trim()).ok());
    resolved.map(Outside::Path).collect()
}

fn configured(
    services: &[Service],
    solution: Option<&Path>,
    process: &Process,
) -> Result<Vec<Request>, CommandError> {
    let mut requests: Vec<Request> = Vec::new();
    for service in services {
        let options = (&service.arguments, &service.settings[..]);
        let (config, workspace) = (&service.config, service.workspace.as_ref());
        let mut request = asked_by_build(options, config, workspace, process)?;
        if let Some((solution, workspace)) = solution.zip(workspace) {
            super::asked::ask_of_solution(&mut request, solution, workspace, process);
        }
        match requests
            .iter_mut()
            .find(|other| other.workspace == request.workspace)
        {
            Some(other) => {
                for (wanted, asked_by) in request.wanted {
                    other.add(wanted, &asked_by);
                }
            }
            None => requests.push(request),
        }
    }
    Ok(requests)
}

fn stored(
    requests: &[Request],
    process: &Process,
) -> Result<BTreeMap<PathBuf, BTreeSet<Wanted>>, CommandError> {
    let mut granted = BTreeMap::new();
    if let Some(consents) = Consents::of(process) {
        for request in requests {
            let allowed = consents.allowed(&request.workspace)?;
            granted.insert(request.workspace.clone(), allowed);
        }
    }
    Ok(granted)
}

fn refusal(missing: &[Request], services: &[Service]) -> CommandError {
    let mut all = Request {
        workspace: missing[0].workspace.clone(),
        ..Request::default()
    };
    for (wanted, asked_by) in missing.iter().flat_map(|request| &request.wanted) {
        all.add(wanted.clone(), asked_by);
    }
    let path = match services {
        [one] => one.arguments.path.display().to_string(),
        _ => all.workspace.display().to_string(),
    };
    all.refusal(&path)
}
