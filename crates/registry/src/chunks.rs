//! How large the bodies are that a host takes: learnt from what it refuses.

use crate::push::Push;
use crate::reply::Reply;
use crate::request::Request;
use crate::retry::Failure;
use crate::session::Session;
use crate::upload::Step;
use crate::{Quirk, RegistryError};
use reqwest::{StatusCode, Url};

/// The first size of chunks for a host that refused a whole blob: proxies that limit bodies mostly
/// do at 100 MB.
const FIRST_CHUNK_BYTES: u64 = 64 * 1024 * 1024;
/// Chunks never get smaller than this by themselves.
const LEAST_CHUNK_BYTES: u64 = 1024 * 1024;

/// What a host has shown about the sizes that it takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chunks {
    /// The most bytes of a blob in one request.
    pub(crate) limit_bytes: Option<u64>,
    /// A whole blob was too large.
    pub(crate) whole_is_refused: bool,
}

impl Push {
    /// Sends smaller bodies from now on, if bodies of `bytes` can get smaller.
    pub(crate) fn expect_limit(&self, url: &Url, bytes: u64) -> Result<(), RegistryError> {
        let chunks = self.client().chunks(url)?;
        if let (None, Some(limit)) = (chunks.limit_bytes, smaller(bytes)) {
            let limit_bytes = Some(limit);
            self.client().set_chunks(
                url,
                Chunks {
                    limit_bytes,
                    ..chunks
                },
            )?;
        }
        Ok(())
    }

    pub(crate) fn chunk_refused(
        &self,
        reply: &Reply,
        request: &Request,
        session: &Session,
        sent_bytes: u64,
    ) -> Result<Step, Failure> {
        let refusal = reply.refused(request);
        let is_range = reply.status == StatusCode::RANGE_NOT_SATISFIABLE;
        if reply.status == StatusCode::NOT_FOUND || (is_range && session.is_resumed) {
            return Ok(Step::Refused(Failure::transient(reply.answer(request))));
        }
        if matches!(
            reply.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            return Err(refusal.into());
        }
        let is_size = is_range || reply.status == StatusCode::PAYLOAD_TOO_LARGE;
        let limit_bytes = (is_size && self.handles(Quirk::ChunkTooLarge))
            .then(|| smaller(sent_bytes))
            .flatten();
        let chunks = self.client().chunks(&request.url)?;
        let whole = self.handles(Quirk::ChunksRefused) && !chunks.whole_is_refused;
        let Some(limit_bytes) = limit_bytes.or(whole.then_some(u64::MAX)) else {
            return Err(refusal.into());
        };
        let chunks = Chunks {
            limit_bytes: Some(limit_bytes),
            ..chunks
        };
        self.client().set_chunks(&request.url, chunks)?;
        Ok(Step::Otherwise(refusal))
    }
}

/// Returns the next size of chunks to try after a body of `bytes` was refused.
pub(crate) fn smaller(bytes: u64) -> Option<u64> {
    let smaller = if bytes > FIRST_CHUNK_BYTES {
        FIRST_CHUNK_BYTES
    } else {
        bytes / 4
    };
    (smaller >= LEAST_CHUNK_BYTES).then_some(smaller)
}
