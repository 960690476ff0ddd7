use crate::{INDEX, MANIFEST, ask, get, manifest, push_manifest};
use mizzen_oci::Digest;
use mizzen_testkit::MemoryRegistry;
use serde_json::json;

#[test]
fn lists_tags_in_order_and_in_pages() {
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
fn lists_referrers_with_their_annotations_and_by_type() {
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
fn lists_an_index_that_refers_to_something_and_nothing_of_another_type() {
    let registry = MemoryRegistry::start();
    let subject = manifest(&registry, "acme/shop", &json!({}));
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [], "artifactType": "application/x",
        "subject": { "mediaType": MANIFEST, "digest": Digest::of(&subject), "size": subject.len() },
        "annotations": { "of": "index" },
    })
    .to_string();
    let line = format!(
        "PUT /v2/acme/shop/manifests/{}",
        Digest::of(index.as_bytes())
    );
    let pushed = ask(
        &registry,
        &line,
        &[("content-type", INDEX)],
        index.as_bytes(),
    );
    let digest = Digest::of(&subject).to_string();
    assert_eq!(
        (pushed.status, &pushed.headers["oci-subject"]),
        (201, &digest)
    );
    // That the subject comes later changes nothing.
    assert_eq!(push_manifest(&registry, "1", &subject).status, 201);
    let path = format!("/v2/acme/shop/referrers/{digest}");
    let listed = get(&registry, &path).json()["manifests"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["mediaType"], INDEX);
    assert_eq!(listed[0]["annotations"], json!({ "of": "index" }));
    let other = get(&registry, &format!("{path}?artifactType=application/y"));
    assert_eq!(
        (other.status, other.json()["manifests"].clone()),
        (200, json!([]))
    );
}
