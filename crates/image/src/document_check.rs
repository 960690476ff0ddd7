//! The rules for the members of manifest, index and config.

use crate::Image;
use crate::defect::Defect;
use crate::validate::{NO_PLATFORM, family_of};
use mizzen_oci::{Descriptor, Family, Healthcheck, Index, Manifest, MediaType, MediaTypeExt};
use serde_json::Value;
use std::collections::BTreeSet;

pub(crate) fn check_manifest(manifest: &Manifest, defects: &mut Vec<Defect>) {
    let json = manifest.to_json();
    check_schema_version(&json, "manifest", defects);
    let family = family_of(manifest.descriptor());
    // Docker's manifests must say what they are; OCI's should.
    if family == Family::Docker && json["mediaType"].is_null() {
        push(defects, "manifest", "mediaType", "is not there");
    }
    let config = manifest.config();
    if config.media_type.in_family(Family::Oci) != MediaType::ImageConfig {
        defects.push(Defect::MediaType {
            what: "config".to_owned(),
            got: config.media_type.clone(),
            why: "which is not that of an image config",
        });
    } else if config.media_type != config.media_type.in_family(family) {
        defects.push(Defect::MediaType {
            what: "config".to_owned(),
            got: config.media_type.clone(),
            why: "which is not of the manifest's family",
        });
    }
    if !json["layers"].is_array() {
        push(defects, "manifest", "layers", "is not a list");
    }
    check_annotations(&json, "manifest", defects);
}

pub(crate) fn check_index(index: &Index, defects: &mut Vec<Defect>) {
    let json: Value = serde_json::from_slice(index.bytes()).unwrap_or_default();
    check_schema_version(&json, "index", defects);
    let family = family_of(index.descriptor());
    let mut platforms = BTreeSet::new();
    for entry in index.manifests() {
        if entry.media_type != entry.media_type.in_family(family) {
            defects.push(Defect::MediaType {
                what: format!("manifest {}", entry.digest),
                got: entry.media_type.clone(),
                why: "which is not of the index's family",
            });
        }
        check_platform(entry, &mut platforms, defects);
    }
    check_annotations(&json, "index", defects);
}

fn check_platform(entry: &Descriptor, platforms: &mut BTreeSet<String>, defects: &mut Vec<Defect>) {
    let Some(platform) = &entry.platform else {
        // An index inside has its own.
        if entry.media_type.is_index() {
            return;
        }
        return push(
            defects,
            "index",
            "platform",
            &format!("of {} is not there", entry.digest),
        );
    };
    let mut name = platform.to_string();
    if let Some(version) = &platform.os_version {
        name = format!("{name} {version}");
    }
    if name != NO_PLATFORM && !platforms.insert(name.clone()) {
        push(
            defects,
            "index",
            "platform",
            &format!("{name} appears twice"),
        );
    }
}

