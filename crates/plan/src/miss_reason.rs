use crate::{FileInput, Inputs, Look, Sight};
use mizzen_oci::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One difference between the inputs of two builds, in a person's words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MissReason {
    /// There is no earlier build to compare with.
    FirstBuild,
    /// The same inputs were built, and what they gave was not kept or is gone.
    NotKept,
    /// The caller asked to run the step again.
    Asked,
    /// The step may reach the network, which no key covers.
    Network,
    /// The step gives another thing each time, and the policy is not to keep it.
    Volatile,
    /// The same inputs may give other packages today.
    Floating(String),
    /// The record is there, but not all of its blobs.
    Incomplete(String),
    /// The record was made where the command could read more than its inputs: the rung's name.
    Isolation(String),
    /// A path of the machine answers otherwise than it did, and the step looked it up: how.
    Machine(String, Look),
    /// The record was written by a mizzen that has records of another shape.
    OtherFormat,
    /// mizzen itself builds in another way.
    Recipe(u32, u32),
    /// A file was added.
    Added(String),
    /// A file was removed.
    Removed(String),
    /// A file has other content.
    Content(String),
    /// A file became executable or a link, or ceased to be one.
    Kind(String),
    /// One of these four, and how the step saw the file.
    Seen(Box<Self>, Sight),
    /// Another SDK.
    Toolchain(String, String),
    /// The same SDK at another path, which a rung without mounts cannot hide.
    ToolchainPlace(String, String),
    /// A variable that the user passes has another value, which no record holds.
    Variable(String),
    /// A setting has another value.
    Setting {
        /// What it sets.
        name: String,
        /// The value of the earlier build; `None` if it had none.
        before: Option<String>,
        /// The value of this build.
        now: Option<String>,
    },
}

impl MissReason {
    /// Returns the path of the file that differs, if it is a file.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Added(path) | Self::Removed(path) | Self::Content(path) | Self::Kind(path) => {
                Some(path)
            }
            Self::Seen(change, _) => change.path(),
            _ => None,
        }
    }

    /// Returns every difference, settings first, then files by path.
    pub fn between(earlier: &Inputs, now: &Inputs) -> Vec<Self> {
        let mut reasons = Vec::new();
        if earlier.recipe != now.recipe {
            reasons.push(Self::Recipe(earlier.recipe, now.recipe));
        }
        let is_moved = earlier.toolchain.id == now.toolchain.id
            && earlier.toolchain.root != now.toolchain.root;
        if is_moved {
            let (before, after) = (&earlier.toolchain.root, &now.toolchain.root);
            reasons.push(Self::ToolchainPlace(before.clone(), after.clone()));
        } else if earlier.toolchain != now.toolchain {
            let (before, after) = (&earlier.toolchain.version, &now.toolchain.version);
            reasons.push(Self::Toolchain(before.clone(), after.clone()));
        }
        let (mut before, after) = (settings(earlier), settings(now));
        if is_moved {
            // Where it lies is told already.
            for value in before.values_mut() {
                *value = value.replace(&earlier.toolchain.root, &now.toolchain.root);
            }
        }
        for name in before
            .keys()
            .chain(after.keys().filter(|name| !before.contains_key(*name)))
        {
            let (before, now) = (before.get(name).cloned(), after.get(name).cloned());
            if before != now {
                reasons.push(Self::Setting {
                    name: name.clone(),
                    before,
                    now,
                });
            }
        }
        reasons.extend(variables(earlier, now));
        // Whether a package asks git is known only once restore has run: until then git's files are not
        // gone, but not asked for yet.
        let is_gits = |path: &String| path.starts_with(".git/");
        let has_git = now.files.keys().any(is_gits);
        let mut files = Vec::new();
        let earlier_files = earlier.files.iter();
        for (path, fact) in earlier_files.filter(|(path, _)| has_git || !is_gits(path)) {
            match now.files.get(path) {
                None => files.push((path, Self::Removed(path.clone()))),
                Some(other) if other == fact => {}
                Some(FileInput::File(_)) if matches!(fact, FileInput::File(_)) => {
                    files.push((path, Self::Content(path.clone())));
                }
                Some(FileInput::Program(_)) if matches!(fact, FileInput::Program(_)) => {
                    files.push((path, Self::Content(path.clone())));
                }
                Some(_) => files.push((path, Self::Kind(path.clone()))),
            }
        }
        let added = now
            .files
            .keys()
            .filter(|path| !earlier.files.contains_key(*path));
        files.extend(added.map(|path| (path, Self::Added(path.clone()))));
        files.sort_unstable();
        reasons.extend(files.into_iter().map(|(_, reason)| reason));
        reasons
    }
}

