use crate::compression::Compression;
use crate::earlier_layer::{EarlierLayer, remember};
use crate::entry::{Entry, in_order};
use crate::file_reader::prepare;
use crate::member_writer::MemberWriter;
use crate::tar_writer::TarWriter;
use crate::{Layer, LayerError};
use mizzen_oci::Descriptor;
use mizzen_store::{Cancel, Store, StoreError};
use std::io;
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
        let members = MemberWriter::new(store.writer()?, self.compression, earlier);
        let mut tar = TarWriter::new(members, cancel);
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel(READ_AHEAD);
            let in_order = &entries;
            scope.spawn(move || {
                let prepared = in_order.iter().map(|entry| prepare(entry, cancel));
                // Whoever does not listen any more has failed.
                prepared
                    .map(|it| sender.send(it))
                    .take_while(Result::is_ok)
                    .for_each(drop);
            });
            entries.iter().try_for_each(|entry| {
                let prepared = receiver.recv().expect("one is sent for each entry");
                tar.add(entry, prepared?)
            })
        })?;
        let (blob, diff_id, members) = tar.finish()?;
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
            let message = format!("{digest} was written and is gone");
            StoreError::Io(io::Error::new(io::ErrorKind::NotFound, message))
        })?;
        Ok(Layer {
            descriptor: Descriptor::new(self.compression.media_type(), digest, size_bytes),
            diff_id,
            blob: Arc::new(blob),
        })
    }
}

impl FromIterator<Entry> for LayerBuilder {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().collect(),
            ..Self::default()
        }
    }
}
