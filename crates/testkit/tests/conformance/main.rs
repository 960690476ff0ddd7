//! The cases of distribution-spec's conformance suite, put to the registry in memory: a client that
//! is tested against it is tested against the book.
//!
//! The suite is a program in another language; its four categories are the modules here. Not asked:
//! SHA-512 and `OCI-Tag`, which the registry in memory does not offer and the client does not use.
//!
//! Source: distribution-spec 1.1, `conformance/01_pull` to `04_management`, and what `conformance/run`
//! asks after it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod discovery;
mod management;
mod pull;
mod push;

use mizzen_oci::Digest;
use mizzen_testkit::MemoryRegistry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

struct Reply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The path and query of the `Location`.
    fn location(&self) -> String {
        let location = &self.headers["location"];
        match location.strip_prefix("http://") {
            Some(rest) => rest[rest.find('/').unwrap()..].to_owned(),
            None => location.clone(),
        }
    }

    fn code(&self) -> String {
        self.json()["errors"][0]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Sends one request on a connection of its own, as plain as can be.
fn ask(registry: &MemoryRegistry, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(registry.host()).unwrap();
    let mut head = format!(
        "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
        registry.host()
    );
    let length = body.len().to_string();
    for (name, value) in headers.iter().chain(&[("content-length", &*length)]) {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_lowercase(), value.to_owned())
    };
    Reply {
        status,
        headers: lines.map(header).collect(),
        body: bytes[end + 4..].to_vec(),
    }
}

fn get(registry: &MemoryRegistry, path: &str) -> Reply {
    ask(registry, &format!("GET {path}"), &[], b"")
}

fn push_blob(registry: &MemoryRegistry, repository: &str, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    let line = format!("POST /v2/{repository}/blobs/uploads/?digest={digest}");
    let pushed = ask(registry, &line, &[], bytes);
    assert_eq!(pushed.status, 201);
    assert_eq!(get(registry, &pushed.location()).body, bytes);
    digest
}

fn manifest(registry: &MemoryRegistry, repository: &str, extra: &Value) -> Vec<u8> {
    let config = push_blob(registry, repository, b"{}");
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 },
    });
    let members = extra.as_object().unwrap().clone();
    manifest.as_object_mut().unwrap().extend(members);
    manifest.to_string().into_bytes()
}

fn push_manifest(registry: &MemoryRegistry, name: &str, bytes: &[u8]) -> Reply {
    let line = format!("PUT /v2/acme/shop/manifests/{name}");
    ask(registry, &line, &[("content-type", MANIFEST)], bytes)
}
