//! What a project, a solution or a file-based app says, and where a workspace begins.

pub(crate) mod container_command;
pub(crate) mod container_labels;
pub(crate) mod container_settings;
pub(crate) mod file_based_app;
pub(crate) mod git_aware;
pub(crate) mod machine_path;
pub(crate) mod not_publishable;
pub(crate) mod oddity;
pub(crate) mod output_folders;
pub(crate) mod project_facts;
pub(crate) mod project_file;
pub(crate) mod project_reference;
pub(crate) mod project_text;
pub(crate) mod project_xml;
pub(crate) mod properties;
pub(crate) mod service;
pub(crate) mod solution;
pub(crate) mod workspace;
pub(crate) mod workspace_error;
pub(crate) mod workspace_root;
