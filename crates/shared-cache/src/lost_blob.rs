use mizzen_oci::Repository;
use mizzen_store::cause;
use std::error::Error;
use std::io;

/// A blob that a record of a shared cache names could not be had from there: whatever it held can be made
/// on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the shared cache `{repository}` does not give what its record names")]
pub struct LostBlob {
    /// Where it was to be.
    pub repository: Repository,
    pub(crate) source: io::Error,
}

impl LostBlob {
    /// Finds it among the causes of `error`.
    pub fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        cause(error)
    }
}
