//! What of requests and answers is read and written by hand.

use super::recorded::RecordedRequest;
use super::routes::error;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Response, StatusCode};

pub(super) fn record(
    head: &hyper::http::request::Parts,
    pairs: &[(String, String)],
) -> RecordedRequest {
    let header = |(name, value): (&hyper::http::HeaderName, &hyper::http::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value)
    };
    RecordedRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        target: head.uri.to_string(),
        query: pairs.iter().cloned().collect(),
        headers: head.headers.iter().map(header).collect(),
        body_bytes: 0,
        status: None,
    }
}

/// Reads a body up to `limit`; `false` if the client went away in the middle.
pub(super) async fn read_body(mut incoming: Incoming, limit: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while body.len() < limit {
        match incoming.frame().await {
            Some(Ok(frame)) => body.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(_)) => return (body, false),
            None => break,
        }
    }
    body.truncate(limit);
    (body, true)
}

pub(super) fn status_answer(status: u16, headers: &[(&'static str, String)]) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).expect("the script names a status");
    let mut answer = error(status, "SCRIPTED", "the script says so");
    for (name, value) in headers {
        let value = value.parse().expect("the script's headers are ASCII");
        answer.headers_mut().insert(*name, value);
    }
    answer
}

pub(super) fn stale_token(request: &RecordedRequest) -> Response<Bytes> {
    let host = request.headers.get("host").map_or("", |host| host);
    let challenge =
        format!(r#"Bearer realm="http://{host}/token",service="testkit",error="invalid_token""#);
    let message = "the token is too old";
    let mut answer = error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
    let value = challenge.parse().expect("a challenge is ASCII");
    answer.headers_mut().insert("www-authenticate", value);
    answer
}

pub(super) fn on_the_wire(answer: &Response<Bytes>, method: &str) -> Vec<u8> {
    let status = answer.status();
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in answer.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(format!("content-length: {}\r\n\r\n", answer.body().len()).into_bytes());
    if method != "HEAD" {
        bytes.extend_from_slice(answer.body());
    }
    bytes
}
