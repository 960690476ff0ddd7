pub(crate) mod added_files;
pub(crate) mod app;
pub(crate) mod assemble;
pub(crate) mod git_ignored;
pub(crate) mod kept_layer;
pub(crate) mod layers;
pub(crate) mod project_image;
pub(crate) mod workspace_files;
