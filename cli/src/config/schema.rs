use super::defaults::option_names;
use super::options::JSON;
use super::registries::RegistryConfig;
use super::sections::{CacheConfig, EnvConfig, InputsConfig, LabelsConfig};
use clap::{Arg, ArgAction, Command};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The address by which editors know the schema.
const ID: &str = "https://mizzen.build/schema/mizzen.toml.json";

/// Returns the JSON schema of `mizzen.toml`: options of `command` are its keys, with their help.
pub(crate) fn config_schema(command: &Command) -> Value {
    let build = command.find_subcommand("build").expect("there is a build");
    let named = |name: &String| {
        let option = build
            .get_arguments()
            .find(|it| it.get_long() == Some(name))?;
        Some((name.clone(), option_schema(option)))
    };
    let options: Map<String, Value> = option_names(command).iter().filter_map(named).collect();
    let options = json!({
        "type": "object", "additionalProperties": false, "properties": options,
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "mizzen.toml",
        "description": "Defaults for mizzen; the command line and the environment override them.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "build": { "$ref": "#/$defs/options", "description": "Options of `mizzen build`, by their long names." },
            "images": {
                "type": "object",
                "description": "The same for one project, by the name of its file without the extension.",
                "additionalProperties": { "$ref": "#/$defs/options" },
            },
            "registry": {
                "type": "object",
                "description": "What is special about one registry, by its host.",
                "additionalProperties": section::<RegistryConfig>(),
            },
            "cache": section::<CacheConfig>(),
            "env": section::<EnvConfig>(),
            "inputs": section::<InputsConfig>(),
            "labels": section::<LabelsConfig>(),
            "policy": policy(),
        },
        "$defs": { "options": options },
    })
}

/// Returns the schema of a table, whole in its place.
fn section<T: JsonSchema>() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let mut settings = settings.with(|settings| settings.inline_subschemas = true);
    settings.meta_schema = None;
    let mut schema = SchemaGenerator::new(settings)
        .into_root_schema_for::<T>()
        .to_value();
    // Tables have defaults of their own, which say nothing to who writes one.
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("title");
    }
    schema
}

fn policy() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "What is done with what is not a function of the workspace alone.",
        "properties": {
            "git": {
                "enum": ["auto", "always", "never"],
                "description": "Whether a stage shows git's own files; auto: where a package asks for them.",
            },
            "network": { "type": "boolean", "description": "Whether publish may reach the network." },
            "floats": {
                "type": "string", "pattern": "^(resolve|error|ttl:.+)$",
                "description": "What becomes of package versions that float: resolve, error, ttl:24h.",
            },
            "volatile": {
                "enum": ["warn", "never-cache", "error"],
                "description": "What becomes of a project that makes something else each time.",
            },
            "watch": { "type": "boolean", "description": "Whether it is watched what the steps look up." },
        },
    })
}

fn option_schema(option: &Arg) -> Value {
    let name = option.get_long().unwrap_or_default();
    let word = json!({ "type": ["string", "integer", "boolean"] });
    let words = json!({ "type": "array", "items": word });
    let pairs = json!({ "type": "object", "additionalProperties": word });
    let values: Vec<String> = option
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    let is_flag = !option.get_action().takes_values();
    let is_pairs = ["annotation", "env", "label", "property"].contains(&name);
    let is_many = matches!(option.get_action(), ArgAction::Append);
    let mut schema = if name == "healthcheck" {
        json!({ "type": "object" })
    } else if JSON.contains(&name) {
        json!({ "type": "array", "items": { "type": "string" } })
    } else if is_pairs {
        json!({ "anyOf": [pairs, words, { "type": "string" }] })
    } else if is_flag || values == ["true", "false"] {
        json!({ "type": "boolean" })
    } else if is_many {
        json!({ "anyOf": [words, { "type": ["string", "integer"] }] })
    } else if values.is_empty() {
        json!({ "type": ["string", "integer"] })
    } else {
        json!({ "enum": values })
    };
    if let Some(help) = option.get_help() {
        schema["description"] = json!(help.to_string());
    }
    schema
}
