use std::sync::Arc;

/// What is said of which image, where a command makes several.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct About {
    /// For machines: the project's file, relative to its workspace.
    pub(super) project: Option<Arc<str>>,
    /// For people: the name that begins each line of one of several, padded so that what follows is
    /// aligned.
    pub(super) name: Option<Arc<str>>,
}

impl About {
    /// Says what all lines are about; `name` is none where there is only one image.
    pub(crate) fn new(project: Option<&str>, name: Option<&str>) -> Self {
        Self {
            project: project.map(Into::into),
            name: name.map(Into::into),
        }
    }
}
