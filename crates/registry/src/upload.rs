//! Gets one blob into a repository: whole where that works, in chunks where it must, from the place
//! where it broke off where the registry tells it.

use crate::body::BlobSource;
use crate::chunks::{Chunks, smaller};
use crate::push::Push;
use crate::reply::Reply;
use crate::request::Request;
use crate::retry::{Budget, Failure};
use crate::{Quirk, RegistryError};
use mizzen_oci::{Descriptor, Digest};
use mizzen_store::Blob;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use std::sync::Arc;

/// So many connections lost under a blob, and its chunks are tried: a proxy may cut off what is too
/// large before its 413 can be read.
const CUTS_BEFORE_CHUNKS: u32 = 3;
/// A host is asked to take a blob in so many sizes at most.
const MOST_SIZES: u32 = 8;

/// An upload that the registry has opened.
pub(crate) struct Session {
    url: Url,
    /// How many bytes it holds.
    offset: u64,
    /// The least that a chunk but the last may have, where the registry says so.
    least_chunk_bytes: u64,
    /// The offset is the registry's word, not ours.
    pub(crate) is_resumed: bool,
}

/// How a step of an upload ended.
pub(crate) enum Step {
    Done,
    /// The chunk is there; the next one follows.
    Next(Session),
    /// Bodies of this size or kind are not taken here; the next upload has others.
    Otherwise(RegistryError),
    /// The registry wants no more of this upload; another one may go well.
    Refused(Failure),
}

impl Push {
    /// Sends a blob. `opened` is an upload that the registry opened instead of mounting.
    pub(crate) async fn upload(
        &self,
        descriptor: &Descriptor,
        blob: Arc<dyn Blob>,
        opened: Option<Session>,
        budget: &mut Budget,
    ) -> Result<(), RegistryError> {
        let digest = descriptor.digest;
        self.make_ready(&digest, &blob).await?;
        let source = BlobSource::new(blob, digest, descriptor.size_bytes);
        let mut session = opened;
        let mut may_resume = true;
        let (mut sizes, mut cuts) = (0, 0);
        loop {
            let current = match session.take() {
                Some(session) => session,
                None => self.start(&digest, budget).await?,
            };
            let (url, is_resumed) = (current.url.clone(), current.is_resumed);
            let request = self.request(Method::GET, "blobs/uploads/", &digest)?;
            match self.step(&source, current, budget).await {
                Ok(Step::Done) => return Ok(()),
                Ok(Step::Next(next)) => session = Some(next),
                Ok(Step::Otherwise(refusal)) => {
                    sizes += 1;
                    if sizes == MOST_SIZES {
                        return Err(refusal);
                    }
                }
                Ok(Step::Refused(failure)) => {
                    // A resumed upload that comes out wrong: this registry's word on how much it
                    // holds is not taken again.
                    may_resume &= !is_resumed;
                    self.client().pause(&request, budget, failure)?;
                }
                Err(failure) => {
                    cuts += 1;
                    if cuts == CUTS_BEFORE_CHUNKS && self.handles(Quirk::WholeTooLarge) {
                        self.expect_limit(&url, source.size_bytes)?;
                    }
                    self.client().pause(&request, budget, failure)?;
                    // It may all have arrived, and only the answer be lost.
                    if self.exists(&digest, budget).await? {
                        return Ok(());
                    }
                    if may_resume {
                        session = self.ask_offset(request, url, &source, budget).await?;
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
        let reply = self.check(reply, StatusCode::ACCEPTED, &request)?;
        self.session(&reply, &request)?
            .ok_or_else(|| request.unusable("it opened no upload (no `Location`)".to_owned()))
    }

    /// Returns the upload that an answer opened, if it did.
    pub(crate) fn session(
        &self,
        reply: &Reply,
        request: &Request,
    ) -> Result<Option<Session>, RegistryError> {
        let least = reply.header("oci-chunk-min-length");
        let least = least.filter(|_| self.handles(Quirk::ChunkTooSmall));
        let url = self.location(reply, request)?;
        Ok(url.map(|url| Session {
            url,
            offset: 0,
            least_chunk_bytes: least.map_or(0, |text| text.parse().unwrap_or(0)),
            is_resumed: false,
        }))
    }

    /// Sends the whole blob, or the next chunk, or the end.
    async fn step(
        &self,
        source: &BlobSource,
        session: Session,
        budget: &mut Budget,
    ) -> Result<Step, Failure> {
        let (offset, size_bytes) = (session.offset, source.size_bytes);
        let limit = self.client().chunks(&session.url)?.limit_bytes;
        let is_whole = offset == 0 && limit.is_none_or(|limit| size_bytes <= limit);
        if is_whole || offset == size_bytes {
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
        if !reply.status.is_success() {
            return self.chunk_refused(&reply, &request, &session, end - offset);
        }
        let reply = self.check(reply, StatusCode::ACCEPTED, &request)?;
        // The `Range` of the answer is not asked: one registry's stands still, others count
        // differently. The digest decides at the end.
        let held = reply.header("range").and_then(held_bytes);
        let held = held.filter(|_| !self.handles(Quirk::RangeStandsStill));
        Ok(Step::Next(Session {
            url: self.location(&reply, &request)?.unwrap_or(session.url),
            offset: held.unwrap_or(end),
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
        if !self.handles(Quirk::LocationWithQuery) {
            request.url.set_query(None);
        }
        let digest = source.digest.to_string();
        request.url.query_pairs_mut().append_pair("digest", &digest);
        request.headers.insert(header::CONTENT_TYPE, octets());
        request.payload = source.stretch(session.offset..source.size_bytes);
        let reply = self.client().attempt(&request, budget).await?;
        if reply.status.is_success() {
            self.check(reply, StatusCode::CREATED, &request)?;
            return Ok(Step::Done);
        }
        let sent_bytes = source.size_bytes - session.offset;
        let refusal = reply.refused(&request);
        if reply.status == StatusCode::PAYLOAD_TOO_LARGE
            && self.handles(Quirk::WholeTooLarge)
            && let Some(limit) = smaller(sent_bytes)
        {
            let chunks = Chunks {
                limit_bytes: Some(limit),
                whole_is_refused: true,
            };
            self.client().set_chunks(&request.url, chunks)?;
            return Ok(Step::Otherwise(refusal));
        }
        if restarts(&reply) {
            return Ok(Step::Refused(Failure::transient(reply.answer(&request))));
        }
        Err(refusal.into())
    }

    fn check(
        &self,
        reply: Reply,
        by_the_book: StatusCode,
        request: &Request,
    ) -> Result<Reply, RegistryError> {
        let other = reply.status.is_success() && reply.status != by_the_book;
        if other && !self.handles(Quirk::OtherSuccess) {
            return Err(reply.refused(request));
        }
        reply.check(request)
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
        let url = self.location(&reply, &request)?.unwrap_or(request.url);
        // From the very start a fresh upload is the surer way.
        Ok(
            (offset > 0 && offset <= source.size_bytes).then_some(Session {
                url,
                offset,
                least_chunk_bytes: 0,
                is_resumed: true,
            }),
        )
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
