use crate::bill::{Base, Bill};
use crate::system_packages::SystemPackages;
use fs_err as fs;
use mizzen_dotnet::{
    DepsJson, FileHasher, Inventory, InventoryFile, LayerPlan, LayerRules, Libc, PublishOutput,
    RuntimeIdentifier,
};
use mizzen_image::{FilePart, FileTree, FileTreeError, Image};
use mizzen_oci::annotation;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// A deps.json of a thousand packages has less.
const MOST_DEPS_BYTES: usize = 16 << 20;
const DEPS: &str = ".deps.json";
const RUNTIME_CONFIG: &str = ".runtimeconfig.json";
/// How lines of the history begin that mizzen wrote.
const BUILT: &str = "mizzen build";

impl Bill {
    /// Returns the bill of an image as its layers show it: the application by its deps.json, its files,
    /// the frameworks, and the packages of the distribution.
    ///
    /// Licences and feeds are not in an image. The files of the application are those of the layers that
    /// mizzen made; in an image of other tools, those beside the deps.json.
    ///
    /// # Errors
    /// [`FileTreeError`] names a layer that cannot be read.
    pub fn of_image(name: &str, image: &Image) -> Result<Self, FileTreeError> {
        let mut seen = Seen {
            own_layers: own_layers(image),
            ..Seen::default()
        };
        let tree = FileTree::reading(image.layers(), &mut |part| seen.add(part))?;
        let application = Application::find(&tree, &seen.documents);
        let inventory = application.as_ref().map(|it| &it.inventory);
        let named = application.as_ref().map_or(name, |it| &it.name);
        let mut bill = Self::of_inventories(named, None, inventory.cloned().as_slice());
        name.clone_into(&mut bill.name);
        bill.digest = Some(image.manifest().descriptor().digest);
        if let Some(created) = image.config().get("created").and_then(|it| it.as_str()) {
            created.clone_into(&mut bill.created);
        }
        bill.add_image(image);
        bill.add_base(image);
        for ((layer, path), hasher) in std::mem::take(&mut seen.hashers) {
            let path = String::from_utf8_lossy(&path).into_owned();
            let beside = application.as_ref().and_then(|it| it.below(&path));
            if !seen.own_layers.contains(&layer)
                && (!seen.own_layers.is_empty() || beside.is_none())
            {
                continue;
            }
            let library = application
                .as_ref()
                .zip(beside)
                .and_then(|(application, beside)| application.library(beside));
            let layer = image.layers()[layer].descriptor.digest;
            bill.add_files(&[hasher.finish(path, library)], Some(layer));
        }
        bill.components.extend(seen.system(&tree).components());
        Ok(bill.sorted())
    }

    /// Returns the bill of a publish folder.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn of_folder(output: &PublishOutput) -> io::Result<Self> {
        let mut bill = Self::of_inventories(&output.app, None, &[Inventory::of(output, &[])]);
        let everything = LayerRules {
            keep: vec!["**".parse().expect("it is a pattern")],
            ..LayerRules::new("", RuntimeIdentifier::new("linux-x64"))
        };
        for layer in LayerPlan::new(output, &everything).layers {
            let files = layer.files.iter().map(|file| {
                let mut content = fs::File::open(&file.source)?;
                let path = String::from_utf8_lossy(&file.path).into_owned();
                InventoryFile::read(&mut content, path, file.library.clone())
            });
            bill.add_files(&files.collect::<io::Result<Vec<_>>>()?, None);
        }
        Ok(bill.sorted())
    }

    fn add_base(&mut self, image: &Image) {
        let annotations = image.manifest().annotations();
        let name = annotations.get(annotation::BASE_NAME);
        let digest = annotations.get(annotation::BASE_DIGEST);
        let libc = name.and_then(|name| Libc::of_image(name));
        self.add_frameworks(image, libc.unwrap_or(Libc::Glibc));
        if name.is_some() || digest.is_some() {
            self.bases.push(Base {
                name: name.cloned(),
                digest: digest.and_then(|digest| digest.parse().ok()),
                platform: image.config().platform().to_string(),
            });
        }
    }
}

