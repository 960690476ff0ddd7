use crate::Process;
use mizzen_registry::{Keychain, KeychainError};
use std::path::PathBuf;

/// Returns the places where docker and podman keep credentials, in their order.
///
/// # Errors
/// [`KeychainError`] if one of the files is there but is no docker config.
pub(crate) fn keychain(process: &Process) -> Result<Keychain, KeychainError> {
    let mut keychain = Keychain::default();
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
