use crate::dotnet_lines::DotnetMessage;
use crate::inputs::unshown_paths::UnshownPaths;
use crate::layer_options::LayerOptions;
use crate::records::{INVENTORY, from_value, named_answers, to_value};
use crate::result::app::{AppRuntime, LeftOutFile};
use crate::result::kept_layer::KeptLayer;
use crate::result::layers::Layers;
use mizzen_dotnet::ProjectFacts;
use mizzen_oci::Platform;
use mizzen_stage::Rung;
use mizzen_store::{ActionCache, ActionResult, Output};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts up when the record has another shape.
const FORMAT: &str = "mizzen publish 3";

/// What publish gave, but for the blobs of its layers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct PublishRecord {
    pub(crate) runtime: AppRuntime,
    pub(crate) project: ProjectFacts,
    /// By platform, bottom first.
    pub(crate) layers: BTreeMap<String, Vec<KeptLayer>>,
    pub(crate) symbols: Option<KeptLayer>,
    /// What is in the layers: [`Inventory`](mizzen_dotnet::Inventory).
    pub(crate) inventory: Output,
    pub(crate) left_out: Vec<LeftOutFile>,
    /// For each published path the paths in the workspace that it can be from.
    pub(crate) sources: BTreeMap<String, Vec<String>>,
    /// Files beside the sources that publish made or changed, in its stage.
    pub(crate) changed_sources: Vec<String>,
    /// The warnings of the run, to be shown again with every hit.
    pub(crate) warnings: Vec<DotnetMessage>,
    /// What it looked for and no stage shows; `None` if nobody watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unshown: Option<UnshownPaths>,
    /// Why the same workspace may get other packages tomorrow.
    pub(crate) floating: Option<String>,
    /// The weakest rung of isolation on which a step ran.
    #[serde(with = "rung_name")]
    pub(crate) rung: Rung,
    /// What the machine answered to the steps, where they were watched: [`Answers`](mizzen_plan::Answers).
    pub(crate) machine: Option<Output>,
    /// The sources' path in the stage that ran, which the warnings contain.
    pub(crate) staged_sources: String,
}

impl PublishRecord {
    /// Returns what is kept of layers, in the order of their platforms' names.
    pub(crate) fn kept_layers(layers: &Layers) -> BTreeMap<String, Vec<KeptLayer>> {
        let by_platform = layers.by_platform.iter();
        let kept = by_platform.map(|(platform, layers)| {
            let layers = layers.iter().map(KeptLayer::of).collect();
            (platform.to_string(), layers)
        });
        kept.collect()
    }

    /// Returns the record as caches keep it, with `inputs`, the table of what went into its key.
    pub(crate) fn to_result(&self, inputs: Output) -> ActionResult {
        let layers = self.layers.iter().flat_map(|(platform, layers)| {
            let named =
                move |layer: &KeptLayer| (format!("{platform}/{}", layer.name), layer.output());
            layers.iter().map(named)
        });
        let inventory = (INVENTORY.to_owned(), self.inventory);
        let symbols = self.symbols.iter();
        let symbols = symbols.map(|layer| (layer.name.clone(), layer.output()));
        ActionResult {
            outputs: layers
                .chain(symbols)
                .chain([inventory])
                .chain(named_answers(self.machine))
                .collect(),
            inputs,
            facts: to_value(FORMAT, self),
            origin: None,
        }
    }

    /// Reads what a cache kept; `None` if it is of another format.
    pub(crate) fn from_result(result: &ActionResult) -> Option<Self> {
        from_value(FORMAT, &result.facts)
    }

    /// Returns its layers as the cache has them; `None` if it has lost one, or a platform is asked for
    /// that it does not have.
    pub(crate) fn find_layers(
        &self,
        options: &LayerOptions,
        cache: &dyn ActionCache,
    ) -> Option<Layers> {
        let find = |layer: &KeptLayer| layer.find(options.compression, cache);
        let of_platform = |platform: &Platform| {
            let layers = self.layers.get(&platform.to_string())?.iter().map(find);
            Some((platform.clone(), layers.collect::<Option<_>>()?))
        };
        let by_platform = if options.platforms.is_empty() {
            let named = self.layers.keys().map(|platform| platform.parse().ok());
            named
                .map(|platform: Option<Platform>| of_platform(&platform?))
                .collect::<Option<_>>()?
        } else {
            let asked = options.platforms.iter();
            asked.map(of_platform).collect::<Option<_>>()?
        };
        Some(Layers {
            by_platform,
            symbols: match &self.symbols {
                Some(symbols) => Some(find(symbols)?),
                None => None,
            },
            left_out: self.left_out.clone(),
            files: BTreeMap::new(),
        })
    }
}

/// A rung by the name that it keeps.
mod rung_name {
    use mizzen_stage::Rung;
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(rung: &Rung, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(rung.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rung, D::Error> {
        let name = String::deserialize(from)?;
        Rung::parse(&name).ok_or_else(|| de::Error::custom("no rung has this name"))
    }
}
