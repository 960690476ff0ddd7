use crate::Process;
use crate::destination::Destination;
use crate::error::CommandError;
use mizzen_registry::{Credential, CredentialFile, Keychain, KeychainError};
use std::path::PathBuf;

/// Returns the places where credentials are looked for: the SDK's variables, `DOCKER_AUTH_CONFIG`,
/// then the files of docker and podman.
///
/// The SDK's variables name no host, so they are for the registries that `pushed` goes to, and those
/// for pulling for the registry of a `base` that the user named; never for a mirror.
///
/// # Errors
/// [`KeychainError`] if one of the files is there but is no docker config.
pub(crate) fn keychain(
    process: &Process,
    pushed: &[Destination],
    base: Option<&Destination>,
) -> Result<Keychain, KeychainError> {
    let mut keychain = Keychain::default();
    if let Some(path) = process.variable("PATH") {
        keychain.set_helper_path(path.into());
    }
    for host in pushed.iter().filter_map(host) {
        add_from_variables(&mut keychain, process, host, &["PUSH_", ""]);
    }
    if let Some(host) = base.and_then(host) {
        add_from_variables(&mut keychain, process, host, &["PULL_"]);
    }
    if let Some(text) = process.variable("DOCKER_AUTH_CONFIG") {
        keychain.add_config("`DOCKER_AUTH_CONFIG`", text)?;
    }
    if let Some(file) = process.variable("REGISTRY_AUTH_FILE") {
        keychain.add_config_file(&process.absolute(&PathBuf::from(file)))?;
    }
    if let Some(file) = docker_config(process) {
        keychain.add_config_file(&file)?;
    }
    if let Some(folder) = process.variable("XDG_RUNTIME_DIR") {
        keychain.add_config_file(&PathBuf::from(folder).join("containers/auth.json"))?;
    }
    Ok(keychain)
}

/// Returns the file that a login writes: `REGISTRY_AUTH_FILE`, else docker's.
pub(crate) fn credential_file(process: &Process) -> Result<CredentialFile, CommandError> {
    let named = process.variable("REGISTRY_AUTH_FILE");
    let named = named.map(|file| process.absolute(&PathBuf::from(file)));
    let file = named.or_else(|| docker_config(process)).ok_or_else(|| {
        CommandError::usage("there is no place for credentials: HOME is not set")
            .hinted("name a folder with DOCKER_CONFIG")
    })?;
    let path = process.variable("PATH").map(Into::into);
    Ok(CredentialFile::new(file, path))
}

fn docker_config(process: &Process) -> Option<PathBuf> {
    let folder = process.variable("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(process.home()?.join(".docker")))?;
    Some(process.absolute(&folder).join("config.json"))
}

fn host(destination: &Destination) -> Option<&str> {
    match destination {
        Destination::Registry(reference) => Some(&reference.repository.registry),
        _ => None,
    }
}

fn add_from_variables(keychain: &mut Keychain, process: &Process, host: &str, kinds: &[&str]) {
    for kind in kinds {
        let name = format!("DOTNET_CONTAINER_{kind}REGISTRY_UNAME");
        let secret = format!("DOTNET_CONTAINER_{kind}REGISTRY_PWORD");
        if let (Some(username), Some(password)) =
            (process.variable(&name), process.variable(&secret))
            && let Some(credential) = Credential::new(username, password)
        {
            keychain.add_credential(&format!("`{name}`"), host, credential);
        }
    }
}
