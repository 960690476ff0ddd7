//! What the cache keeps of the steps, as typed values.
//!
//! Each record is one type in one file, with its format's version in its bytes: one of another format
//! is a miss that says so.

pub(crate) mod compressed_assets;
mod found_by_paths;
pub(crate) mod known_looks;
pub(crate) mod last_run;
pub(crate) mod nearest;
pub(crate) mod path_sets;
pub(crate) mod publish_record;
pub(crate) mod record_keeper;
mod restore_proof;
pub(crate) mod restore_record;
pub(crate) mod sharing;
pub(crate) mod stored_records;
pub(crate) mod toolchain_alias;

#[cfg(test)]
mod tests;

use mizzen_plan::{Answers, StepName};
use mizzen_store::{Output, Store, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A record's own bytes: its format's name, and what it holds.
#[derive(Serialize, Deserialize)]
struct Body<T> {
    format: String,
    record: T,
}

/// The names under which records are kept; the first is the final record of a whole key.
const WHOLE: &str = "whole";
const LATEST: &str = "latest";
/// The newest restore of a project, to be compared with.
const LATEST_RESTORE: &str = "latest-restore";
/// [`Nearest`](nearest::Nearest).
const NEAREST: &str = "nearest";

/// The name among a record's outputs of what the machine answered.
const ANSWERS: &str = "machine";
/// The name among the outputs of a publish of what is in its layers.
const INVENTORY: &str = "inventory";

/// The name among a restore's outputs of the paths that it looked up.
const PATHS: &str = "looked-up";

fn named_answers(machine: Option<Output>) -> Option<(String, Output)> {
    machine.map(|output| (ANSWERS.to_owned(), output))
}

/// Reads what the machine answered to a step; `None` if it was not watched.
fn kept_answers(kept: Option<Output>, store: &Store) -> Result<Option<Answers>, StoreError> {
    let bytes = kept.map(|kept| store.read(&kept.digest)).transpose()?;
    Ok(bytes.flatten().and_then(|bytes| Answers::parse(&bytes)))
}

/// Returns the name under which a step is kept by the strong key of what it looked up.
fn by_paths(step: StepName) -> String {
    format!("{step}-by-paths")
}

fn to_value(format: &str, record: &impl Serialize) -> Value {
    let format = format.to_owned();
    json!(Body { format, record })
}

/// Returns the record; `None` if it is of another format.
fn from_value<T: DeserializeOwned>(format: &str, value: &Value) -> Option<T> {
    let body = Body::<T>::deserialize(value).ok()?;
    (body.format == format).then_some(body.record)
}
