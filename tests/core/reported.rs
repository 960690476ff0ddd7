//! What users of other tools reported, tried here. Each test names the report.

use crate::support::{User, prepared, testdata};
use fs_err as fs;
use mizzen_image::{Layout, Source};
use mizzen_oci::{Digest, Platform};
use mizzen_testkit::{DockerRegistry, Fault, MemoryRegistry, skopeo_copy, tiny_base};
use serde_json::{Value, json};
use std::path::Path;

fn user() -> User {
    let user = User::without_sdk();
    tiny_base(&user.path("base"), "linux/amd64");
    user
}

/// The tar of the base's one layer, and its config.
fn parts(user: &User) -> (Vec<u8>, Vec<u8>) {
    let platform: Platform = "linux/amd64".parse().unwrap();
    let layout = Layout::new(user.path("base"), Some("latest"));
    let image = layout.image(&platform).unwrap();
    let blob = image.layers()[0].descriptor.digest.to_string();
    let gzip = fs::read(user.path("base/blobs").join(blob.replace(':', "/"))).unwrap();
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&gzip[..]), &mut tar).unwrap();
    (tar, image.config_bytes().to_vec())
}

/// Writes `docker save`'s archive of files and links.
fn archive(to: &Path, files: &[(&str, &[u8])], links: &[(&str, &str)]) {
    let mut tar = tar::Builder::new(fs::File::create(to).unwrap().into_parts().0);
    for (name, target) in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, name, target).unwrap();
    }
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    tar.finish().unwrap();
}

/// regclient#452, containerd#12890: `docker save` writes a layer once, and a link where it is used
/// again.
#[test]
fn a_saved_image_whose_layers_are_links_is_read() {
    let user = user();
    let (tar, config) = parts(&user);
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    let diff_id = config["rootfs"]["diff_ids"][0].clone();
    config["rootfs"]["diff_ids"] = json!([diff_id, diff_id]);
    config["history"] = json!([]);
    let config = config.to_string().into_bytes();
    let name = format!(
        "{}.json",
        Digest::of(&config).to_string().replace("sha256:", "")
    );
    let manifest = json!([{ "Config": name, "RepoTags": ["shop:1"], "Layers": ["a/layer.tar", "b/layer.tar"] }]);
    archive(
        &user.path("saved.tar"),
        &[
            (name.as_str(), &config),
            ("a/layer.tar", &tar),
            ("manifest.json", manifest.to_string().as_bytes()),
        ],
        &[("b/layer.tar", "../a/layer.tar")],
    );
    user.run_bare(&["validate", "docker-archive:saved.tar"])
        .success();
    let registry = MemoryRegistry::start();
    let to = format!("{}/shop:1", registry.host());
    user.run_bare(&["push", "docker-archive:saved.tar", &to])
        .success();
    user.run_bare(&["validate", &to]).success();
}

/// go-containerregistry#284: layers of a saved image may be compressed.
#[test]
fn a_saved_image_whose_layers_are_compressed_is_pushed() {
    let user = user();
    let (tar, config) = parts(&user);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &tar).unwrap();
    let gzip = gzip.finish().unwrap();
    let manifest =
        json!([{ "Config": "config.json", "RepoTags": null, "Layers": ["layer.tar.gz"] }]);
    archive(
        &user.path("saved.tar"),
        &[
            ("manifest.json", manifest.to_string().as_bytes()),
            ("config.json", &config),
            ("layer.tar.gz", &gzip),
        ],
        &[],
    );
    let registry = MemoryRegistry::start();
    let to = format!("{}/shop:1", registry.host());
    user.run_bare(&["push", "docker-archive:saved.tar", &to])
        .success();
    user.run_bare(&["validate", &to]).success();
}

/// Puts an image of docker's family into a repository, with this layer, and returns its reference.
fn docker_image(
    registry: &MemoryRegistry,
    (config, layer): (&[u8], &[u8]),
    media_type: &str,
    has_layer: bool,
) -> String {
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    if has_layer {
        registry.put_blob("theirs", layer);
    }
    let manifest = json!({
        "schemaVersion": 2, "mediaType": docker,
        "config": { "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": registry.put_blob("theirs", config), "size": config.len() },
        "layers": [{ "mediaType": media_type, "digest": Digest::of(layer), "size": layer.len(),
            "urls": ["https://elsewhere.example/layer"] }],
    });
    registry.put_manifest("theirs", Some("1"), docker, manifest.to_string().as_bytes());
    format!("{}/theirs:1", registry.host())
}

