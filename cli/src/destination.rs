use crate::Process;
use crate::error::CommandError;
use mizzen_oci::Reference;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where an image goes, or a base comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Destination {
    /// `registry/repository[:tag]`.
    Registry(Box<Reference>),
    /// `oci:DIR[:TAG]`; the folder as the user wrote it and where that is.
    Layout {
        written: PathBuf,
        folder: PathBuf,
        tag: Option<String>,
    },
}

/// Schemes of the contract that are not served yet, so that they are no strange registries.
const OTHER_SCHEMES: [&str; 4] = ["oci-archive:", "docker-archive:", "docker:", "podman:"];

impl Destination {
    /// Reads the argument of `--tag`.
    pub(crate) fn tag(text: &str) -> Result<Self, CommandError> {
        let reference: Reference = text
            .parse()
            .map_err(|error| CommandError::usage(format!("{error}")))?;
        if reference.digest.is_some() {
            return Err(CommandError::usage(format!(
                "`{text}` names a digest, which is not known before the build"
            ))
            .hinted("name a tag: registry/repository:tag"));
        }
        Ok(Self::Registry(Box::new(reference)))
    }

    /// Reads the argument of `--output`.
    pub(crate) fn output(text: &str, process: &Process) -> Result<Self, CommandError> {
        text.strip_prefix("oci:")
            .filter(|rest| !rest.is_empty())
            .map(|rest| Self::layout(rest, process))
            .ok_or_else(|| {
                CommandError::usage(format!("`{text}` is no output"))
                    .hinted("write oci:DIR or oci:DIR:TAG; to push, use --tag")
            })
    }

    /// Reads the argument of `--base`.
    pub(crate) fn base(text: &str, process: &Process) -> Result<Self, CommandError> {
        if let Some(rest) = text.strip_prefix("oci:").filter(|rest| !rest.is_empty()) {
            return Ok(Self::layout(rest, process));
        }
        if OTHER_SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return Err(CommandError::usage(format!("`{text}` is no base image"))
                .hinted("name a reference or oci:DIR[:TAG]"));
        }
        let reference: Reference = text
            .parse()
            .map_err(|error| CommandError::usage(format!("{error}")))?;
        Ok(Self::Registry(Box::new(reference)))
    }

    /// Returns the layout in `folder`.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self::Layout {
            written: folder.to_owned(),
            folder: folder.to_owned(),
            tag: None,
        }
    }

    // A folder may hold a colon; what follows the last one is a tag only if it can be one.
    fn layout(text: &str, process: &Process) -> Self {
        let (folder, tag) = match text.rsplit_once(':') {
            Some((folder, tag)) if !folder.is_empty() && is_tag(tag) => {
                (folder, Some(tag.to_owned()))
            }
            _ => (text, None),
        };
        let written = PathBuf::from(folder);
        Self::Layout {
            folder: process.absolute(&written),
            written,
            tag,
        }
    }
}

fn is_tag(text: &str) -> bool {
    let mut characters = text.chars();
    let starts = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric() || first == '_');
    starts
        && text.len() <= 128
        && characters.all(|next| next.is_ascii_alphanumeric() || "._-".contains(next))
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::Layout { written, tag, .. } => {
                write!(f, "oci:{}", written.display())?;
                tag.iter().try_for_each(|tag| write!(f, ":{tag}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;
    use crate::Process;

    fn process() -> Process {
        Process {
            arguments: Vec::new(),
            environment: std::collections::BTreeMap::new(),
            working_folder: "/work".into(),
        }
    }

    #[test]
    fn an_output_is_a_folder_with_a_tag_if_what_follows_can_be_one() {
        let output = |text: &str| match Destination::output(text, &process()).unwrap() {
            Destination::Layout { folder, tag, .. } => (folder.to_str().unwrap().to_owned(), tag),
            Destination::Registry(_) => unreachable!("outputs are folders"),
        };
        assert_eq!(output("oci:out"), ("/work/out".to_owned(), None));
        assert_eq!(
            output("oci:out:1.4"),
            ("/work/out".to_owned(), Some("1.4".to_owned()))
        );
        assert_eq!(output("oci:/a:b/c"), ("/a:b/c".to_owned(), None));
        for text in ["out", "oci:", "docker:x"] {
            assert!(Destination::output(text, &process()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tag_is_a_reference_without_digest_and_a_base_may_have_one() {
        assert_eq!(
            Destination::tag("localhost:5000/shop").unwrap().to_string(),
            "localhost:5000/shop:latest"
        );
        let pinned = format!("localhost:5000/shop@sha256:{}", "0".repeat(64));
        assert!(Destination::tag(&pinned).is_err());
        assert_eq!(
            Destination::base(&pinned, &process()).unwrap().to_string(),
            pinned
        );
        assert!(Destination::base("docker-archive:x.tar", &process()).is_err());
    }
}
