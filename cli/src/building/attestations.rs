use super::arguments::BuildArgs;
use super::attest_arguments::ProvenanceFormat;
use super::base::Base;
use super::git_labels::GitLabels;
use super::provenance;
use super::sbom::{self, Sbom};
use crate::error::CommandError;
use crate::places::ImageTarget;
use crate::session::Session;
use mizzen_builder::App;
use mizzen_image::{Artifact, Taggable};
use std::path::Path;

/// What is said beside an image that was built.
pub(super) struct Attestations<'a> {
    pub(super) arguments: &'a BuildArgs,
    pub(super) destinations: &'a [ImageTarget],
    /// The application, and the project's file.
    pub(super) app: (&'a App, Option<&'a str>),
    /// The name and the image.
    pub(super) image: (&'a str, &'a Taggable),
    pub(super) base: &'a Base,
    pub(super) created: &'a str,
}

impl Attestations<'_> {
    /// Makes what is wanted: the bill of materials, and the provenance of sources at `root`.
    pub(super) fn make(
        &self,
        root: Option<&Path>,
        session: &Session<'_>,
    ) -> Result<(Option<Sbom>, Option<Artifact>), CommandError> {
        let attest = &self.arguments.attest;
        let format = Sbom::wanted(self.arguments, self.destinations);
        let is_stated = attest.provenance == ProvenanceFormat::Slsa;
        if format.is_none() && !is_stated {
            return Ok((None, None));
        }
        let ((app, project), (name, what)) = (self.app, self.image);
        let base = (what, self.base);
        let bill = sbom::bill((name, app), base, self.created, session.store()?)?;
        let sbom = format.map(|format| Sbom::of(&bill, format, what, attest.is_asked()));
        let provenance = is_stated.then(|| {
            let git = GitLabels::of(root, true, session.process);
            provenance::artifact(&bill, (app, project), what, &git, self.created)
        });
        Ok((sbom, provenance))
    }
}
