//! Images that other tools made are sound to `validate`.

use mizzen_image::{Archive, validate_all};
use std::path::Path;

#[test]
fn images_by_skopeo_umoci_buildah_and_podman_have_no_defect() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/images");
    let files = [
        "buildah-docker-archive.tar",
        "buildah-docker-format.tar",
        "buildah-layout.tar",
        "podman-oci-archive.tar",
        "skopeo-docker-archive.tar",
        "skopeo-zstd.tar",
        "umoci-layout.tar",
    ];
    for file in files {
        let image = Archive::oci(folder.join(file), None).read().unwrap();
        assert_eq!(image.images()[0].layers().len(), 1, "{file}");
        assert_eq!(validate_all(&image), Ok(()), "{file}");
    }
}
