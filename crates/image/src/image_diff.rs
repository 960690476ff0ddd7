use crate::Image;
use crate::entry::lossy;
use crate::file_tree::{FileKind, FileTree, FileTreeError, TreeFile};
use mizzen_oci::{Digest, Family, MediaTypeExt};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// What is in one image and not in another.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageDiff {
    /// Layers of both, by digest.
    pub shared_layers: Vec<Digest>,
    /// How many compressed bytes of layers only the first has.
    pub removed_layer_bytes: u64,
    /// How many compressed bytes of layers only the second has: what a host that has the first must
    /// fetch.
    pub added_layer_bytes: u64,
    /// Members of config and manifest that differ, sorted by name.
    pub settings: Vec<SettingChange>,
    /// Paths that differ, sorted by their bytes.
    pub files: Vec<FileChange>,
}

/// A member of config or manifest that differs.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SettingChange {
    /// Its name: `config.Env.PATH`.
    pub name: String,
    /// What the first image says.
    pub old: Option<Value>,
    /// What the second image says.
    pub new: Option<Value>,
}

/// A path that differs.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FileChange {
    /// The path, with a slash in front; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// What the first image has there.
    pub old: Option<TreeFile>,
    /// What the second image has there.
    pub new: Option<TreeFile>,
    /// What differs, of `content`, `kind`, `mode`, `owner` and `target`; empty if it is new or gone.
    pub what: Vec<&'static str>,
}

impl ImageDiff {
    /// Compares two images; all layers are read, but for two images of the same layers.
    ///
    /// # Errors
    /// [`FileTreeError`] names the layer that cannot be read.
    pub fn of(old: &Image, new: &Image) -> Result<Self, FileTreeError> {
        let digests = |image: &Image| -> BTreeSet<Digest> {
            image
                .layers()
                .iter()
                .map(|layer| layer.descriptor.digest)
                .collect()
        };
        let (old_layers, new_layers) = (digests(old), digests(new));
        let bytes_outside = |image: &Image, others: &BTreeSet<Digest>| {
            let layers = image.layers().iter().map(|layer| &layer.descriptor);
            let outside = layers.filter(|descriptor| !others.contains(&descriptor.digest));
            outside.map(|descriptor| descriptor.size_bytes).sum()
        };
        // By the bytes, never by the diff ids that a config claims.
        let bytes = |image: &Image| -> Vec<_> {
            let layers = image.layers().iter().map(|layer| &layer.descriptor);
            let bytes = layers.map(|layer| (layer.digest, layer.media_type.in_family(Family::Oci)));
            bytes.collect()
        };
        let files = if bytes(old) == bytes(new) {
            Vec::new()
        } else {
            files(FileTree::of(old)?, FileTree::of(new)?)
        };
        Ok(Self {
            shared_layers: old_layers.intersection(&new_layers).copied().collect(),
            removed_layer_bytes: bytes_outside(old, &new_layers),
            added_layer_bytes: bytes_outside(new, &old_layers),
            settings: settings(old, new),
            files,
        })
    }

    /// `true` if the two images run the same.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.files.is_empty()
    }
}

fn files(old: FileTree, new: FileTree) -> Vec<FileChange> {
    let (mut old, mut new) = (old.into_files().peekable(), new.into_files().peekable());
    let mut changes = Vec::new();
    while let Some(path) = [old.peek(), new.peek()]
        .into_iter()
        .flatten()
        .map(|(path, _)| path)
        .min()
        .cloned()
    {
        let here = |(other, _): &(Vec<u8>, TreeFile)| *other == path;
        let old = old.next_if(here).map(|(_, file)| file);
        let new = new.next_if(here).map(|(_, file)| file);
        let what = match (&old, &new) {
            (Some(old), Some(new)) => differences(old, new),
            _ => Vec::new(),
        };
        if old.is_some() != new.is_some() || !what.is_empty() {
            let path = format!("/{}", lossy(&path));
            changes.push(FileChange {
                path,
                old,
                new,
                what,
            });
        }
    }
    changes
}

fn differences(old: &TreeFile, new: &TreeFile) -> Vec<&'static str> {
    let differ = [
        ("kind", old.kind != new.kind),
        ("content", old.digest != new.digest),
        // A link's mode means nothing.
        (
            "mode",
            old.mode != new.mode && new.kind != FileKind::Symlink,
        ),
        ("owner", (old.uid, old.gid) != (new.uid, new.gid)),
        ("target", old.link_target != new.link_target),
    ];
    differ
        .into_iter()
        .filter(|(_, differ)| *differ)
        .map(|(name, _)| name)
        .collect()
}

// History and diff ids say again what the layers are.
fn settings(old: &Image, new: &Image) -> Vec<SettingChange> {
    let document = |image: &Image| {
        let mut config: Value = serde_json::from_slice(image.config_bytes()).unwrap_or_default();
        if let Value::Object(config) = &mut config {
            config.retain(|name, _| name != "history" && name != "rootfs");
            if let Some(Value::Object(run)) = config.get_mut("config") {
                let env = run.remove("Env");
                run.insert("Env".to_owned(), by_name(&env.unwrap_or_default()));
            }
            config.insert(
                "annotations".to_owned(),
                serde_json::json!(image.manifest().annotations()),
            );
        }
        config
    };
    let mut changes = Vec::new();
    compare("", Some(&document(old)), Some(&document(new)), &mut changes);
    changes.sort_by(|one: &SettingChange, other| one.name.cmp(&other.name));
    changes
}

// A list of `NAME=value` as an object: the order of variables means nothing.
fn by_name(variables: &Value) -> Value {
    let lines = variables
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let pairs = lines.map(|line| line.split_once('=').unwrap_or((line, "")));
    pairs
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect()
}

fn compare(name: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<SettingChange>) {
    let members = |value: Option<&Value>| {
        value
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let is_object = |value: Option<&Value>| value.is_none_or(Value::is_object);
    if (old.is_some() || new.is_some()) && is_object(old) && is_object(new) {
        let (old, new) = (members(old), members(new));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for member in names {
            let name = if name.is_empty() {
                member.clone()
            } else {
                format!("{name}.{member}")
            };
            compare(&name, old.get(member), new.get(member), changes);
        }
    } else if old != new {
        changes.push(SettingChange {
            name: name.to_owned(),
            old: old.cloned(),
            new: new.cloned(),
        });
    }
}
