use super::fault::Fault;
use super::log::Log;
use super::recorded::RecordedRequest;
use super::routes::Asked;
use super::wire::{on_the_wire, read_body, record, stale_token, status_answer};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fmt;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// What answers the requests that reach it.
pub(super) trait Backend: Send + Sync + 'static {
    fn answer(&self, asked: &Asked<'_>) -> impl Future<Output = Response<Bytes>> + Send;

    /// A longer body is answered 413.
    fn most_body_bytes(&self) -> u64 {
        u64::MAX
    }

    /// Takes the first bytes of a body whose rest never came.
    fn part(&self, request: &RecordedRequest, bytes: &[u8]);
}

/// A server on a loopback port of its own; it stops when the value is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) log: Arc<Log>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.address)
    }
}

impl Server {
    pub(super) fn start(backend: Arc<impl Backend>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        listener
            .set_nonblocking(true)
            .expect("a socket can be non-blocking");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let log = Arc::<Log>::default();
        let for_thread = log.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)
                    .expect("the listener is non-blocking");
                tokio::select! {
                    () = accept(listener, backend, for_thread) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_timeout(Duration::from_millis(10));
        });
        Self {
            address,
            log,
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, backend: Arc<impl Backend>, log: Arc<Log>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (backend, log) = (backend.clone(), log.clone());
        tokio::spawn(async move {
            drop(stream.set_nodelay(true));
            let stream = stream.into_std().expect("a fresh stream has no readers");
            let raw = Arc::new(stream.try_clone().expect("a socket can be named twice"));
            let stream = tokio::net::TcpStream::from_std(stream).expect("it is non-blocking still");
            let cut = Arc::new(Notify::new());
            let for_service = (cut.clone(), raw.clone());
            let service = service_fn(move |request| {
                let (cut, raw) = for_service.clone();
                let (backend, log) = (backend.clone(), log.clone());
                async move {
                    if let Some(answer) = serve(request, &*backend, &log, &raw).await {
                        return Ok::<_, Infallible>(answer.map(Full::new));
                    }
                    cut.notify_one();
                    std::future::pending().await
                }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                _ = connection => {}
                () = cut.notified() => {}
            }
        });
    }
}

/// Answers one request; `None` if the connection is to be closed now.
async fn serve(
    request: Request<Incoming>,
    backend: &impl Backend,
    log: &Log,
    raw: &std::net::TcpStream,
) -> Option<Response<Bytes>> {
    let (head, incoming) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let recorded = record(&head, &pairs);
    let (number, fault) = log.note(&recorded);

    let limit = match fault {
        Some(Fault::ResetInBody(limit)) => usize::try_from(limit).expect("it fits"),
        _ => usize::MAX,
    };
    let (body, whole) = read_body(incoming, limit).await;
    let body_bytes = body.len() as u64;
    let finish = |status| log.finish(number, body_bytes, status);
    finish(None);
    if !whole || matches!(fault, Some(Fault::ResetInBody(_))) {
        backend.part(&recorded, &body);
        return reset(raw);
    }

    // The OAuth2 form has the scopes in one field, the query in several.
    let form = url::form_urlencoded::parse(&body).into_owned();
    let form = form.filter(|_| recorded.path == "/token");
    let scopes = pairs.into_iter().chain(form.collect::<Vec<_>>());
    let scopes = scopes.filter(|(name, _)| name == "scope");
    let asked = Asked {
        request: &recorded,
        scopes: scopes
            .flat_map(|(_, value)| value.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect(),
        body: body.into(),
    };
    let mut answer = match &fault {
        Some(Fault::ResetBeforeAnswer) => return reset(raw),
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Status(status, headers)) => status_answer(*status, headers),
        Some(Fault::StaleToken) if recorded.path != "/token" => stale_token(&recorded),
        _ if body_bytes > backend.most_body_bytes() => {
            let mut answer = Response::new(Bytes::from_static(b"<h1>413</h1>"));
            *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            answer
        }
        _ => backend.answer(&asked).await,
    };
    match fault {
        Some(Fault::LoseAnswer) => return reset(raw),
        Some(Fault::CutAnswer) => {
            let bytes = on_the_wire(&answer, &recorded.method);
            // The socket does not block, and half an answer of a test fits its buffer.
            drop((&*raw).write_all(&bytes[..bytes.len() / 2]));
            return None;
        }
        Some(Fault::FlipByte) if !answer.body().is_empty() => {
            let mut bytes = answer.body().to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            *answer.body_mut() = bytes.into();
        }
        Some(Fault::Claim(headers)) => {
            if recorded.method == "HEAD" {
                let length = answer.body().len().into();
                answer.headers_mut().insert("content-length", length);
                *answer.body_mut() = Bytes::new();
            }
            for (name, value) in headers {
                let value = value.parse().expect("the script's headers are ASCII");
                answer.headers_mut().insert(name, value);
            }
        }
        Some(Fault::OtherBody(bytes)) => *answer.body_mut() = bytes.into(),
        _ => {}
    }
    if recorded.method == "HEAD" && !answer.headers().contains_key("content-length") {
        let length = answer.body().len().into();
        answer.headers_mut().insert("content-length", length);
    }
    finish(Some(answer.status().as_u16()));
    Some(answer)
}

// Closing with unread or unsent data and no linger sends RST.
fn reset(raw: &std::net::TcpStream) -> Option<Response<Bytes>> {
    let unlingering = rustix::net::sockopt::set_socket_linger(raw, Some(Duration::ZERO));
    unlingering.expect("an open socket takes options");
    None
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
