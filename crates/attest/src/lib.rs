//! What is in an image, and how it was made.
//!
//! A [`Bill`] is what a bill of materials says, whatever its format: components, files, the base. It is
//! made from what a build knows ([`Bill::of_build`]) or from what an image shows ([`Bill::of_image`]), and
//! written as SPDX or CycloneDX ([`BillFormat`]). The same inputs give the same bytes.

mod audit;
mod bill;
mod bill_format;
mod build_bill;
mod component;
mod cyclonedx;
mod image_bill;
mod licence;
mod nuget_version;
mod package_url;
mod provenance;
mod spdx;
mod system_packages;

pub use audit::{Advisories, Finding, Severity};
pub use bill::{Base, Bill, BillFile};
pub use bill_format::{BillFormat, UnknownFormat};
pub use build_bill::BuildFacts;
pub use component::{Component, ComponentKind};
pub use licence::Licence;
pub use provenance::{
    PREDICATE_ANNOTATION, PROVENANCE_PREDICATE, Provenance, ProvenanceStep, STATEMENT_TYPE,
};
pub use system_packages::{SystemPackage, SystemPackages};
