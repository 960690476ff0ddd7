use super::access::{Login, Verdict};
use super::recorded::RecordedRequest;
use super::state::{State, StoredManifest};
use bytes::Bytes;
use hyper::{Response, StatusCode};
use mizzen_oci::Digest;
use serde_json::json;

/// What a handler sees of a request.
pub(super) struct Asked<'a> {
    pub(super) request: &'a RecordedRequest,
    pub(super) body: Bytes,
    /// The value of every `scope` of the query.
    pub(super) scopes: Vec<String>,
}

/// Answers a request, the way distribution-spec 1.1 says.
pub(super) fn answer(
    state: &mut State,
    login: Option<&Login>,
    asked: &Asked<'_>,
) -> Response<Bytes> {
    let request = asked.request;
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let host = header("host").unwrap_or_default();
    if request.path == "/token" {
        let token = login.and_then(|login| {
            login.token(&mut state.tokens, header("authorization"), &asked.scopes)
        });
        return match token {
            Some(token) => json_answer(
                StatusCode::OK,
                &json!({ "token": token, "expires_in": 300 }),
            ),
            None => error(
                StatusCode::UNAUTHORIZED,
                "UNAUTHORIZED",
                "wrong name or password",
            ),
        };
    }
    let Some(route) = request.path.strip_prefix("/v2/") else {
        return error(StatusCode::NOT_FOUND, "UNSUPPORTED", "no such route");
    };
    let (repository, rest) = split(route);
    if let Some(login) = login {
        let action = if matches!(&*request.method, "GET" | "HEAD") {
            "pull"
        } else {
            "push"
        };
        let authorization = header("authorization");
        let judge = |repository: &str, action: &str| {
            login.judge(&state.tokens, host, authorization, repository, action)
        };
        if let Verdict::Unauthorized(challenge) = judge(repository, action) {
            let mut answer = error(
                StatusCode::UNAUTHORIZED,
                "UNAUTHORIZED",
                "authentication required",
            );
            let value = challenge.parse().expect("a challenge is ASCII");
            answer.headers_mut().insert("www-authenticate", value);
            return answer;
        }
        if let Some(from) = request.query.get("from")
            && let Verdict::Unauthorized(_) = judge(from, "pull")
        {
            return open_upload(state, repository);
        }
    }
    match (&*request.method, rest) {
        (_, "") => json_answer(StatusCode::OK, &json!({})),
        (method, rest) => {
            let (kind, name) = rest.split_once('/').unwrap_or((rest, ""));
            match (method, kind, name) {
                ("GET" | "HEAD", "manifests", name) => get_manifest(state, repository, name),
                ("PUT", "manifests", name) => put_manifest(state, repository, name, asked),
                ("POST", "blobs", "uploads/") => post_upload(state, repository, asked),
                (_, "blobs", upload) if upload.starts_with("uploads/") => {
                    on_upload(state, repository, &upload["uploads/".len()..], asked)
                }
                ("GET" | "HEAD", "blobs", digest) => {
                    get_blob(state, repository, digest, header("range"))
                }
                _ => error(StatusCode::NOT_FOUND, "UNSUPPORTED", "no such route"),
            }
        }
    }
}

/// Splits `acme/shop/blobs/uploads/1` after the repository's name.
fn split(route: &str) -> (&str, &str) {
    let place = ["/manifests/", "/blobs/", "/tags/", "/referrers/"]
        .iter()
        .filter_map(|word| route.rfind(word))
        .min();
    place.map_or((route, ""), |place| (&route[..place], &route[place + 1..]))
}

fn get_manifest(state: &State, repository: &str, name: &str) -> Response<Bytes> {
    let Some((digest, manifest)) = state.manifest(repository, name) else {
        return error(
            StatusCode::NOT_FOUND,
            "MANIFEST_UNKNOWN",
            "manifest unknown",
        );
    };
    Response::builder()
        .header("content-type", manifest.media_type)
        .header("docker-content-digest", digest.to_string())
        .body(manifest.bytes)
        .expect("the headers are ASCII")
}

