//! CycloneDX 1.6, as JSON.
//!
//! Source: CycloneDX specification 1.6, bom-1.6.schema.json.

use crate::bill::{Base, Bill, BillFile};
use crate::component::{Component, ComponentKind, hex};
use crate::licence::Licence;
use crate::spdx::{container_url, whole_seconds};
use mizzen_oci::{Digest, canonical_json};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const IMAGE: &str = "image";

/// Returns the document that says what `bill` does.
pub(crate) fn document(bill: &Bill) -> Value {
    let mut files = BTreeMap::<&str, Vec<&BillFile>>::new();
    for file in &bill.files {
        files.entry(&file.component).or_default().push(file);
    }
    let components = bill.components.iter().map(|(key, component)| {
        let files = files.remove(key.as_str()).unwrap_or_default();
        self::component(key, component, &files)
    });
    let components: Vec<Value> = components.collect();
    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": whole_seconds(&bill.created),
            "tools": { "components": [{
                "type": "application", "name": "mizzen", "version": env!("CARGO_PKG_VERSION"),
            }] },
            "component": image(bill),
        },
        "components": components,
        "dependencies": dependencies(bill),
    });
    document["serialNumber"] = json!(serial_number(&document));
    document
}

fn image(bill: &Bill) -> Value {
    let Some(digest) = &bill.digest else {
        let mut folder = json!({ "type": "application", "bom-ref": IMAGE, "name": bill.name });
        if let Some(version) = &bill.version {
            folder["version"] = json!(version);
        }
        return folder;
    };
    let mut image = container(&bill.name, Some(digest));
    image["bom-ref"] = json!(IMAGE);
    image["version"] = json!(bill.version.clone().unwrap_or_else(|| digest.to_string()));
    if !bill.bases.is_empty() {
        let ancestors: Vec<Value> = bill.bases.iter().map(base).collect();
        image["pedigree"] = json!({ "ancestors": ancestors });
    }
    let platforms = bill.platforms.iter();
    let platforms: Vec<Value> = platforms
        .map(|(platform, digest)| property(&format!("mizzen:platform:{platform}"), digest))
        .collect();
    if !platforms.is_empty() {
        image["properties"] = json!(platforms);
    }
    image
}

fn base(base: &Base) -> Value {
    let name = base.name.as_deref().unwrap_or("base image");
    let mut container = container(name, base.digest.as_ref());
    container["properties"] = json!([property("mizzen:platform", &base.platform)]);
    container
}

fn container(name: &str, digest: Option<&Digest>) -> Value {
    let mut container = json!({ "type": "container", "name": name });
    if let Some(digest) = digest {
        container["hashes"] = json!([{ "alg": "SHA-256", "content": digest.hex() }]);
        container["purl"] = json!(container_url(name, digest));
    }
    container
}

fn component(key: &str, component: &Component, files: &[&BillFile]) -> Value {
    let mut value = json!({
        "type": match component.kind {
            ComponentKind::Application => "application",
            ComponentKind::Framework => "framework",
            ComponentKind::Project | ComponentKind::Package | ComponentKind::System => "library",
        },
        "bom-ref": key,
        "name": component.name,
    });
    if let Some(version) = &component.version {
        value["version"] = json!(version);
    }
    if let Some(url) = &component.package_url {
        value["purl"] = json!(url);
    }
    if let Some(hash) = component.file_sha512_hex() {
        value["hashes"] = json!([{ "alg": "SHA-512", "content": hash }]);
    }
    if let Some(licence) = &component.licence {
        value["licenses"] = json!([match licence {
            Licence::Expression(text) if licence.single().is_some() =>
                json!({ "license": { "id": text } }),
            Licence::Expression(text) => json!({ "expression": text }),
            Licence::Named(text) => json!({ "license": { "name": text } }),
            Licence::Url(url) => json!({ "license": { "name": url, "url": url } }),
        }]);
    }
    if let Some(source) = &component.source {
        value["externalReferences"] = json!([{ "type": "distribution", "url": source }]);
    }
    let direct = component.is_direct;
    let direct = direct.map(|direct| property("mizzen:direct", &direct));
    let content = component.content_sha512.as_ref();
    let content = content.map(|hash| property("mizzen:nuget:contentHash", hash));
    let properties: Vec<Value> = direct.into_iter().chain(content).collect();
    if !properties.is_empty() {
        value["properties"] = json!(properties);
    }
    if !files.is_empty() {
        let files: Vec<Value> = files.iter().map(|it| file(it)).collect();
        value["components"] = json!(files);
    }
    value
}

fn file(file: &BillFile) -> Value {
    let mut value = json!({
        "type": "file",
        "name": file.path,
        "hashes": [
            { "alg": "SHA-1", "content": file.sha1 },
            { "alg": "SHA-256", "content": file.digest.hex() },
        ],
    });
    if let Some(layer) = &file.layer {
        value["properties"] = json!([property("mizzen:layer", layer)]);
    }
    value
}

fn property(name: &str, value: &impl ToString) -> Value {
    json!({ "name": name, "value": value.to_string() })
}

fn dependencies(bill: &Bill) -> Vec<Value> {
    let components = &bill.components;
    let needed_by_others = components.values().flat_map(|it| &it.dependencies);
    let needed_by_others: Vec<&String> = needed_by_others.collect();
    let is_top = |key: &&String| **key == bill.application || !needed_by_others.contains(key);
    let tops: Vec<&String> = components.keys().filter(is_top).collect();
    let of_image = json!({ "ref": IMAGE, "dependsOn": tops });
    let each = components.iter().map(|(key, component)| {
        let needed = component.dependencies.iter();
        let needed = needed.filter(|key| components.contains_key(*key));
        json!({ "ref": key, "dependsOn": needed.collect::<Vec<_>>() })
    });
    std::iter::once(of_image).chain(each).collect()
}

/// Returns a UUID of the content: another content has another one, and the same has the same.
fn serial_number(document: &Value) -> String {
    let digest = Digest::of(&canonical_json(document));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    // RFC 9562: version 8, what the maker makes of it.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    let parts = [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ];
    format!("urn:uuid:{}", parts.join("-"))
}
