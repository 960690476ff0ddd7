use crate::consent::open_session;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::Ui;
use crate::{Process, keychain};
use mizzen_oci::Reference;
use mizzen_registry::{Credential, Kept, Keychain};
use std::io::{self, IsTerminal, Read};

/// Tries a name and a password from stdin, and keeps them in docker's own config
#[derive(clap::Args, Debug)]
pub(crate) struct LoginArgs {
    /// The registry's host
    pub(crate) registry: String,

    /// The name; `<token>` if what comes on stdin is an identity token
    #[arg(short, long, value_name = "NAME")]
    pub(crate) username: String,

    /// The password comes from stdin, as it always does
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// Forgets what is kept for a registry
#[derive(clap::Args, Debug)]
pub(crate) struct LogoutArgs {
    /// The registry's host
    pub(crate) registry: String,
}

/// No password is longer.
const MOST_PASSWORD_BYTES: u64 = 64 * 1024;

/// Tries a name and a password, and keeps them where docker does.
pub(crate) fn run(arguments: &LoginArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let registry = registry(&arguments.registry)?;
    let password = password()?;
    let Some(credential) = Credential::new(&arguments.username, &password) else {
        return Err(CommandError::usage("there is no password on stdin"));
    };
    let mut keychain = Keychain::default();
    keychain.add_credential("the login", &registry, credential.clone());
    let session = open_session(invocation, Ui::new(false, false), None)?;
    let client = session.registry(&session.config, false, keychain)?;
    client.check_login(&registry)?;
    let file = keychain::credential_file(session.process)?;
    let place = match file.keep(&registry, &credential)? {
        Kept::File => format!("`{}`", file.path().display()),
        Kept::Helper(helper) => format!("`docker-credential-{helper}`"),
    };
    session.ui.say(&format!(
        "logged in to `{registry}`; the login is stored in {place}"
    ));
    Ok(())
}

/// Forgets what is kept for a registry.
pub(crate) fn logout(arguments: &LogoutArgs, process: &Process) -> Result<(), CommandError> {
    let registry = registry(&arguments.registry)?;
    let had = keychain::credential_file(process)?.forget(&registry)?;
    Ui::new(false, false).say(&if had {
        format!("logged out of `{registry}`")
    } else {
        format!("no login was stored for `{registry}`")
    });
    Ok(())
}

/// Returns a registry's name as references have it, from one of the forms that people write.
fn registry(text: &str) -> Result<String, CommandError> {
    let host = text
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    let host = host.split('/').next().unwrap_or_default();
    let is_host = host == "localhost" || host.contains(['.', ':']);
    let reference: Option<Reference> = format!("{host}/login").parse().ok();
    match reference {
        Some(reference) if is_host => Ok(reference.repository.registry),
        _ => Err(CommandError::usage(format!("`{text}` is not a registry"))
            .hinted("write its host: docker.io, ghcr.io, registry.example:5000")),
    }
}

fn password() -> Result<String, CommandError> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(CommandError::usage("the password is read from stdin")
            .hinted("pipe it in, or redirect a file: mizzen login -u NAME REGISTRY < FILE"));
    }
    let mut text = String::new();
    stdin
        .take(MOST_PASSWORD_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| CommandError::local("stdin cannot be read", &error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::registry;

    #[test]
    fn a_registry_is_known_in_each_form_that_people_write() {
        for (text, want) in [
            ("docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("ghcr.io/", "ghcr.io"),
            ("localhost:5000", "localhost:5000"),
            ("http://r.example:5000/v2/", "r.example:5000"),
        ] {
            assert_eq!(registry(text).unwrap(), want, "{text}");
        }
        for text in ["", "nginx", "https://", "a b.c"] {
            assert!(registry(text).is_err(), "{text}");
        }
    }
}
