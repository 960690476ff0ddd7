//! The cases of distribution-spec's conformance suite, put to the registry in memory: a client that
//! is tested against it is tested against the book.
//!
//! Source: distribution-spec 1.1, `conformance/01_pull` to `04_management`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

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
    assert_eq!(ask(registry, &line, &[], bytes).status, 201);
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

#[test]
fn pull_what_is_not_there_is_404_with_a_code() {
    let registry = MemoryRegistry::start();
    let digest = Digest::of(b"nothing");
    assert_eq!(get(&registry, "/v2/").status, 200);
    for (path, code) in [
        (format!("/v2/acme/shop/blobs/{digest}"), "BLOB_UNKNOWN"),
        (
            format!("/v2/acme/shop/manifests/{digest}"),
            "MANIFEST_UNKNOWN",
        ),
        (
            "/v2/acme/shop/manifests/none".to_owned(),
            "MANIFEST_UNKNOWN",
        ),
    ] {
        let reply = get(&registry, &path);
        assert_eq!((reply.status, reply.code().as_str()), (404, code), "{path}");
        let reply = ask(&registry, &format!("HEAD {path}"), &[], b"");
        assert_eq!((reply.status, reply.body.len()), (404, 0), "{path}");
    }
}

#[test]
fn pull_what_is_there_by_tag_and_by_digest() {
    let registry = MemoryRegistry::start();
    let bytes = manifest(&registry, "acme/shop", &json!({}));
    assert_eq!(push_manifest(&registry, "1", &bytes).status, 201);
    let digest = Digest::of(&bytes).to_string();
    for name in ["1", &digest] {
        let path = format!("/v2/acme/shop/manifests/{name}");
        let whole = get(&registry, &path);
        assert_eq!((whole.status, &whole.body), (200, &bytes));
        assert_eq!(whole.headers["content-type"], MANIFEST);
        let head = ask(&registry, &format!("HEAD {path}"), &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.headers["docker-content-digest"], digest);
        assert_eq!(head.headers["content-length"], bytes.len().to_string());
    }
    let blob = push_blob(&registry, "acme/shop", b"0123456789");
    let path = format!("GET /v2/acme/shop/blobs/{blob}");
    assert_eq!(ask(&registry, &path, &[], b"").body, b"0123456789");
    let part = ask(&registry, &path, &[("range", "bytes=2-5")], b"");
    assert_eq!((part.status, &part.body[..]), (206, &b"2345"[..]));
    assert_eq!(part.headers["content-range"], "bytes 2-5/10");
    assert_eq!(
        ask(&registry, &path, &[("range", "bytes=20-")], b"").status,
        416
    );
}

#[test]
fn push_a_blob_whole_by_post_and_put() {
    let registry = MemoryRegistry::start();
    let opened = ask(&registry, "POST /v2/acme/shop/blobs/uploads/", &[], b"");
    assert_eq!(opened.status, 202);
    let digest = Digest::of(b"blob");
    let put = |digest: &Digest| format!("PUT {}?digest={digest}", opened.location());
    let closed = ask(&registry, &put(&digest), &[], b"blob");
    assert_eq!(closed.status, 201);
    assert_eq!(get(&registry, &closed.location()).body, b"blob");
    assert_eq!(
        ask(&registry, &put(&digest), &[], b"blob").status,
        404,
        "the upload is over"
    );
}

#[test]
fn push_a_blob_with_a_wrong_digest_is_refused() {
    let registry = MemoryRegistry::start();
    let opened = ask(&registry, "POST /v2/acme/shop/blobs/uploads/", &[], b"");
    let line = format!("PUT {}?digest={}", opened.location(), Digest::of(b"other"));
    let reply = ask(&registry, &line, &[], b"blob");
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "DIGEST_INVALID")
    );
}

#[test]
fn push_a_blob_in_chunks_which_must_be_in_order() {
    let registry = MemoryRegistry::start();
    let opened = ask(&registry, "POST /v2/acme/shop/blobs/uploads/", &[], b"");
    let patch = |location: &str, range: &str, body: &[u8]| {
        ask(
            &registry,
            &format!("PATCH {location}"),
            &[("content-range", range)],
            body,
        )
    };
    let early = patch(&opened.location(), "5-9", b"56789");
    assert_eq!(early.status, 416);
    let first = patch(&opened.location(), "0-4", b"01234");
    assert_eq!(
        (first.status, first.headers["range"].as_str()),
        (202, "0-4")
    );
    assert_eq!(patch(&first.location(), "0-4", b"01234").status, 416);
    let status = get(&registry, &first.location());
    assert_eq!(
        (status.status, status.headers["range"].as_str()),
        (204, "0-4")
    );
    let second = patch(&status.location(), "5-9", b"56789");
    assert_eq!(
        (second.status, second.headers["range"].as_str()),
        (202, "0-9")
    );
    let digest = Digest::of(b"0123456789ab");
    let line = format!("PUT {}?digest={digest}", second.location());
    let closed = ask(&registry, &line, &[("content-range", "10-11")], b"ab");
    assert_eq!(closed.status, 201);
    assert_eq!(get(&registry, &closed.location()).body, b"0123456789ab");
}

#[test]
fn push_a_blob_in_one_stream_without_a_range() {
    let registry = MemoryRegistry::start();
    let opened = ask(&registry, "POST /v2/acme/shop/blobs/uploads/", &[], b"");
    let streamed = ask(
        &registry,
        &format!("PATCH {}", opened.location()),
        &[],
        b"blob",
    );
    assert_eq!(streamed.status, 202);
    let line = format!("PUT {}?digest={}", streamed.location(), Digest::of(b"blob"));
    assert_eq!(ask(&registry, &line, &[], b"").status, 201);
}

