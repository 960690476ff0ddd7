use mizzen_oci::{Descriptor, DiffId};
use mizzen_store::Blob;
use std::sync::Arc;

/// A layer whose names are known and whose bytes can be had.
///
/// Plain data: only [`Blob::open`] is lazy, so a layer of the base costs nothing until somebody
/// lacks its bytes.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Names the blob: its media type, its digest, its compressed size.
    pub descriptor: Descriptor,
    /// Names the tar inside.
    pub diff_id: DiffId,
    /// The compressed bytes.
    pub blob: Arc<dyn Blob>,
}
