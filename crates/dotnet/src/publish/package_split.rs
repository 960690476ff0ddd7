use crate::publish::placement::Place;
use crate::{LayerGroup, PlannedFile, PlannedLayer};
use mizzen_oci::Digest;
use std::collections::BTreeMap;

/// A package from this size on has a layer of its own.
const LARGE_PACKAGE_BYTES: u64 = 8 << 20;
/// More of them would bring an image near the 127 layers that a container runtime can stack.
const MAX_LARGE_PACKAGES: usize = 16;
/// The other packages share a layer up to this size.
const SHARED_LAYER_BYTES: u64 = 32 << 20;
const MAX_SHARED_LAYERS: u64 = 8;

/// Makes the layers of a group: one, but for packages.
///
/// Which layer a package is in follows from its id, its own size and the number of shared layers,
/// not from its place in a list: the bump of one package changes the layer that it is in and no
/// other, unless the total crosses a power of two times 32 MiB. Files for one kind of machine are
/// apart, so that images for several share the rest.
pub(crate) fn split(group: LayerGroup, files: Vec<(PlannedFile, Place)>) -> Vec<PlannedLayer> {
    let mut layers = BTreeMap::<String, Vec<PlannedFile>>::new();
    let names = Names::of(group, &files);
    for (file, place) in files {
        layers.entry(names.of_layer(&place)).or_default().push(file);
    }
    let layers = layers.into_iter();
    layers
        .map(|(name, files)| PlannedLayer { name, group, files })
        .collect()
}

struct Names {
    group: LayerGroup,
    large: Vec<String>,
    shared_layers: u64,
}

impl Names {
    fn of(group: LayerGroup, files: &[(PlannedFile, Place)]) -> Self {
        let mut sizes = BTreeMap::<&str, u64>::new();
        for (file, place) in files {
            if !place.is_for_one_runtime {
                *sizes.entry(&place.library).or_default() += file.size_bytes;
            }
        }
        let mut threshold_bytes = LARGE_PACKAGE_BYTES;
        let is_large = |threshold_bytes: u64| {
            let large = sizes
                .iter()
                .filter(move |(_, bytes)| **bytes >= threshold_bytes);
            large.map(|(name, _)| (*name).to_owned())
        };
        while is_large(threshold_bytes).count() > MAX_LARGE_PACKAGES {
            threshold_bytes *= 2;
        }
        let large: Vec<String> = is_large(threshold_bytes).collect();
        let small = sizes
            .iter()
            .filter(|(name, _)| !large.iter().any(|it| it == *name));
        let small_bytes: u64 = small.map(|(_, bytes)| bytes).sum();
        let wanted = small_bytes.div_ceil(SHARED_LAYER_BYTES).max(1);
        Self {
            group,
            large,
            shared_layers: wanted.next_power_of_two().min(MAX_SHARED_LAYERS),
        }
    }

    fn of_layer(&self, place: &Place) -> String {
        let group = self.group.name();
        if !matches!(self.group, LayerGroup::Packages) {
            return group.to_owned();
        }
        if place.is_for_one_runtime {
            return format!("{group}-native");
        }
        if self.large.contains(&place.library) {
            return format!("{group}-{}", place.library);
        }
        match self.shared_layers {
            1 => group.to_owned(),
            count => {
                let first = Digest::of(place.library.as_bytes()).as_bytes()[0];
                format!("{group}-{}", u64::from(first) % count + 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;
    use crate::publish::placement::Place;
    use crate::{LayerGroup, PlannedFile};

    const MIB: u64 = 1 << 20;

    /// One file for each package: its id and its size.
    fn layers(packages: &[(&str, u64)]) -> Vec<(String, Vec<String>)> {
        let file = |(library, size_bytes): &(&str, u64)| {
            let file = PlannedFile {
                path: format!("app/{library}.dll").into_bytes(),
                source: "/x".into(),
                mode: 0o644,
                size_bytes: *size_bytes,
                library: None,
            };
            let place = Place {
                group: LayerGroup::Packages,
                library: (*library).to_owned(),
                is_for_one_runtime: library.starts_with("lib"),
            };
            (file, place)
        };
        let layers = split(LayerGroup::Packages, packages.iter().map(file).collect());
        let name = |file: &PlannedFile| String::from_utf8_lossy(&file.path).into_owned();
        layers
            .iter()
            .map(|layer| (layer.name.clone(), layer.files.iter().map(name).collect()))
            .collect()
    }

    #[test]
    fn few_small_packages_share_a_layer_and_natives_are_apart() {
        let names: Vec<_> = layers(&[("a", 1), ("b", 2), ("libsqlite", 3)]);
        let want = [
            (
                "packages".to_owned(),
                vec!["app/a.dll".to_owned(), "app/b.dll".to_owned()],
            ),
            (
                "packages-native".to_owned(),
                vec!["app/libsqlite.dll".to_owned()],
            ),
        ];
        assert_eq!(names, want);
    }

    #[test]
    fn a_large_package_has_its_own_layer_whatever_is_beside_it() {
        let large = |beside: &[(&str, u64)]| {
            let all = [beside, &[("skia", 20 * MIB)]].concat();
            layers(&all)
                .into_iter()
                .find(|(name, _)| name == "packages-skia")
                .unwrap()
        };
        assert_eq!(large(&[("a", 1)]), large(&[("b", 7 * MIB), ("c", 9 * MIB)]));
    }

    #[test]
    fn a_package_more_or_larger_changes_only_the_layer_that_it_is_in() {
        let ids: Vec<String> = (0..40).map(|number| format!("p{number}")).collect();
        let mut packages: Vec<(&str, u64)> = ids.iter().map(|id| (&id[..], MIB)).collect();
        let before = layers(&packages);
        assert_eq!(before.len(), 2);
        packages.push(("new", MIB));
        packages.reverse();
        let mut after = layers(&packages);
        for (_, files) in &mut after {
            files.reverse();
        }
        let differ = before
            .iter()
            .zip(&after)
            .filter(|(one, other)| one != other);
        assert_eq!(differ.count(), 1);
    }

    #[test]
    fn the_number_of_layers_is_bounded() {
        let ids: Vec<String> = (0..300).map(|number| format!("p{number}")).collect();
        let packages: Vec<(&str, u64)> = ids.iter().map(|id| (&id[..], 9 * MIB)).collect();
        assert!(layers(&packages).len() <= 24);
    }
}