#[test]
fn push_by_mount_is_201_where_the_blob_is_there_and_an_upload_otherwise() {
    let registry = MemoryRegistry::start();
    let digest = push_blob(&registry, "acme/base", b"blob");
    let other = Digest::of(b"other");
    for (query, status) in [
        (format!("mount={digest}&from=acme/base"), 201),
        (format!("mount={other}&from=acme/base"), 202),
        (format!("mount={digest}&from=acme/none"), 202),
        (format!("mount={digest}"), 202),
    ] {
        let line = format!("POST /v2/acme/shop/blobs/uploads/?{query}");
        let reply = ask(&registry, &line, &[], b"");
        assert_eq!(reply.status, status, "{query}");
        assert!(reply.headers.contains_key("location"));
    }
    assert_eq!(
        get(&registry, &format!("/v2/acme/shop/blobs/{digest}")).body,
        b"blob"
    );
}

#[test]
fn push_a_manifest_whose_parts_are_missing_or_whose_digest_is_wrong_is_refused() {
    let registry = MemoryRegistry::start();
    let layer = json!([{ "mediaType": "x", "digest": Digest::of(b"none"), "size": 4 }]);
    let bytes = manifest(&registry, "acme/shop", &json!({ "layers": layer }));
    let reply = push_manifest(&registry, "1", &bytes);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (404, "MANIFEST_BLOB_UNKNOWN")
    );
    assert_eq!(get(&registry, "/v2/acme/shop/manifests/1").status, 404);
    let bytes = manifest(&registry, "acme/shop", &json!({}));
    let reply = push_manifest(&registry, &Digest::of(b"other").to_string(), &bytes);
    assert_eq!(reply.code(), "DIGEST_INVALID");
    let reply = push_manifest(&registry, "1", b"not json");
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "MANIFEST_INVALID")
    );
}

#[test]
fn discovery_lists_tags_in_order_and_in_pages() {
    let registry = MemoryRegistry::start();
    let bytes = manifest(&registry, "acme/shop", &json!({}));
    for tag in ["b", "a", "c", "d"] {
        push_manifest(&registry, tag, &bytes);
    }
    let list = |query: &str| get(&registry, &format!("/v2/acme/shop/tags/list{query}")).json();
    assert_eq!(list("")["tags"], json!(["a", "b", "c", "d"]));
    assert_eq!(list("")["name"], "acme/shop");
    assert_eq!(list("?n=2")["tags"], json!(["a", "b"]));
    assert_eq!(list("?n=2&last=b")["tags"], json!(["c", "d"]));
    assert_eq!(list("?n=0")["tags"], json!([]));
    assert_eq!(
        get(&registry, "/v2/acme/none/tags/list").code(),
        "NAME_UNKNOWN"
    );
}

#[test]
fn discovery_lists_referrers_with_their_annotations_and_by_type() {
    let registry = MemoryRegistry::start();
    // The subject need not be there.
    let subject = Digest::of(b"subject");
    let path = format!("/v2/acme/shop/referrers/{subject}");
    let none = get(&registry, &path);
    assert_eq!(
        (none.status, none.json()["manifests"].clone()),
        (200, json!([]))
    );
    assert_eq!(none.headers["content-type"], INDEX);
    let refers = json!({ "mediaType": MANIFEST, "digest": subject, "size": 7 });
    for artifact_type in ["application/x", "application/y"] {
        let extra = json!({
            "subject": refers, "artifactType": artifact_type, "annotations": { "of": artifact_type },
        });
        let bytes = manifest(&registry, "acme/shop", &extra);
        let reply = push_manifest(&registry, &Digest::of(&bytes).to_string(), &bytes);
        assert_eq!(reply.headers["oci-subject"], subject.to_string());
    }
    assert_eq!(
        get(&registry, &path).json()["manifests"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let filtered = get(&registry, &format!("{path}?artifactType=application/x"));
    assert_eq!(filtered.headers["oci-filters-applied"], "artifactType");
    let manifests = filtered.json()["manifests"].clone();
    assert_eq!(manifests.as_array().unwrap().len(), 1);
    assert_eq!(manifests[0]["artifactType"], "application/x");
    assert_eq!(
        manifests[0]["annotations"],
        json!({ "of": "application/x" })
    );
    assert_eq!(
        get(&registry, "/v2/acme/shop/referrers/sha256:x").status,
        400
    );
}

#[test]
fn management_deletes_tags_manifests_and_blobs() {
    let registry = MemoryRegistry::start();
    let bytes = manifest(&registry, "acme/shop", &json!({}));
    for tag in ["1", "2"] {
        push_manifest(&registry, tag, &bytes);
    }
    let delete =
        |path: &str| ask(&registry, &format!("DELETE /v2/acme/shop/{path}"), &[], b"").status;
    let status = |path: &str| get(&registry, &format!("/v2/acme/shop/{path}")).status;
    let (by_digest, config) = (Digest::of(&bytes), Digest::of(b"{}"));
    assert_eq!(delete("manifests/1"), 202);
    assert_eq!((status("manifests/1"), status("manifests/2")), (404, 200));
    assert_eq!(delete(&format!("manifests/{by_digest}")), 202);
    assert_eq!(status("manifests/2"), 404);
    assert_eq!(delete(&format!("blobs/{config}")), 202);
    assert_eq!(status(&format!("blobs/{config}")), 404);
    assert_eq!(delete(&format!("blobs/{config}")), 404);
}
