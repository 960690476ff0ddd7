use std::path::PathBuf;
use std::str::FromStr;

/// What `--add` names: `SRC:DEST[:uid=…,gid=…,mode=…]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Added {
    /// A file or a folder, as the user wrote it.
    pub(crate) source: PathBuf,
    /// An absolute path in the image.
    pub(crate) destination: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: Option<u32>,
}

impl FromStr for Added {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let has_settings = text
            .rsplit_once(':')
            .filter(|(_, last)| last.contains('=') && !last.contains('/'));
        let (paths, settings) = has_settings.unwrap_or((text, ""));
        let shape = "want SRC:/DEST, or SRC:/DEST:uid=1654,gid=1654,mode=0640";
        let (source, destination) = paths.rsplit_once(":/").ok_or(shape)?;
        let parts = destination.trim_end_matches('/').split('/');
        let is_sound = |mut parts: std::str::Split<'_, char>| {
            parts.all(|part| !["", ".", ".."].contains(&part))
        };
        if source.is_empty() || !(destination.is_empty() || is_sound(parts)) {
            return Err(shape.to_owned());
        }
        let mut added = Self {
            source: PathBuf::from(source),
            destination: format!("/{destination}"),
            uid: 0,
            gid: 0,
            mode: None,
        };
        for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
            let number = |text: &str| {
                text.parse()
                    .map_err(|_| format!("`{text}` is not a number"))
            };
            match setting.split_once('=') {
                Some(("uid", id)) => added.uid = number(id)?,
                Some(("gid", id)) => added.gid = number(id)?,
                Some(("mode", mode)) => added.mode = Some(octal(mode)?),
                _ => return Err(format!("`{setting}` is not one of uid=, gid= and mode=")),
            }
        }
        Ok(added)
    }
}

fn octal(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok();
    mode.filter(|mode| *mode <= 0o7777)
        .ok_or_else(|| format!("`{text}` is not a mode such as 0640"))
}

#[cfg(test)]
mod tests {
    use super::Added;

    fn parsed(text: &str) -> Result<(String, String, u32, u32, Option<u32>), String> {
        let it: Added = text.parse()?;
        let source = it.source.to_str().unwrap().to_owned();
        Ok((source, it.destination, it.uid, it.gid, it.mode))
    }

    #[test]
    fn settings_follow_the_two_paths() {
        let parts = |source: &str, destination: &str, uid, gid, mode| {
            Ok((source.to_owned(), destination.to_owned(), uid, gid, mode))
        };
        assert_eq!(parsed("a:/b"), parts("a", "/b", 0, 0, None));
        assert_eq!(parsed("a/b:c:/"), parts("a/b:c", "/", 0, 0, None));
        assert_eq!(
            parsed("a:/b/:uid=1654,mode=0640"),
            parts("a", "/b/", 1654, 0, Some(0o640))
        );
        assert_eq!(
            parsed("a:/b:mode=4755,gid=7"),
            parts("a", "/b", 0, 7, Some(0o4755))
        );
    }

    #[test]
    fn what_is_no_addition_is_told() {
        for text in [
            "a",
            "a:b",
            ":/b",
            "a:/../b",
            "a:/b//c",
            "a:/b:x=1",
            "a:/b:uid=me",
            "a:/b:mode=9",
            "a:/b:mode=17777",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
