use crate::config::config_schema;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::out_json;
use clap::ValueEnum;
use serde_json::Value;

/// Prints the JSON schema of what mizzen reads and writes
#[derive(clap::Args, Debug)]
pub(crate) struct SchemaArgs {
    /// Of what: config is mizzen.toml; events is what --progress json and --metadata-file write
    what: Schema,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Schema {
    Config,
    Events,
}

/// Prints the schema.
pub(crate) fn run(arguments: &SchemaArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    match arguments.what {
        Schema::Config => out_json(&config_schema(&invocation.command)),
        Schema::Events => {
            let text = include_str!("../../../docs/reference/events.schema.json");
            let schema: Value = serde_json::from_str(text).expect("a test reads it, too");
            out_json(&schema)
        }
    }
}
