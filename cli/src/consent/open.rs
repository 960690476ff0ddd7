use super::granted::{check_config, grant};
use crate::building::services::Services;
use crate::error::CommandError;
use crate::keychain::keychain;
use crate::session::{Invocation, Session};
use crate::ui::Ui;
use std::path::Path;

/// Opens the session of a verb that works in the working folder.
///
/// # Errors
/// `mizzen.toml` cannot be read; what it asks for outside of its folder is not allowed.
pub(crate) fn open_session<'a>(
    invocation: &Invocation<'a>,
    ui: Ui,
    cache_dir: Option<&Path>,
) -> Result<Session<'a>, CommandError> {
    let config = invocation.config(&invocation.process.working_folder)?;
    check_config(&config, invocation.process)?;
    Ok(invocation.session_of(config, ui, cache_dir))
}

/// Opens the session of a verb that works on `services`, if they may have what they ask for.
///
/// # Errors
/// What they ask for outside of their workspaces is not allowed.
pub(crate) fn open_build_session<'a>(
    invocation: &Invocation<'a>,
    services: &Services,
    ui: Ui,
) -> Result<Session<'a>, CommandError> {
    let shown = ui.under_way("reading", "what the workspace asks for");
    let granted = grant(services, invocation)?;
    drop(shown);
    let cache_dir = services.common().cache_dir.as_deref();
    let mut session = invocation.session_of(services.config().clone(), ui, cache_dir);
    session.granted = granted;
    session.shared_places = services.common().sharing.places();
    // The SDK's variables for a push are for images.
    session.shared_keychain = keychain(invocation.process, &[], None);
    session.is_offline = services.common().offline;
    Ok(session)
}
