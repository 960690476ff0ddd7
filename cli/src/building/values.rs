//! What is between an option's `=` and the next blank, read and checked.

use mizzen_dotnet::PathPattern;
use mizzen_image::Compression;
use mizzen_oci::Healthcheck;
use std::sync::Arc;

/// A command as JSON has it: an array of strings.
pub(crate) type CommandLine = Arc<Vec<String>>;

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("want NAME=VALUE".to_owned()),
    }
}

pub(super) fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = pair(text)?;
    // MSBuild splits one argument at `;` into several properties; so must the key.
    if value.contains(';') || name.contains(';') {
        return Err(
            "`;` separates properties for MSBuild: write %3B, or give each its own -p".to_owned(),
        );
    }
    Ok((name, value))
}

pub(super) fn compression(text: &str) -> Result<Compression, String> {
    let level = |level: &str| level.parse().ok().filter(|level| (1..=19).contains(level));
    match text.split_once(':') {
        None if text == "gzip" => Ok(Compression::Gzip),
        None if text == "zstd" => Ok(Compression::ZSTD),
        Some(("zstd", text)) => level(text)
            .map(Compression::Zstd)
            .ok_or_else(|| "want a level from 1 to 19".to_owned()),
        _ => Err("want gzip, zstd or zstd:LEVEL".to_owned()),
    }
}

pub(super) fn pattern(text: &str) -> Result<PathPattern, String> {
    text.parse().map_err(|error| format!("{error}"))
}

pub(super) fn port(text: &str) -> Result<String, String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    match (number.parse::<u16>(), protocol) {
        (Ok(number), "tcp" | "udp" | "sctp") => Ok(format!("{number}/{protocol}")),
        _ => Err("want PORT or PORT/udp".to_owned()),
    }
}

pub(super) fn folder(text: &str) -> Result<String, String> {
    let is_sound = text.len() > 1 && text.starts_with('/') && !text.contains("//");
    let mut parts = text.trim_matches('/').split('/');
    if is_sound && parts.all(|part| !["", ".", ".."].contains(&part)) {
        return Ok(text.to_owned());
    }
    Err("want an absolute folder other than /".to_owned())
}

pub(super) fn healthcheck(text: &str) -> Result<Healthcheck, String> {
    let value = serde_json::from_str(text).map_err(|_| {
        r#"want a JSON object: {"Test": ["CMD", "/app/health"], "Interval": "30s"}"#.to_owned()
    })?;
    Healthcheck::parse(&value).map_err(|error| error.to_string())
}

pub(super) fn command(text: &str) -> Result<CommandLine, String> {
    let command: Result<Vec<String>, _> = serde_json::from_str(text);
    command
        .map(Into::into)
        .map_err(|_| r#"want a JSON array of strings: ["dotnet","/app/x.dll"]"#.to_owned())
}
