//! What each registry whose habits are known is put to beside a push and a pull: a connection that
//! breaks, and artifacts that refer to an image.

use crate::personalities::rows;
use crate::support::{image, one, read_layers, reference};
use mizzen_oci::{Descriptor, MediaType};
use mizzen_registry::Artifact;
use mizzen_store::BytesBlob;
use mizzen_testkit::Fault;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_layer_that_breaks_off_halfway_arrives_at_every_registry() {
    for row in rows() {
        let registry = row.start();
        let host = registry.host();
        let layer = "x".repeat(usize::try_from(row.layer_bytes).unwrap());
        let half = row.layer_bytes / 2;
        let first = AtomicBool::new(true);
        registry.play(move |_, request| {
            let carries = |length: &String| length.parse::<u64>().unwrap() > half.min(20);
            let carries = request.headers.get("content-length").is_some_and(carries);
            let hit = carries && matches!(&*request.method, "PUT" | "PATCH");
            (hit && first.swap(false, Ordering::SeqCst)).then_some(Fault::ResetInBody(half.min(20)))
        });
        let what = one(image(&[&layer]));
        let to = format!("{host}/shop:1");
        let pushed = row.client(&host, None).push(&to, &what);
        pushed.unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
        let cut = registry.requests().into_iter();
        assert_eq!(
            cut.filter(|request| request.status.is_none()).count(),
            1,
            "{}",
            row.name
        );
        let client = row.client(&host, None);
        let pulled = client.pull(&to).unwrap();
        assert!(read_layers(&pulled).unwrap() == [layer], "{}", row.name);
    }
}

#[test]
fn what_is_attached_is_listed_by_every_registry() {
    for row in rows() {
        let registry = row.start();
        let host = registry.host();
        let client = row.client(&host, None);
        let repository = reference(&format!("{host}/shop:1")).repository;
        let subject = client
            .push(&format!("{host}/shop:1"), &one(image(&["app"])))
            .unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
        for number in 0..2 {
            let text = format!("note {number}");
            let blob = BytesBlob(text.as_bytes().into());
            let descriptor = Descriptor::of(MediaType::from("text/plain"), text.as_bytes());
            let artifact = Artifact::new(
                "application/x",
                &subject,
                vec![(descriptor, Arc::new(blob))],
                &BTreeMap::from([("number".to_owned(), number.to_string())]),
            );
            // A list under a tag cannot grow where tags stay: the registry says so.
            let attached = client.registry.attach(&repository, &artifact);
            if row.name.starts_with("Amazon ECR") && number == 1 {
                assert!(attached.unwrap_err().to_string().contains("TAG_INVALID"));
                continue;
            }
            attached.unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
        }
        let listed = client
            .registry
            .referrers(&repository, &subject.digest, None);
        let listed = listed.unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
        let want = if row.name.starts_with("Amazon ECR") {
            1
        } else {
            2
        };
        assert_eq!(listed.len(), want, "{}", row.name);
        assert!(
            listed
                .iter()
                .all(|entry| entry.annotations.contains_key("number"))
        );
    }
}
