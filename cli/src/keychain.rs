use crate::Process;
use crate::destination::Destination;
use mizzen_registry::{Credential, Keychain, KeychainError};
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
    let docker = process.variable("DOCKER_CONFIG").map(PathBuf::from);
    let docker = docker.or_else(|| Some(process.home()?.join(".docker")));
    if let Some(folder) = docker {
        keychain.add_config_file(&process.absolute(&folder).join("config.json"))?;
    }
    if let Some(folder) = process.variable("XDG_RUNTIME_DIR") {
        keychain.add_config_file(&PathBuf::from(folder).join("containers/auth.json"))?;
    }
    Ok(keychain)
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
