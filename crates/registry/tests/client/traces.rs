//! What is told of each request, and that no secret is in it.

use crate::support::{Client, image, one, read_layers};
use mizzen_oci::Digest;
use mizzen_registry::{Credential, Trace, Transfer, TransferReporter, Wait};
use mizzen_testkit::registry::{Login, Personality};
use mizzen_testkit::{Fault, MemoryRegistry};
use std::sync::{Arc, Mutex};

/// Writes down everything that is told.
#[derive(Debug, Default)]
struct Listener {
    traces: Mutex<Vec<Trace>>,
    waits: Mutex<Vec<Wait>>,
}

impl TransferReporter for Listener {
    fn report(&self, _: &Digest, _: u64, _: Transfer) {}

    fn trace(&self, trace: &Trace) {
        self.traces.lock().unwrap().push(trace.clone());
    }

    fn wait(&self, wait: &Wait) {
        self.waits.lock().unwrap().push(wait.clone());
    }
}

impl Listener {
    fn lines(&self) -> Vec<String> {
        let traces = self.traces.lock().unwrap();
        let waits = self.waits.lock().unwrap();
        let traces = traces.iter().map(ToString::to_string);
        traces
            .chain(waits.iter().map(ToString::to_string))
            .collect()
    }
}

/// A client that is told `user:password`, and its listener.
fn client(host: &str, password: &str) -> (Client, Arc<Listener>) {
    let listener = Arc::<Listener>::default();
    let client = Client::with(|settings| {
        let credential = Credential::new("user", password).unwrap();
        let keychain = &mut settings.keychain;
        keychain.add_credential("the test", host, credential);
        settings.reporter = listener.clone();
    });
    (client, listener)
}

#[test]
fn a_request_is_told_with_its_answer_its_bytes_and_its_attempt() {
    let registry = MemoryRegistry::start();
    registry.play(|number, _| {
        (number == 0).then(|| Fault::Status(503, vec![("retry-after", "7".to_owned())]))
    });
    let host = registry.host();
    let (client, listener) = client(&host, "secret");
    client
        .push(&format!("{host}/shop:1"), &one(image(&["layer"])))
        .unwrap();
    let traces = listener.traces.lock().unwrap();
    assert_eq!(traces.len() as u64, client.registry.counts().requests);
    let asked = registry.requests();
    assert_eq!(traces.len(), asked.len());
    for request in asked {
        let url = format!("http://{host}{}", request.path);
        let told = traces.iter().any(|trace| {
            trace.method == request.method
                && trace.url.split('?').next() == Some(&url)
                && trace.outcome.as_ref().ok() == request.status.as_ref()
                && trace.sent_bytes == request.body_bytes
        });
        assert!(told, "{request}: {traces:#?}");
    }
    let again: Vec<&Trace> = traces.iter().filter(|trace| trace.attempt == 2).collect();
    assert_eq!(again.len(), 1, "{traces:#?}");
    let waits = listener.waits.lock().unwrap();
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0].delay.as_secs(), 7);
    assert!(waits[0].because.ends_with("status 503"), "{}", waits[0]);
}

#[test]
fn a_request_without_an_answer_is_told_with_the_reason() {
    let registry = MemoryRegistry::start();
    registry.play(|number, _| (number == 0).then_some(Fault::ResetBeforeAnswer));
    let host = registry.host();
    let (client, listener) = client(&host, "secret");
    client
        .push(&format!("{host}/shop:1"), &one(image(&["layer"])))
        .unwrap();
    let traces = listener.traces.lock().unwrap();
    let failed: Vec<&Trace> = traces
        .iter()
        .filter(|trace| trace.outcome.is_err())
        .collect();
    assert_eq!(failed.len(), 1, "{traces:#?}");
    assert!(
        failed[0].to_string().contains("connection"),
        "{}",
        failed[0]
    );
}

#[test]
fn no_secret_is_told() {
    // What the registry knows, in every form in which it goes over the wire.
    const SECRETS: [&str; 5] = [
        "hunter2",
        "dXNlcjpodW50ZXIy",
        "token-",
        "S1GNATURE",
        "Bearer",
    ];
    let account = Some(("user".to_owned(), "hunter2".to_owned()));
    let bearer = Login::Bearer {
        account,
        repositories: Vec::new(),
    };
    let basic = Login::Basic {
        username: "user".to_owned(),
        password: "hunter2".to_owned(),
    };
    for (login, by_post) in [(basic, 200), (bearer.clone(), 200), (bearer, 404)] {
        let (registry, storage) = (MemoryRegistry::start(), MemoryRegistry::start());
        registry.require(login);
        registry.behave(Personality {
            password_post_status: by_post,
            ..Personality::named("Google GAR")
        });
        let host = registry.host();
        let to = format!("{host}/shop:1");
        let (client, listener) = client(&host, "hunter2");
        client.push(&to, &one(image(&["layer"]))).unwrap();
        storage.put_blob("shop", b"layer");
        let source = client
            .registry
            .source(crate::support::reference(&to), client.store.clone());
        let image = source.image_for(&crate::support::amd64()).unwrap();
        let signed = storage.host();
        registry.play(move |_, request| {
            let location = format!(
                "http://{signed}{}?sig=S1GNATURE&digest=S1GNATURE",
                request.path
            );
            Some(Fault::Status(307, vec![("location", location)]))
        });
        assert_eq!(read_layers(&image).unwrap(), ["layer"]);
        let lines = listener.lines().join("\n");
        for secret in SECRETS {
            assert!(!lines.contains(secret), "{secret}: {lines}");
        }
        // What was hidden was there to be hidden.
        let redirected = format!("http://{}/v2/shop/blobs/", storage.host());
        assert!(
            lines.contains(&redirected) && lines.contains('…'),
            "{lines}"
        );
        let targets = storage.requests();
        assert!(targets[0].target.contains("S1GNATURE"));
    }
}
