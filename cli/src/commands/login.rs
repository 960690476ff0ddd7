use crate::consent::open_session;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::Ui;
use crate::{Process, keychain};
use mizzen_oci::Reference;
use mizzen_registry::{Credential, Kept, Keychain, RegistryError};
use std::io::{self, IsTerminal, Read};

/// Tries a name and a password, and keeps them in docker's own config; asks for what is missing, where
/// there is a terminal
#[derive(clap::Args, Debug)]
pub(crate) struct LoginArgs {
    /// The registry's host
    pub(crate) registry: String,

    /// The user name; `<token>` if stdin has an identity token
    #[arg(short, long, value_name = "NAME")]
    pub(crate) username: Option<String>,

    /// The password comes from stdin, as it does wherever that is not a terminal
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// Removes the stored login for a registry
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
    let (username, password) = username_and_password(arguments, &registry)?;
    let Some(credential) = Credential::new(&username, &password) else {
        return Err(CommandError::usage("no password was given"));
    };
    let mut keychain = Keychain::default();
    keychain.add_credential("the login", &registry, credential.clone());
    let session = open_session(invocation, Ui::new(false, false), None)?;
    let client = session.registry(&session.config, false, keychain, &session.ui)?;
    client.check_login(&registry).map_err(|error| match error {
        error @ RegistryError::Unauthorized { .. } => CommandError::from(error)
            .within(format!("wrong user name or password for `{registry}`"), "")
            .hinted("check both; many registries want an access token in place of the password"),
        error => error.into(),
    })?;
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

/// Removes the stored login for a registry.
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

/// Asks at a terminal for what the command line does not have; elsewhere the password is all that stdin
/// has.
fn username_and_password(
    arguments: &LoginArgs,
    registry: &str,
) -> Result<(String, String), CommandError> {
    let unreadable = |error| CommandError::local("stdin cannot be read", &error);
    let stdin = io::stdin();
    let asks = stdin.is_terminal() && !arguments.password_stdin;
    let ui = Ui::new(false, false);
    let username = match &arguments.username {
        Some(username) => username.clone(),
        None if asks => {
            ui.say(&format!("user name for `{registry}`:"));
            let mut line = String::new();
            stdin.read_line(&mut line).map_err(unreadable)?;
            line.trim().to_owned()
        }
        None => {
            return Err(CommandError::usage("no user name was given")
                .hinted("mizzen login -u NAME REGISTRY, the password on stdin"));
        }
    };
    if asks {
        ui.say(&format!("password of `{username}` for `{registry}`:"));
        let password = rpassword::read_password().map_err(unreadable)?;
        return Ok((username, password));
    }
    let mut text = String::new();
    let mut limited = stdin.take(MOST_PASSWORD_BYTES);
    limited.read_to_string(&mut text).map_err(unreadable)?;
    Ok((username, text.trim_end_matches(['\r', '\n']).to_owned()))
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
