use crate::{MANIFEST, ask, get, manifest, push_manifest};
use mizzen_oci::Digest;
use mizzen_testkit::MemoryRegistry;
use serde_json::json;

#[test]
fn deletes_tags_manifests_and_blobs() {
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

#[test]
fn is_seen_in_the_lists() {
    let registry = MemoryRegistry::start();
    let subject = Digest::of(b"subject");
    let refers = json!({ "mediaType": MANIFEST, "digest": subject, "size": 7 });
    let bytes = manifest(&registry, "acme/shop", &json!({ "subject": refers }));
    for tag in ["1", "2"] {
        push_manifest(&registry, tag, &bytes);
    }
    let delete = |path: &str| {
        let reply = ask(&registry, &format!("DELETE /v2/acme/shop/{path}"), &[], b"");
        (
            reply.status,
            if reply.status == 404 {
                reply.code()
            } else {
                String::new()
            },
        )
    };
    let list = |path: &str| get(&registry, &format!("/v2/acme/shop/{path}")).json();
    assert_eq!(delete("manifests/1").0, 202);
    assert_eq!(list("tags/list")["tags"], json!(["2"]));
    assert_eq!(delete(&format!("manifests/{}", Digest::of(&bytes))).0, 202);
    assert_eq!(list("tags/list")["tags"], json!([]));
    assert_eq!(
        list(&format!("referrers/{subject}"))["manifests"],
        json!([])
    );
    for missing in [
        "manifests/1".to_owned(),
        format!("manifests/{}", Digest::of(&bytes)),
    ] {
        assert_eq!(delete(&missing), (404, "MANIFEST_UNKNOWN".to_owned()));
    }
}
