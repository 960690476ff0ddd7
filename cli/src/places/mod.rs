//! Where images come from and where they go, as people write it: a reference of a registry,
//! `oci:DIR[:TAG]`, an archive, a container engine.

pub(crate) mod engine;
mod image_source;
mod image_target;
mod local_place;
pub(crate) mod opened;
pub(crate) mod symbols;

pub(crate) use image_source::ImageSource;
pub(crate) use image_target::ImageTarget;
