//! Large layers whose connection breaks: they go on where they were, or come in smaller pieces.

use crate::support::{Client, image, one, read_layers};
use mizzen_testkit::{DockerRegistry, Fault, FaultProxy, MemoryRegistry};
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_layer_that_was_cut_at_nine_tenths_goes_on_from_there() {
    let registry = MemoryRegistry::start();
    let layer = "0123456789abcdef".repeat(256 * 1024);
    let size = layer.len() as u64;
    registry.play(move |_, request| {
        let hit = request.method == "PUT" && request.path.contains("/uploads/");
        (hit && request.headers["content-length"].parse::<u64>().unwrap() == size)
            .then_some(Fault::ResetInBody(size / 10 * 9))
    });
    let reference = format!("{}/shop:1", registry.host());
    Client::new()
        .push(&reference, &one(image(&[&layer])))
        .unwrap();
    let sent: Vec<u64> = registry
        .requests()
        .iter()
        .filter(|request| request.is_blob_upload() && request.body_bytes > 1000)
        .map(|request| request.body_bytes)
        .collect();
    assert_eq!(sent, [size / 10 * 9, size - size / 10 * 9]);
    registry.play_nothing();
    let fresh = Client::new();
    assert_eq!(
        read_layers(&fresh.pull(&reference).unwrap()).unwrap(),
        [layer]
    );
}

#[test]
fn a_proxy_that_cuts_off_what_is_too_large_gets_chunks() {
    let registry = MemoryRegistry::start();
    let large = 4 * 1024 * 1024;
    registry.play(move |_, request| {
        let length = request.headers.get("content-length");
        let length = length.map_or(0, |length| length.parse().unwrap());
        (length >= large).then_some(Fault::ResetInBody(1))
    });
    let layer = "0123456789abcdef".repeat(256 * 1024);
    let reference = format!("{}/shop:1", registry.host());
    Client::new()
        .push(&reference, &one(image(&[&layer])))
        .unwrap();
    let fresh = Client::new();
    assert_eq!(
        read_layers(&fresh.pull(&reference).unwrap()).unwrap(),
        [layer]
    );
}

#[test]
fn a_layer_that_was_cut_on_its_way_to_debians_registry_arrives() {
    let docker = DockerRegistry::start().unwrap();
    let proxy = FaultProxy::before(&docker.host());
    let layer = "0123456789abcdef".repeat(256 * 1024);
    let size = layer.len() as u64;
    let first = AtomicBool::new(true);
    proxy.play(move |_, request| {
        let length = request.headers.get("content-length");
        let hit = request.method == "PUT" && length == Some(&size.to_string());
        (hit && first.swap(false, Ordering::SeqCst)).then_some(Fault::ResetInBody(size / 10 * 9))
    });
    let to = format!("{}/shop:1", proxy.host());
    Client::new().push(&to, &one(image(&[&layer]))).unwrap();
    // It keeps nothing of a PUT that broke off, and says so: the layer is sent again, whole.
    let sent = proxy.requests().into_iter();
    let sent: Vec<u64> = sent
        .map(|request| request.body_bytes)
        .filter(|bytes| *bytes > 1000)
        .collect();
    assert_eq!(sent, [size / 10 * 9, size]);
    let fresh = Client::new();
    let pulled = fresh.pull(&format!("{}/shop:1", docker.host())).unwrap();
    assert_eq!(read_layers(&pulled).unwrap(), [layer]);
}
