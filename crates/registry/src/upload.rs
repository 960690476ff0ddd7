//! Gets one blob into a repository: whole where that works, in chunks where it must, from the place
//! where it broke off where the registry tells it.

use crate::RegistryError;
use crate::body::BlobSource;
use crate::client::{Reply, Request};
use crate::push::{Push, location};
use crate::retry::{Budget, Failure};
use mizzen_oci::{Descriptor, Digest};
use mizzen_store::Blob;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use std::sync::Arc;

/// The first size of chunks for a host that refused a whole blob: proxies that limit bodies mostly
/// do at 100 MB.
const FIRST_CHUNK_BYTES: u64 = 64 * 1024 * 1024;
/// Chunks never get smaller than this by themselves.
const LEAST_CHUNK_BYTES: u64 = 1024 * 1024;

/// An upload that the registry has opened.
struct Session {
    url: Url,
    /// How many bytes it holds.
    offset: u64,
    /// The least that a chunk but the last may have, where the registry says so.
    least_chunk_bytes: u64,
}

/// How a step of an upload ended.
enum Step {
    Done,
    /// The chunk is there; the next one follows.
    Next(Session),
    /// The host takes no body of this size; it will be sent smaller ones.
    TooLarge,
    /// The registry wants no more of this upload; another one may go well.
    Refused(Failure),
}

impl Push {
    /// Sends a blob. `opened` is an upload that the registry opened instead of mounting.
    pub(crate) async fn upload(
        &self,
        descriptor: &Descriptor,
        blob: Arc<dyn Blob>,
        opened: Option<Url>,
        budget: &mut Budget,
    ) -> Result<(), RegistryError> {
        let digest = descriptor.digest;
        self.make_ready(&digest, &blob).await?;
        let source = BlobSource::new(blob, digest, descriptor.size_bytes);
        let mut session = opened.map(Session::at_start);
        let (mut is_resumed, mut may_resume) = (false, true);
        loop {
            let current = match session.take() {
                Some(session) => session,
                None => self.start(&digest, budget).await?,
            };
            let url = current.url.clone();
            let request = self.request(Method::GET, "blobs/uploads/", &digest)?;
            match self.step(&source, current, budget).await {
                Ok(Step::Done) => return Ok(()),
                Ok(Step::Next(next)) => session = Some(next),
                Ok(Step::TooLarge) => {}
                Ok(Step::Refused(failure)) => {
                    // A resumed upload that comes out wrong: this registry's word on how much it
                    // holds is not taken again.
                    may_resume &= !std::mem::take(&mut is_resumed);
                    self.client().pause(&request, budget, failure)?;
                }
                Err(failure) => {
                    self.client().pause(&request, budget, failure)?;
                    // It may all have arrived, and only the answer be lost.
                    if self.exists(&digest, budget).await? {
                        return Ok(());
                    }
                    if may_resume {
                        session = self.ask_offset(request, url, &source, budget).await?;
                        is_resumed = session.is_some();
                    }
                }
            }
        }
    }

    // Bytes that are still in another registry are fetched before a place at this one is taken.
    async fn make_ready(&self, digest: &Digest, blob: &Arc<dyn Blob>) -> Result<(), RegistryError> {
        let blob = blob.clone();
        let opened = tokio::task::spawn_blocking(move || blob.open().map(drop)).await;
        opened
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
            .map_err(|source| RegistryError::Blob {
                digest: *digest,
                source,
            })
    }

    async fn start(&self, digest: &Digest, budget: &mut Budget) -> Result<Session, RegistryError> {
        let request = self.request(Method::POST, "blobs/uploads/", digest)?;
        let reply = self.client().call_within(&request, budget).await?;
        let reply = reply.check(&request)?;
        let url = location(&reply, &request)?
            .ok_or_else(|| request.unusable("it opened no upload (no `Location`)".to_owned()))?;
        let least_chunk_bytes = reply.header("oci-chunk-min-length");
        Ok(Session {
            least_chunk_bytes: least_chunk_bytes.map_or(0, |text| text.parse().unwrap_or(0)),
            ..Session::at_start(url)
        })
    }

