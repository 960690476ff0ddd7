//! What passes is waited for; what does not is said at once.

use crate::support::{Client, image, one};
use mizzen_registry::{ErrorKind, RegistryError};
use mizzen_testkit::{Fault, MemoryRegistry};
use std::time::Duration;

fn busy(header: &str) -> Fault {
    Fault::Status(429, vec![("retry-after", header.to_owned())])
}

#[test]
fn a_retry_after_is_waited_for_on_any_kind_of_request() {
    let what = one(image(&["layer"]));
    for method in ["HEAD", "POST", "PUT"] {
        let registry = MemoryRegistry::start();
        let first = std::sync::atomic::AtomicBool::new(true);
        registry.play(move |_, request| {
            let hit =
                request.method == method && first.swap(false, std::sync::atomic::Ordering::SeqCst);
            hit.then(|| busy("17"))
        });
        let client = Client::new();
        client
            .push(&format!("{}/shop:1", registry.host()), &what)
            .unwrap();
        let longest = client.clock.waits().into_iter().max().unwrap();
        assert!(longest >= Duration::from_secs(17), "{method}: {longest:?}");
    }
}

#[test]
fn a_registry_that_asks_for_an_hour_is_an_error_that_says_so() {
    let registry = MemoryRegistry::start();
    registry.play(|_, _| Some(busy("3600")));
    let client = Client::new();
    let error = client
        .pull(&format!("{}/shop:1", registry.host()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    let text = error.to_string();
    assert!(text.contains("3600s") && text.contains("120s"), "{text}");
    assert_eq!(registry.requests().len(), 1);
}

#[test]
fn a_registry_that_always_fails_is_asked_as_often_as_the_settings_say() {
    let registry = MemoryRegistry::start();
    registry.play(|_, _| Some(Fault::Status(503, Vec::new())));
    let client = Client::with(|settings| settings.retry.attempts = 4);
    let error = client
        .push(
            &format!("{}/shop:1", registry.host()),
            &one(image(&["layer"])),
        )
        .unwrap_err();
    assert!(
        matches!(error, RegistryError::Failed { attempts: 4, .. }),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(registry.requests().len(), 4);
}

#[test]
fn a_refusal_is_not_retried_and_comes_with_the_registrys_words() {
    let registry = MemoryRegistry::start();
    registry.play(|_, request| (request.method == "POST").then(|| Fault::Status(403, Vec::new())));
    let client = Client::new();
    let error = client
        .push(&format!("{}/shop:1", registry.host()), &one(image(&[])))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SaidNo);
    assert!(error.to_string().contains("403 SCRIPTED"), "{error}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.contains("the script says so") && source.contains("POST http://"),
        "{source}"
    );
    let posts = registry
        .requests()
        .into_iter()
        .filter(|request| request.method == "POST");
    assert_eq!(posts.count(), 1);
}

#[test]
fn a_server_that_accepts_and_never_answers_runs_into_the_limit() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    for tls in [false, true] {
        let client = Client::with(|settings| {
            settings.retry.attempts = 2;
            settings.silence_timeout = Duration::from_millis(200);
            let special = mizzen_registry::HostSettings {
                insecure: Some(!tls),
                ..mizzen_registry::HostSettings::default()
            };
            settings.hosts.insert(host.clone(), special);
        });
        let error = client.pull(&format!("{host}/shop:1")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    }
}

#[test]
fn a_layer_that_is_cut_while_it_comes_goes_on_from_there() {
    let registry = MemoryRegistry::start();
    let layer = "0123456789".repeat(1000);
    let to = format!("{}/shop:1", registry.host());
    Client::new().push(&to, &one(image(&[&layer]))).unwrap();
    let client = Client::new();
    let pulled = client.pull(&to).unwrap();
    registry.forget_requests();
    registry.play(|number, _| (number == 0).then_some(Fault::CutAnswer));
    assert_eq!(crate::support::read_layers(&pulled).unwrap(), [layer]);
    let requests = registry.requests();
    assert_eq!(requests.len(), 2);
    let range = &requests[1].headers["range"];
    let start: u64 = range["bytes=".len()..range.len() - 1].parse().unwrap();
    assert!(start > 4000, "{range}");
}
