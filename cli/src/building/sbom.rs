//! The bill of materials of an image that was built.

use super::arguments::BuildArgs;
use super::base::Base;
use super::services::NAME;
use super::whole_file::write_whole;
use crate::Process;
use crate::error::CommandError;
use crate::places::ImageTarget;
use mizzen_attest::{Bill, BillFormat, BuildFacts};
use mizzen_builder::App;
use mizzen_dotnet::Inventory;
use mizzen_image::{Artifact, Taggable};
use mizzen_oci::{Descriptor, annotation};
use mizzen_store::{BytesBlob, Store};
use std::path::Path;
use std::sync::Arc;

/// A bill of materials beside an image.
#[derive(Clone)]
pub(crate) struct Sbom {
    pub(crate) format: BillFormat,
    pub(crate) artifact: Artifact,
    pub(crate) bytes: Arc<[u8]>,
    /// Whether it lies beside an image on disk, too.
    pub(crate) is_asked: bool,
}

impl Sbom {
    /// Returns the format of the one that is wanted; `None` if nobody wants it.
    pub(crate) fn wanted(
        arguments: &BuildArgs,
        destinations: &[ImageTarget],
    ) -> Option<BillFormat> {
        let attest = &arguments.attest;
        let is_pushed = || destinations.iter().any(|it| it.in_registry().is_some());
        let is_wanted = attest.is_asked() || attest.sbom_file.is_some() || is_pushed();
        attest.format().filter(|_| is_wanted)
    }

    /// Writes down what `bill` says of `what`.
    pub(crate) fn of(bill: &Bill, format: BillFormat, what: &Taggable, is_asked: bool) -> Self {
        let (name, created) = (&bill.name, &bill.created);
        let bytes: Arc<[u8]> = format.write(bill).into();
        let mut descriptor = Descriptor::of(format.media_type().into(), &bytes);
        // By it tools that fetch artifacts name the file.
        let file = format!("{}.{}", name.replace('/', "-"), format.extension());
        descriptor
            .annotations
            .insert(annotation::TITLE.to_owned(), file);
        let artifact = Artifact::new(
            format.media_type(),
            what.descriptor(),
            vec![(descriptor, Arc::new(BytesBlob(bytes.clone())))],
            &[(annotation::CREATED.to_owned(), created.clone())].into(),
        );
        // What nobody asked for does not keep an image from its registry.
        let artifact = if is_asked {
            artifact
        } else {
            artifact.optional()
        };
        Self {
            format,
            artifact,
            bytes,
            is_asked,
        }
    }

    /// Writes it where `--sbom-file` says, by one rename.
    pub(crate) fn write(
        &self,
        file: &Path,
        name: &str,
        process: &Process,
    ) -> Result<(), CommandError> {
        let written = file
            .to_string_lossy()
            .replace(NAME, &name.replace('/', "-"));
        let file = process.absolute(Path::new(&written));
        write_whole(&file, &self.bytes)
            .map_err(|error| CommandError::local(format!("`{written}` cannot be written"), &error))
    }
}

/// Returns what is known of an image that was built.
pub(crate) fn bill(
    (name, app): (&str, &App),
    (what, base): (&Taggable, &Base),
    created: &str,
    store: &Store,
) -> Result<Bill, CommandError> {
    let inventories = inventories(app, store)?;
    Ok(Bill::of_build(&BuildFacts {
        name,
        application: &app.runtime.name,
        version: app.runtime.version.as_deref(),
        created,
        what,
        bases: &base.images,
        base_name: base.is_reference.then_some(base.name.as_str()),
        inventories: &inventories,
    })?)
}

fn inventories(app: &App, store: &Store) -> Result<Vec<Inventory>, CommandError> {
    let mut inventories = Vec::new();
    for output in &app.inventories {
        let bytes = store.read(&output.digest)?;
        inventories.extend(bytes.and_then(|bytes| Inventory::parse(&bytes)));
    }
    Ok(inventories)
}
