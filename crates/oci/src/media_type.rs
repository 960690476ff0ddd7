pub use oci_spec::image::MediaType;

/// Which of the two families of media types an image is written in; never mixed in one image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// `application/vnd.oci.…`
    Oci,
    /// `application/vnd.docker.…`
    Docker,
}

/// What the media types of Docker's family, which the OCI spec knows only as strings, mean here.
pub trait MediaTypeExt: Sized {
    /// `true` for an image manifest of either family.
    fn is_manifest(&self) -> bool;
    /// `true` for an image index or a manifest list.
    fn is_index(&self) -> bool;
    /// `true` for a layer that its maker does not let others distribute.
    fn is_undistributed(&self) -> bool;
    /// Returns the same kind of thing in `family`; what has no counterpart there stays as it is.
    #[must_use]
    fn in_family(&self, family: Family) -> Self;
}

/// The kinds that exist in both families: (OCI, Docker).
const PAIRS: [(&str, &str); 6] = [
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ),
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ),
    (
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    ),
    (
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar",
    ),
    (
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    (
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ),
];

/// What some tools call a zstd layer in docker's words, which have none.
const DOCKER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";

impl MediaTypeExt for MediaType {
    fn is_manifest(&self) -> bool {
        self.in_family(Family::Oci) == Self::ImageManifest
    }

    fn is_index(&self) -> bool {
        self.in_family(Family::Oci) == Self::ImageIndex
    }

    fn is_undistributed(&self) -> bool {
        let name = self.as_ref();
        name.contains(".layer.nondistributable.") || name.contains(".rootfs.foreign.")
    }

    fn in_family(&self, family: Family) -> Self {
        let name = self.as_ref();
        if family == Family::Oci && name == DOCKER_ZSTD {
            return Self::ImageLayerZstd;
        }
        PAIRS
            .iter()
            .find(|(oci, docker)| name == *oci || name == *docker)
            .map_or_else(
                || self.clone(),
                |&(oci, docker)| Self::from(if family == Family::Oci { oci } else { docker }),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, MediaType, MediaTypeExt};

    #[test]
    fn kinds_go_from_family_to_family_and_back() {
        for (oci, docker) in super::PAIRS {
            assert_eq!(
                MediaType::from(docker).in_family(Family::Oci),
                MediaType::from(oci)
            );
            assert_eq!(
                MediaType::from(oci).in_family(Family::Docker),
                MediaType::from(docker)
            );
        }
        assert_eq!(
            MediaType::ImageLayerZstd.in_family(Family::Docker),
            MediaType::ImageLayerZstd
        );
        assert_eq!(
            MediaType::from(super::DOCKER_ZSTD).in_family(Family::Oci),
            MediaType::ImageLayerZstd
        );
    }
}
