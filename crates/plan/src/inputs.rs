use crate::{SourceTree, StepName};
use mizzen_oci::{Digest, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// Counts up whenever the same inputs would be built in another way: other commands, other injected
/// targets, another layout of the stage or of the records.
pub const RECIPE: u32 = 7;

/// Everything that can change what a build makes, as a table that a person can compare.
///
/// It is kept with every record, so that a later miss can name what differs. In keys its files are
/// named by the digest of their table, which the projects of a workspace share.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Inputs {
    /// [`RECIPE`] of the mizzen that wrote the table.
    pub recipe: u32,
    /// The project, relative to the workspace's root.
    pub project: String,
    /// The canonical root of the stage, because it ends up in what is built.
    pub stage: String,
    /// `dotnet` and the SDK that it runs.
    pub toolchain: ToolchainInput,
    /// What a tool of the build host may depend on: its processor, the version of its ICU.
    pub host: BTreeMap<String, String>,
    /// The commands, by step.
    pub commands: BTreeMap<StepName, Vec<String>>,
    /// The variables that the commands see.
    pub environment: BTreeMap<String, String>,
    /// The variables of the user's that they see beside, by keyed digests: a record tells no value, and
    /// none can be guessed from it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub passed: BTreeMap<String, Digest>,
    /// The digests of files that mizzen adds to the stage: injected targets, NuGet configurations
    /// without their secrets.
    pub injected: BTreeMap<String, Digest>,
    /// How layers are made: their format, what goes in, for which platforms.
    pub layers: BTreeMap<String, String>,
    /// The workspace as staged, by path.
    pub files: SourceTree,
}

/// `dotnet` and an SDK, by content: equal versions of different makers differ in their bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ToolchainInput {
    /// Names every file below the root, but for SDKs that were not chosen.
    pub id: Digest,
    /// The root, which ends up in NuGet's files.
    pub root: String,
    /// The folder of the SDK, which ends up in them, too.
    pub sdk: String,
    /// The SDK's version, for people.
    pub version: String,
}

/// What the stage shows under one path of the workspace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileInput {
    /// A file.
    File(Digest),
    /// A file that can be executed; publish keeps the bit.
    Program(Digest),
    /// A symbolic link and its target.
    Link(String),
    /// An empty folder.
    Folder,
}

impl Inputs {
    /// Returns the table as the bytes that are kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(&json!({ "step": "whole", "facts": self }))
    }

    /// Reads a table that an earlier build kept; `None` if it is of another shape.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Table {
            facts: Inputs,
        }
        serde_json::from_slice::<Table>(bytes)
            .ok()
            .map(|table| table.facts)
    }

    /// Returns the key of the final record.
    pub fn whole_key(&self) -> Digest {
        Digest::of(&canonical_json(&json!({
            "step": "whole",
            "facts": self.without_files(),
            "files": self.files.digest(),
        })))
    }

    /// Returns the key of restore: the toolchain, its command, and the files that it reads by
    /// content. What else a project asks while it is evaluated, publish's own restore sees.
    pub fn restore_key(&self) -> Digest {
        let mut key = json!({
            "step": "restore",
            "recipe": self.recipe,
            "project": self.project,
            "stage": self.stage,
            "toolchain": self.toolchain,
            "host": self.host,
            "command": self.commands.get(&StepName::Restore),
            "environment": self.environment,
            "injected": self.injected,
            "files": self.files.restore_digest(),
        });
        if !self.passed.is_empty() {
            key["passed"] = json!(self.passed);
        }
        Digest::of(&canonical_json(&key))
    }

    /// Returns restore's weak key: everything that is known before it looks up its first path. It names
    /// path sets, not records: see [`PathSet`](crate::PathSet).
    pub fn weak_restore_key(&self) -> Digest {
        let mut known = self.without_files();
        known.layers = BTreeMap::new();
        known.commands.remove(&StepName::Publish);
        Digest::of(&canonical_json(&json!({
            "step": "restore, weak",
            "inputs": known,
        })))
    }

    /// Returns the key of publish: everything, and `resolved`, the blobs that restore gave by name.
    pub fn publish_key(&self, resolved: &BTreeMap<String, Digest>) -> Digest {
        Digest::of(&canonical_json(&json!({
            "step": "publish",
            "whole": self.whole_key(),
            "resolved": resolved,
        })))
    }

    /// Returns publish's weak key: everything that is known before it looks up its first path, and
    /// `resolved`, the blobs that restore gave by name. It names path sets, not records: see
    /// [`PathSet`](crate::PathSet).
    pub fn weak_publish_key(&self, resolved: &BTreeMap<String, Digest>) -> Digest {
        Digest::of(&canonical_json(&json!({
            "step": "publish, weak",
            "inputs": self.without_files(),
            "resolved": resolved,
        })))
    }

    /// Returns the weak key of a publish that leaves out its own restore, since `resolved` is proven to be
    /// what that would give. It is another one than [`weak_publish_key`](Self::weak_publish_key): such a
    /// publish looks up fewer paths, and they say enough only where the same is proven again.
    pub fn weak_publish_key_without_restore(&self, resolved: &BTreeMap<String, Digest>) -> Digest {
        Digest::of(&canonical_json(&json!({
            "step": "publish without restore, weak",
            "inputs": self.without_files(),
            "resolved": resolved,
        })))
    }

    /// Returns what is known before a step looks up its first path.
    fn without_files(&self) -> Self {
        Self {
            files: SourceTree::default(),
            ..self.clone()
        }
    }

    /// Returns the name under which the newest table of this project, published in this way, is
    /// kept. It names no result, only what a miss is compared with.
    pub fn slot(&self, workspace_root: &str) -> Digest {
        Digest::of(&canonical_json(&json!({
            "step": "latest",
            "workspace": workspace_root,
            "project": self.project,
            "layers": self.layers.get("platforms"),
        })))
    }
}
