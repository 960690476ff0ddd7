//! How to go on after an error, computed from what the error knows.

use crate::refusals::refusal;
use mizzen_builder::BuildError;
use mizzen_dotnet::{FrameworkMissing, PublishError, SdkError, WorkspaceError};
use mizzen_plan::StepName;
use mizzen_registry::{Reach, RegistryError};
use mizzen_stage::StageError;
use mizzen_store::{StoreError, UnfitFolder};

/// Where a bug is reported.
pub(crate) const REPORT: &str = "this is not your fault: please report it, with the lines above, at https://github.com/mizzen-build/mizzen/issues";

pub(crate) fn workspace(error: &WorkspaceError) -> Option<String> {
    Some(match error {
        WorkspaceError::Missing(_) => "name a project file, or a folder that holds one".to_owned(),
        WorkspaceError::NoProject(_) => {
            "name the project's folder: mizzen build src/Shop.Api".to_owned()
        }
        WorkspaceError::SeveralProjects { folder, projects } => {
            format!(
                "name one: mizzen build {}",
                folder.join(projects.first()?).display()
            )
        }
        WorkspaceError::Solution(_) => "name one of its projects: src/Shop.Api".to_owned(),
        WorkspaceError::NotAProject(_) => {
            "want a project, a solution, a folder that holds one, or a C# file that is an app"
                .to_owned()
        }
        WorkspaceError::PartOfProject { project, .. } => {
            format!("mizzen build {}", project.display())
        }
        WorkspaceError::AboveRoot { file, .. } => {
            let folder = file.parent()?.display();
            format!(
                "put an empty mizzen.toml into `{folder}` to make that the workspace, or move the file away"
            )
        }
        WorkspaceError::BesideRoot { .. } => {
            "correct [inputs] root in mizzen.toml: it is relative to that file".to_owned()
        }
        WorkspaceError::Io(_) => return None,
    })
}

pub(crate) fn toolchain() -> String {
    "install the .NET SDK (https://dot.net/download) and put its folder on PATH or into DOTNET_ROOT"
        .to_owned()
}

pub(crate) fn sdk(error: &SdkError) -> Option<String> {
    match error {
        SdkError::Missing {
            message: Some(message),
            ..
        } => Some(message.clone()),
        SdkError::Missing { asked, .. } => Some(format!(
            "install {} (https://dot.net/download), or let `rollForward` in global.json take another",
            asked
                .as_ref()
                .map_or_else(|| "an SDK".to_owned(), |version| format!("SDK {version}"))
        )),
        SdkError::None(_) => Some(toolchain()),
        SdkError::Io(_) => None,
    }
}

