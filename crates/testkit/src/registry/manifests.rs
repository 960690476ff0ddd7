use super::personality::Referrers;
use super::routes::{Desk, error, json_answer, plain};
use super::state::StoredManifest;
use super::uploads::location;
use bytes::Bytes;
use hyper::{Response, StatusCode};
use mizzen_oci::Digest;
use serde_json::{Value, json};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(super) fn get(desk: &Desk<'_>, name: &str) -> Response<Bytes> {
    let is_head = desk.asked.method() == "HEAD";
    let found = desk.state.manifest(desk.repository, name);
    let by_digest = || {
        let hex = name
            .strip_prefix("sha256-")
            .filter(|_| desk.personality.digest_tags)?;
        desk.state
            .manifest(desk.repository, &format!("sha256:{hex}"))
    };
    let Some((digest, manifest)) = found.or_else(by_digest) else {
        let status = if is_head {
            let status = StatusCode::from_u16(desk.personality.missing_manifest_status);
            status.expect("the table names a status")
        } else {
            StatusCode::NOT_FOUND
        };
        return error(status, "MANIFEST_UNKNOWN", "manifest unknown");
    };
    let mut headers = vec![("content-type", manifest.media_type)];
    if !is_head || desk.personality.head_names_digest {
        headers.push(("docker-content-digest", digest.to_string()));
    }
    plain(StatusCode::OK, &headers).map(|_| manifest.bytes)
}

pub(super) fn put(desk: &mut Desk<'_>, name: &str) -> Response<Bytes> {
    let (asked, personality, repository) = (desk.asked, desk.personality, desk.repository);
    let digest = Digest::of(&asked.body);
    let by_digest = name.contains(':');
    if by_digest && name != digest.to_string() {
        let text = "the body has another digest";
        return error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", text);
    }
    let invalid = |text: &str| error(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", text);
    if asked.body.len() > 4 * 1024 * 1024 {
        let text = "longer than 4 MiB";
        return error(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", text);
    }
    let Ok(manifest) = serde_json::from_slice::<Value>(&asked.body) else {
        return invalid("the body is no JSON");
    };
    if personality.wants_media_type && manifest["mediaType"].as_str().is_none() {
        return invalid("it does not say its media type");
    }
    let text = String::from_utf8_lossy(&asked.body);
    if personality.one_family && text.contains("vnd.docker.") && text.contains("vnd.oci.") {
        return invalid("it mixes media types");
    }
    if let Some(missing) = desk.state.missing(repository, &manifest).first() {
        return error(StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN", missing);
    }
    let held = desk.state.repository(repository);
    let moves = held.tags.get(name).is_some_and(|before| *before != digest);
    if personality.immutable_tags && moves {
        return error(
            StatusCode::BAD_REQUEST,
            "TAG_INVALID",
            "the tag is immutable",
        );
    }
    let media_type = asked.header("content-type").unwrap_or_default().to_owned();
    let bytes = asked.body.clone();
    held.manifests
        .insert(digest, StoredManifest { media_type, bytes });
    if !by_digest {
        held.tags.insert(name.to_owned(), digest);
    }
    let mut headers = vec![
        ("location", location(desk, &format!("manifests/{digest}"))),
        ("docker-content-digest", digest.to_string()),
    ];
    if let Some(subject) = manifest["subject"]["digest"].as_str()
        && personality.referrers != Referrers::Unknown
    {
        headers.push(("oci-subject", subject.to_owned()));
    }
    plain(StatusCode::CREATED, &headers)
}

pub(super) fn delete(desk: &mut Desk<'_>, name: &str) -> Response<Bytes> {
    let held = desk.state.repository(desk.repository);
    let removed = match name.parse::<Digest>() {
        Ok(digest) => {
            held.tags.retain(|_, tagged| *tagged != digest);
            held.manifests.remove(&digest).is_some()
        }
        Err(_) => held.tags.remove(name).is_some(),
    };
    if removed {
        plain(StatusCode::ACCEPTED, &[])
    } else {
        error(
            StatusCode::NOT_FOUND,
            "MANIFEST_UNKNOWN",
            "manifest unknown",
        )
    }
}

/// Lists the tags in order; `n` bounds their number, `last` is the one before the first.
pub(super) fn tags(desk: &Desk<'_>) -> Response<Bytes> {
    let Some(held) = desk.state.repositories.get(desk.repository) else {
        return error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "repository unknown");
    };
    let after = desk.asked.query("last").unwrap_or_default();
    let most = desk.asked.query("n").and_then(|n| n.parse().ok());
    let tags = held.tags.keys().filter(|tag| tag.as_str() > after);
    let tags: Vec<&String> = tags.take(most.unwrap_or(usize::MAX)).collect();
    json_answer(
        StatusCode::OK,
        &json!({ "name": desk.repository, "tags": tags }),
    )
}

/// Lists the manifests whose subject is `digest`, as an index.
pub(super) fn referrers(desk: &Desk<'_>, digest: &str) -> Response<Bytes> {
    if desk.personality.referrers != Referrers::Listed {
        return error(StatusCode::NOT_FOUND, "UNSUPPORTED", "no such route");
    }
    if digest.parse::<Digest>().is_err() {
        return error(
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            "that is no digest",
        );
    }
    let wanted = desk.asked.query("artifactType");
    let held = desk.state.repositories.get(desk.repository);
    let manifests = held.into_iter().flat_map(|held| &held.manifests);
    let descriptors: Vec<Value> = manifests
        .filter_map(|(own, manifest)| {
            let value: Value = serde_json::from_slice(&manifest.bytes).ok()?;
            if value["subject"]["digest"].as_str() != Some(digest) {
                return None;
            }
            let artifact_type = value["artifactType"]
                .as_str()
                .or_else(|| value["config"]["mediaType"].as_str());
            if wanted.is_some() && wanted != artifact_type {
                return None;
            }
            let mut descriptor = json!({
                "mediaType": manifest.media_type,
                "digest": own,
                "size": manifest.bytes.len(),
                "artifactType": artifact_type,
            });
            if value["annotations"].is_object() {
                descriptor["annotations"] = value["annotations"].clone();
            }
            Some(descriptor)
        })
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors });
    let mut headers = vec![("content-type", INDEX.to_owned())];
    if wanted.is_some() {
        headers.push(("oci-filters-applied", "artifactType".to_owned()));
    }
    plain(StatusCode::OK, &headers).map(|_| index.to_string().into())
}
