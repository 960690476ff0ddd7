//! Gets one blob into a repository: whole where that works, in chunks where it must, from the place
//! where it broke off where the registry tells it.

use crate::body::BlobSource;
use crate::chunks::{Chunks, smaller};
use crate::push::Push;
use crate::reply::Reply;
use crate::request::Request;
use crate::retry::{Budget, Failure};
use crate::session::{Session, held_bytes};
use crate::{Quirk, RegistryError};
use mizzen_oci::{Descriptor, Digest};
use mizzen_store::Blob;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, StatusCode};
use std::sync::Arc;

/// So many connections lost under a blob, and its chunks are tried: a proxy may cut off what is too
/// large before its 413 can be read.
const CUTS_BEFORE_CHUNKS: u32 = 3;
/// A host is asked to take a blob in so many sizes at most.
const MOST_SIZES: u32 = 8;

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
                    if self.exists(descriptor, budget).await? {
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
            let reply = self.check(reply, StatusCode::CREATED, &request)?;
            reply.check_kept_as(&source.digest, &request)?;
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

    pub(crate) fn check(
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
