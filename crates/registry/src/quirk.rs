/// What registries do beside the protocol, each dealt with in one place.
///
/// Nothing here asks who the registry is: behaviour comes from answers, so a registry that changes
/// needs no new release. The tests switch one handler off at a time, and show that exactly the
/// registries with that habit fail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Quirk {
    /// A HEAD of a manifest names no digest (Amazon ECR): the manifest is read and hashed.
    HeadWithoutDigest,
    /// A tag that is not there is 403 (Artifactory) or 400 (Amazon ECR): a push goes on.
    MissingIsRefused,
    /// A mount is answered 401 (Harbor), 403, 404, 405 or 500: the blob is sent.
    MountRefused,
    /// The mount's source needs its own pull scope (Docker Hub): the token asks for both.
    MountSourceScope,
    /// The token server looks at the first scope only: the one that is written to comes first.
    FirstScopeOnly,
    /// The token is called `access_token` (Azure ACR): either name will do.
    AccessTokenName,
    /// The token server takes no password by POST (Google GAR, 404; Artifactory, 401; Azure ACR, 400):
    /// it is asked by GET.
    TokenByGetOnly,
    /// A Basic challenge stands before the Bearer one (Azure ACR): the token is preferred.
    BasicBeforeBearer,
    /// A `Location` is relative (Quay, Gitea): it is resolved against the request.
    RelativeLocation,
    /// A `Location` has a query of its own (registry:2, Google): the digest is added to it.
    LocationWithQuery,
    /// A whole blob is too large for one request (proxies, 413): chunks follow.
    WholeTooLarge,
    /// A chunk is too large (GitHub's GHCR, 416 over 4 MiB): smaller ones follow.
    ChunkTooLarge,
    /// A chunk is too small (Amazon ECR, 5 MB; `OCI-Chunk-Min-Length`): larger ones are sent.
    ChunkTooSmall,
    /// Chunks, or the second one, are refused (Google GAR, Gitea): the blob is sent whole.
    ChunksRefused,
    /// The `Range` that answers a chunk stands still (Amazon ECR): it is not asked.
    RangeStandsStill,
    /// A success has another status than the protocol says (Amazon ECR): any 2xx will do.
    OtherSuccess,
}
