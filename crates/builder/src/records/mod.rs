//! What the cache keeps of the steps, as typed values.
//!
//! Each record is one type in one file, with its format's version in its bytes: one of another format
//! is a miss that says so.

pub(crate) mod path_sets;
pub(crate) mod publish_record;
pub(crate) mod restore_record;
pub(crate) mod stored_records;

#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A record's own bytes: its format's name, and what it holds.
#[derive(Serialize, Deserialize)]
struct Body<T> {
    format: String,
    record: T,
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
