//! Layers, images and indexes as immutable values: build, append, validate, and the local formats.
//!
//! Read → change → write is the whole program: a [`Source`] gives an [`Image`], [`Image::append`]
//! gives a new one, a [`Sink`] takes it. Each medium (registry, layout, archive) is a source, a sink
//! or both.

mod accounts;
mod archive;
mod archive_error;
mod archive_reader;
mod archive_writer;
mod artifact;
mod blob_folder;
mod compression;
mod defect;
mod docker_manifest;
mod document_check;
mod earlier_layer;
mod entry;
mod file_content;
mod file_reader;
mod file_tree;
mod image;
mod image_diff;
mod inspection;
mod layer;
mod layer_builder;
mod layer_check;
mod layer_entries;
mod layer_error;
mod layer_tar;
mod layout;
mod layout_error;
mod layout_reader;
mod medium;
mod member_effort;
mod member_writer;
mod sound_blobs;
mod tar_header;
mod tar_writer;
mod validate;
mod write_behind;

pub use accounts::{NumericUser, UserError};
pub use archive::Archive;
pub use archive_error::ArchiveError;
pub use artifact::Artifact;
pub use compression::Compression;
pub use defect::Defect;
pub use entry::Entry;
pub use file_tree::{FileKind, FilePart, FileTree, FileTreeError, TreeFile};
pub use image::{Addendum, Image, ImageError};
pub use image_diff::{FileChange, ImageDiff, SettingChange};
pub use inspection::{InspectedFile, InspectedLayer, Inspection};
pub use layer::Layer;
pub use layer_builder::LayerBuilder;
pub use layer_error::LayerError;
pub use layout::Layout;
pub use layout_error::LayoutError;
pub use medium::{Sink, SinkError, Source, SourceError, Taggable};
pub use validate::{validate, validate_all};
