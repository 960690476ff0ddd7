use crate::compression::Compression;
use crate::earlier_layer::{EarlierLayer, Member, remember};
use crate::entry::{Entry, in_order};
use crate::file_reader::prepare;
use crate::member_writer::MemberWriter;
use crate::tar_writer::TarWriter;
use crate::write_behind::WriteBehind;
use crate::{Layer, LayerError};
use mizzen_oci::{Descriptor, DiffId};
use mizzen_store::{BlobWriter, Cancel, Store, StoreError};
use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Collects entries and writes them as one layer: the same entries give the same bytes on every
/// machine.
///
/// Whatever may change those bytes also changes [`LayerBuilder::FORMAT`].
#[derive(Clone, Debug, Default)]
pub struct LayerBuilder {
    entries: Vec<Entry>,
    compression: Compression,
    name: Option<String>,
}

/// How many files are read ahead of the one that is written.
const READ_AHEAD: usize = 2;

impl LayerBuilder {
    /// Names the rules by which entries become bytes.
    pub const FORMAT: &str = "mizzen-layer-2";

    /// Adds an entry; order does not matter.
    pub fn add(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Returns the builder of a layer that is compressed this way.
    #[must_use]
    pub fn compressed_by(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Returns the builder of a layer that is remembered in the store under this name.
    ///
    /// The next layer of the name takes over the compressed bytes of what is the same in both. That
    /// saves time and changes no byte.
    #[must_use]
    pub fn remembered_as(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Writes the entries as one compressed layer into `store`.
    ///
    /// Entries are sorted by the bytes of their paths and have the modes and owners they were given;
    /// a file's time is a function of its content (`oci::ContentTime`), other times are constant.
    /// Hard links become files of their own, holes become zeros, names are not normalised.
    /// `descriptor.size_bytes` counts compressed bytes; `diff_id` names the tar inside. Memory does
    /// not grow with the files.
    ///
    /// # Errors
    /// [`LayerError::Path`], [`LayerError::DuplicatePath`] and [`LayerError::NotADirectory`] for
    /// entries that no layer can hold; [`LayerError::Read`] and [`LayerError::Changed`] name the
    /// file; [`LayerError::Store`]; [`LayerError::Cancelled`].
    ///
    /// Source: OCI image-spec, layer.md, "Distributable Format".
    pub fn write(self, store: &Store, cancel: &Cancel) -> Result<Layer, LayerError> {
        let entries = in_order(self.entries)?;
        let earlier = match &self.name {
            Some(name) => EarlierLayer::find(store, name, self.compression)?,
            None => None,
        };
        let write = |earlier| write_entries(&entries, self.compression, earlier, (store, cancel));
        let (blob, diff_id, members) = match write(earlier)? {
            Some(written) => written,
            None => write(None)?.expect("what is not there is not damaged"),
        };
        let (digest, size_bytes) = blob.commit()?;
        // One member is compressed again faster than its note is brought to disk.
        if let Some(name) = self.name.filter(|_| members.len() > 1) {
            remember(
                store,
                &name,
                self.compression,
                (digest, size_bytes),
                &members,
            )?;
        }
        let blob = store.blob(&digest, size_bytes).ok_or_else(|| {
            let message = format!("{digest} was written, but is gone");
            StoreError::Io(io::Error::new(io::ErrorKind::NotFound, message))
        })?;
        Ok(Layer {
            descriptor: Descriptor::new(self.compression.media_type(), digest, size_bytes),
            diff_id,
            blob: Arc::new(blob),
        })
    }
}

/// What has no name yet, the name of the tar inside, and where each member is.
type Written = (BlobWriter, DiffId, Vec<Member>);

/// Writes the entries; `None` if the earlier layer, of which some of it may be taken, is damaged.
fn write_entries(
    entries: &[Entry],
    compression: Compression,
    earlier: Option<EarlierLayer>,
    (store, cancel): (&Store, &Cancel),
) -> Result<Option<Written>, LayerError> {
    let earlier = earlier.map(Arc::new);
    let blob = store.writer()?;
    thread::scope(|scope| {
        let checked = earlier.clone();
        let check = checked.map(|earlier| scope.spawn(move || earlier.is_whole()));
        let blob = WriteBehind::new(scope, blob, BlobWriter::sync);
        let members = MemberWriter::new(blob, compression, earlier);
        let mut tar = TarWriter::new(members, cancel);
        let (sender, receiver) = sync_channel(READ_AHEAD);
        scope.spawn(move || {
            let prepared = entries.iter().map(|entry| prepare(entry, cancel));
            // Whoever does not listen any more has failed.
            prepared
                .map(|it| sender.send(it))
                .take_while(Result::is_ok)
                .for_each(drop);
        });
        entries.iter().try_for_each(|entry| {
            let prepared = receiver.recv().expect("one is sent for each entry");
            tar.add(entry, prepared?)
        })?;
        let (behind, diff_id, members) = tar.finish()?;
        let blob = behind.finish().map_err(StoreError::Io)?;
        let is_whole = check.is_none_or(|check| {
            let is_whole = check.join();
            is_whole.unwrap_or_else(|panic| resume_unwind(panic))
        });
        Ok(is_whole.then_some((blob, diff_id, members)))
    })
}

impl FromIterator<Entry> for LayerBuilder {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().collect(),
            ..Self::default()
        }
    }
}
