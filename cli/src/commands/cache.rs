use crate::Process;
use crate::args::{CacheArgs, CacheVerb};
use crate::config::Config;
use crate::error::CommandError;
use crate::interrupt::Interrupt;
use crate::settings;
use crate::ui::{out, size};
use mizzen_store::{Limits, Removed};
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Tells what the cache holds, and takes things away.
pub(crate) fn run(
    arguments: &CacheArgs,
    process: &Process,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    let config = Config::find(&process.working_folder)?;
    let folder = arguments.cache_dir.as_ref().or(config.cache.dir.as_ref());
    let store = settings::open_store(process, folder.map(PathBuf::as_path))?;
    let alone = || store.housekeeping(&interrupt.cancel);
    match arguments.verb {
        CacheVerb::Dir => out(&format!("{}\n", store.root().display())),
        CacheVerb::Size => {
            let usage = store.usage()?;
            let (blobs, other) = (size(usage.blob_bytes), size(usage.other_bytes));
            out(&format!(
                "{} blobs, {blobs}; {} records and what else there is, {other}\n",
                usage.blobs, usage.records
            ))
        }
        CacheVerb::Prune { max_size, max_age } => {
            let max_age = max_age.map(|days| DAY * days);
            let limits = Limits {
                max_bytes: max_size,
                max_age,
            };
            out(&text("removed", alone()?.prune(limits)?))
        }
        CacheVerb::Clean => out(&text("removed", alone()?.clean()?)),
        CacheVerb::Verify => out(&text(
            "damaged and removed",
            alone()?.verify(&interrupt.cancel)?,
        )),
    }
}

fn text(verb: &str, removed: Removed) -> String {
    let files = if removed.files == 1 {
        "1 file".to_owned()
    } else {
        format!("{} files", removed.files)
    };
    format!("{verb}: {files}, {}\n", size(removed.bytes))
}