    /// Sends the whole blob, or the next chunk, or the end.
    async fn step(
        &self,
        source: &BlobSource,
        session: Session,
        budget: &mut Budget,
    ) -> Result<Step, Failure> {
        let (offset, size_bytes) = (session.offset, source.size_bytes);
        let limit = self.client().chunk_bytes(&session.url)?;
        let whole = offset == 0 && limit.is_none_or(|limit| size_bytes <= limit);
        if whole || offset == size_bytes {
            return self.finish(source, session, budget).await;
        }
        let chunk_bytes = limit.unwrap_or(u64::MAX).max(session.least_chunk_bytes);
        let end = size_bytes.min(offset.saturating_add(chunk_bytes));
        let mut request = self.request(Method::PATCH, "blobs/uploads/", &source.digest)?;
        request.url = session.url.clone();
        // Not `bytes 0-9/20`: the distribution protocol has a form of its own, and registries
        // refuse the other one.
        let range = format!("{offset}-{}", end - 1);
        let range = HeaderValue::from_str(&range).expect("digits are ASCII");
        request.headers.insert(header::CONTENT_RANGE, range);
        request.headers.insert(header::CONTENT_TYPE, octets());
        request.payload = source.stretch(offset..end);
        let reply = self.client().attempt(&request, budget).await?;
        if reply.status == StatusCode::PAYLOAD_TOO_LARGE {
            return self.too_large(&reply, &request, end - offset);
        }
        if restarts(&reply) {
            return Ok(Step::Refused(Failure::transient(reply.answer(&request))));
        }
        let reply = reply.check(&request)?;
        // The `Range` of the answer is not asked: one registry's stands still, others count
        // differently. The digest decides at the end.
        Ok(Step::Next(Session {
            url: location(&reply, &request)?.unwrap_or(session.url),
            offset: end,
            ..session
        }))
    }

    /// Closes the upload with what it does not hold yet: all or nothing.
    async fn finish(
        &self,
        source: &BlobSource,
        session: Session,
        budget: &mut Budget,
    ) -> Result<Step, Failure> {
        let mut request = self.request(Method::PUT, "blobs/uploads/", &source.digest)?;
        request.url = session.url;
        let digest = source.digest.to_string();
        request.url.query_pairs_mut().append_pair("digest", &digest);
        request.headers.insert(header::CONTENT_TYPE, octets());
        request.payload = source.stretch(session.offset..source.size_bytes);
        let reply = self.client().attempt(&request, budget).await?;
        if reply.status.is_success() {
            return Ok(Step::Done);
        }
        if reply.status == StatusCode::PAYLOAD_TOO_LARGE && session.offset == 0 {
            return self.too_large(&reply, &request, source.size_bytes);
        }
        if restarts(&reply) {
            return Ok(Step::Refused(Failure::transient(reply.answer(&request))));
        }
        Err(reply.refused(&request).into())
    }

    /// Remembers that a body of `bytes` is too large for the host; a fresh upload in smaller chunks
    /// follows.
    fn too_large(&self, reply: &Reply, request: &Request, bytes: u64) -> Result<Step, Failure> {
        let smaller = if bytes > FIRST_CHUNK_BYTES {
            FIRST_CHUNK_BYTES
        } else {
            bytes / 4
        };
        if smaller < LEAST_CHUNK_BYTES {
            return Err(reply.refused(request).into());
        }
        self.client().limit_chunks(&request.url, smaller)?;
        Ok(Step::TooLarge)
    }

    /// Asks how much of a broken upload arrived; `None` means to start again.
    async fn ask_offset(
        &self,
        mut request: Request,
        url: Url,
        source: &BlobSource,
        budget: &mut Budget,
    ) -> Result<Option<Session>, RegistryError> {
        request.url = url;
        let reply = match self.client().call_within(&request, budget).await {
            Ok(reply) if reply.status.is_success() => reply,
            Ok(_) => return Ok(None),
            Err(error) => return Err(error),
        };
        let offset = reply.header("range").and_then(held_bytes).unwrap_or(0);
        let url = location(&reply, &request)?.unwrap_or(request.url);
        // From the very start a fresh upload is the surer way.
        Ok(
            (offset > 0 && offset <= source.size_bytes).then_some(Session {
                url,
                offset,
                least_chunk_bytes: 0,
            }),
        )
    }
}

impl Session {
    fn at_start(url: Url) -> Self {
        Self {
            url,
            offset: 0,
            least_chunk_bytes: 0,
        }
    }
}

/// Reads how many bytes `0-99` or `bytes=0-99` mean. `0-0` says one byte, and means none: that is
/// what registries answer for an upload that is empty.
fn held_bytes(range: &str) -> Option<u64> {
    let range = range
        .trim()
        .trim_start_matches("bytes")
        .trim_start_matches(['=', ' ']);
    let (start, last) = range.split_once('-')?;
    let last: u64 = last.parse().ok()?;
    (start == "0" && last > 0).then_some(last + 1)
}

/// Whether a refusal is about this upload, not about the blob: another one may go well.
fn restarts(reply: &Reply) -> bool {
    let codes = reply.codes();
    matches!(
        reply.status,
        StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE
    ) || codes.iter().any(|code| {
        matches!(
            &**code,
            "BLOB_UPLOAD_UNKNOWN" | "BLOB_UPLOAD_INVALID" | "DIGEST_INVALID"
        )
    })
}

fn octets() -> HeaderValue {
    HeaderValue::from_static("application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::held_bytes;

    #[test]
    fn the_range_of_an_upload_is_understood_in_every_form_that_is_seen() {
        for (range, want) in [
            ("0-99", Some(100)),
            ("bytes=0-99", Some(100)),
            ("bytes 0-99", Some(100)),
            ("0-0", None),
            ("0--1", None),
            ("5-99", None),
            ("", None),
        ] {
            assert_eq!(held_bytes(range), want, "{range}");
        }
    }
}