/// go-containerregistry#2078: a layer of docker's family that is not compressed is not a member of it in
/// the OCI's words.
#[test]
fn a_base_with_uncompressed_layers_becomes_an_image_of_either_family() {
    let user = user();
    let (tar, config) = parts(&user);
    let registry = MemoryRegistry::start();
    let media_type = "application/vnd.docker.image.rootfs.diff.tar";
    let base = docker_image(&registry, (&config, &tar), media_type, true);
    let copy = format!("{}/copy:1", registry.host());
    user.run_bare(&["copy", &base, &copy]).success();
    let folder = testdata("publish/portable");
    for format in ["oci", "docker"] {
        let to = format!("{}/{format}:1", registry.host());
        let arguments = ["--from-publish", folder.to_str().unwrap(), "--base", &base];
        let more = ["--format", format, "-t", &to];
        user.build(&[&arguments[..], &more].concat()).success();
        let (_, manifest) = registry.manifest(format, "1").unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let want = match format {
            "oci" => "application/vnd.oci.image.layer.v1.tar",
            _ => media_type,
        };
        assert_eq!(manifest["layers"][0]["mediaType"], want);
    }
}

/// go-containerregistry#741, #1418: layers that a registry need not hold.
#[test]
fn a_layer_that_its_maker_does_not_distribute_stays_where_it_is() {
    let user = user();
    let (tar, config) = parts(&user);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &tar).unwrap();
    let gzip = gzip.finish().unwrap();
    let media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let (registry, other) = (MemoryRegistry::start(), MemoryRegistry::start());
    let from = docker_image(&registry, (&config, &gzip), media_type, false);
    let to = format!("{}/copy:1", other.host());
    user.run_bare(&["copy", &from, &to]).success();
    // One that wants every layer says so with a status that elsewhere passes.
    let strict = DockerRegistry::start().unwrap();
    let run = user.run_bare(&["copy", &from, &format!("{}/copy:1", strict.host())]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(
        run.stderr.contains("500 MANIFEST_BLOB_UNKNOWN"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("wants every layer"), "{}", run.stderr);
    assert!(!run.stderr.contains("trying again"), "{}", run.stderr);
}

/// oras#447, oras#529: what is there under one tag gets another one.
#[test]
fn the_same_image_gets_a_second_tag() {
    let user = user();
    let registry = DockerRegistry::start().unwrap();
    for tag in ["1", "2"] {
        let to = format!("{}/shop:{tag}", registry.host());
        user.run_bare(&["push", "oci:base", &to]).success();
        user.run_bare(&["inspect", &to, "--cache-dir", tag])
            .success();
    }
}

/// go-containerregistry#1820: what was pushed once need not be there any more.
#[test]
fn what_was_removed_from_a_registry_is_sent_again() {
    let user = user();
    let registry = DockerRegistry::start().unwrap();
    let to = format!("{}/shop:1", registry.host());
    user.run_bare(&["push", "oci:base", &to]).success();
    fs::remove_dir_all(registry.folder().join("storage")).unwrap();
    user.run_bare(&["push", "oci:base", &to]).success();
    user.run_bare(&["validate", &to, "--cache-dir", "fresh"])
        .success();
}

/// jib#4301, jib#2372, jib#3399: a registry forgets an upload that it has opened.
#[test]
fn an_upload_that_the_registry_forgot_is_begun_anew() {
    let user = user();
    let registry = MemoryRegistry::start();
    let forgotten = std::sync::atomic::AtomicUsize::new(0);
    registry.play(move |_, request| {
        let is_end = request.method == "PUT" && request.path.contains("/blobs/uploads/");
        let is_first = is_end && forgotten.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        is_first.then(|| Fault::Status(404, Vec::new()))
    });
    let to = format!("{}/shop:1", registry.host());
    user.run_bare(&["push", "oci:base", &to]).success();
    user.run_bare(&["validate", &to]).success();
}

/// kaniko#2399: a limit of pulls is not a reason to try for long, and a login helps.
#[test]
fn a_limit_of_pulls_is_told_with_what_ends_it() {
    let user = user();
    let registry = MemoryRegistry::start();
    registry.play(|_, _| {
        Some(Fault::Status(
            429,
            vec![("retry-after", "21600".to_owned())],
        ))
    });
    let from = format!("{}/library/python:3", registry.host());
    let run = user.run_bare(&["pull", &from, "oci:out"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.stderr.contains("21600s"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    assert_eq!(registry.requests().len(), 1, "{:?}", registry.requests());
}

/// kaniko#2445: a mirror that says no is told, for what comes instead is not from there.
#[test]
fn a_mirror_that_refuses_is_told_before_the_registry_itself_is_asked() {
    let user = user();
    let (registry, mirror) = (MemoryRegistry::start(), MemoryRegistry::start());
    let from = format!("{}/shop:1", registry.host());
    user.run_bare(&["push", "oci:base", &from]).success();
    mirror.play(|_, _| Some(Fault::Status(403, Vec::new())));
    let config = format!(
        "[registry.\"{}\"]\nmirror = [\"{}\"]\n",
        registry.host(),
        mirror.host()
    );
    fs::write(user.path("mizzen.toml"), config).unwrap();
    let run = user.run_bare(&["pull", &from, "oci:out"]).success();
    assert!(
        run.stderr.contains(&format!("`{}`", mirror.host())),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("403"), "{}", run.stderr);
}

/// go-containerregistry#2441, cosign#4641: where a registry keeps no list, the entry under the tag says
/// all that the list would.
#[test]
fn an_entry_under_the_tag_for_referrers_has_type_and_annotations() {
    let user = user();
    let registry = MemoryRegistry::start();
    let host = registry.host();
    registry.play(|_, request| {
        request
            .path
            .contains("/referrers/")
            .then(|| Fault::Status(404, Vec::new()))
    });
    let folder = testdata("publish/portable");
    let to = format!("{host}/shop:1");
    let arguments = [
        "--from-publish",
        folder.to_str().unwrap(),
        "--base",
        "oci:base",
    ];
    let more = ["--debug-symbols", "separate", "-t", &to];
    let built = user.build(&[&arguments[..], &more].concat()).success();
    let tag = built.digest().replace(':', "-");
    let (_, index) = registry.manifest("shop", &tag).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let entry = &index["manifests"][0];
    let (_, manifest) = registry
        .manifest("shop", entry["digest"].as_str().unwrap())
        .unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(entry["artifactType"], manifest["artifactType"]);
    assert!(entry["artifactType"].is_string(), "{entry}");
    assert_eq!(entry["annotations"], manifest["annotations"]);
}

/// dotnet/sdk-container-builds#596: a port without a `Type`. dotnet/sdk#37610: several tags from outside
/// of the project. dotnet/sdk#44164: a base that is not there, and yet a build that succeeds.
#[test]
fn a_port_without_its_protocol_and_tags_of_the_command_line_are_taken_and_a_missing_base_is_not() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let registry = MemoryRegistry::start();
    let host = registry.host();
    skopeo_copy(
        &format!(
            "oci:{}:latest",
            prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
        ),
        &format!("docker://{host}/dotnet/aspnet:3.1"),
    );
    let project = fs::read_to_string(folder.join("hello-web.csproj")).unwrap();
    let says = |base: &str| {
        let text = format!(
            "<PropertyGroup><ContainerRegistry>{host}</ContainerRegistry>\
             <ContainerBaseImage>{host}/{base}</ContainerBaseImage></PropertyGroup>\
             <ItemGroup><ContainerPort Include=\"8081\" /></ItemGroup></Project>"
        );
        let text = project.replace("</Project>", &text);
        fs::write(folder.join("hello-web.csproj"), text).unwrap();
    };
    says("dotnet/aspnet:3.1");
    let tags = "ContainerImageTags=1.2.3-alpha2%3Blatest";
    let run = user.build(&["hello", "--push", "-p", tags]).success();
    let [one, two] =
        ["1.2.3-alpha2", "latest"].map(|tag| format!("{host}/hello-web:{tag}@{}", run.digest()));
    assert_eq!(run.stdout, format!("{one}\n{two}\n"));
    let shown = user.run_bare(&["inspect", "--json", &format!("{host}/hello-web:latest")]);
    let shown: Value = serde_json::from_str(&shown.success().stdout).unwrap();
    let ports = &shown["config"]["config"]["ExposedPorts"];
    assert!(ports["8081/tcp"].is_object(), "{ports}");

    says("dotnet/foobar:8.0");
    let said = user.build(&["hello", "--push"]).failure(4);
    let base = format!("the base image `{host}/dotnet/foobar:8.0` cannot be used");
    assert!(said.contains(&base), "{said}");
    assert!(
        said.contains("(the project's ContainerBaseImage)"),
        "{said}"
    );
}
