use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mizzen_oci::{Descriptor, Digest, Manifest, MediaType, canonical_json};
use mizzen_store::{ActionResult, Output, SharedForm, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// A record as it travels: what it is of, what it says, and the small texts that it needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct RecordDocument {
    format: String,
    step: String,
    key: Digest,
    pub(crate) result: ActionResult,
    /// Blobs that travel inside, by digest; each is text.
    texts: BTreeMap<Digest, String>,
}

/// Counts up when the document has another shape.
const FORMAT: &str = "mizzen shared record 1";
const MEDIA_TYPE: &str = "application/vnd.mizzen.cache.record.v1+zstd";
const BLOB_MEDIA_TYPE: &str = "application/vnd.mizzen.cache.blob.v1";
/// A packed record up to this size is a part of its manifest, of which registries take 4 MiB.
const MOST_INLINE_BYTES: usize = 1024 * 1024;
/// The annotations that hold it there: the record, and the digest of its bytes.
const RECORD: &str = "build.mizzen.cache.record";
const RECORD_DIGEST: &str = "build.mizzen.cache.record.digest";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_BYTES: &[u8] = b"{}";
/// No record is larger when it is unpacked; what would be is somebody's malice.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Where one more level costs more time than it saves bytes.
const ZSTD_LEVEL: i32 = 9;

/// Why what a repository holds is no record that was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsound {
    #[error("its bytes are not what its digest names")]
    OtherBytes,
    #[error("it is not a record of this version of mizzen")]
    OtherFormat,
    #[error("it is the record of {step} with the key {key}")]
    OtherRecord { step: String, key: Digest },
    #[error("a text in it is not what its digest names, or is missing")]
    Text,
    #[error("it cannot be unpacked")]
    Packed(#[source] io::Error),
}

