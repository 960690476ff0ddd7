use crate::bill::{Base, Bill, BillFile};
use crate::component::{Component, ComponentKind};
use mizzen_dotnet::{FileHasher, Framework, Inventory, InventoryFile, Libc, RuntimeIdentifier};
use mizzen_image::{FileTree, FileTreeError, Image, Layer, Taggable};
use mizzen_oci::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// What a build knows of the image that it made.
#[derive(Clone, Copy, Debug)]
pub struct BuildFacts<'a> {
    /// The image's name.
    pub name: &'a str,
    /// The application's name.
    pub application: &'a str,
    /// Its version; unknown for a folder that was published before.
    pub version: Option<&'a str>,
    /// When it was made, as the image says it.
    pub created: &'a str,
    /// The image, or the index with all of them.
    pub what: &'a Taggable,
    /// The image below each of them, in the same order.
    pub bases: &'a [Image],
    /// What the base is called, where others can pull it.
    pub base_name: Option<&'a str>,
    /// What is in the layers of the application.
    pub inventories: &'a [Inventory],
}

impl Bill {
    /// Returns the bill of an image that was built. Of the base it names the digest and the frameworks.
    ///
    /// Layers that no inventory lists are read: files that were added to the image. Those of the base
    /// are not.
    ///
    /// # Errors
    /// [`FileTreeError`] names a layer that cannot be read.
    pub fn of_build(facts: &BuildFacts<'_>) -> Result<Self, FileTreeError> {
        let mut bill = Self::of_inventories(facts.application, facts.version, facts.inventories);
        facts.name.clone_into(&mut bill.name);
        facts.created.clone_into(&mut bill.created);
        bill.digest = Some(facts.what.descriptor().digest);
        let libc = facts.base_name.and_then(Libc::of_image);
        let libc = libc.unwrap_or(Libc::Glibc);
        let mut known = BTreeMap::new();
        for inventory in facts.inventories {
            known.extend(&inventory.layers);
        }
        let mut listed = BTreeSet::new();
        for (image, base) in facts.what.images().iter().zip(facts.bases) {
            bill.add_image(image);
            bill.bases.push(Base {
                name: facts.base_name.map(str::to_owned),
                digest: Some(base.manifest().descriptor().digest),
                platform: image.config().platform().to_string(),
            });
            bill.add_frameworks(image, libc);
            for layer in image.layers().iter().skip(base.layers().len()) {
                let digest = layer.descriptor.digest;
                if !listed.insert(digest) {
                    continue;
                }
                match known.get(&digest) {
                    Some(files) => bill.add_files(files, Some(digest)),
                    None => bill.add_files(&files_of(layer)?, Some(digest)),
                }
            }
        }
        Ok(bill.sorted())
    }

    /// Returns the bill of what inventories have, without the files of their layers.
    pub(crate) fn of_inventories(
        application: &str,
        version: Option<&str>,
        inventories: &[Inventory],
    ) -> Self {
        let named = inventories.iter().find_map(|it| it.root.clone());
        let key = named.unwrap_or_else(|| format!("{application}/{}", version.unwrap_or_default()));
        let direct: BTreeSet<&String> = inventories.iter().flat_map(|it| &it.direct).collect();
        let mut components = BTreeMap::<String, Component>::new();
        for (library, facts) in inventories.iter().flat_map(|it| &it.libraries) {
            let is_direct = direct.contains(library);
            let component = Component::of_library(library, facts, *library == key, is_direct);
            // The publishes of two platforms may need different ones.
            let dependencies = component.dependencies.clone();
            let known = components.entry(library.clone()).or_insert(component);
            known.dependencies.extend(dependencies);
        }
        let root = components.entry(key.clone()).or_insert_with(|| {
            let bare = Component::bare(ComponentKind::Application, application, version);
            Component {
                dependencies: direct.into_iter().cloned().collect(),
                ..bare
            }
        });
        let version = version.map(str::to_owned).or_else(|| root.version.clone());
        Self {
            name: application.to_owned(),
            version,
            digest: None,
            platforms: BTreeMap::new(),
            created: "1970-01-01T00:00:00Z".to_owned(),
            components,
            application: key,
            files: Vec::new(),
            bases: Vec::new(),
        }
    }

    /// Adds what an image runs on, and which it is.
    pub(crate) fn add_image(&mut self, image: &Image) {
        let platform = image.config().platform().to_string();
        let digest = image.manifest().descriptor().digest;
        self.platforms.insert(platform, digest);
    }

    /// Adds the shared frameworks that an image says it has.
    pub(crate) fn add_frameworks(&mut self, image: &Image, libc: Libc) {
        let config = image.config();
        let Some(identifier) = RuntimeIdentifier::of(&config.platform(), libc) else {
            return;
        };
        let variable = |name: &str| config.env(name).map(str::to_owned);
        for (name, version) in Framework::in_image(variable) {
            let identifier = identifier.to_string();
            let component = Component::of_framework(name, Some(&version), &identifier);
            let key = format!("{name}/{version} ({identifier})");
            self.components.insert(key, component);
        }
    }

    /// Adds the files of a layer. What no component brings is the application's.
    pub(crate) fn add_files(&mut self, files: &[InventoryFile], layer: Option<Digest>) {
        for file in files {
            let library = file.library.as_ref();
            let library = library.filter(|it| self.components.contains_key(*it));
            self.files.push(BillFile {
                path: file.path.clone(),
                layer,
                digest: file.digest,
                sha1: file.sha1.clone(),
                component: library.unwrap_or(&self.application).clone(),
            });
        }
    }
}

/// Reads the files of a layer.
pub(crate) fn files_of(layer: &Layer) -> Result<Vec<InventoryFile>, FileTreeError> {
    let mut hashers = BTreeMap::<Vec<u8>, FileHasher>::new();
    FileTree::reading(std::slice::from_ref(layer), &mut |part| {
        let hasher = hashers.entry(part.path.to_vec()).or_default();
        hasher.update(part.bytes);
    })?;
    let files = hashers.into_iter();
    let files = files.map(|(path, hasher)| {
        let path = String::from_utf8_lossy(&path).into_owned();
        hasher.finish(path, None)
    });
    Ok(files.collect())
}
