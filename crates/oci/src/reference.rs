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
        reason: &'static str,
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
    ///
    /// By hand, for the grammar's regular expression takes 30 ms to compile: more than all else that
    /// an unchanged build does.
    /// Source: distribution's reference grammar, as `oci-spec` and the docker command line read it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = |reason| ReferenceError::Form {
            text: text.to_owned(),
            reason,
        };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => match digest.parse() {
                Ok(digest) => (rest, Some(digest)),
                Err(DigestError::Form(_)) => return Err(malformed("the digest is none")),
                Err(error) => return Err(error.into()),
            },
            None => (text, None),
        };
        // The last colon belongs to a port if a slash comes after it.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if !tag.is_none_or(is_tag) {
            return Err(malformed("the tag is none"));
        }
        let (registry, name) = match name.split_once('/') {
            Some((host, name)) if host.contains(['.', ':']) || host == "localhost" => (host, name),
            _ => (DOCKER_HUB, name),
        };
        if !is_host(registry) {
            return Err(malformed("the registry is none"));
        }
        if name.is_empty() || !name.split('/').all(is_name_part) {
            return Err(malformed(
                "the repository is none: lower case, digits and single . _ - between",
            ));
        }
        let registry = if registry == "index.docker.io" {
            DOCKER_HUB
        } else {
            registry
        };
        let is_official = registry == DOCKER_HUB && !name.contains('/');
        let name = if is_official {
            format!("library/{name}")
        } else {
            name.to_owned()
        };
        if name.len() > MAX_NAME {
            return Err(malformed("the repository has more than 255 characters"));
        }
        let latest = (digest.is_none() && tag.is_none()).then_some("latest");
        Ok(Self {
            repository: Repository {
                registry: registry.to_owned(),
                name,
            },
            tag: tag.or(latest).map(str::to_owned),
            digest,
        })
    }
}

const DOCKER_HUB: &str = "docker.io";
const MAX_NAME: usize = 255;

/// `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`
fn is_tag(text: &str) -> bool {
    let mut letters = text.bytes();
    let starts = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric() || first == b'_');
    starts
        && text.len() <= 128
        && letters.all(|next| next.is_ascii_alphanumeric() || b"_.-".contains(&next))
}

/// Names of letters, digits and inner hyphens, joined by dots, and a port.
fn is_host(text: &str) -> bool {
    let (name, port) = text
        .split_once(':')
        .map_or((text, None), |(name, port)| (name, Some(port)));
    let is_label = |label: &str| {
        let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        alphanumeric(bytes.first())
            && alphanumeric(bytes.last())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    name.split('.').all(is_label) && port.is_none_or(is_port)
}

/// Lower-case letters and digits, with one `.`, one or two `_`, or any number of `-` between.
fn is_name_part(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separators = text
        .split(|letter: char| u8::try_from(letter).is_ok_and(is_word))
        .peekable();
    // What stands before the first word and after the last must be nothing.
    let first = separators.next().unwrap_or_default();
    let mut last = first;
    let mut inner = true;
    while let Some(separator) = separators.next() {
        last = separator;
        let is_last = separators.peek().is_none();
        inner &= is_last
            || matches!(separator, "" | "." | "_" | "__")
            || separator.bytes().all(|byte| byte == b'-');
    }
    let has_word = text.bytes().any(is_word);
    has_word && first.is_empty() && last.is_empty() && inner
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

    /// Where ours says no and theirs yes, they take an upper-case name for one on Docker Hub, or a
    /// letter for one of a tag that no registry takes.
    #[test]
    fn every_reference_is_read_as_the_grammars_own_expression_reads_it() {
        let hosts = [
            "",
            "a/",
            "A/",
            "localhost/",
            "localhost:5000/",
            "r.io/",
            "R.io:80/",
            "r.io:/",
            "-r.io/",
            "r-.io/",
            "127.0.0.1:1/",
            "index.docker.io/",
            "r..io/",
        ];
        let names = [
            "", "a", "a/b", "a/b/c", "a.b", "a..b", "a_b", "a__b", "a___b", "a-b", "a---b", "-a",
            "a-", "a.", "_a", "a/", "/a", "a//b", "A", "a/B", "a.-b", "0",
        ];
        let tags = [
            "", ":", ":1", ":latest", ":_x", ":.x", ":x.y-z", ":x/y", ":a:b", ":ü",
        ];
        let digest = format!("@sha256:{}", "0".repeat(64));
        let mut read = 0;
        for host in hosts {
            for name in names {
                for tag in tags {
                    for digest in ["", "@", "@sha256:1", &digest] {
                        let text = format!("{host}{name}{tag}{digest}");
                        let ours = text
                            .parse::<Reference>()
                            .ok()
                            .map(|reference| reference.to_string());
                        let theirs = text.parse::<oci_spec::distribution::Reference>();
                        let theirs = theirs.ok().map(|reference| reference.to_string());
                        if ours.is_some()
                            || theirs
                                .as_ref()
                                .is_none_or(|text| text.is_ascii() && *text == text.to_lowercase())
                        {
                            assert_eq!(ours, theirs, "{text}");
                        }
                        read += usize::from(ours.is_some());
                    }
                }
            }
        }
        assert!(read > 300, "{read}");
    }
}
