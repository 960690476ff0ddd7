use crate::inputs::file_inputs::file_inputs;
use mizzen_plan::{FileInput, SourceTree};
use mizzen_stage::Content;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

/// A workspace as it will be staged.
#[derive(Clone, Default)]
pub(crate) struct WorkspaceScan {
    /// What the stage shows, by path relative to the root.
    pub(crate) contents: BTreeMap<String, Content>,
    /// Files and folders outside the workspace that the stage shows where they are, absolute.
    pub(crate) mounted: Vec<PathBuf>,
    /// What the key knows of them, by their absolute paths.
    pub(crate) mounted_files: BTreeMap<String, FileInput>,
    /// Names that cannot be in a record (not UTF-8), and are not staged.
    pub(crate) left_out: Vec<PathBuf>,
    /// What keys know of it all, once somebody has asked.
    pub(crate) files: OnceLock<SourceTree>,
}

impl WorkspaceScan {
    /// Returns what keys know of the workspace, and of what the stage shows beside it.
    pub(crate) fn files(&self) -> &SourceTree {
        self.files.get_or_init(|| {
            let mut files = file_inputs(&self.contents);
            files.extend(self.mounted_files.clone());
            SourceTree::new(files)
        })
    }
}
