use super::routes::{Asked, error};
use super::server::{Backend, Server};
use super::{Fault, RecordedRequest};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::io::{self, Write};
use std::sync::Arc;

/// Stands before a registry on loopback, records what passes, and makes it fail by script.
#[derive(Debug)]
pub struct FaultProxy {
    server: Server,
}

#[derive(Debug)]
struct Upstream {
    host: String,
}

impl FaultProxy {
    /// Starts one before the registry at `host` (`localhost:5000`).
    pub fn before(host: &str) -> Self {
        let upstream = Upstream {
            host: host.to_owned(),
        };
        Self {
            server: Server::start(Arc::new(upstream)),
        }
    }

    /// Returns host and port, as a reference begins.
    pub fn host(&self) -> String {
        self.server.address.to_string()
    }

    /// Plays `script`: it sees each request with its number since the last
    /// [`Self::forget_requests`] and says what goes wrong with it.
    pub fn play(
        &self,
        script: impl Fn(usize, &RecordedRequest) -> Option<Fault> + Send + Sync + 'static,
    ) {
        self.server.log.set_script(Some(Box::new(script)));
    }

    /// Goes back to nothing going wrong.
    pub fn play_nothing(&self) {
        self.server.log.set_script(None);
    }

    /// Returns every request since the start or the last [`Self::forget_requests`].
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.server.log.requests()
    }

    /// Counts requests again.
    pub fn forget_requests(&self) {
        self.server.log.clear();
    }
}

impl Backend for Upstream {
    async fn answer(&self, asked: &Asked<'_>) -> Response<Bytes> {
        self.pass_on(asked)
            .await
            .unwrap_or_else(|failure| error(StatusCode::BAD_GATEWAY, "PROXY", &failure.to_string()))
    }

    // The registry behind sees what a registry sees whose client goes away: a head that promises
    // more than comes.
    fn part(&self, request: &RecordedRequest, bytes: &[u8]) {
        let first = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
        let header = |(name, value): (&String, &String)| format!("{name}: {value}\r\n");
        let head = first + &request.headers.iter().map(header).collect::<String>();
        let sent = std::net::TcpStream::connect(&self.host).and_then(|mut stream| {
            stream.write_all(head.as_bytes())?;
            stream.write_all(b"\r\n")?;
            stream.write_all(bytes)?;
            stream.shutdown(std::net::Shutdown::Write)?;
            // The answer says that the registry has taken note.
            io::copy(&mut stream, &mut io::sink())
        });
        sent.expect("the registry behind the proxy listens");
    }
}

impl Upstream {
    async fn pass_on(
        &self,
        asked: &Asked<'_>,
    ) -> Result<Response<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
        let stream = tokio::net::TcpStream::connect(&self.host).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driven = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(&*asked.request.method)
            .uri(&asked.request.target);
        // The host, too, is passed on: registries build absolute URLs from it, and those must lead
        // back here.
        for (name, value) in &asked.request.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(asked.body.clone()))?;
        let (mut head, body) = sender.send_request(request).await?.into_parts();
        let bytes = body.collect().await?.to_bytes();
        driven.abort();
        head.headers.remove("connection");
        if asked.request.method != "HEAD" {
            head.headers.remove("content-length");
        }
        Ok(Response::from_parts(head, bytes))
    }
}
