use super::personality::{ChunkRule, Mount};
use super::routes::{Desk, error, plain};
use bytes::Bytes;
use hyper::{Response, StatusCode};
use mizzen_oci::Digest;

/// Opens an upload, mounts, or takes a whole blob at once.
pub(super) fn post(desk: &mut Desk<'_>) -> Response<Bytes> {
    let asked = desk.asked;
    let digest = |text: &str| text.parse::<Digest>().ok();
    if desk.personality.mount == Mount::Done
        && let Some(digest) = asked.query("mount").and_then(digest)
        && let Some(bytes) = asked
            .query("from")
            .and_then(|from| desk.state.blob(from, &digest))
    {
        return keep(desk, digest, bytes);
    }
    if let Some(named) = asked.query("digest") {
        return match digest(named) {
            Some(digest) if digest == Digest::of(&asked.body) => {
                keep(desk, digest, asked.body.clone())
            }
            _ => wrong_digest(),
        };
    }
    open(desk)
}

/// Opens an upload.
pub(super) fn open(desk: &mut Desk<'_>) -> Response<Bytes> {
    let name = desk.state.start_upload(desk.repository);
    let mut answer = progress(desk, StatusCode::ACCEPTED, &name, 0);
    if desk.personality.least_chunk_bytes > 0 {
        let least = desk.personality.least_chunk_bytes.into();
        answer.headers_mut().insert("oci-chunk-min-length", least);
    }
    answer
}

/// Answers whatever is asked of an upload.
pub(super) fn on(desk: &mut Desk<'_>, name: &str) -> Response<Bytes> {
    let repository = desk.repository;
    let upload = desk.state.uploads.get(name);
    let Some(upload) = upload.filter(|upload| upload.repository == repository) else {
        let text = "upload unknown";
        return error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", text);
    };
    let held = upload.bytes.len();
    let state_is_here = desk.asked.query("state") == Some(name);
    if desk.personality.location_query && !state_is_here {
        let text = "the upload's state is missing";
        return error(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", text);
    }
    match desk.asked.method() {
        "GET" => progress(desk, StatusCode::NO_CONTENT, name, held),
        "PATCH" => patch(desk, name, held),
        "PUT" => put(desk, name, held),
        "DELETE" => {
            desk.state.uploads.remove(name);
            plain(StatusCode::NO_CONTENT, &[])
        }
        _ => error(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            "no such method",
        ),
    }
}

fn patch(desk: &mut Desk<'_>, name: &str, held: usize) -> Response<Bytes> {
    let (asked, personality) = (desk.asked, desk.personality);
    let length = asked.body.len() as u64;
    let refused = match personality.chunks {
        ChunkRule::Taken => false,
        ChunkRule::Refused => true,
        ChunkRule::OnlyFirst => held > 0,
    };
    if refused {
        return error(StatusCode::BAD_REQUEST, "UNSUPPORTED", "no chunks here");
    }
    if !is_next(asked.header("content-range"), held, asked.body.len())
        || length > personality.most_chunk_bytes
    {
        return progress(desk, StatusCode::RANGE_NOT_SATISFIABLE, name, held);
    }
    let upload = desk.state.uploads.get_mut(name).expect("it was found");
    // A short chunk must be the last: whatever follows one is refused.
    if upload.had_short_chunk {
        return progress(desk, StatusCode::RANGE_NOT_SATISFIABLE, name, held);
    }
    upload.had_short_chunk = length < personality.least_chunk_bytes;
    upload.bytes.extend_from_slice(&asked.body);
    let first = *upload.first_chunk.get_or_insert(upload.bytes.len());
    let said = if personality.range_stands_still {
        first
    } else {
        upload.bytes.len()
    };
    let status = StatusCode::from_u16(personality.chunk_status);
    progress(desk, status.expect("the table names a status"), name, said)
}

fn put(desk: &mut Desk<'_>, name: &str, held: usize) -> Response<Bytes> {
    let asked = desk.asked;
    if !is_next(asked.header("content-range"), held, asked.body.len()) {
        return progress(desk, StatusCode::RANGE_NOT_SATISFIABLE, name, held);
    }
    let upload = desk.state.uploads.remove(name).expect("it was found");
    let bytes = [upload.bytes, asked.body.to_vec()].concat();
    let digest = Digest::of(&bytes);
    if asked.query("digest") != Some(&digest.to_string()) {
        return wrong_digest();
    }
    keep(desk, digest, bytes.into())
}

/// Whether a `Content-Range` of the protocol's own form (`0-9`, both ends counted) is what follows.
/// Without one, a body is what follows.
fn is_next(range: Option<&str>, held: usize, length: usize) -> bool {
    range.is_none_or(|range| {
        let ends = range.split_once('-');
        let ends = ends.and_then(|(start, last)| Some((start.parse().ok()?, last.parse().ok()?)));
        ends == Some((held, (held + length).saturating_sub(1)))
    })
}

fn keep(desk: &mut Desk<'_>, digest: Digest, bytes: Bytes) -> Response<Bytes> {
    let repository = desk.state.repository(desk.repository);
    repository.blobs.insert(digest, bytes);
    let location = location(desk, &format!("blobs/{digest}"));
    let headers = [
        ("location", location),
        ("docker-content-digest", digest.to_string()),
    ];
    plain(StatusCode::CREATED, &headers)
}

fn progress(desk: &Desk<'_>, status: StatusCode, name: &str, held: usize) -> Response<Bytes> {
    let state = if desk.personality.location_query {
        format!("?state={name}")
    } else {
        String::new()
    };
    let location = location(desk, &format!("blobs/uploads/{name}{state}"));
    let headers = [
        ("location", location),
        ("range", format!("0-{}", held.saturating_sub(1))),
    ];
    plain(status, &headers)
}

pub(super) fn location(desk: &Desk<'_>, path: &str) -> String {
    let path = format!("/v2/{}/{path}", desk.repository);
    if desk.personality.relative_location {
        path
    } else {
        format!("http://{}{path}", desk.asked.host())
    }
}

fn wrong_digest() -> Response<Bytes> {
    let text = "the bytes have another digest";
    error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", text)
}
