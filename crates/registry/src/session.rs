use crate::body::BlobSource;
use crate::push::Push;
use crate::reply::Reply;
use crate::request::Request;
use crate::retry::Budget;
use crate::{Quirk, RegistryError};
use mizzen_oci::Digest;
use reqwest::{Method, StatusCode, Url};

/// An upload that the registry has opened.
pub(crate) struct Session {
    pub(crate) url: Url,
    /// How many bytes it holds.
    pub(crate) offset: u64,
    /// The least that a chunk but the last may have, where the registry says so.
    pub(crate) least_chunk_bytes: u64,
    /// The offset is the registry's word, not ours.
    pub(crate) is_resumed: bool,
}

impl Push {
    pub(crate) async fn start(
        &self,
        digest: &Digest,
        budget: &mut Budget,
    ) -> Result<Session, RegistryError> {
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

    /// Asks how much of a broken upload arrived; `None` means to start again.
    pub(crate) async fn ask_offset(
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
pub(crate) fn held_bytes(range: &str) -> Option<u64> {
    let range = range
        .trim()
        .trim_start_matches("bytes")
        .trim_start_matches(['=', ' ']);
    let (start, last) = range.split_once('-')?;
    let last: u64 = last.parse().ok()?;
    (start == "0" && last > 0).then_some(last + 1)
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
