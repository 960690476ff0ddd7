use mizzen_image::{Layout, validate_all};
use mizzen_testkit::DockerRegistry;
use std::path::{Path, PathBuf};

/// A real registry that holds a distroless ASP.NET base.
pub(crate) struct Registry {
    pub(crate) registry: DockerRegistry,
    pub(crate) base: String,
}

impl Registry {
    pub(crate) fn with_base(layout: &Path) -> Self {
        let registry = DockerRegistry::start().unwrap();
        let base = format!("{}/dotnet/aspnet:latest", registry.host());
        mizzen_testkit::skopeo_copy(
            &format!("oci:{}:latest", layout.display()),
            &format!("docker://{base}"),
        );
        Self { registry, base }
    }

    pub(crate) fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.registry.host())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        let repositories = self
            .registry
            .folder()
            .join("storage/docker/registry/v2/repositories");
        repositories.join(name).exists()
    }
}

/// Pulls an image with skopeo into a layout, has our own `validate` judge it, and returns the
/// layout; the image has the tag `pulled`.
pub(crate) fn pull(reference: &str, to: &Path) -> PathBuf {
    mizzen_testkit::skopeo_copy(
        &format!("docker://{reference}"),
        &format!("oci:{}:pulled", to.display()),
    );
    validated(to, Some("pulled"));
    to.to_owned()
}

/// Has our own `validate` judge an image of a layout.
pub(crate) fn validated(layout: &Path, tag: Option<&str>) {
    let image = Layout::new(layout, tag).read().unwrap();
    if let Err(defects) = validate_all(&image) {
        let defects: Vec<String> = defects.iter().map(ToString::to_string).collect();
        panic!("{}", defects.join("\n"));
    }
}
