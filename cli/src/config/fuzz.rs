//! No `mizzen.toml` makes its reader panic.

use super::{Config, option_names, other_settings};
use crate::Process;
use crate::building::arguments::BuildArgs;
use crate::commands::Args;
use crate::session::Invocation;
use clap::CommandFactory;
use mizzen_fuzz::{fuzz, mutated};
use mizzen_store::Cancel;
use std::path::Path;

#[test]
fn fuzz_mizzen_toml() {
    let reference = include_str!("../../../docs/reference/config.md");
    let example = reference.split("```").nth(1);
    let example = example.and_then(|block| block.strip_prefix("toml"));
    let example = example.expect("the reference begins with an example");
    let words = &[
        "[build]\n",
        "[images.\"Shop.Api\"]\n",
        "[registry.r]\n",
        "[[env]]\n",
        "[policy]\n",
        "platform = ",
        "env = { A = \"\" }\n",
        "label = 1\n",
        "cmd = []\n",
        "healthcheck = {}\n",
        "floats = \"ttl:",
        "tag = [\"--push\"]\n",
        "= ",
        "\"",
        "\"\"\"",
        "true",
        "1e400",
        "-0",
        "nan",
        "1979-05-27T07:32:00Z",
        "{",
        "[",
        "]",
        "\n",
        "\\u0000",
        "\u{1b}",
        "ß",
        "--",
    ];
    let seeds = vec![
        example.as_bytes().to_vec(),
        b"[build]\nbase = \"a\"\nport = [1]\n[policy]\nfloats = \"ttl:1h\"\n".to_vec(),
    ];
    let process = Process::in_folder("/");
    let invocation = Invocation {
        process: &process,
        cancel: Cancel::default(),
        command: Args::command(),
        words: ["mizzen", "build"].map(Into::into).to_vec(),
    };
    let known = option_names(&invocation.command);
    fuzz("mizzen.toml", mutated(seeds, words), |bytes| {
        let text = String::from_utf8_lossy(&bytes);
        let config = match Config::parse(&text, Path::new("/w"), &known) {
            Ok(config) => config,
            Err(error) => {
                assert_eq!(error.exit_code(), 2, "{error}");
                return;
            }
        };
        drop(config.hosts());
        drop(other_settings(&config));
        for project in [None, Some("Shop.Api")] {
            if let Err(error) = BuildArgs::of(&invocation, &config, project) {
                assert_eq!(error.exit_code(), 2, "{error}");
            }
        }
    });
}
