use crate::process::run;
use std::path::Path;

/// Copies an image with skopeo, between anything that it knows: `docker://127.0.0.1:5000/shop:demo`,
/// `oci:FOLDER:TAG`. Registries are spoken to without TLS.
///
/// # Panics
/// With skopeo's message if it refuses the image.
pub fn skopeo_copy(from: &str, to: &str) {
    let plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    skopeo(&[&["copy", "--quiet"], &plain[..], &[from, to]].concat());
}

/// Runs skopeo with `arguments`; returns what it prints.
///
/// # Panics
/// With skopeo's message if it refuses.
pub fn skopeo(arguments: &[&str]) -> String {
    run("skopeo", Path::new("/"), arguments)
}

/// Returns what skopeo says about an image, as JSON.
///
/// # Panics
/// With skopeo's message if it refuses the image.
pub fn skopeo_inspect(image: &str) -> serde_json::Value {
    let text = skopeo(&["inspect", "--tls-verify=false", image]);
    serde_json::from_str(&text).expect("skopeo prints JSON")
}

/// Unpacks the image `tag` of an OCI layout with umoci into the folder `bundle`, which must not be
/// there yet: the files in `rootfs`, what to run in `config.json`.
///
/// # Panics
/// With umoci's message if it refuses the image.
pub fn umoci_unpack(layout: &Path, tag: &str, bundle: &Path) {
    let image = format!("{}:{tag}", layout.display());
    let mut arguments = vec!["unpack", "--image", &image];
    if !rustix::process::geteuid().is_root() {
        arguments.push("--rootless");
    }
    let bundle = bundle.display().to_string();
    arguments.push(&bundle);
    run("umoci", Path::new("/"), &arguments);
}
