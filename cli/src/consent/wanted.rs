use mizzen_builder::Outside;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// One thing outside of its workspace that a repository asks for.
///
/// Two that are equal are the same to the user: what was allowed is compared with it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Wanted {
    /// That its code runs where nothing of the user's is hidden.
    Everything,
    /// That a file or a folder is read; absolute.
    Read(String),
    /// That a file or a folder is written; absolute.
    Write(String),
    /// That its code sees the value of a variable.
    Variable(String),
    /// That credentials for a feed go to an address.
    Credentials { source: String, address: String },
    /// That a registry is talked to in clear.
    PlainHttp(String),
    /// That certificates are believed for a registry.
    Authority { host: String, file: String },
    /// That a certificate and a key of the user's are used at a registry.
    ClientCertificate { host: String, file: String },
    /// That an image is pushed, with the user's credentials.
    Push(String),
    /// That results are taken from a shared cache, as if they had been built here.
    SharedCache(String),
    /// That an image of the local engine gets another content.
    Load(String),
}

/// What the repositories of one command may have.
#[derive(Clone, Debug)]
pub(crate) enum Granted {
    /// Whatever they ask for.
    Everything,
    /// These, each by the folder that consents are kept by.
    These(BTreeMap<PathBuf, BTreeSet<Wanted>>),
}

impl Wanted {
    /// Returns the same as the builder knows it, if it is the builder's to look after.
    pub(crate) fn outside(&self) -> Option<Outside> {
        Some(match self {
            Self::Read(path) => Outside::Path(PathBuf::from(path)),
            Self::Variable(name) => Outside::Variable(name.clone()),
            Self::Credentials { source, address } => Outside::Credentials {
                source: source.clone(),
                address: address.clone(),
            },
            _ => return None,
        })
    }
}

impl From<Outside> for Wanted {
    fn from(outside: Outside) -> Self {
        match outside {
            Outside::Path(path) => Self::Read(path.to_string_lossy().into_owned()),
            Outside::Variable(name) => Self::Variable(name),
            Outside::Credentials { source, address } => Self::Credentials { source, address },
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Everything => {
                "run its code with none of your files hidden (isolation `path`)".to_owned()
            }
            Self::Read(path) => format!("read `{path}`"),
            Self::Write(path) => format!("write `{path}`"),
            Self::Variable(name) => format!("see the variable `{name}`"),
            Self::Credentials { source, address } => {
                format!("send your credentials for `{source}` to `{address}`")
            }
            Self::PlainHttp(host) => {
                format!("talk to the registry `{host}` without encryption, passwords included")
            }
            Self::Authority { host, file } => {
                format!("trust the certificate authority in `{file}` for the registry `{host}`")
            }
            Self::ClientCertificate { host, file } => {
                format!("use the certificate `{file}` and its key at the registry `{host}`")
            }
            Self::Push(reference) => format!("push to {reference} with your credentials"),
            Self::SharedCache(repository) => {
                format!(
                    "take results from the shared cache `{repository}` as if they were built here"
                )
            }
            Self::Load(image) => format!("load an image into `{image}`"),
        };
        f.write_str(&plain(&text))
    }
}

/// Returns the text with everything escaped that could make a terminal show another one: controls, and
/// marks that turn the direction of writing.
pub(crate) fn plain(text: &str) -> String {
    let turns = |letter: char| matches!(letter, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let mut plain = String::new();
    for letter in text.chars() {
        if letter.is_control() || turns(letter) {
            plain.extend(letter.escape_unicode());
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    #[test]
    fn what_is_asked_for_cannot_hide_itself_on_the_screen() {
        let path = "/x\u{1b}[2K\r\u{202e}y\n".to_owned();
        assert_eq!(
            Wanted::Read(path).to_string(),
            "read `/x\\u{1b}[2K\\u{d}\\u{202e}y\\u{a}`"
        );
    }
}
