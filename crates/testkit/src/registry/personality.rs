/// How a registry differs from the book. Facts about registries, kept as data: see [`Personality::all`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one habit")]
pub struct Personality {
    /// Whose habits these are.
    pub name: &'static str,
    /// A body that is longer is answered 413: a proxy before the registry.
    pub most_body_bytes: u64,
    /// A chunk that is longer is answered 416.
    pub most_chunk_bytes: u64,
    /// A chunk that is shorter, and not the last, is answered 416; said in `OCI-Chunk-Min-Length`.
    pub least_chunk_bytes: u64,
    /// Which chunks are taken.
    pub chunks: ChunkRule,
    /// The `Range` that answers a chunk says what the first one said.
    pub range_stands_still: bool,
    /// The status that answers a chunk.
    pub chunk_status: u16,
    /// An upload that broke off is kept, and can go on.
    pub resumes_uploads: bool,
    /// A HEAD of a manifest names its digest.
    pub head_names_digest: bool,
    /// What a HEAD of a manifest that is not there is answered.
    pub missing_manifest_status: u16,
    /// What becomes of a wish to mount.
    pub mount: Mount,
    /// A mount needs a token with a scope for its source.
    pub mount_needs_source_scope: bool,
    /// A `Location` has no host.
    pub relative_location: bool,
    /// A `Location` has a query that must come back.
    pub location_query: bool,
    /// The token server reads one scope.
    pub first_scope_only: bool,
    /// What the token server answers to a password by POST, instead of a token; 200 if it takes it.
    pub password_post_status: u16,
    /// What the token server calls the token that is asked for by GET.
    pub token_name: &'static str,
    /// A Basic challenge stands before the Bearer one.
    pub basic_before_bearer: bool,
    /// A request that brings back the session cookie must bring a CSRF token, too.
    pub session_cookie: bool,
    /// A tag that points somewhere stays there.
    pub immutable_tags: bool,
    /// A manifest must have media types of one family.
    pub one_family: bool,
    /// A manifest must say its media type.
    pub wants_media_type: bool,
    /// The tag `sha256-<hex>` leads to the manifest of that digest until something else is put there.
    pub digest_tags: bool,
    /// Whether it lists referrers.
    pub referrers: Referrers,
}

/// Which chunks a registry takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChunkRule {
    /// All, in order.
    Taken,
    /// None.
    Refused,
    /// One.
    OnlyFirst,
}

/// What becomes of a wish to mount.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mount {
    /// It is mounted.
    Done,
    /// An upload is opened instead.
    OpensUpload,
    /// It is answered with this status.
    Status(u16),
}

/// Whether a registry lists what refers to a manifest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Referrers {
    /// It does.
    Listed,
    /// It does not know the route.
    Unknown,
    /// It does not know the route, and still answers a manifest with a subject as if it did.
    Claimed,
}

const MEGABYTE: u64 = 1024 * 1024;

impl Personality {
    /// A registry that does what distribution-spec 1.1 says, and no more.
    pub const BY_THE_BOOK: Self = Self {
        name: "by the book",
        most_body_bytes: u64::MAX,
        most_chunk_bytes: u64::MAX,
        least_chunk_bytes: 0,
        chunks: ChunkRule::Taken,
        range_stands_still: false,
        chunk_status: 202,
        resumes_uploads: true,
        head_names_digest: true,
        missing_manifest_status: 404,
        mount: Mount::Done,
        mount_needs_source_scope: false,
        relative_location: false,
        location_query: false,
        first_scope_only: false,
        password_post_status: 200,
        token_name: "token",
        basic_before_bearer: false,
        session_cookie: false,
        immutable_tags: false,
        one_family: false,
        wants_media_type: false,
        digest_tags: false,
        referrers: Referrers::Listed,
    };

    /// Every registry whose habits are known. Sizes are about a quarter of the real ones, so that
    /// tests move little.
    pub fn all() -> Vec<Self> {
        vec![
            Self::BY_THE_BOOK,
            Self {
                name: "Docker Hub",
                mount_needs_source_scope: true,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "GitHub GHCR, behind a proxy",
                most_body_bytes: 19 * MEGABYTE / 4,
                most_chunk_bytes: 6 * MEGABYTE / 5,
                referrers: Referrers::Unknown,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "Amazon ECR, behind a proxy",
                most_body_bytes: 4 * MEGABYTE,
                least_chunk_bytes: 2 * MEGABYTE,
                range_stands_still: true,
                chunk_status: 201,
                head_names_digest: false,
                missing_manifest_status: 400,
                mount: Mount::OpensUpload,
                immutable_tags: true,
                referrers: Referrers::Claimed,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "Azure ACR",
                password_post_status: 400,
                resumes_uploads: false,
                token_name: "access_token",
                basic_before_bearer: true,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "Google GAR",
                password_post_status: 404,
                chunks: ChunkRule::Refused,
                location_query: true,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "Quay",
                relative_location: true,
                one_family: true,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "Harbor",
                mount: Mount::Status(401),
                session_cookie: true,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "Artifactory",
                password_post_status: 401,
                missing_manifest_status: 403,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "Nexus",
                wants_media_type: true,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "GitLab",
                mount_needs_source_scope: true,
                digest_tags: true,
                referrers: Referrers::Unknown,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "Gitea",
                chunks: ChunkRule::OnlyFirst,
                relative_location: true,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "registry:2",
                mount_needs_source_scope: true,
                location_query: true,
                referrers: Referrers::Unknown,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "a proxy with a limit",
                most_body_bytes: 4 * MEGABYTE,
                ..Self::BY_THE_BOOK
            },
            Self {
                name: "a token server that reads one scope",
                first_scope_only: true,
                ..Self::BY_THE_BOOK
            },
        ]
    }

    /// Returns the registry of that name.
    pub fn named(name: &str) -> Self {
        let mut all = Self::all().into_iter();
        all.find(|personality| personality.name == name)
            .expect("the name is in the table")
    }
}
