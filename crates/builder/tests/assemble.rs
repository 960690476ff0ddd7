//! What an image that is put together says of itself.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use mizzen_builder::{AppLayer, AppRuntime, BuildError, ImageOptions, Outcome, assemble};
use mizzen_image::{Image, Layer};
use mizzen_oci::{Descriptor, DiffId, Digest, Healthcheck, MediaType, Platform};
use mizzen_store::{BytesBlob, Cancel, Store};
use serde_json::{Value, json};
use std::sync::Arc;

fn amd64() -> Platform {
    "linux/amd64".parse().unwrap()
}

fn base(user: &str, env: &[&str]) -> Image {
    Image::scratch(&amd64()).with_config(|config| {
        config.run_set("User", json!(user.to_string()));
        config.run_set("Env", json!(env));
        config.run_set("Cmd", json!(["--info"]));
        config.run_set("Healthcheck", json!({"Test": ["CMD", "x"]}));
    })
}

fn app(entry: &str) -> AppRuntime {
    AppRuntime {
        name: "Shop.Api".to_owned(),
        entry: entry.to_owned(),
        needs_dotnet: entry != "Shop.Api",
        invariant_globalization: true,
        version: Some("1.2.3".to_owned()),
        ..AppRuntime::default()
    }
}

fn layer() -> AppLayer {
    let bytes: &'static [u8] = b"app";
    AppLayer {
        name: "app".to_owned(),
        layer: Layer {
            descriptor: Descriptor::of(MediaType::ImageLayerGzip, bytes),
            diff_id: DiffId(Digest::of(bytes)),
            blob: Arc::new(BytesBlob(bytes.into())),
        },
        files: 1,
        outcome: Outcome::Ran,
    }
}

fn options() -> ImageOptions {
    ImageOptions {
        created: "1970-01-01T00:00:00Z".to_owned(),
        base_name: Some("registry.example/aspnet:10.0".to_owned()),
        ..ImageOptions::default()
    }
}

fn try_run(
    base: Image,
    platform: &str,
    app: &AppRuntime,
    options: &ImageOptions,
) -> Result<Image, BuildError> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let tools = (&store, &Cancel::default());
    assemble(
        base,
        &platform.parse().unwrap(),
        app,
        &[layer()],
        options,
        tools,
    )
}

fn run(base: Image, app: &AppRuntime, options: &ImageOptions) -> Image {
    try_run(base, "linux/amd64", app, options).unwrap()
}

fn run_value(image: &Image, name: &str) -> Value {
    image.config().run_get(name).cloned().unwrap_or(Value::Null)
}

#[test]
fn the_user_is_a_number_and_never_root_unless_asked_for() {
    for (user, env, want) in [
        ("1654", &[][..], "1654"),
        ("1000:1000", &["APP_UID=1654"], "1000:1000"),
        ("app", &["APP_UID=64198"], "64198"),
        ("", &["APP_UID=1654"], "1654"),
        ("root", &[], "1654"),
        ("0:0", &[], "1654"),
        ("app", &[], "1654"),
    ] {
        let image = run(base(user, env), &app("Shop.Api.dll"), &options());
        assert_eq!(run_value(&image, "User"), json!(want), "{user} {env:?}");
    }
    let asked = ImageOptions {
        user: Some("0".to_owned()),
        ..options()
    };
    assert_eq!(
        run_value(&run(base("1654", &[]), &app("x.dll"), &asked), "User"),
        json!("0")
    );
    let named = ImageOptions {
        user: Some("app".to_owned()),
        ..options()
    };
    let error = try_run(base("", &[]), "linux/amd64", &app("x.dll"), &named).unwrap_err();
    assert!(matches!(error, BuildError::User(_)));
}

