//! Layers, images and indexes as immutable values: build, append, validate, and the local formats.
//!
//! Read → change → write is the whole program: a [`Source`] gives an [`Image`], [`Image::append`]
//! gives a new one, a [`Sink`] takes it. Each medium (registry, layout, archive) is a source, a sink
//! or both.

mod archive;
mod archive_error;
mod archive_reader;
mod archive_writer;
mod blob_folder;
mod compression;
mod defect;
mod docker_manifest;
mod document_check;
mod entry;
mod image;
mod layer;
mod layer_builder;
mod layer_check;
mod layer_error;
mod layout;
mod layout_error;
mod layout_reader;
mod medium;
mod member_writer;
mod tar_header;
mod tar_writer;
mod validate;

pub use archive::Archive;
pub use archive_error::ArchiveError;
pub use compression::Compression;
pub use defect::Defect;
pub use entry::Entry;
pub use image::{Addendum, Image, ImageError};
pub use layer::Layer;
pub use layer_builder::LayerBuilder;
pub use layer_error::LayerError;
pub use layout::Layout;
pub use layout_error::LayoutError;
pub use medium::{Sink, SinkError, Source, SourceError, Taggable};
pub use validate::{validate, validate_all};
