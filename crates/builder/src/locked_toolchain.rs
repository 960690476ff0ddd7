use mizzen_oci::Digest;

/// A toolchain by content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockedToolchain {
    /// The SDK's version, for people.
    pub version: String,
    /// Names its bytes.
    pub id: Digest,
}
