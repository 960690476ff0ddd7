use crate::{Digest, DigestError};
use std::fmt;
use std::str::FromStr;

/// A named set of images in a registry: `ghcr.io/acme/shop`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Repository {
    /// The registry's host, with its port where one is named. Docker Hub is always `docker.io`.
    pub registry: String,
    /// The name inside the registry. Docker Hub's official images begin with `library/`.
    pub name: String,
}

/// Names an image in a registry: by tag, by digest, or both.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reference {
    /// The repository.
    pub repository: Repository,
    /// The tag; a reference always has this or a digest.
    pub tag: Option<String>,
    /// The digest; it wins over the tag.
    pub digest: Option<Digest>,
}

/// A string that is not a reference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReferenceError {
    /// The form is wrong.
    #[error(
        "`{text}` is not an image reference ({reason}): want `registry/repository[:tag][@digest]`"
    )]
    Form {
        /// What was given.
        text: String,
        /// What the grammar says.
        reason: String,
    },
    /// The digest cannot be verified.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl Reference {
    /// Returns what a registry is asked for: the digest if there is one, else the tag.
    pub fn name_in_repository(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => unreachable!("a reference has a tag or a digest"),
        }
    }

    /// Returns this reference with `digest` added.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            ..self.clone()
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Parses `registry/repository[:tag][@digest]`; without tag and digest it is `latest`, without
    /// registry Docker Hub.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed: oci_spec::distribution::Reference =
            text.parse()
                .map_err(
                    |reason: oci_spec::distribution::ParseError| ReferenceError::Form {
                        text: text.to_owned(),
                        reason: reason.to_string(),
                    },
                )?;
        Ok(Self {
            repository: Repository {
                registry: parsed.registry().to_owned(),
                name: parsed.repository().to_owned(),
            },
            tag: parsed.tag().map(str::to_owned),
            digest: parsed.digest().map(str::parse).transpose()?,
        })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.name)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest
            .iter()
            .try_for_each(|digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;

    #[test]
    fn short_names_are_spelled_out() {
        let whole = |text: &str| text.parse::<Reference>().unwrap().to_string();
        assert_eq!(whole("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(
            whole("index.docker.io/nginx:1"),
            "docker.io/library/nginx:1"
        );
        assert_eq!(whole("localhost:5000/shop"), "localhost:5000/shop:latest");
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(
            whole(&format!("ghcr.io/a/b:1@{digest}")),
            format!("ghcr.io/a/b:1@{digest}")
        );
        assert_eq!(
            whole(&format!("ghcr.io/a/b@{digest}")),
            format!("ghcr.io/a/b@{digest}")
        );
    }

    #[test]
    fn what_is_no_reference_is_refused_with_the_text_in_the_message() {
        for text in [
            "",
            "Shop",
            "a b",
            "ghcr.io/a:b:c",
            "ghcr.io/a@sha256:12",
            "ghcr.io/../a",
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
