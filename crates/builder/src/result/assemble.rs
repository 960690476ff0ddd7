use crate::result::app::{AppLayer, AppRuntime};
use crate::result::shell::check_shell;
use crate::{BuildError, ImageOptions};
use mizzen_dotnet::{Framework, Libc};
use mizzen_image::{Addendum, Entry, FileTree, Image, Layer, LayerBuilder, NumericUser, UserError};
use mizzen_oci::{Family, History, ImageConfig, Platform, annotation};
use mizzen_store::{Cancel, Store};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

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
/// [`BuildError::ForeignBase`] if the base is for another platform; [`BuildError::Framework`] if it has
/// not what the application runs on; [`BuildError::User`] if the base
/// does not know the user that was asked for; [`BuildError::NoShell`]; [`BuildError::Layer`] if the layer of writable folders
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
    check_frameworks(&base, app, options)?;
    check_libc(&base, app, options)?;
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
            json!(options.workdir.as_deref().unwrap_or(&app.folder)),
        );
        set_entrypoint(config, app, options);
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
            config.run_set("Healthcheck", healthcheck.to_json());
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
    check_shell(&image, options.healthcheck.as_ref())?;
    Ok(image.with_annotations(annotations))
}

// What a base for .NET starts would have the application's command for arguments.
fn set_entrypoint(config: &mut ImageConfig, app: &AppRuntime, options: &ImageOptions) {
    if !options.keeps_entrypoint {
        let entrypoint = options.entrypoint.clone();
        let entrypoint = entrypoint.unwrap_or_else(|| app.command());
        config.run_set("Entrypoint", json!(entrypoint));
        return;
    }
    let starts = config.run_get("Entrypoint").cloned();
    let is_dotnet = [json!(["dotnet"]), json!(["/usr/bin/dotnet"])]
        .into_iter()
        .any(|dotnet| Some(dotnet) == starts);
    if is_dotnet {
        config.run_remove("Entrypoint");
    }
}

// The application would end at once, with a message that only a log has.
fn check_frameworks(
    base: &Image,
    app: &AppRuntime,
    options: &ImageOptions,
) -> Result<(), BuildError> {
    if app.self_contained {
        return Ok(());
    }
    let variable = |name: &str| {
        let own = options.env.get(name).map(String::as_str);
        own.or_else(|| base.config().env(name)).map(str::to_owned)
    };
    Ok(Framework::check_all(&app.frameworks, &variable)?)
}

// A program that is linked with the other one does not start: its loader is not there.
fn check_libc(base: &Image, app: &AppRuntime, options: &ImageOptions) -> Result<(), BuildError> {
    let Some(of_app) = app.libc else {
        return Ok(());
    };
    let named = options.base_name.as_deref().and_then(Libc::of_image);
    let of_base = match named {
        Some(libc) => libc,
        // What nobody can tell is glibc, but for who needs to know; that is rare enough to read a base.
        None if of_app == Libc::Glibc => return Ok(()),
        None => libc_of(base)?,
    };
    if of_app == of_base {
        return Ok(());
    }
    Err(BuildError::ForeignLibc {
        runtime_identifier: app.runtime_identifier.clone().unwrap_or_default(),
        libc: of_base,
    })
}

fn libc_of(base: &Image) -> Result<Libc, BuildError> {
    let tree = FileTree::of(base).map_err(BuildError::Base)?;
    let is_loader = |path: &[u8]| path.windows(7).any(|part| part == b"ld-musl");
    let has_musl = tree.iter().any(|(path, _)| is_loader(path));
    Ok(if has_musl { Libc::Musl } else { Libc::Glibc })
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
        (annotation::REVISION, &options.revision),
    ] {
        if let Some(value) = value {
            annotations.insert(name.to_owned(), value.clone());
        }
    }
    annotations.retain(|name, _| !options.labels_off.contains(name));
    annotations
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