pub(crate) fn build(error: &BuildError) -> Option<String> {
    Some(match error {
        error if error.is_about_room() => {
            "free some space in /tmp, where dotnet works on a copy of the workspace".to_owned()
        }
        BuildError::Dotnet { networked, .. } if !networked.is_empty() => format!(
            "publish has no network, and {}: if that is the cause, set `[policy] network = true` in mizzen.toml",
            networked.join(", ")
        ),
        BuildError::Dotnet { step, messages, .. } => {
            dotnet(*step, messages.iter().map(|message| message.code.as_str()))
        }
        BuildError::Publish(PublishError::NotRunnable { .. }) => {
            "a library has nothing to run: build an application that references it".to_owned()
        }
        BuildError::Container(_) => {
            "correct the project, or one of the props files and packages that it imports".to_owned()
        }
        BuildError::NotPublishable(_) => {
            "name a publishable project, or set IsPublishable to true: -p IsPublishable=true"
                .to_owned()
        }
        BuildError::ForeignApp { .. } => {
            "drop -r, or ask for its platform with --platform".to_owned()
        }
        BuildError::SymbolsDiffer => {
            "build one platform at a time (--platform), or keep the symbols in the image (--debug-symbols own)"
                .to_owned()
        }
        BuildError::ForeignBase { .. } => {
            "ask for the base's platform with --platform, or choose another --base".to_owned()
        }
        BuildError::ForeignLibc { .. } => {
            "publish for the base (-r linux-musl-x64 for Alpine), drop -r, or choose another --base"
                .to_owned()
        }
        BuildError::Framework(FrameworkMissing { found: None, wanted }) => format!(
            "choose a base that has {} with --base; if this one has it, say so: -e ASPNET_VERSION={}",
            wanted.name, wanted.version
        ),
        BuildError::Framework(_) => {
            "choose a base with that version with --base, or let the application use later ones: `RollForward` in the project"
                .to_owned()
        }
        BuildError::NoShell(_) => {
            r#"name a program instead: --healthcheck '{"Test": ["CMD", "/app/health"]}', or a base that has a shell: --base"#.to_owned()
        }
        BuildError::User(_) => {
            "name a user of the base image, or a number: the user of .NET's images is 1654"
                .to_owned()
        }
        BuildError::LinkOutside { target, .. } => format!(
            "copy the file into the workspace, or list `{}` under [inputs] extra in mizzen.toml",
            target.display()
        ),
        BuildError::NotAllowed(_) => {
            "to allow it, run once, with the same path: mizzen trust (in CI: MIZZEN_TRUST, see docs/reference/config.md)"
                .to_owned()
        }
        BuildError::Floats(_) => {
            "name one version, or commit a lock file (RestorePackagesWithLockFile)".to_owned()
        }
        BuildError::Volatile { .. } => {
            "pass the value from outside, as a variable of `[env] pass` or with -p".to_owned()
        }
        BuildError::NoSdk { .. } => toolchain(),
        BuildError::Offline { .. } => "run once without --offline".to_owned(),
        BuildError::CacheDiffers(_) => {
            "the project's output differs each time (the clock, a random number, a file outside the workspace), or the cache was damaged: build twice with --no-cache to see which"
                .to_owned()
        }
        BuildError::Stage(StageError::Above(file)) => format!("remove `{}`", file.display()),
        BuildError::Stage(StageError::Isolation { .. }) => {
            "if nothing that a project could read on this machine changes what it builds, use --isolation path"
                .to_owned()
        }
        BuildError::Unsteady(_) => {
            "stop whatever writes into the workspace during the build".to_owned()
        }
        BuildError::OtherSdk { .. } => REPORT.to_owned(),
        BuildError::OtherToolchain { .. } => {
            "install the toolchain in mizzen.lock, or lock this one: mizzen lock".to_owned()
        }
        BuildError::NoLockFile(_) => {
            "set RestorePackagesWithLockFile=true, run dotnet restore, and commit packages.lock.json"
                .to_owned()
        }
        BuildError::Store(error) => return store(error),
        _ => return None,
    })
}

fn dotnet<'a>(step: StepName, codes: impl Iterator<Item = &'a str>) -> String {
    let known = codes.filter_map(|code| {
        Some(match code {
            "NETSDK1045" | "MSB3644" => {
                "install an SDK that knows the project's target framework, or lower TargetFramework"
            }
            "MSB4019" => "a stage does not show files outside the workspace: list the file under `[inputs] extra` in mizzen.toml, or move it into the workspace",
            "NETSDK1005" => "the project does not target that framework: leave out -f, or name one of its TargetFrameworks",
            "NETSDK1129" => "the project has several target frameworks: name one with -f",
            "NU1301" => {
                "the feed cannot be reached: check the network, the proxy and the feed's address"
            }
            "NU1101" | "NU1102" => {
                "none of the feeds has the package: check its name, and the feeds in nuget.config"
            }
            "NU1004" | "NU1403" => {
                "the lock file does not match: restore without locked mode and commit the new one"
            }
            _ => return None,
        })
    });
    let known = known.map(str::to_owned).next();
    let otherwise = match step {
        StepName::Restore => "plain `dotnet restore` says more with -v normal",
        StepName::Publish => {
            "fix what the lines above report; `dotnet publish -c Release` shows the same"
        }
    };
    known.unwrap_or_else(|| otherwise.to_owned())
}

