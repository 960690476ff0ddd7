use crate::auth::Access;
use crate::client::Client;
use crate::landing::Landing;
use crate::pace::Speedometer;
use crate::request::Request;
use crate::retry::{Budget, Failure};
use crate::{RegistryError, Transfer};
use mizzen_oci::Descriptor;
use mizzen_store::StoreError;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, StatusCode};
use tracing::{Instrument, debug_span};

impl Client {
    /// Fetches a blob. What arrived before a cut is not asked for again.
    pub(crate) async fn download(
        &self,
        access: &Access,
        descriptor: &Descriptor,
        landing: &mut (impl Landing + ?Sized),
    ) -> Result<(), RegistryError> {
        let span = debug_span!("download", digest = %descriptor.digest, descriptor.size_bytes);
        let receiving = self.receive_all(access, descriptor, landing);
        receiving.instrument(span).await
    }

    async fn receive_all(
        &self,
        access: &Access,
        descriptor: &Descriptor,
        landing: &mut (impl Landing + ?Sized),
    ) -> Result<(), RegistryError> {
        let (digest, size_bytes) = (descriptor.digest, descriptor.size_bytes);
        let url = self.url(&access.repository, &format!("blobs/{digest}"))?;
        let what = format!("layer {digest} of `{}`", access.repository.name);
        let mut request = Request::new(Method::GET, url, access, what);
        request.limit_bytes = 0;
        let mut budget = self.budget(&request.access);
        let mut received_bytes = 0_u64;
        loop {
            let cut = match self
                .receive(
                    &mut request,
                    &mut budget,
                    descriptor,
                    landing,
                    &mut received_bytes,
                )
                .await
            {
                Ok(()) => match landing.settle(&digest) {
                    Ok(()) => {
                        self.settings
                            .reporter
                            .report(&digest, size_bytes, Transfer::Downloaded);
                        return Ok(());
                    }
                    Err(mismatch @ StoreError::Mismatch { .. }) => {
                        received_bytes = 0;
                        Failure::transient(mismatch)
                    }
                    Err(error) => return Err(error.into()),
                },
                Err(failure) => failure,
            };
            if received_bytes > size_bytes {
                landing.restart()?;
                received_bytes = 0;
            }
            self.pause(&request, &mut budget, cut)?;
        }
    }

    /// Appends to `landing` from `received_bytes` on; `Ok` when all bytes are there.
    async fn receive(
        &self,
        request: &mut Request,
        budget: &mut Budget,
        descriptor: &Descriptor,
        landing: &mut (impl Landing + ?Sized),
        received_bytes: &mut u64,
    ) -> Result<(), Failure> {
        let size_bytes = descriptor.size_bytes;
        request.headers.remove(header::RANGE);
        if *received_bytes > 0 {
            let range = HeaderValue::from_str(&format!("bytes={received_bytes}-"));
            request
                .headers
                .insert(header::RANGE, range.expect("digits are ASCII"));
        }
        let mut opened = self.open(request, budget).await?;
        let status = opened.response.status();
        if status == StatusCode::RANGE_NOT_SATISFIABLE && *received_bytes > 0 {
            let got = std::mem::take(received_bytes);
            landing.restart().map_err(RegistryError::from)?;
            let text = format!("got {got} bytes of {size_bytes}, and there are no more");
            return Err(Failure::transient(text));
        }
        if !status.is_success() {
            let reply = self.read(opened, request).await?;
            return Err(reply.refused(request).into());
        }
        // A registry that does not know ranges sends the whole blob again: what is here already is
        // passed over.
        let mut skip_bytes = match status {
            StatusCode::PARTIAL_CONTENT if starts_at(&opened.response, *received_bytes) => 0,
            StatusCode::PARTIAL_CONTENT => {
                return Err(request
                    .unusable("it is a different range than was asked for".to_owned())
                    .into());
            }
            _ => *received_bytes,
        };
        let mut speedometer = Speedometer::new(opened.pace, self.settings.clock.now());
        loop {
            let patience = opened.pace.silence;
            let Some(piece) = self.next_piece(&mut opened, patience).await? else {
                break;
            };
            speedometer
                .note(piece.len(), self.settings.clock.now())
                .map_err(Failure::Slow)?;
            let skipped = skip_bytes.min(piece.len() as u64);
            skip_bytes -= skipped;
            let piece = &piece[usize::try_from(skipped).expect("at most a piece")..];
            *received_bytes += piece.len() as u64;
            if *received_bytes > size_bytes {
                let reason = format!("more than the {size_bytes} bytes that the manifest names");
                return Err(Failure::transient(reason));
            }
            landing.append(piece).map_err(RegistryError::from)?;
            self.settings.reporter.report(
                &descriptor.digest,
                size_bytes,
                Transfer::Received(*received_bytes),
            );
        }
        if *received_bytes < size_bytes {
            return Err(Failure::transient(format!(
                "got {received_bytes} bytes of {size_bytes}"
            )));
        }
        Ok(())
    }
}

fn starts_at(response: &reqwest::Response, offset: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE);
    let range = range
        .and_then(|range| range.to_str().ok())
        .unwrap_or_default();
    range
        .strip_prefix("bytes ")
        .and_then(|range| range.split_once('-'))
        .and_then(|(start, _)| start.parse().ok())
        == Some(offset)
}
