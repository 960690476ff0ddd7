use crate::error::CommandError;
use crate::places::ImageTarget;
use clap::ValueEnum;
use mizzen_attest::BillFormat;
use std::path::PathBuf;

/// What lies beside the image, and says what it is
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Attestations")]
pub(crate) struct AttestArgs {
    /// The bill of materials that lies beside the image and refers to it [default: spdx in a registry,
    /// none elsewhere]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) sbom: Option<Sbom>,

    /// Write the bill of materials to a file; {project} stands for the image's name
    #[arg(long, value_name = "FILE")]
    pub(crate) sbom_file: Option<PathBuf>,

    /// The statement of how the image was made that lies beside it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ProvenanceFormat::None)]
    pub(crate) provenance: ProvenanceFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ProvenanceFormat {
    /// None
    None,
    /// An in-toto statement with the predicate of SLSA 1
    Slsa,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Sbom {
    /// None
    None,
    /// SPDX 2.3
    Spdx,
    /// CycloneDX 1.6
    Cyclonedx,
}

impl Sbom {
    /// Returns the format; `None` if there is to be no bill.
    pub(crate) fn format(self) -> Option<BillFormat> {
        match self {
            Self::None => None,
            Self::Spdx => Some(BillFormat::Spdx),
            Self::Cyclonedx => Some(BillFormat::CycloneDx),
        }
    }
}

impl AttestArgs {
    /// Returns the format of the bill of materials, as asked for or by default.
    pub(crate) fn format(&self) -> Option<BillFormat> {
        self.sbom.map_or(Some(BillFormat::default()), Sbom::format)
    }

    /// Goes on if what is to lie beside the image has a place to go.
    ///
    /// # Errors
    /// The image goes only where nothing lies beside it.
    pub(crate) fn check_destinations(&self, targets: &[ImageTarget]) -> Result<(), CommandError> {
        let is_stated = self.provenance == ProvenanceFormat::Slsa;
        let is_wanted = is_stated || (self.is_asked() && self.sbom_file.is_none());
        if !is_wanted || targets.is_empty() || targets.iter().any(ImageTarget::holds_artifacts) {
            return Ok(());
        }
        let what = if is_stated {
            "provenance"
        } else {
            "a bill of materials"
        };
        let error = format!("an image that Docker loads cannot have {what} beside it");
        Err(CommandError::usage(error).hinted("push with --tag, or add an output: -o oci:DIR"))
    }

    /// Whether the bill is wanted beside an image on disk, too.
    pub(crate) fn is_asked(&self) -> bool {
        self.sbom.is_some_and(|sbom| sbom != Sbom::None)
    }
}
