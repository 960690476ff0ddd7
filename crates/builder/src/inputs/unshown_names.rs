use fs_err as fs;
use mizzen_stage::Content;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The names after a `..` in the project files of a workspace: where a look-up alone cannot tell whether
/// the project led there.
pub(crate) struct NamedAbove {
    files: Vec<PathBuf>,
    texts: OnceCell<Vec<String>>,
}

const PROJECTS: [&str; 4] = ["proj", "props", "targets", "user"];

impl NamedAbove {
    /// Reads nothing before it is asked.
    pub(crate) fn of(contents: &BTreeMap<String, Content>) -> Self {
        let files = contents.iter().filter_map(|(path, content)| match content {
            Content::File { source, .. } if PROJECTS.iter().any(|end| path.ends_with(end)) => {
                Some(source.clone())
            }
            _ => None,
        });
        Self {
            files: files.collect(),
            texts: OnceCell::new(),
        }
    }

    /// Returns whether a project file says `../name` or `..\name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        let texts = self.texts.get_or_init(|| {
            let texts = self.files.iter().filter_map(|file| fs::read(file).ok());
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\\', "/");
            texts.map(text).collect()
        });
        let named = format!("../{name}");
        texts.iter().any(|text| text.contains(&named))
    }
}
