use crate::{INDEX, MANIFEST, ask, get, manifest, push_blob, push_manifest};
use mizzen_oci::Digest;
use mizzen_testkit::MemoryRegistry;
use serde_json::json;

#[test]
fn a_blob_whole_by_post_and_put() {
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
fn a_blob_with_a_wrong_digest_is_refused() {
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
fn a_blob_in_chunks_which_must_be_in_order() {
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
fn a_blob_in_one_stream_without_a_range() {
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
fn by_mount_is_201_where_the_blob_is_there_and_an_upload_otherwise() {
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
fn a_manifest_whose_parts_are_missing_or_whose_digest_is_wrong_is_refused() {
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
fn says_where_everything_is_that_it_took() {
    let registry = MemoryRegistry::start();
    let opened = ask(&registry, "POST /v2/acme/shop/blobs/uploads/", &[], b"");
    let patched = ask(
        &registry,
        &format!("PATCH {}", opened.location()),
        &[],
        b"blob",
    );
    let line = format!("PUT {}?digest={}", patched.location(), Digest::of(b"blob"));
    let closed = ask(&registry, &line, &[], b"");
    assert_eq!(get(&registry, &closed.location()).body, b"blob");
    let bytes = manifest(&registry, "acme/shop", &json!({}));
    for tag in ["test0", "test1", "test2", "test3"] {
        let pushed = push_manifest(&registry, tag, &bytes);
        assert_eq!(pushed.status, 201);
        assert_eq!(get(&registry, &pushed.location()).body, bytes);
    }
}

#[test]
fn can_be_cancelled() {
    let registry = MemoryRegistry::start();
    let opened = ask(&registry, "POST /v2/acme/shop/blobs/uploads/", &[], b"");
    let location = opened.location();
    assert_eq!(
        ask(&registry, &format!("DELETE {location}"), &[], b"").status,
        204
    );
    let gone = get(&registry, &location);
    assert_eq!(
        (gone.status, gone.code().as_str()),
        (404, "BLOB_UPLOAD_UNKNOWN")
    );
    let line = format!("PUT {location}?digest={}", Digest::of(b"blob"));
    assert_eq!(ask(&registry, &line, &[], b"blob").status, 404);
}

#[test]
fn does_not_take_the_last_chunk_before_the_others() {
    let registry = MemoryRegistry::start();
    let opened = ask(&registry, "POST /v2/acme/shop/blobs/uploads/", &[], b"");
    let line = format!(
        "PUT {}?digest={}",
        opened.location(),
        Digest::of(b"0123456789")
    );
    let early = ask(&registry, &line, &[("content-range", "5-9")], b"56789");
    assert_eq!(early.status, 416);
    // The form that HTTP has for a range is not the protocol's.
    let line = format!("PATCH {}", opened.location());
    let other = ask(
        &registry,
        &line,
        &[("content-range", "bytes 0-4/10")],
        b"01234",
    );
    assert_eq!(other.status, 416);
    let first = ask(&registry, &line, &[("content-range", "0-9")], b"0123456789");
    assert_eq!(first.status, 202);
    let line = format!(
        "PUT {}?digest={}",
        first.location(),
        Digest::of(b"0123456789")
    );
    assert_eq!(ask(&registry, &line, &[], b"").status, 201);
}

#[test]
fn takes_every_kind_of_manifest_and_gives_it_back_as_it_was() {
    let registry = MemoryRegistry::start();
    let elsewhere = json!([{
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": Digest::of(b"not here"), "size": 8, "urls": ["https://store.example.com/blob"],
    }]);
    let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"),
        "size": 2, "data": "e30=" });
    let large: String = "A".repeat(3_900_000);
    for extra in [
        json!({}),
        json!({ "org.example.custom": { "x": [1, 2.5, null] } }),
        json!({ "layers": elsewhere }),
        json!({ "artifactType": "application/x", "config": empty, "layers": [empty] }),
        json!({ "annotations": { "large": large } }),
    ] {
        let bytes = manifest(&registry, "acme/shop", &extra);
        let name = Digest::of(&bytes).to_string();
        assert_eq!(push_manifest(&registry, &name, &bytes).status, 201);
        let pulled = get(&registry, &format!("/v2/acme/shop/manifests/{name}"));
        assert_eq!(
            (
                pulled.body == bytes,
                pulled.headers["content-type"].as_str()
            ),
            (true, MANIFEST)
        );
    }
    let over = manifest(
        &registry,
        "acme/shop",
        &json!({ "annotations": { "x": large + &"A".repeat(400_000) } }),
    );
    assert_eq!(push_manifest(&registry, "over", &over).status, 413);
}

#[test]
fn takes_an_index_after_its_manifests_and_an_index_of_it() {
    let registry = MemoryRegistry::start();
    let bytes = manifest(&registry, "acme/shop", &json!({}));
    let index = |media_type: &str, of: &[u8]| {
        let entry = json!({ "mediaType": media_type, "digest": Digest::of(of), "size": of.len() });
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] })
            .to_string()
            .into_bytes()
    };
    let put = |name: &str, bytes: &[u8]| {
        let line = format!("PUT /v2/acme/shop/manifests/{name}");
        ask(&registry, &line, &[("content-type", INDEX)], bytes).status
    };
    let inner = index(MANIFEST, &bytes);
    assert_eq!(put("inner", &inner), 404, "its manifest is not there");
    assert_eq!(push_manifest(&registry, "1", &bytes).status, 201);
    assert_eq!(put("inner", &inner), 201);
    assert_eq!(put("outer", &index(INDEX, &inner)), 201);
    let none = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }).to_string();
    assert_eq!(put("none", none.as_bytes()), 201);
    let pulled = get(&registry, "/v2/acme/shop/manifests/outer");
    assert_eq!(pulled.headers["content-type"], INDEX);
}
