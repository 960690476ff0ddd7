use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::out_own;
use clap::Command;
use clap_mangen::Man;
use fs_err as fs;
use std::path::PathBuf;

/// Prints a page of the manual, or writes all of them
#[derive(clap::Args, Debug)]
pub(crate) struct ManArgs {
    /// The verb that the page is about [default: mizzen itself]
    #[arg(conflicts_with = "output")]
    verb: Option<String>,

    /// Write every page into this folder
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Prints a page, or writes them all.
pub(crate) fn run(arguments: &ManArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let pages = pages(&invocation.command);
    if let Some(folder) = &arguments.output {
        let folder = invocation.process.absolute(folder);
        let written = fs::create_dir_all(&folder).and_then(|()| {
            let mut pages = pages.iter();
            pages.try_for_each(|(name, text)| fs::write(folder.join(format!("{name}.1")), text))
        });
        return written.map_err(|error| {
            CommandError::local("the pages of the manual cannot be written", &error)
        });
    }
    let verb = arguments.verb.as_deref();
    let name = verb.map_or_else(|| "mizzen".to_owned(), |verb| format!("mizzen-{verb}"));
    let Some((_, text)) = pages.into_iter().find(|(page, _)| *page == name) else {
        return Err(CommandError::usage(format!("there is no page `{name}`"))
            .hinted("mizzen --help names the verbs"));
    };
    out_own(&text)
}

/// Returns each page by its name: one of mizzen, one a verb.
fn pages(command: &Command) -> Vec<(String, String)> {
    let page = |name: String, command: Command| {
        let mut text = Vec::new();
        let man = Man::new(command.name(name.clone()));
        man.render(&mut text).expect("memory takes what is written");
        (name, String::from_utf8_lossy(&text).into_owned())
    };
    let verbs = command.get_subcommands();
    let verbs = verbs.map(|verb| {
        let called = format!("mizzen {}", verb.get_name());
        let verb = verb.clone().bin_name(called).version(None::<&str>);
        page(format!("mizzen-{}", verb.get_name()), verb)
    });
    std::iter::once(page("mizzen".to_owned(), command.clone()))
        .chain(verbs)
        .collect()
}
