use super::fault::Fault;
use super::recorded::RecordedRequest;
use super::server::lock;
use std::sync::Mutex;

type Script = Box<dyn Fn(usize, &RecordedRequest) -> Option<Fault> + Send + Sync>;

/// What tests see of a server: what it was asked, what goes wrong next.
#[derive(Default)]
pub(super) struct Log {
    requests: Mutex<Vec<RecordedRequest>>,
    script: Mutex<Option<Script>>,
}

impl Log {
    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.requests).clone()
    }

    pub(super) fn clear(&self) {
        lock(&self.requests).clear();
    }

    pub(super) fn set_script(&self, script: Option<Script>) {
        *lock(&self.script) = script;
    }

    /// Takes note of a request; returns its number and its fault.
    pub(super) fn note(&self, request: &RecordedRequest) -> (usize, Option<Fault>) {
        let mut requests = lock(&self.requests);
        let number = requests.len();
        requests.push(request.clone());
        drop(requests);
        let script = lock(&self.script);
        (
            number,
            script.as_ref().and_then(|script| script(number, request)),
        )
    }

    pub(super) fn finish(&self, number: usize, body_bytes: u64, status: Option<u16>) {
        // The log may have been cleared while the request was on its way.
        if let Some(request) = lock(&self.requests).get_mut(number) {
            request.body_bytes = body_bytes;
            request.status = status;
        }
    }
}
