use mizzen_oci::{Family, Healthcheck};
use std::collections::{BTreeMap, BTreeSet};

/// What the image says of itself and how it runs, over what the base says.
#[derive(Clone, Debug, Default)]
pub struct ImageOptions {
    /// The base as the user or the inference named it, for the annotation.
    pub base_name: Option<String>,
    /// When the image was made, as RFC 3339: an input, for nothing here asks the clock.
    pub created: String,
    /// Where the sources are, in https form.
    pub source: Option<String>,
    /// Which state of them it is: the commit.
    pub revision: Option<String>,
    /// Which family of media types; Docker's or the OCI's.
    pub family: Option<Family>,
    /// Variables, over the base's.
    pub env: BTreeMap<String, String>,
    /// Labels, over the base's and the generated ones.
    pub labels: BTreeMap<String, String>,
    /// Generated labels and annotations that the image does not have.
    pub labels_off: BTreeSet<String>,
    /// Annotations, over the generated ones.
    pub annotations: BTreeMap<String, String>,
    /// Ports such as `8080/tcp`, beside those of the environment.
    pub ports: Vec<String>,
    /// `UID[:GID]`.
    pub user: Option<String>,
    /// Where the application starts.
    pub workdir: Option<String>,
    /// Instead of the application's own command.
    pub entrypoint: Option<Vec<String>>,
    /// The base's entrypoint stays, whatever this one is.
    pub keeps_entrypoint: bool,
    /// What is appended to the entrypoint.
    pub cmd: Option<Vec<String>>,
    /// The signal that asks the application to stop.
    pub stop_signal: Option<String>,
    /// How engines ask whether it is well.
    pub healthcheck: Option<Healthcheck>,
    /// Absolute folders that outlive the container.
    pub volumes: Vec<String>,
    /// Absolute folders that exist, are empty, and belong to the image's user.
    pub writable: Vec<String>,
}
