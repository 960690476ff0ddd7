use crate::BuildError;
use crate::app::{AppLayer, AppRuntime};
use crate::layers_step::APP_FOLDER;
use mizzen_image::{Addendum, Entry, Image, Layer, LayerBuilder, NumericUser, UserError};
use mizzen_oci::{Family, History, ImageConfig, Platform, annotation};
use mizzen_store::{Cancel, Store};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the image says of itself and how it runs, over what the base says.
#[derive(Clone, Debug, Default)]
pub struct ImageOptions {
    /// The base as the user or the inference named it, for the annotation.
    pub base_name: Option<String>,
    /// When the image was made, as RFC 3339: an input, for nothing here asks the clock.
    pub created: String,
    /// Where the sources are, in https form.
    pub source: Option<String>,
    /// Which family of media types; Docker's or the OCI's.
    pub family: Option<Family>,
    /// Variables, over the base's.
    pub env: BTreeMap<String, String>,
    /// Labels, over the base's and the generated ones.
    pub labels: BTreeMap<String, String>,
    /// Annotations, over the generated ones.
    pub annotations: BTreeMap<String, String>,
    /// Ports such as `8080/tcp`, beside those of the environment.
    pub ports: Vec<String>,
    /// `UID[:GID]`.
    pub user: Option<String>,
    /// Where the application starts.
    pub workdir: Option<String>,
    /// Instead of the application's own command.
    pub entrypoint: Option<Vec<String>>,
    /// What is appended to the entrypoint.
    pub cmd: Option<Vec<String>>,
    /// The signal that asks the application to stop.
    pub stop_signal: Option<String>,
    /// Docker's `Healthcheck`, as its config has it.
    pub healthcheck: Option<Value>,
    /// Absolute folders that outlive the container.
    pub volumes: Vec<String>,
    /// Absolute folders that exist, are empty, and belong to the image's user.
    pub writable: Vec<String>,
}

/// The user that .NET's images are made for.
const APP_USER: NumericUser = NumericUser {
    uid: 1654,
    gid: None,
};

/// Puts an application's layers on a base and says how the image runs.
///
/// The user is a number and not root: Kubernetes' `runAsNonRoot` takes no name. The entrypoint is
/// absolute, so that another working folder does not break it.
///
/// # Errors
/// [`BuildError::ForeignBase`] if the base is for another platform; [`BuildError::User`] if the base
/// does not know the user that was asked for; [`BuildError::Layer`] if the layer of writable folders
/// cannot be made.
pub fn assemble(
    base: Image,
    platform: &Platform,
    app: &AppRuntime,
    layers: &[AppLayer],
    options: &ImageOptions,
    (store, cancel): (&Store, &Cancel),
) -> Result<Image, BuildError> {
    let got = base.config().platform();
    if !platform.accepts(&got) {
        return Err(BuildError::ForeignBase {
            got: got.to_string(),
            want: platform.to_string(),
        });
    }
    let generated = generated_annotations(&base, app, options);
    let user = user(&base, options)?;
    // A base annotation that stayed would speak of the base as if it were this image.
    let mut image = base
        .in_family(options.family.unwrap_or(Family::Oci))
        .with_annotations(BTreeMap::new());
    for layer in layers {
        let files = if layer.files == 1 {
            "1 file".to_owned()
        } else {
            format!("{} files", layer.files)
        };
        let comment = format!("{}: {files}", layer.name);
        image = image.append(addendum(layer.layer.clone(), comment, options));
    }
    if let Some(layer) = writable_folders(user, options, store, cancel)? {
        image = image.append(addendum(layer, "writable folders".to_owned(), options));
    }
    let mut annotations = generated.clone();
    annotations.extend(options.annotations.clone());
    let image = image.with_config(|config| {
        config.set("created", json!(options.created));
        config.run_set("User", json!(user.to_string()));
        config.run_set(
            "WorkingDir",
            json!(options.workdir.as_deref().unwrap_or(APP_FOLDER)),
        );
        config.run_set("Entrypoint", json!(entrypoint(app, options)));
        match &options.cmd {
            Some(cmd) => config.run_set("Cmd", json!(cmd)),
            // The base's would become arguments of the application.
            None => config.run_remove("Cmd"),
        }
        for (name, value) in &options.env {
            config.set_env(name, value);
        }
        if let Some(signal) = &options.stop_signal {
            config.run_set("StopSignal", json!(signal));
        }
        if let Some(healthcheck) = &options.healthcheck {
            config.run_set("Healthcheck", healthcheck.clone());
        }
        if !options.volumes.is_empty() {
            let base = config
                .run_get("Volumes")
                .and_then(Value::as_object)
                .cloned();
            let own = options
                .volumes
                .iter()
                .map(|folder| (folder.clone(), json!({})));
            let volumes: Map<_, _> = base.unwrap_or_default().into_iter().chain(own).collect();
            config.run_set("Volumes", Value::Object(volumes));
        }
        let ports = ports(config);
        config.expose(ports.iter().chain(&options.ports).map(String::as_str));
        config.add_labels(&generated);
        config.add_labels(&options.labels);
    });
    Ok(image.with_annotations(annotations))
}