pub(crate) fn check_config(image: &Image, defects: &mut Vec<Defect>) {
    let json: Value = serde_json::from_slice(image.config_bytes()).unwrap_or_default();
    let mut wrong = |member: &str, why: &str| push(defects, "config", member, why);
    for member in ["architecture", "os"] {
        if json[member].as_str().is_none_or(str::is_empty) {
            wrong(member, "is not there");
        }
    }
    if json["rootfs"]["type"] != "layers" {
        wrong("rootfs.type", "is not `layers`");
    }
    let diff_ids = json["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len);
    if diff_ids != image.layers().len() {
        let layers = image.layers().len();
        wrong(
            "rootfs.diff_ids",
            &format!("has {diff_ids} lines for {layers} layers"),
        );
    }
    let history = image.config().history();
    let with_layer = history.iter().filter(|line| !line.empty_layer).count();
    if !history.is_empty() && with_layer != image.layers().len() {
        let layers = image.layers().len();
        wrong(
            "history",
            &format!("has {with_layer} lines with a layer for {layers} layers"),
        );
    }
    let times = history.iter().filter_map(|line| line.created.as_deref());
    if times
        .chain(json["created"].as_str())
        .any(|time| !is_time(time))
    {
        wrong("created", "is not a time of RFC 3339");
    }
    check_run(&json["config"], &mut wrong);
}

fn check_run(run: &Value, wrong: &mut dyn FnMut(&str, &str)) {
    for member in ["Env", "Entrypoint", "Cmd"] {
        let is_text = |list: &Vec<Value>| list.iter().all(Value::is_string);
        if !run[member].is_null() && !run[member].as_array().is_some_and(is_text) {
            wrong(&format!("config.{member}"), "is not a list of strings");
        }
    }
    let variables = run["Env"].as_array().into_iter().flatten();
    let is_variable = |text: &str| text.find('=').is_some_and(|place| place > 0);
    if variables
        .filter_map(Value::as_str)
        .any(|text| !is_variable(text))
    {
        wrong("config.Env", "has a line that is not `NAME=value`");
    }
    for member in ["User", "WorkingDir", "StopSignal"] {
        if !run[member].is_null() && !run[member].is_string() {
            wrong(&format!("config.{member}"), "is not a string");
        }
    }
    if let Some(folder) = run["WorkingDir"].as_str()
        && !folder.is_empty()
        && !folder.starts_with('/')
    {
        wrong("config.WorkingDir", "is not an absolute path");
    }
    for member in ["ExposedPorts", "Volumes", "Labels"] {
        if !run[member].is_null() && !run[member].is_object() {
            wrong(&format!("config.{member}"), "is not an object");
        }
    }
    if !run["Healthcheck"].is_null()
        && let Err(error) = Healthcheck::check(&run["Healthcheck"])
    {
        wrong("config.Healthcheck", &format!("cannot be read: {error}"));
    }
    let ports = run["ExposedPorts"].as_object().into_iter().flatten();
    if ports.into_iter().any(|(port, _)| !is_port(port)) {
        wrong(
            "config.ExposedPorts",
            "has a name that is not `port/protocol`",
        );
    }
    let labels = run["Labels"].as_object().into_iter().flatten();
    if labels.into_iter().any(|(_, value)| !value.is_string()) {
        wrong("config.Labels", "has a value that is not a string");
    }
}

fn check_schema_version(json: &Value, what: &str, defects: &mut Vec<Defect>) {
    if json["schemaVersion"] != 2 {
        push(defects, what, "schemaVersion", "is not 2");
    }
}

fn check_annotations(json: &Value, what: &str, defects: &mut Vec<Defect>) {
    let annotations = json["annotations"].as_object().into_iter().flatten();
    if annotations
        .into_iter()
        .any(|(name, value)| name.is_empty() || !value.is_string())
    {
        push(
            defects,
            what,
            "annotations",
            "has an empty name or a value that is not a string",
        );
    }
}

fn push(defects: &mut Vec<Defect>, what: &str, member: &str, why: &str) {
    defects.push(Defect::Member {
        what: what.to_owned(),
        member: member.to_owned(),
        why: why.to_owned(),
    });
}

// `8080`, `8080/tcp`, `8000-8010/udp`.
fn is_port(text: &str) -> bool {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let is_number = |text: &str| text.parse::<u16>().is_ok();
    ["tcp", "udp", "sctp"].contains(&protocol) && is_number(first) && is_number(last)
}

// `2006-01-02T15:04:05[.999]Z` or with an offset.
fn is_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else {
        return false;
    };
    let shaped = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(byte, want)| match want {
                    b'0' => byte.is_ascii_digit(),
                    want => byte == want,
                })
    };
    let Some((time, zone)) = rest.split_at_checked(9) else {
        return false;
    };
    let zone = match zone.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|digit: char| digit.is_ascii_digit()),
        None => zone,
    };
    shaped(date, "0000-00-00")
        && shaped(&time.to_uppercase(), "T00:00:00")
        && (zone == "Z" || zone == "z" || shaped(zone, "+00:00") || shaped(zone, "-00:00"))
}