/// What a name without a registry means, which few mean who leave it out.
const HUB: &str = "docker.io";

pub(crate) fn registry(error: &RegistryError) -> Option<String> {
    let hint = of_registry(error)?;
    let registry = match error {
        RegistryError::NotFound(reference) => &reference.repository.registry,
        RegistryError::Unauthorized { registry, .. }
        | RegistryError::Refused { registry, .. }
        | RegistryError::Unreachable { registry, .. }
        | RegistryError::Failed { registry, .. } => registry,
        _ => return Some(hint),
    };
    if registry == HUB {
        return Some(format!(
            "{hint}; a name that begins with no registry is one of {HUB}"
        ));
    }
    Some(hint)
}

fn of_registry(error: &RegistryError) -> Option<String> {
    Some(match error {
        RegistryError::NotFound(reference) => {
            format!("check the name and the tag of `{reference}`")
        }
        RegistryError::OtherContent { .. } => {
            "the image there is damaged or was replaced; use the digest that its tag has now, or push it again".to_owned()
        }
        RegistryError::PlatformMissing { .. } => "ask for one of them with --platform".to_owned(),
        RegistryError::Unauthorized { registry, .. } => format!("log in: mizzen login -u NAME {registry}, the password on stdin"),
        RegistryError::Refused {
            registry,
            status,
            code,
            answer,
            ..
        } => return refusal(registry, *status, code, answer),
        RegistryError::Unreachable { registry, reason, .. } => unreachable_registry(registry, reason),
        RegistryError::Slow { registry, .. } => format!("if it is always slow, allow more in mizzen.toml: `document-seconds` and `least-bytes-per-second` of [registry.\"{registry}\"]"),
        RegistryError::Failed { .. } => "check the network and the registry's address; the next run continues where this one stopped".to_owned(),
        RegistryError::WaitTooLong { registry, .. } => format!("try again then, or log in, if the limit is lower for those who have not: mizzen login -u NAME {registry}"),
        RegistryError::Offline { .. } => "run once without --offline".to_owned(),
        _ => return None,
    })
}

fn unreachable_registry(registry: &str, reason: &Reach) -> String {
    let set = |line: &str| format!("{line} in [registry.\"{registry}\"] of mizzen.toml");
    match reason {
        Reach::Name => format!("check the name `{registry}`, and the network"),
        Reach::Refused => "check the port, or start the registry".to_owned(),
        Reach::PlainHttp => format!("if that is intended: {}", set("`insecure = true`")),
        Reach::Https => set("`insecure = false`"),
        Reach::Authority => format!(
            "name its certificate authority: {}, or SSL_CERT_FILE",
            set("`ca = \"ca.pem\"`")
        ),
        Reach::Tls => {
            "the registry's certificate and TLS settings are for its administrator".to_owned()
        }
        Reach::Proxy(_) => {
            "check HTTPS_PROXY and HTTP_PROXY; NO_PROXY names hosts that are asked directly"
                .to_owned()
        }
    }
}

pub(crate) fn store(error: &StoreError) -> Option<String> {
    match error {
        StoreError::Folder { path, why } => Some(match why {
            UnfitFolder::Open { .. } => format!(
                "others may have put anything there: remove it, or, if you know that nobody did, chmod -R go-w {}",
                path.display()
            ),
            UnfitFolder::NotAFolder => {
                format!(
                    "remove `{}`, or name another folder with --cache-dir",
                    path.display()
                )
            }
            UnfitFolder::NotACache
            | UnfitFolder::OtherPrograms
            | UnfitFolder::Version(_)
            | UnfitFolder::Owner { .. } => {
                "name an empty folder, or one that does not exist yet, with --cache-dir".to_owned()
            }
        }),
        StoreError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            Some("free some space, or name another folder with --cache-dir".to_owned())
        }
        _ => None,
    }
}