fn addendum(layer: Layer, comment: String, options: &ImageOptions) -> Addendum {
    let history = History {
        created: Some(options.created.clone()),
        created_by: Some(format!("mizzen build ({})", LayerBuilder::FORMAT)),
        comment: Some(comment),
        empty_layer: false,
    };
    Addendum { layer, history }
}

/// Returns the layer of the folders that the application may write to; `None` if it needs none.
///
/// A volume takes its owner from the folder that it is mounted over.
fn writable_folders(
    user: NumericUser,
    options: &ImageOptions,
    store: &Store,
    cancel: &Cancel,
) -> Result<Option<Layer>, BuildError> {
    let folders: BTreeSet<&str> = options
        .writable
        .iter()
        .chain(&options.volumes)
        .map(|folder| folder.trim_matches('/'))
        .collect();
    if folders.is_empty() {
        return Ok(None);
    }
    // .NET's images give their user a group of the same number.
    let group = user.gid.unwrap_or(user.uid);
    let entries = folders
        .iter()
        .map(|folder| Entry::directory(*folder).owned_by(user.uid, group));
    let layer: LayerBuilder = entries.collect();
    Ok(Some(layer.write(store, cancel)?))
}

fn generated_annotations(
    base: &Image,
    app: &AppRuntime,
    options: &ImageOptions,
) -> BTreeMap<String, String> {
    let mut annotations =
        BTreeMap::from([(annotation::CREATED.to_owned(), options.created.clone())]);
    if let Some(name) = &options.base_name {
        annotations.insert(annotation::BASE_NAME.to_owned(), name.clone());
        annotations.insert(
            annotation::BASE_DIGEST.to_owned(),
            base.manifest().descriptor().digest.to_string(),
        );
    }
    for (name, value) in [
        (annotation::VERSION, &app.version),
        (annotation::SOURCE, &options.source),
    ] {
        if let Some(value) = value {
            annotations.insert(name.to_owned(), value.clone());
        }
    }
    annotations
}

fn entrypoint(app: &AppRuntime, options: &ImageOptions) -> Vec<String> {
    if let Some(entrypoint) = &options.entrypoint {
        return entrypoint.clone();
    }
    let entry = format!("{APP_FOLDER}/{}", app.entry);
    if app.needs_dotnet {
        vec!["dotnet".to_owned(), entry]
    } else {
        vec![entry]
    }
}

// What the user asks for; else the base's user or its `APP_UID`, whichever is a number first; else
// the number that the base's accounts give its user. Root only if it is asked for.
fn user(base: &Image, options: &ImageOptions) -> Result<NumericUser, BuildError> {
    if let Some(user) = &options.user {
        return NumericUser::resolve(user, base).map_err(BuildError::User);
    }
    let config = base.config();
    let is_number = |user: &&str| user.split(':').all(|part| part.parse::<u32>().is_ok());
    let named = [config.user(), config.env("APP_UID")].into_iter().flatten();
    for user in named
        .clone()
        .filter(is_number)
        .chain(named.filter(|user| !is_number(user)))
    {
        match NumericUser::resolve(user, base) {
            Ok(user) if !user.is_root() => return Ok(user),
            // A base that names somebody it does not know: the user of .NET's images will do.
            Ok(_) | Err(UserError::Unknown { .. }) => {}
            Err(error) => return Err(BuildError::User(error)),
        }
    }
    Ok(APP_USER)
}

// ASP.NET listens on `ASPNETCORE_URLS` if that is set, else on the ports of the other two.
fn ports(config: &ImageConfig) -> Vec<String> {
    let numbers: Vec<u16> = match config.env("ASPNETCORE_URLS") {
        Some(urls) => urls
            .split(';')
            .filter_map(|url| url.trim_end_matches('/').rsplit_once(':')?.1.parse().ok())
            .collect(),
        None => ["ASPNETCORE_HTTP_PORTS", "ASPNETCORE_HTTPS_PORTS"]
            .into_iter()
            .filter_map(|name| config.env(name))
            .flat_map(|ports| ports.split([';', ',']))
            .filter_map(|port| port.trim().parse().ok())
            .collect(),
    };
    numbers
        .into_iter()
        .map(|number| format!("{number}/tcp"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{ImageOptions, assemble};
    use crate::BuildError;
    use crate::app::{AppLayer, AppRuntime};
    use crate::report::Outcome;
    use mizzen_image::{Image, Layer};
    use mizzen_oci::{Descriptor, DiffId, Digest, MediaType, Platform};
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
            self_contained: false,
            frameworks: Vec::new(),
            invariant_globalization: true,
            runtime_identifier: None,
            version: Some("1.2.3".to_owned()),
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
            healthcheck: Some(json!({"Test": ["CMD", "dotnet", "health.dll"]})),
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
}