#[test]
fn the_entrypoint_is_absolute_and_the_bases_arguments_go() {
    let image = run(base("", &[]), &app("Shop.Api.dll"), &options());
    assert_eq!(
        run_value(&image, "Entrypoint"),
        json!(["dotnet", "/app/Shop.Api.dll"])
    );
    assert_eq!(run_value(&image, "Cmd"), Value::Null);
    assert_eq!(run_value(&image, "WorkingDir"), json!("/app"));
    assert_eq!(
        run_value(&image, "Healthcheck"),
        json!({"Test": ["CMD", "x"]})
    );
    let image = run(base("", &[]), &app("Shop.Api"), &options());
    assert_eq!(run_value(&image, "Entrypoint"), json!(["/app/Shop.Api"]));
}

#[test]
fn ports_come_from_the_environment_that_the_application_will_read() {
    let ports = |env: &[&str], options: &ImageOptions| {
        let image = run(base("", env), &app("x.dll"), options);
        let ports = image
            .config()
            .run_get("ExposedPorts")
            .and_then(Value::as_object)
            .cloned();
        ports
            .map(|ports| ports.keys().cloned().collect::<Vec<_>>())
            .unwrap_or_default()
    };
    assert_eq!(
        ports(&["ASPNETCORE_HTTP_PORTS=8080;8081"], &options()),
        ["8080/tcp", "8081/tcp"]
    );
    assert_eq!(
        ports(
            &["ASPNETCORE_URLS=http://+:80/", "ASPNETCORE_HTTP_PORTS=8080"],
            &options()
        ),
        ["80/tcp"]
    );
    let set = ImageOptions {
        env: [("ASPNETCORE_HTTP_PORTS".to_owned(), "9000".to_owned())].into(),
        ports: vec!["53/udp".to_owned()],
        ..options()
    };
    assert_eq!(
        ports(&["ASPNETCORE_HTTP_PORTS=8080"], &set),
        ["53/udp", "9000/tcp"]
    );
}

#[test]
fn the_image_says_what_it_stands_on_and_which_version_it_is() {
    let image = run(base("", &[]), &app("x.dll"), &options());
    let base_digest = base("", &[]).manifest().descriptor().digest.to_string();
    for said in [image.manifest().annotations(), &image.config().labels()] {
        assert_eq!(
            said["org.opencontainers.image.base.name"],
            "registry.example/aspnet:10.0"
        );
        assert_eq!(said["org.opencontainers.image.base.digest"], base_digest);
        assert_eq!(said["org.opencontainers.image.version"], "1.2.3");
        assert_eq!(
            said["org.opencontainers.image.created"],
            "1970-01-01T00:00:00Z"
        );
        assert!(!said.contains_key("org.opencontainers.image.revision"));
    }
    assert_eq!(
        image.config().history()[0].comment.as_deref(),
        Some("app: 1 file")
    );
}

#[test]
fn a_base_for_another_platform_is_refused() {
    let error = try_run(base("", &[]), "linux/arm64", &app("x"), &options()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the base image is for `linux/amd64`, want `linux/arm64`"
    );
}

#[test]
fn writable_folders_and_volumes_belong_to_the_images_user() {
    let asked = ImageOptions {
        writable: vec!["/data".to_owned()],
        volumes: vec!["/var/keys/".to_owned()],
        healthcheck: Some(
            Healthcheck::parse(&json!({"Test": ["CMD", "dotnet", "health.dll"]})).unwrap(),
        ),
        ..options()
    };
    let image = run(base("1654", &[]), &app("x.dll"), &asked);
    assert_eq!(run_value(&image, "Volumes"), json!({"/var/keys/": {}}));
    assert_eq!(run_value(&image, "Healthcheck")["Test"][1], "dotnet");
    let comments: Vec<_> = image
        .config()
        .history()
        .into_iter()
        .map(|line| line.comment)
        .collect();
    assert_eq!(
        comments.last().unwrap().as_deref(),
        Some("writable folders")
    );
    assert_eq!(image.layers().len(), 2);
}
