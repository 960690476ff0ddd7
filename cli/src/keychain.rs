use crate::Process;
use crate::error::CommandError;
use crate::places::{ImageSource, ImageTarget};
use mizzen_registry::{Credential, CredentialFile, Keychain};
use std::path::PathBuf;

/// How the SDK's variables for a push begin; the last is their name before .NET 8.
const PUSH_PREFIXES: [&str; 3] = [
    "DOTNET_CONTAINER_PUSH_",
    "DOTNET_CONTAINER_",
    "SDK_CONTAINER_",
];

/// Returns the places where credentials are looked for: the SDK's variables, `DOCKER_AUTH_CONFIG`,
/// then the files of podman and docker.
///
/// The SDK's variables name no host, so they are for the registries that `pushed` goes to, and those
/// for pulling for the registry of a `base` that the user named; never for a mirror.
pub(crate) fn keychain(
    process: &Process,
    pushed: &[ImageTarget],
    base: Option<&ImageSource>,
) -> Keychain {
    let mut keychain = Keychain::default();
    if let Some(path) = process.variable("PATH") {
        keychain.set_helper_path(path.into());
    }
    for target in pushed.iter().filter_map(ImageTarget::in_registry) {
        let host = &target.repository.registry;
        add_from_variables(&mut keychain, process, host, &PUSH_PREFIXES);
    }
    if let Some(base) = base.and_then(ImageSource::in_registry) {
        let host = &base.repository.registry;
        add_from_variables(&mut keychain, process, host, &["DOTNET_CONTAINER_PULL_"]);
    }
    if let Some(text) = process.variable("DOCKER_AUTH_CONFIG") {
        keychain.add_config("`DOCKER_AUTH_CONFIG`", text);
    }
    for file in credential_files(process) {
        keychain.add_config_file(&file);
    }
    keychain
}

/// Returns the files that are read, in podman's order: the one that is named, those of podman, docker's.
fn credential_files(process: &Process) -> Vec<PathBuf> {
    let folder = |name: &str| process.variable(name).map(PathBuf::from);
    let runtime = folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers"));
    let runtime = runtime.unwrap_or_else(|| {
        let user = rustix::process::getuid().as_raw();
        PathBuf::from(format!("/run/containers/{user}"))
    });
    let own = folder("XDG_CONFIG_HOME").or_else(|| Some(process.home()?.join(".config")));
    let own = own.map(|folder| folder.join("containers"));
    let podmans = [Some(runtime), own].into_iter().flatten();
    let podmans = podmans.map(|folder| folder.join("auth.json"));
    let named = folder("REGISTRY_AUTH_FILE").map(|file| process.absolute(&file));
    let files = named.into_iter().chain(podmans);
    files.chain(docker_config(process)).collect()
}

/// Returns the file that a login writes: `REGISTRY_AUTH_FILE`, else docker's.
pub(crate) fn credential_file(process: &Process) -> Result<CredentialFile, CommandError> {
    let named = process.variable("REGISTRY_AUTH_FILE");
    let named = named.map(|file| process.absolute(&PathBuf::from(file)));
    let file = named.or_else(|| docker_config(process)).ok_or_else(|| {
        CommandError::usage("there is nowhere to store credentials: HOME is not set")
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

fn add_from_variables(keychain: &mut Keychain, process: &Process, host: &str, kinds: &[&str]) {
    for kind in kinds {
        let name = format!("{kind}REGISTRY_UNAME");
        let secret = format!("{kind}REGISTRY_PWORD");
        if let (Some(username), Some(password)) =
            (process.variable(&name), process.variable(&secret))
            && let Some(credential) = Credential::new(username, password)
        {
            keychain.add_credential(&format!("`{name}`"), host, credential);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ImageTarget, credential_files, keychain};
    use crate::Process;
    use std::path::Path;

    fn process(variables: &[(&str, &str)]) -> Process {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Process {
            arguments: Vec::new(),
            environment: variables.iter().map(owned).collect(),
            working_folder: "/w".into(),
            stderr_is_terminal: false,
        }
    }

    #[test]
    fn credentials_are_read_in_podmans_order() {
        let files = |variables: &[(&str, &str)]| {
            let files = credential_files(&process(variables));
            let files = files.iter().map(|file| file.display().to_string());
            files.collect::<Vec<_>>()
        };
        assert_eq!(
            files(&[
                ("HOME", "/h"),
                ("XDG_RUNTIME_DIR", "/r"),
                ("REGISTRY_AUTH_FILE", "a.json")
            ]),
            [
                "/w/a.json",
                "/r/containers/auth.json",
                "/h/.config/containers/auth.json",
                "/h/.docker/config.json"
            ]
        );
        let user = rustix::process::getuid().as_raw();
        assert_eq!(
            files(&[("XDG_CONFIG_HOME", "/c"), ("DOCKER_CONFIG", "/d")]),
            [
                format!("/run/containers/{user}/auth.json"),
                "/c/containers/auth.json".to_owned(),
                "/d/config.json".to_owned()
            ]
        );
        assert!(Path::new("/w").is_absolute());
    }

    #[test]
    fn the_sdks_old_variables_are_a_fallback() {
        let names = |variables: &[(&str, &str)]| {
            let to = ImageTarget::tag("r.example/shop:1").unwrap();
            format!("{:?}", keychain(&process(variables), &[to], None))
        };
        let old = ("SDK_CONTAINER_REGISTRY_UNAME", "u");
        let password = ("SDK_CONTAINER_REGISTRY_PWORD", "p");
        let shown = names(&[old, password]);
        assert!(
            shown.starts_with("[\"`SDK_CONTAINER_REGISTRY_UNAME`\""),
            "{shown}"
        );
        let new = ("DOTNET_CONTAINER_REGISTRY_UNAME", "u");
        let secret = ("DOTNET_CONTAINER_REGISTRY_PWORD", "p");
        let shown = names(&[old, password, new, secret]);
        assert!(
            shown.starts_with("[\"`DOTNET_CONTAINER_REGISTRY_UNAME`\""),
            "{shown}"
        );
    }
}
