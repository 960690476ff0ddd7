use crate::{MANIFEST, ask, get, manifest, push_blob, push_manifest};
use mizzen_oci::Digest;
use mizzen_testkit::MemoryRegistry;
use serde_json::json;

#[test]
fn what_is_not_there_is_404_with_a_code() {
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
fn what_is_there_by_tag_and_by_digest() {
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
fn asks_for_a_blob_by_head() {
    let registry = MemoryRegistry::start();
    let blob = push_blob(&registry, "acme/shop", b"0123456789");
    let line = format!("HEAD /v2/acme/shop/blobs/{blob}");
    let head = ask(&registry, &line, &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.headers["docker-content-digest"], blob.to_string());
    assert_eq!(head.headers["content-length"], "10");
}

#[test]
fn is_told_of_errors_with_a_code() {
    let registry = MemoryRegistry::start();
    let reply = push_manifest(&registry, "sha256:totallywrong", b"blablabla");
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "DIGEST_INVALID")
    );
}
