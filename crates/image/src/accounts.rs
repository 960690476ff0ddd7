use crate::layer_check::normal;
use crate::layer_entries::{Bounds, each_entry};
use crate::{Image, layer_tar};
use std::io::{self, Read};

/// A user and a group as numbers, as `User` of an image's config should have them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NumericUser {
    /// The user.
    pub uid: u32,
    /// The group, if one was named.
    pub gid: Option<u32>,
}

/// A user that has no number.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// No account of the image has the name.
    #[error("the image has no {what} `{name}` in `/{file}`")]
    Unknown {
        /// `user` or `group`.
        what: &'static str,
        /// The name.
        name: String,
        /// The file that was asked.
        file: &'static str,
    },
    /// The accounts cannot be read.
    #[error("the image's `/{file}` cannot be read")]
    Read {
        /// The file that was asked.
        file: &'static str,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
}

const PASSWD: &str = "etc/passwd";
const GROUP: &str = "etc/group";
/// Accounts of an image are a few lines; what is larger is not read.
const MAX_BYTES: u64 = 1 << 20;

impl NumericUser {
    /// Turns `USER[:GROUP]`, each a number or a name, into numbers.
    ///
    /// Names are looked up in the image's own files, in the topmost layer that has them; layers are
    /// read only where there is a name. Kubernetes' `runAsNonRoot` takes no name.
    ///
    /// # Errors
    /// [`UserError::Unknown`] for a name without account; [`UserError::Read`] if a layer cannot be
    /// read.
    pub fn resolve(user: &str, image: &Image) -> Result<Self, UserError> {
        let (user, group) = match user.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (user, None),
        };
        Ok(Self {
            uid: number(user, image, "user", PASSWD)?,
            gid: group
                .filter(|group| !group.is_empty())
                .map(|group| number(group, image, "group", GROUP))
                .transpose()?,
        })
    }

    /// `true` for the user who may do everything.
    pub fn is_root(self) -> bool {
        self.uid == 0
    }
}

impl std::fmt::Display for NumericUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.uid)?;
        self.gid.iter().try_for_each(|gid| write!(f, ":{gid}"))
    }
}

fn number(
    name: &str,
    image: &Image,
    what: &'static str,
    file: &'static str,
) -> Result<u32, UserError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = topmost(image, file).map_err(|source| UserError::Read { file, source })?;
    let number = text.as_deref().and_then(|text| in_accounts(text, name));
    number.ok_or_else(|| UserError::Unknown {
        what,
        name: name.to_owned(),
        file,
    })
}

// `name:password:number:…` in both files.
fn in_accounts(text: &str, name: &str) -> Option<u32> {
    let mut accounts = text.lines().map(|line| line.split(':'));
    accounts.find_map(|mut fields| {
        let number = (fields.next()? == name).then(|| fields.nth(1))??;
        number.parse().ok()
    })
}

/// Returns the file as the topmost layer that speaks of it has it; `None` if that removed it.
fn topmost(image: &Image, file: &str) -> io::Result<Option<String>> {
    let (folder, name) = file.split_once('/').expect("the files are in a folder");
    let gone = [
        format!(".wh.{folder}"),
        format!("{folder}/.wh.{name}"),
        format!("{folder}/.wh..wh..opq"),
    ];
    let mut bounds = Bounds::default();
    for layer in image.layers().iter().rev() {
        let mut removed = false;
        let mut found = None;
        each_entry(layer_tar::open(layer)?, &mut bounds, |entry| {
            let path = normal(&entry.path_bytes()).unwrap_or_default();
            removed |= gone.iter().any(|gone| gone.as_bytes() == path);
            if path == file.as_bytes() {
                let mut bytes = Vec::new();
                entry.take(MAX_BYTES).read_to_end(&mut bytes)?;
                found = Some(String::from_utf8_lossy(&bytes).into_owned());
            }
            Ok(())
        })?;
        if found.is_some() || removed {
            return Ok(found);
        }
    }
    Ok(None)
}
