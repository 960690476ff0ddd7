use crate::inputs::keyed_paths::LookedUp;
use crate::inputs::project_findings::Findings;
use crate::records::{ANSWERS, PATHS, from_value, named_answers, to_value};
use mizzen_dotnet::RestoredPackage;
use mizzen_oci::Digest;
use mizzen_stage::Rung;
use mizzen_store::{ActionResult, Output};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts up when the record has another shape.
const FORMAT: &str = "mizzen restore 3";

/// What restore gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RestoreRecord {
    /// The packages and the small files, by where publish unpacks them.
    pub(crate) packs: BTreeMap<String, Output>,
    /// Each package that it fetched.
    pub(crate) packages: Vec<RestoredPackage>,
    /// Why the same inputs may restore others tomorrow.
    pub(crate) floating: Option<Floating>,
    /// What a build depends on because of the packages whose targets take part in it, by package.
    pub(crate) findings: Findings,
    /// The rung of isolation on which it ran.
    pub(crate) rung: Rung,
    /// What the machine answered to it, where it was watched: [`Answers`](mizzen_plan::Answers).
    pub(crate) machine: Option<Output>,
    /// What it looked up, where it was watched.
    pub(crate) looked_up: Option<LookedUp>,
    /// The shared cache that it was just taken from; in no record.
    pub(crate) origin: Option<String>,
}

/// Versions that were resolved and may be resolved otherwise tomorrow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Floating {
    /// What floats, for people.
    pub(crate) what: String,
    /// When it was resolved, in seconds since 1970.
    pub(crate) resolved_at: u64,
}

/// What has no blob of its own.
#[derive(Serialize, Deserialize)]
struct Facts {
    packages: Vec<RestoredPackage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    floating: Option<Floating>,
    findings: Findings,
    rung: String,
    machine: Option<Output>,
    looked_up: Option<LookedUp>,
}

impl RestoreRecord {
    /// Returns the record as caches keep it, with `inputs`, the table of what went into its key.
    pub(crate) fn to_result(&self, inputs: Output) -> ActionResult {
        let facts = Facts {
            packages: self.packages.clone(),
            floating: self.floating.clone(),
            findings: self.findings.clone(),
            rung: self.rung.as_str().to_owned(),
            machine: self.machine,
            looked_up: self.looked_up,
        };
        let packs = self.packs.clone().into_iter();
        let paths = self.looked_up.map(|it| (PATHS.to_owned(), it.paths));
        let own = named_answers(self.machine).into_iter().chain(paths);
        ActionResult {
            outputs: packs.chain(own).collect(),
            inputs,
            facts: to_value(FORMAT, &facts),
            origin: None,
        }
    }

    /// Reads what a cache kept; `None` if it is of another format.
    pub(crate) fn from_result(result: &ActionResult) -> Option<Self> {
        let facts: Facts = from_value(FORMAT, &result.facts)?;
        let mut packs = result.outputs.clone();
        packs.remove(ANSWERS);
        packs.remove(PATHS);
        Some(Self {
            packs,
            packages: facts.packages,
            floating: facts.floating,
            findings: facts.findings,
            rung: Rung::parse(&facts.rung)?,
            machine: facts.machine,
            looked_up: facts.looked_up,
            origin: result.origin.clone(),
        })
    }

    /// Returns the blobs that publish starts from, by name.
    pub(crate) fn resolved(&self) -> BTreeMap<String, Digest> {
        let packs = self.packs.iter();
        packs
            .map(|(name, output)| (name.clone(), output.digest))
            .collect()
    }

    /// Returns a sentence for each package that has the id and version of one of `earlier`, and not its
    /// bytes. Feeds are taken to be append-only, so somebody should know.
    pub(crate) fn packages_with_other_bytes(&self, earlier: &Self) -> Vec<String> {
        let is_other = |package: &&RestoredPackage| {
            let mut same = earlier.packages.iter().filter(|earlier| {
                (&earlier.id, &earlier.version) == (&package.id, &package.version)
            });
            package.sha512.is_some() && same.any(|earlier| earlier.sha512 != package.sha512)
        };
        let sentence = |package: &RestoredPackage| {
            format!(
                "`{}` {} from `{}` has different bytes than in an earlier build; a lock file would reject them",
                package.id,
                package.version,
                package.source.as_deref().unwrap_or_default()
            )
        };
        self.packages
            .iter()
            .filter(is_other)
            .map(sentence)
            .collect()
    }
}