/// Returns what differs of the variables that the user passes: never a value.
fn variables(earlier: &Inputs, now: &Inputs) -> Vec<MissReason> {
    let (before, after) = (&earlier.passed, &now.passed);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let reason = |name: &String| match (before.get(name), after.get(name)) {
        (Some(before), Some(now)) if before == now => None,
        (Some(_), Some(_)) => Some(MissReason::Variable(name.clone())),
        (before, now) => {
            let state = |digest: Option<&Digest>| digest.map(|_| "set".to_owned());
            Some(MissReason::Setting {
                name: format!("variable {name}"),
                before: state(before),
                now: state(now),
            })
        }
    };
    names.into_iter().filter_map(reason).collect()
}

fn settings(inputs: &Inputs) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::from([("stage".to_owned(), inputs.stage.clone())]);
    for (step, command) in &inputs.commands {
        settings.insert(format!("{step} command"), command.join(" "));
    }
    for (name, value) in &inputs.host {
        settings.insert(format!("host's {name}"), value.clone());
    }
    for (name, value) in &inputs.environment {
        settings.insert(format!("variable {name}"), value.clone());
    }
    for (name, digest) in &inputs.injected {
        settings.insert(name.clone(), digest.short());
    }
    for (name, value) in &inputs.layers {
        settings.insert(format!("layers' {name}"), value.clone());
    }
    settings
}

impl fmt::Display for MissReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".to_owned());
        match self {
            Self::FirstBuild => f.write_str("no earlier build of this project is in the cache"),
            Self::NotKept => f.write_str("the result of the same sources was not kept, or is gone"),
            Self::Asked => f.write_str("asked to run again"),
            Self::Network => f.write_str("publish may use the network, as [policy] allows"),
            Self::Volatile => {
                f.write_str("publish is not reproducible, according to the project's files")
            }
            Self::Floating(what) => write!(f, "versions float: {what}"),
            Self::Incomplete(what) => write!(f, "the cache has lost {what}"),
            Self::Isolation(rung) => write!(f, "the record was made with isolation `{rung}`"),
            Self::Machine(path, look) => write!(f, "~ {path} ({look}, outside the workspace)"),
            Self::OtherFormat => f.write_str("the record is of another version of mizzen"),
            Self::Recipe(before, now) => write!(f, "mizzen's recipe {before} → {now}"),
            Self::Added(path) => write!(f, "+ {path}"),
            Self::Removed(path) => write!(f, "- {path}"),
            Self::Content(path) => write!(f, "~ {path} (content)"),
            Self::Kind(path) => write!(f, "~ {path} (mode or kind)"),
            Self::Seen(change, sight) => match &**change {
                Self::Content(path) => write!(f, "~ {path} (content, {sight})"),
                Self::Kind(path) => write!(f, "~ {path} (mode or kind, {sight})"),
                change => write!(f, "{change} ({sight})"),
            },
            Self::Toolchain(before, now) if before == now => write!(f, "toolchain {now} (content)"),
            Self::Toolchain(before, now) => write!(f, "toolchain {before} → {now}"),
            Self::ToolchainPlace(before, now) => {
                write!(f, "the SDK was seen at {before}, and is now at {now}")
            }
            Self::Variable(name) => write!(f, "variable {name} (value)"),
            Self::Setting { name, before, now } => {
                write!(f, "{name}: {} → {}", value(before), value(now))
            }
        }
    }
}