fn put_manifest(
    state: &mut State,
    repository: &str,
    name: &str,
    asked: &Asked<'_>,
) -> Response<Bytes> {
    let digest = Digest::of(&asked.body);
    let by_digest = name.parse::<Digest>().ok();
    if by_digest.is_some_and(|named| named != digest) {
        return error(
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            "the body has another digest",
        );
    }
    let Ok(manifest) = serde_json::from_slice(&asked.body) else {
        return error(
            StatusCode::BAD_REQUEST,
            "MANIFEST_INVALID",
            "the body is no JSON",
        );
    };
    if let Some(missing) = state.missing(repository, &manifest).first() {
        return error(StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN", missing);
    }
    let media_type = asked
        .request
        .headers
        .get("content-type")
        .cloned()
        .unwrap_or_default();
    let held = state.repository(repository);
    held.manifests.insert(
        digest,
        StoredManifest {
            media_type,
            bytes: asked.body.clone(),
        },
    );
    if by_digest.is_none() {
        held.tags.insert(name.to_owned(), digest);
    }
    created(&format!("/v2/{repository}/manifests/{digest}"), &digest)
}

fn get_blob(state: &State, repository: &str, digest: &str, range: Option<&str>) -> Response<Bytes> {
    let found = digest
        .parse()
        .ok()
        .and_then(|digest| state.blob(repository, &digest));
    let Some(bytes) = found else {
        return error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown");
    };
    let answer = Response::builder()
        .header("content-type", "application/octet-stream")
        .header("docker-content-digest", digest);
    let start = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
    let start = start.and_then(|start| start.parse::<usize>().ok());
    let answer = match start {
        Some(start) if start < bytes.len() => answer
            .status(StatusCode::PARTIAL_CONTENT)
            .header(
                "content-range",
                format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len()),
            )
            .body(bytes.slice(start..)),
        _ => answer.body(bytes),
    };
    answer.expect("the headers are ASCII")
}

fn post_upload(state: &mut State, repository: &str, asked: &Asked<'_>) -> Response<Bytes> {
    let query = &asked.request.query;
    if let (Some(mount), Some(from)) = (query.get("mount"), query.get("from"))
        && let Ok(digest) = mount.parse()
        && let Some(bytes) = state.blob(from, &digest)
    {
        state.repository(repository).blobs.insert(digest, bytes);
        return created(&format!("/v2/{repository}/blobs/{digest}"), &digest);
    }
    open_upload(state, repository)
}

fn open_upload(state: &mut State, repository: &str) -> Response<Bytes> {
    let name = state.start_upload(repository);
    upload_answer(StatusCode::ACCEPTED, repository, &name, 0)
}

fn on_upload(
    state: &mut State,
    repository: &str,
    name: &str,
    asked: &Asked<'_>,
) -> Response<Bytes> {
    let upload = state
        .uploads
        .get_mut(name)
        .filter(|upload| upload.repository == repository);
    let Some(upload) = upload else {
        return error(
            StatusCode::NOT_FOUND,
            "BLOB_UPLOAD_UNKNOWN",
            "upload unknown",
        );
    };
    let held = upload.bytes.len();
    match &*asked.request.method {
        "GET" => upload_answer(StatusCode::NO_CONTENT, repository, name, held),
        "PATCH" => {
            let start = asked.request.headers.get("content-range").map(|range| {
                range
                    .split('-')
                    .next()
                    .and_then(|start| start.parse::<usize>().ok())
            });
            if start.is_some_and(|start| start != Some(held)) {
                return upload_answer(StatusCode::RANGE_NOT_SATISFIABLE, repository, name, held);
            }
            upload.bytes.extend_from_slice(&asked.body);
            let held = upload.bytes.len();
            upload_answer(StatusCode::ACCEPTED, repository, name, held)
        }
        "PUT" => {
            let mut bytes = std::mem::take(&mut upload.bytes);
            bytes.extend_from_slice(&asked.body);
            state.uploads.remove(name);
            let digest = Digest::of(&bytes);
            if asked.request.query.get("digest") != Some(&digest.to_string()) {
                return error(
                    StatusCode::BAD_REQUEST,
                    "DIGEST_INVALID",
                    "the bytes have another digest",
                );
            }
            state
                .repository(repository)
                .blobs
                .insert(digest, bytes.into());
            created(&format!("/v2/{repository}/blobs/{digest}"), &digest)
        }
        "DELETE" => {
            state.uploads.remove(name);
            Response::builder()
                .status(StatusCode::NO_CONTENT)
                .body(Bytes::new())
                .expect("it is plain")
        }
        _ => error(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            "no such method",
        ),
    }
}

fn upload_answer(status: StatusCode, repository: &str, name: &str, held: usize) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header(
            "location",
            format!("/v2/{repository}/blobs/uploads/{name}?state=x"),
        )
        .header("range", format!("0-{}", held.saturating_sub(1)))
        .header("docker-upload-uuid", name)
        .body(Bytes::new())
        .expect("the headers are ASCII")
}

fn created(location: &str, digest: &Digest) -> Response<Bytes> {
    Response::builder()
        .status(StatusCode::CREATED)
        .header("location", location)
        .header("docker-content-digest", digest.to_string())
        .body(Bytes::new())
        .expect("the headers are ASCII")
}

fn json_answer(status: StatusCode, value: &serde_json::Value) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(value.to_string().into())
        .expect("the headers are ASCII")
}

pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    json_answer(
        status,
        &json!({ "errors": [{ "code": code, "message": message }] }),
    )
}