/// Returns which layers mizzen made, counted from the bottom, from 0.
fn own_layers(image: &Image) -> BTreeSet<usize> {
    let history = image.config().history();
    let lines = history.iter().filter(|line| !line.empty_layer);
    let is_own = |(index, line): (usize, &mizzen_oci::History)| {
        let created_by = line.created_by.as_deref()?;
        created_by.starts_with(BUILT).then_some(index)
    };
    lines.enumerate().filter_map(is_own).collect()
}

/// What was read of the layers.
#[derive(Default)]
struct Seen {
    own_layers: BTreeSet<usize>,
    /// By layer and path.
    hashers: BTreeMap<(usize, Vec<u8>), FileHasher>,
    /// The files that say what an application is made of, by layer and path.
    documents: BTreeMap<(usize, String), Vec<u8>>,
    /// The lists of system packages, by layer and path.
    lists: BTreeMap<(usize, String), SystemPackages>,
}

impl Seen {
    fn add(&mut self, part: &FilePart<'_>) {
        let hasher = self.hashers.entry((part.layer, part.path.to_vec()));
        hasher.or_default().update(part.bytes);
        let Ok(path) = std::str::from_utf8(part.path) else {
            return;
        };
        let key = || (part.layer, path.to_owned());
        if path.ends_with(DEPS) || path.ends_with(RUNTIME_CONFIG) {
            let document = self.documents.entry(key()).or_default();
            let room = MOST_DEPS_BYTES.saturating_sub(document.len());
            document.extend_from_slice(&part.bytes[..part.bytes.len().min(room)]);
        } else if SystemPackages::is_list(path) {
            self.lists.entry(key()).or_default().add(path, part.bytes);
        }
    }

    /// Returns the lists that a container sees.
    fn system(&self, tree: &FileTree) -> SystemPackages {
        let mut all = SystemPackages::default();
        for ((layer, path), list) in &self.lists {
            if is_seen(tree, *layer, path) {
                all.extend(list);
            }
        }
        all
    }
}

fn is_seen(tree: &FileTree, layer: usize, path: &str) -> bool {
    tree.get(path.as_bytes())
        .is_some_and(|file| file.layer == layer)
}

/// The application of an image, by the files that publish writes.
struct Application {
    name: String,
    /// With a slash at its end, and none in front.
    folder: String,
    inventory: Inventory,
    /// The library of each file, by its path in the folder.
    libraries: BTreeMap<String, String>,
}

impl Application {
    /// Finds the one application of an image; `None` if there is none or several.
    fn find(tree: &FileTree, documents: &BTreeMap<(usize, String), Vec<u8>>) -> Option<Self> {
        let seen = documents.iter();
        let seen = seen.filter(|((layer, path), _)| is_seen(tree, *layer, path));
        let seen: BTreeMap<&str, &Vec<u8>> = seen
            .map(|((_, path), bytes)| (path.as_str(), bytes))
            .collect();
        // What lies deeper is a tool's, or the runtime's own.
        let configs = seen
            .keys()
            .filter_map(|path| path.strip_suffix(RUNTIME_CONFIG));
        let configs: Vec<&str> = configs
            .filter(|path| !path.starts_with("usr/") && !path.contains("/shared/"))
            .collect();
        let [path] = configs[..] else {
            return None;
        };
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let bytes = seen.get(format!("{path}{DEPS}").as_str())?;
        let deps = DepsJson::parse(bytes, name).ok()?;
        let libraries = deps.assets.iter();
        let libraries = libraries.map(|(path, asset)| (path.clone(), asset.library.clone()));
        Some(Self {
            name: name.to_owned(),
            folder: if folder.is_empty() {
                String::new()
            } else {
                format!("{folder}/")
            },
            libraries: libraries.collect(),
            inventory: Inventory::of_deps(&deps),
        })
    }

    /// Returns the path in the application's folder; `None` for what is elsewhere.
    fn below<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&self.folder)
    }

    /// Returns the library that brings a file, or whose symbols or documentation it holds.
    fn library(&self, path: &str) -> Option<String> {
        let stem = path
            .strip_suffix(".pdb")
            .or_else(|| path.strip_suffix(".xml"));
        let beside = stem.and_then(|stem| self.libraries.get(&format!("{stem}.dll")));
        self.libraries.get(path).or(beside).cloned()
    }
}
