use super::routes::{Desk, error, plain};
use bytes::Bytes;
use hyper::{Response, StatusCode};

pub(super) fn get(desk: &Desk<'_>, name: &str) -> Response<Bytes> {
    let digest = name.parse().ok();
    let Some(bytes) = digest.and_then(|digest| desk.state.blob(desk.repository, &digest)) else {
        return error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown");
    };
    let headers = [
        ("content-type", "application/octet-stream".to_owned()),
        ("docker-content-digest", name.to_owned()),
        ("accept-ranges", "bytes".to_owned()),
    ];
    let Some(range) = desk.asked.header("range") else {
        return plain(StatusCode::OK, &headers).map(|_| bytes);
    };
    let range = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'));
    let start = range.and_then(|(start, _)| start.parse::<usize>().ok());
    let last = range.and_then(|(_, last)| last.parse::<usize>().ok());
    let last = last
        .unwrap_or(usize::MAX)
        .min(bytes.len().saturating_sub(1));
    match start {
        Some(start) if start <= last => {
            let content_range = format!("bytes {start}-{last}/{}", bytes.len());
            let mut answer = plain(StatusCode::PARTIAL_CONTENT, &headers);
            let value = content_range.parse().expect("digits are ASCII");
            answer.headers_mut().insert("content-range", value);
            answer.map(|_| bytes.slice(start..=last))
        }
        _ => error(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "RANGE_INVALID",
            "no such range",
        ),
    }
}

pub(super) fn delete(desk: &mut Desk<'_>, name: &str) -> Response<Bytes> {
    let held = desk.state.repository(desk.repository);
    match name
        .parse()
        .ok()
        .and_then(|digest| held.blobs.remove(&digest))
    {
        Some(_) => plain(StatusCode::ACCEPTED, &[]),
        None => error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown"),
    }
}
