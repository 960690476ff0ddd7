use crate::reference_parts::{
    MAX_TAG, is_host, is_name_part, slashed_tag, wrong_host, wrong_name, wrong_tag,
};
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
        /// What is wrong with it, and what would do.
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
    ///
    /// By hand, for the grammar's regular expression takes 30 ms to compile: more than all else that
    /// an unchanged build does.
    /// Source: distribution's reference grammar, as `oci-spec` and the docker command line read it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text, &with_offer)
    }
}

impl Reference {
    /// Reads a reference; `offer` adds to what is wrong a reference that would be valid.
    fn read(
        text: &str,
        offer: &dyn Fn(String, &str, &str) -> String,
    ) -> Result<Self, ReferenceError> {
        let malformed = |reason: String| ReferenceError::Form {
            text: text.to_owned(),
            reason,
        };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => match digest.parse() {
                Ok(digest) => (rest, Some(digest)),
                Err(DigestError::Form(_)) => {
                    return Err(malformed("what follows `@` is not a digest".to_owned()));
                }
                Err(error) => return Err(error.into()),
            },
            None => (text, None),
        };
        // The last colon belongs to a port if a slash comes after it.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if let Some(wrong) = tag.and_then(wrong_tag) {
            return Err(malformed(offer(wrong, rest, name)));
        }
        let (registry, name) = match name.split_once('/') {
            Some((host, name)) if host.contains(['.', ':']) || host == "localhost" => (host, name),
            _ => (DOCKER_HUB, name),
        };
        if !is_host(registry) {
            let wrong = match slashed_tag(registry) {
                Some(name) => offer("`/` is not allowed in a tag".to_owned(), rest, name),
                None => wrong_host(registry),
            };
            return Err(malformed(wrong));
        }
        if name.is_empty() || !name.split('/').all(is_name_part) {
            let wrong = wrong_name(name);
            let lower = rest[..rest.len() - tag.map_or(0, |tag| tag.len() + 1)].to_lowercase();
            return Err(malformed(offer(wrong, rest, &lower)));
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
            let wrong = format!(
                "the repository has {} characters, at most {MAX_NAME} are allowed",
                name.len()
            );
            return Err(malformed(wrong));
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

/// Adds the reference that is meant, if it is one: `name`, with the tag in letters that are allowed.
fn with_offer(wrong: String, rest: &str, name: &str) -> String {
    let tag = rest.get(name.len()..).and_then(|tag| tag.strip_prefix(':'));
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let tag = tag.map(|tag| {
        let tag = tag.replace(|letter| !is_allowed(letter), "-");
        let tag = tag.trim_start_matches(['.', '-']);
        tag[..tag.len().min(MAX_TAG)].to_owned()
    });
    let offer = match tag {
        Some(tag) => format!("{name}:{tag}"),
        None => name.to_owned(),
    };
    if Reference::read(&offer, &|wrong, _, _| wrong).is_ok() {
        format!("{wrong}; `{offer}` would be valid")
    } else {
        wrong
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

    #[test]
    fn what_is_wrong_is_named_with_what_would_do() {
        let long = format!("app:{}", "x".repeat(129));
        for (text, says, offers) in [
            (
                "r.io/app:1.0.0+build.5",
                "`+` is not allowed in a tag",
                "`r.io/app:1.0.0-build.5`",
            ),
            (
                "app:feature/login",
                "`/` is not allowed in a tag",
                "`app:feature-login`",
            ),
            ("r.io/app:.x", "cannot begin with `.`", "`r.io/app:x`"),
            (&long, "has 129 characters, at most 128", "would be valid"),
            (
                "my_registry.corp/app",
                "`_` is not allowed in the name of a registry",
                "",
            ),
            (
                "r.io/Shop/Api:1",
                "`S` is not allowed in a repository",
                "`r.io/shop/api:1`",
            ),
            ("Shop", "`S` is not allowed in a repository", "`shop`"),
            ("r.io/app:", "no tag follows the colon", ""),
            ("r.io/a b", "` ` is not allowed in a repository", ""),
            ("r.io/a..b", "made of letters and digits", ""),
            ("r.io:x/app", "", ""),
            ("[::1/app", "", ""),
        ] {
            let error = text.parse::<Reference>().unwrap_err().to_string();
            assert!(
                error.contains(says) && error.contains(offers),
                "{text}: {error}"
            );
            assert!(
                !offers.is_empty() || !error.contains("would be valid") || says.is_empty(),
                "{error}"
            );
        }
    }

    #[test]
    fn a_registry_may_be_an_ipv6_address() {
        for (text, registry) in [
            ("[::1]:5000/app:1", "[::1]:5000"),
            ("[fd00::1]/acme/app", "[fd00::1]"),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.repository.registry, registry);
        }
        for text in [
            "[::1]:/app",
            "[x]:5000/app",
            "[127.0.0.1]/app",
            "::1/app",
            "[::1]x/app",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
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
