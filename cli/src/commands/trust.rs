use crate::building::arguments::BuildArgs;
use crate::building::services::Services;
use crate::config::Config;
use crate::consent::{Consents, Request, asked_by_config, request_id, requests};
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::{Ui, out_line};

/// Shows what a repository asks for outside itself, and allows it: once, until it asks for more
#[derive(clap::Args, Debug)]
pub(crate) struct TrustArgs {
    /// Only show it; allow nothing
    #[arg(long)]
    pub(crate) show: bool,

    /// Take back what was allowed before
    #[arg(long, conflicts_with = "show")]
    pub(crate) forget: bool,

    #[command(flatten)]
    pub(crate) build: BuildArgs,
}

/// Prints what is asked for, a line each, and keeps that it is allowed.
pub(crate) fn run(arguments: &TrustArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let ui = Ui::new(false, false);
    let consents = Consents::of(invocation.process);
    let asked = asked(&arguments.build, invocation)?;
    let no_home = || {
        CommandError::usage("there is nowhere to store what you allow: HOME is not set")
            .hinted("allow it for one run: --trust, or MIZZEN_TRUST")
    };
    if arguments.forget {
        let consents = consents.ok_or_else(no_home)?;
        for request in &asked {
            let had = consents.forget(&request.workspace)?;
            let workspace = request.workspace.display();
            ui.say(&if had {
                format!("`{workspace}` is no longer allowed anything")
            } else {
                format!("`{workspace}` had not been allowed anything")
            });
        }
        return Ok(());
    }
    for line in asked.iter().flat_map(Request::lines) {
        out_line(line)?;
    }
    let asking: Vec<&Request> = asked
        .iter()
        .filter(|request| !request.wanted.is_empty())
        .collect();
    if asking.is_empty() {
        ui.say("the workspace asks for nothing outside itself");
        return Ok(());
    }
    if !arguments.show {
        let consents = consents.ok_or_else(no_home)?;
        for request in asking {
            let file = consents.allow(&request.workspace, request.wanted.keys().cloned())?;
            let (workspace, file) = (request.workspace.display(), file.display());
            ui.say(&format!(
                "`{workspace}` is allowed this; stored in `{file}`"
            ));
        }
    }
    ui.say(&format!("in CI: MIZZEN_TRUST={}", request_id(&asked)));
    Ok(())
}

/// Returns what the services ask for; where no project is, what the configuration does.
fn asked(arguments: &BuildArgs, invocation: &Invocation<'_>) -> Result<Vec<Request>, CommandError> {
    let config: Config = invocation.config(&arguments.path)?;
    let services = match Services::find(arguments, invocation) {
        Ok(services) => services,
        // A folder that only pushes and pulls has a configuration, and no project.
        Err(error) if config.folder.is_none() => return Err(error),
        Err(_) => return Ok(vec![asked_by_config(&config, invocation.process)?]),
    };
    let solution = services.solution.as_ref().map(|(path, _)| path.as_path());
    requests(&services.each, solution, invocation)
}
