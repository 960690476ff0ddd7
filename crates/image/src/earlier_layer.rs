use crate::Compression;
use fs_err as fs;
use mizzen_oci::{Digest, Hasher};
use mizzen_store::{Blob, Store, StoreError, StoredBlob};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt;

/// Where a member is in a compressed layer, and what it was made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) key: Digest,
    pub(crate) at: u64,
    pub(crate) size_bytes: u32,
}

/// A layer that was written under the same name before: members of the same content are taken over
/// instead of compressed again.
pub(crate) struct EarlierLayer {
    stored: StoredBlob,
    blob: fs::File,
    members: BTreeMap<Digest, Member>,
}

const KIND: &str = "members";
/// Digest and size of the layer; key, place and size of a member.
const HEAD_BYTES: usize = 32 + 8;
const MEMBER_BYTES: usize = 32 + 8 + 4;

impl EarlierLayer {
    /// Returns the layer last remembered under `name`, if it is there. Whether it
    /// [is whole](Self::is_whole) is another question.
    pub(crate) fn find(
        store: &Store,
        name: &str,
        compression: Compression,
    ) -> Result<Option<Self>, StoreError> {
        let Some(note) = store.read_note(KIND, &note_of(name, compression))? else {
            return Ok(None);
        };
        let Some((digest, size_bytes, members)) = decoded(&note) else {
            return Ok(None);
        };
        let Some(stored) = store.blob(&digest, size_bytes) else {
            return Ok(None);
        };
        let Some(path) = stored.path() else {
            return Ok(None);
        };
        // Opened before it is verified: what is read below is the same file.
        let blob = fs::File::open(path)?;
        Ok(Some(Self {
            stored,
            blob,
            members: members
                .into_iter()
                .map(|member| (member.key, member))
                .collect(),
        }))
    }

    /// Reads the layer to its end, and returns whether it is what its name says.
    ///
    /// A member that is taken over from a damaged layer would make a damaged one with a digest of its
    /// own, which nothing would notice: nothing may be kept that was written before this is `true`.
    pub(crate) fn is_whole(&self) -> bool {
        let whole = self.stored.open();
        whole.is_ok_and(|mut whole| io::copy(&mut whole, &mut io::sink()).is_ok())
    }

    /// Returns the compressed bytes of the member that was made of the same.
    pub(crate) fn member(&self, key: &Digest) -> Option<Vec<u8>> {
        let member = self.members.get(key)?;
        let mut bytes = vec![0; member.size_bytes as usize];
        self.blob.file().read_exact_at(&mut bytes, member.at).ok()?;
        Some(bytes)
    }
}

/// Remembers a layer under `name`, in place of the one before it.
pub(crate) fn remember(
    store: &Store,
    name: &str,
    compression: Compression,
    (digest, size_bytes): (Digest, u64),
    members: &[Member],
) -> Result<(), StoreError> {
    let mut note = digest.as_bytes().to_vec();
    note.extend(size_bytes.to_le_bytes());
    for member in members {
        note.extend(member.key.as_bytes());
        note.extend(member.at.to_le_bytes());
        note.extend(member.size_bytes.to_le_bytes());
    }
    store.write_note(KIND, &note_of(name, compression), &note)
}

fn note_of(name: &str, compression: Compression) -> Digest {
    let mut hasher = Hasher::default();
    hasher.field(crate::LayerBuilder::FORMAT.as_bytes());
    hasher.field(compression.to_string().as_bytes());
    hasher.field(name.as_bytes());
    hasher.finish()
}

fn decoded(note: &[u8]) -> Option<(Digest, u64, Vec<Member>)> {
    let digest = |bytes: &[u8]| Some(Digest::from_bytes(bytes.try_into().ok()?));
    let number = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
    let (head, members) = note.split_at_checked(HEAD_BYTES)?;
    let member = |bytes: &[u8]| {
        Some(Member {
            key: digest(&bytes[..32])?,
            at: number(&bytes[32..40])?,
            size_bytes: u32::from_le_bytes(bytes[40..].try_into().ok()?),
        })
    };
    let members = members.chunks_exact(MEMBER_BYTES).map(member);
    Some((
        digest(&head[..32])?,
        number(&head[32..])?,
        members.collect::<Option<_>>()?,
    ))
}
