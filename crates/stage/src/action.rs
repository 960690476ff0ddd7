use mizzen_oci::Digest;
use mizzen_store::Output;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A command over a tree, with everything that it can see.
///
/// Paths are relative to the stage's canonical root, with `/`.
#[derive(Clone, Debug)]
pub struct Action {
    /// What it does, for people who wait for it: `publish of src/Shop.Api`. It changes nothing.
    pub label: String,
    /// What the stage shows, by path; parents of a path exist, too.
    pub inputs: BTreeMap<StagedPath, Content>,
    /// Packs of files that an earlier action gave, each unpacked in a folder, in this order, over
    /// what is there.
    pub packs: Vec<(StagedPath, Output)>,
    /// Folders that exist and are empty unless something above fills them.
    pub folders: Vec<StagedPath>,
    /// Files and folders of the machine that it may read where they are, absolute: SDKs, feeds. They
    /// are in the key, or what is read there is fetched and keyed by its content.
    pub mounted: Vec<PathBuf>,
    /// Files and folders of the machine that it may read under a path of the stage's own, so that no
    /// command learns where they lie. For rungs that hide the machine alone: others leave them out.
    pub shown: BTreeMap<StagedPath, PathBuf>,
    /// Folders of the machine, absolute and without links, of which only that is there which `mounted`
    /// names below them: what else lies in them is in no key. A rung of the ladder that cannot hide
    /// leaves them as they are.
    pub masked: Vec<PathBuf>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// A program and its arguments that start with the command and end with it at the latest, only for
    /// speed: what it prints and how it ends is not asked, and an executor may leave it out. Empty for
    /// none.
    pub warm_up: Vec<String>,
    /// Where the command starts.
    pub working_folder: StagedPath,
    /// All variables that it sees and that may change what it makes.
    pub environment: BTreeMap<String, String>,
    /// Variables that only decide whether it may fetch: proxies, credentials. In no key, record or
    /// message.
    pub secret_environment: BTreeMap<String, String>,
    /// What to keep of what it made.
    pub outputs: Vec<OutputSpec>,
    /// What it may reach.
    pub network: Network,
    /// Whether to tell what it looks up: see [`Seen`](crate::Seen).
    pub watched: bool,
}

/// A path in a stage, relative to its root, with `/`, without `.` and `..`.
pub type StagedPath = String;

/// What a stage shows under one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// A copy of a file, whose bytes must still have this digest when they are copied.
    File {
        /// The file to copy.
        source: PathBuf,
        /// The digest that went into the key.
        digest: Digest,
        /// Whether the copy can be executed.
        executable: bool,
    },
    /// A file of these bytes.
    Bytes(Arc<[u8]>),
    /// A symbolic link.
    Link(String),
    /// An empty folder.
    Folder,
}

/// What an action leaves for those that come after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutputSpec {
    /// The file is left where it is, if there is one, to be read until the
    /// [`Outcome`](crate::Outcome) is dropped.
    File(StagedPath),
    /// The folder is left where it is, to be read as long.
    Folder(StagedPath),
    /// Each folder two levels below (`<id>/<version>`) is stored as a pack, named by those two.
    Packages(StagedPath),
    /// Every file below that the command made or changed is stored, in one pack named by the folder.
    Changes(StagedPath),
    /// The paths of those files are told, and nothing is stored.
    ChangedPaths(StagedPath),
}

/// What a command may reach. A rung of the ladder that cannot deny says so in its outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// Nothing but the loopback.
    None,
    /// Whatever the user can reach.
    Full,
}
