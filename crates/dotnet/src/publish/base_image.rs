use crate::{Framework, Libc};
use mizzen_oci::Reference;

/// No base image can be inferred.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BaseImageError {
    /// There is no distroless image for the framework.
    #[error("there is no distroless base image for .NET {major}.{minor}")]
    NoDistroless {
        /// The major version.
        major: u32,
        /// The minor version.
        minor: u32,
    },
    /// The framework's version is none.
    #[error("`{0}` is not the version of a shared framework")]
    Version(String),
    /// The family makes no tag.
    #[error("`ContainerFamily` is `{0}`, which cannot be part of a tag")]
    Family(String),
}

const ASP_NET: &str = "Microsoft.AspNetCore.App";

/// Returns the distroless image that an application of `frameworks` runs on, in `registry` (a host,
/// perhaps with a prefix).
///
/// `self_contained` applications bring their frameworks and need the system's libraries only.
/// `needs_icu` picks the `-extra` flavour, which adds ICU and time zones. `family` is what the project
/// says in `ContainerFamily`, instead of the distroless one: `noble`, `alpine`, `noble-chiseled`; an
/// application that is linked with musl runs on Alpine.
/// Source: the tags of dotnet-docker; .NET 6 and 7 were built on Ubuntu 22.04 (jammy), 8 to 10 on
/// 24.04 (noble), 11 on 26.04 (resolute).
///
/// # Errors
/// [`BaseImageError::NoDistroless`] before .NET 6; [`BaseImageError::Version`] for a version that is
/// none.
pub fn default_base(
    registry: &str,
    frameworks: &[Framework],
    self_contained: bool,
    needs_icu: bool,
    family: Option<&str>,
    libc: Libc,
) -> Result<Reference, BaseImageError> {
    let asp_net = frameworks
        .iter()
        .find(|framework| framework.name == ASP_NET);
    let framework = asp_net.or(frameworks.first());
    let version = framework.map_or("", |framework| framework.version.as_str());
    let parts: Vec<_> = version.split('.').take(2).map(str::parse::<u32>).collect();
    let [Ok(major), Ok(minor)] = parts[..] else {
        return Err(BaseImageError::Version(version.to_owned()));
    };
    let family = match (family, major) {
        (Some(family), _) => family,
        (None, _) if libc == Libc::Musl => "alpine",
        (None, ..6) => {
            return Err(BaseImageError::NoDistroless { major, minor });
        }
        (None, 6 | 7) => "jammy-chiseled",
        (None, 8..=10) => "noble-chiseled",
        (None, 11..) => "resolute-chiseled",
    };
    let repository = match (self_contained, asp_net) {
        (true, _) => "runtime-deps",
        (false, Some(_)) => "aspnet",
        (false, None) => "runtime",
    };
    let extra = if needs_icu && family.ends_with("-chiseled") {
        "-extra"
    } else {
        ""
    };
    let reference = format!("{registry}/dotnet/{repository}:{major}.{minor}-{family}{extra}");
    reference
        .parse()
        .map_err(|_| BaseImageError::Family(family.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{ASP_NET, BaseImageError, default_base};
    use crate::{Framework, FrameworkRollForward, Libc};

    fn base(
        names: &[&str],
        version: &str,
        self_contained: bool,
        needs_icu: bool,
    ) -> Result<String, BaseImageError> {
        let framework = |name: &&str| Framework {
            name: (*name).to_owned(),
            version: version.to_owned(),
            roll_forward: FrameworkRollForward::default(),
        };
        let frameworks: Vec<_> = names.iter().map(framework).collect();
        default_base(
            "mcr.example",
            &frameworks,
            self_contained,
            needs_icu,
            None,
            Libc::Glibc,
        )
        .map(|reference| reference.to_string())
    }

    #[test]
    fn the_base_follows_framework_version_and_globalization() {
        let core = "Microsoft.NETCore.App";
        let asp_net = base(&[core, ASP_NET], "10.0.0", false, false).unwrap();
        assert_eq!(asp_net, "mcr.example/dotnet/aspnet:10.0-noble-chiseled");
        let with_icu = base(&[ASP_NET], "9.0.4", false, true).unwrap();
        assert_eq!(
            with_icu,
            "mcr.example/dotnet/aspnet:9.0-noble-chiseled-extra"
        );
        let console = base(&[core], "6.0.36", false, false).unwrap();
        assert_eq!(console, "mcr.example/dotnet/runtime:6.0-jammy-chiseled");
        let own = base(&[core], "11.0.0-rc.1", true, false).unwrap();
        assert_eq!(
            own,
            "mcr.example/dotnet/runtime-deps:11.0-resolute-chiseled"
        );
    }

    #[test]
    fn a_family_takes_the_place_of_the_distroless_one() {
        let base = |version: &str, family: &str, needs_icu: bool| {
            let frameworks = [Framework {
                name: ASP_NET.to_owned(),
                version: version.to_owned(),
                roll_forward: FrameworkRollForward::default(),
            }];
            default_base(
                "mcr.example",
                &frameworks,
                false,
                needs_icu,
                Some(family),
                Libc::Glibc,
            )
            .map(|reference| reference.to_string())
        };
        assert_eq!(
            base("10.0.0", "alpine", true).unwrap(),
            "mcr.example/dotnet/aspnet:10.0-alpine"
        );
        assert_eq!(
            base("10.0.0", "azurelinux3.0-distroless", true).unwrap(),
            "mcr.example/dotnet/aspnet:10.0-azurelinux3.0-distroless"
        );
        assert_eq!(
            base("8.0.0", "noble-chiseled", true).unwrap(),
            "mcr.example/dotnet/aspnet:8.0-noble-chiseled-extra"
        );
        assert_eq!(
            base("3.1.0", "bionic", true).unwrap(),
            "mcr.example/dotnet/aspnet:3.1-bionic"
        );
        assert!(matches!(
            base("10.0.0", "a b", true),
            Err(BaseImageError::Family(_))
        ));
    }

    #[test]
    fn an_application_that_is_linked_with_musl_runs_on_alpine() {
        let frameworks = [Framework {
            name: ASP_NET.to_owned(),
            version: "10.0.0".to_owned(),
            roll_forward: FrameworkRollForward::default(),
        }];
        let base = default_base("mcr.example", &frameworks, true, true, None, Libc::Musl).unwrap();
        assert_eq!(
            base.to_string(),
            "mcr.example/dotnet/runtime-deps:10.0-alpine"
        );
    }

    #[test]
    fn there_is_none_before_6_and_none_without_a_version() {
        let error = base(&[ASP_NET], "3.1.0", false, false).unwrap_err();
        assert_eq!(error, BaseImageError::NoDistroless { major: 3, minor: 1 });
        assert!(matches!(
            base(&[], "", true, false),
            Err(BaseImageError::Version(_))
        ));
    }
}
