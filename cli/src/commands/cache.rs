use crate::consent::open_session;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::{Ui, count, out_line, size};
use clap::Subcommand;
use mizzen_store::{Housekeeping, Limits, Removed, Store, StoreError};
use std::path::PathBuf;
use std::time::Duration;

/// Shows or cleans the cache
#[derive(clap::Args, Debug)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) verb: CacheVerb,

    /// Where the cache is [default: the user's cache folder]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "MIZZEN_CACHE_DIR",
        hide_env_values = true
    )]
    pub(crate) cache_dir: Option<PathBuf>,
}

#[derive(Subcommand, Clone, Copy, Debug)]
pub(crate) enum CacheVerb {
    /// Print where the cache is
    Dir,
    /// Print how much is in it
    Size,
    /// Remove what exceeds a limit, the least recently used first
    Prune {
        /// How much to keep: 500MB, 10GB
        #[arg(long, value_name = "SIZE", value_parser = bytes, required_unless_present = "max_age")]
        max_size: Option<u64>,
        /// Remove what has not been used for this many days
        #[arg(long, value_name = "DAYS")]
        max_age: Option<u32>,
    },
    /// Remove everything
    Clean,
    /// Read everything, and remove what is damaged
    Verify,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Shows or cleans the cache.
pub(crate) fn run(arguments: &CacheArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let session = open_session(invocation, Ui::silent(), arguments.cache_dir.as_deref())?;
    // No verb makes a cache in order to look at it.
    let store = session.existing_store()?;
    let changed = |change: &dyn Fn(&Housekeeping<'_>) -> Result<Removed, StoreError>| {
        let removed = match &store {
            Some(store) => change(&store.housekeeping(&session.cancel)?)?,
            None => Removed::default(),
        };
        Ok::<_, CommandError>(removed)
    };
    let text = match arguments.verb {
        CacheVerb::Dir => session.cache_folder()?.display().to_string(),
        CacheVerb::Size => {
            let usage = store.as_ref().map(Store::usage);
            let usage = usage.transpose()?.unwrap_or_default();
            let (blobs, other) = (size(usage.blob_bytes), size(usage.other_bytes));
            format!(
                "{}, {blobs}; {} and other files, {other}",
                count(usage.blobs, "blob"),
                count(usage.records, "record")
            )
        }
        CacheVerb::Prune { max_size, max_age } => {
            let limits = Limits {
                max_bytes: max_size,
                max_age: max_age.map(|days| DAY * days),
            };
            text("removed", changed(&|alone| alone.prune(limits))?)
        }
        CacheVerb::Clean => text("removed", changed(&|alone| alone.clean())?),
        CacheVerb::Verify => text(
            "damaged and removed",
            changed(&|alone| alone.verify(&session.cancel))?,
        ),
    };
    out_line(text)
}

fn text(verb: &str, removed: Removed) -> String {
    let files = count(removed.files, "file");
    format!("{verb}: {files}, {}", size(removed.bytes))
}

fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        _ => return Err("want bytes, or a number with kB, MB or GB".to_owned()),
    };
    let number: Result<u64, _> = digits.trim().parse();
    let number = number.ok().and_then(|number| number.checked_mul(unit));
    number.ok_or_else(|| "want bytes, or a number with kB, MB or GB".to_owned())
}
