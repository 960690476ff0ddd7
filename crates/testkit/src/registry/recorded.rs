use std::collections::BTreeMap;
use std::fmt;

/// A request as it arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordedRequest {
    /// `GET`, `HEAD`, `POST`, `PATCH`, `PUT`, `DELETE`.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// Path and query as they came.
    pub target: String,
    /// The query, decoded.
    pub query: BTreeMap<String, String>,
    /// The headers, names in lower case; of several with one name the last.
    pub headers: BTreeMap<String, String>,
    /// How many bytes of body arrived.
    pub body_bytes: u64,
    /// The status that was answered; `None` if the connection was cut.
    pub status: Option<u16>,
}

impl RecordedRequest {
    /// `true` for a request that carries bytes of a blob.
    pub fn is_blob_upload(&self) -> bool {
        matches!(&*self.method, "PUT" | "PATCH")
            && self.path.contains("/blobs/uploads/")
            && self.body_bytes > 0
    }
}

impl fmt::Display for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
