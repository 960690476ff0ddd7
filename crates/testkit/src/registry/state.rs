use super::access::Tokens;
use bytes::Bytes;
use mizzen_oci::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// What the registry holds.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) tokens: Tokens,
    next_upload: u64,
}

#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) blobs: BTreeMap<Digest, Bytes>,
    pub(super) manifests: BTreeMap<Digest, StoredManifest>,
    pub(super) tags: BTreeMap<String, Digest>,
}

#[derive(Clone, Debug)]
pub(super) struct StoredManifest {
    pub(super) media_type: String,
    pub(super) bytes: Bytes,
}

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) repository: String,
    pub(super) bytes: Vec<u8>,
    /// How many bytes were there after the first chunk.
    pub(super) first_chunk: Option<usize>,
    /// A chunk was shorter than the registry allows for any but the last.
    pub(super) had_short_chunk: bool,
}

impl State {
    pub(super) fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    pub(super) fn blob(&self, repository: &str, digest: &Digest) -> Option<Bytes> {
        self.repositories
            .get(repository)?
            .blobs
            .get(digest)
            .cloned()
    }

    /// Returns the manifest `name`, a tag or a digest.
    pub(super) fn manifest(
        &self,
        repository: &str,
        name: &str,
    ) -> Option<(Digest, StoredManifest)> {
        let repository = self.repositories.get(repository)?;
        let digest = match name.parse() {
            Ok(digest) => digest,
            Err(_) => *repository.tags.get(name)?,
        };
        Some((digest, repository.manifests.get(&digest)?.clone()))
    }

    pub(super) fn start_upload(&mut self, repository: &str) -> String {
        self.next_upload += 1;
        let name = format!("upload-{}", self.next_upload);
        let upload = Upload {
            repository: repository.to_owned(),
            bytes: Vec::new(),
            first_chunk: None,
            had_short_chunk: false,
        };
        self.uploads.insert(name.clone(), upload);
        name
    }

    /// Returns the digests that a manifest names and the repository lacks.
    pub(super) fn missing(&self, repository: &str, manifest: &serde_json::Value) -> Vec<String> {
        let empty = Repository::default();
        let repository = self.repositories.get(repository).unwrap_or(&empty);
        let list = |name: &str| manifest[name].as_array().cloned().unwrap_or_default();
        let blobs: BTreeSet<String> = [manifest["config"].clone()]
            .into_iter()
            .chain(list("layers"))
            .filter(|descriptor| {
                let media_type = descriptor["mediaType"].as_str().unwrap_or_default();
                !media_type.contains("foreign") && !media_type.contains("nondistributable")
            })
            .filter_map(|descriptor| Some(descriptor["digest"].as_str()?.to_owned()))
            .collect();
        let children = list("manifests")
            .into_iter()
            .filter_map(|d| Some(d["digest"].as_str()?.to_owned()));
        let lacks_blob = |text: &String| {
            text.parse()
                .is_ok_and(|digest| !repository.blobs.contains_key(&digest))
        };
        let lacks_manifest = |text: &String| {
            text.parse()
                .is_ok_and(|digest| !repository.manifests.contains_key(&digest))
        };
        blobs
            .into_iter()
            .filter(lacks_blob)
            .chain(children.filter(lacks_manifest))
            .collect()
    }
}