impl RecordDocument {
    /// Puts together what travels of `result`; `None` if the store has lost a text that belongs inside.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub(crate) fn of(
        (step, key): (&str, &Digest),
        result: &ActionResult,
        form: SharedForm,
        store: &Store,
    ) -> Result<Option<Self>, StoreError> {
        let mut texts = BTreeMap::new();
        for output in inside(result, form) {
            let text = store.read(&output.digest)?;
            let Some(text) = text.and_then(|bytes| String::from_utf8(bytes).ok()) else {
                return Ok(None);
            };
            texts.insert(output.digest, text);
        }
        Ok(Some(Self {
            format: FORMAT.to_owned(),
            step: step.to_owned(),
            key: *key,
            result: result.clone(),
            texts,
        }))
    }

    /// Returns the manifest of the record, and the bytes of its config: the record itself only where it is
    /// too large for a manifest.
    ///
    /// # Errors
    /// [`io::Error`] if it cannot be packed.
    pub(crate) fn to_manifest(&self, form: SharedForm) -> io::Result<(Manifest, Vec<u8>)> {
        let bytes = canonical_json(&json!(self));
        let packed = zstd::bulk::compress(&bytes, ZSTD_LEVEL)?;
        let mut annotations = BTreeMap::new();
        let (config, config_bytes) = if packed.len() <= MOST_INLINE_BYTES {
            annotations.insert(RECORD, STANDARD.encode(&packed));
            annotations.insert(RECORD_DIGEST, Digest::of(&packed).to_string());
            let config = Descriptor::of(MediaType::from(EMPTY), EMPTY_BYTES);
            (config, EMPTY_BYTES.to_vec())
        } else {
            (Descriptor::of(MediaType::from(MEDIA_TYPE), &packed), packed)
        };
        let mut layers: Vec<Descriptor> =
            self.blobs(form).map(|output| descriptor(&output)).collect();
        layers.sort_by_key(|layer| layer.digest);
        layers.dedup_by_key(|layer| layer.digest);
        if layers.is_empty() {
            // A manifest has at least one, says the specification; this one is there in any case.
            layers.push(config.clone());
        }
        let step = &self.step;
        let manifest = canonical_json(&json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageManifest,
            "artifactType": format!("application/vnd.mizzen.cache.{step}.v1+json"),
            "config": config,
            "layers": layers,
            "annotations": annotations,
        }));
        let manifest = Manifest::parse(manifest, None).expect("it was made one");
        Ok((manifest, config_bytes))
    }

    /// Returns the packed record that a manifest carries; `None` if it is the config.
    ///
    /// # Errors
    /// [`Unsound`] if it carries something else.
    pub(crate) fn carried(manifest: &Manifest) -> Result<Option<Vec<u8>>, Unsound> {
        if manifest.config().media_type.as_ref() == MEDIA_TYPE {
            return Ok(None);
        }
        let annotation = |name: &str| manifest.annotations().get(name);
        let (Some(record), Some(digest)) = (annotation(RECORD), annotation(RECORD_DIGEST)) else {
            return Err(Unsound::OtherFormat);
        };
        let packed = STANDARD.decode(record).map_err(|_| Unsound::OtherBytes)?;
        let is_named = Digest::of(&packed).to_string() == *digest;
        is_named.then_some(Some(packed)).ok_or(Unsound::OtherBytes)
    }

    /// Reads a record that was asked for by `step` and `key`.
    ///
    /// # Errors
    /// [`Unsound`] if it is none, or another one.
    pub(crate) fn parse(
        packed: &[u8],
        (step, key): (&str, &Digest),
        form: SharedForm,
    ) -> Result<Self, Unsound> {
        let unpacked = zstd::stream::read::Decoder::new(packed);
        let mut bytes = Vec::new();
        let unpacked = unpacked.and_then(|it| it.take(MOST_BYTES + 1).read_to_end(&mut bytes));
        unpacked.map_err(Unsound::Packed)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(Unsound::Packed(io::ErrorKind::FileTooLarge.into()));
        }
        let document: Self = serde_json::from_slice(&bytes).map_err(|_| Unsound::OtherFormat)?;
        if document.format != FORMAT {
            return Err(Unsound::OtherFormat);
        }
        if document.step != step || document.key != *key {
            let (step, key) = (document.step, document.key);
            return Err(Unsound::OtherRecord { step, key });
        }
        let is_whole = |output: &Output| {
            let text = document.texts.get(&output.digest);
            text.is_some_and(|text| text.len() as u64 == output.size_bytes)
        };
        let is_named = |(digest, text): (&Digest, &String)| Digest::of(text.as_bytes()) == *digest;
        if !inside(&document.result, form).all(|output| is_whole(&output))
            || !document.texts.iter().all(is_named)
        {
            return Err(Unsound::Text);
        }
        Ok(document)
    }

    /// Returns the texts that travel inside.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &String> {
        self.texts.values()
    }

    /// Returns the blobs that the record names and that do not travel inside.
    pub(crate) fn blobs(&self, form: SharedForm) -> impl Iterator<Item = Output> {
        let outputs = self.result.outputs.iter();
        let outputs = outputs.filter(move |(name, _)| !(form.is_inside)(name));
        outputs.map(|(_, output)| *output)
    }
}

/// Returns what names a blob in a manifest.
pub(crate) fn descriptor(output: &Output) -> Descriptor {
    let media_type = MediaType::from(BLOB_MEDIA_TYPE);
    Descriptor::new(media_type, output.digest, output.size_bytes)
}

/// Returns what of a result travels inside of its record.
fn inside(result: &ActionResult, form: SharedForm) -> impl Iterator<Item = Output> {
    let outputs = result.outputs.iter();
    let outputs = outputs.filter(move |(name, _)| (form.is_inside)(name));
    let inputs = form.has_inputs.then_some(result.inputs);
    outputs.map(|(_, output)| *output).chain(inputs)
}

#[cfg(test)]
mod tests;
