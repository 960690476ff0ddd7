use mizzen_oci::Reference;

/// A shared framework that an app runs on, as its runtimeconfig names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Framework {
    /// `Microsoft.NETCore.App` or `Microsoft.AspNetCore.App`.
    pub name: String,
    /// Major and minor version.
    pub version: (u32, u32),
}

/// No base image can be inferred.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BaseImageError {
    /// There is no distroless image for the framework.
    #[error("there is no distroless base image for .NET {}.{}", version.0, version.1)]
    NoDistroless {
        /// Major and minor version.
        version: (u32, u32),
    },
}

/// Returns the distroless image that `frameworks` run on, in `registry` (a host, perhaps with a
/// prefix).
///
/// `needs_icu` picks the `-extra` flavour, which adds ICU and time zones. An empty list is a
/// self-contained app of `version`, which needs the system's libraries only.
/// Source: the tags of dotnet-docker; .NET 6 and 7 were built on Ubuntu 22.04 (jammy), 8 to 10 on
/// 24.04 (noble), 11 on 26.04 (resolute).
///
/// # Errors
/// [`BaseImageError::NoDistroless`] before .NET 6.
pub fn default_base(
    registry: &str,
    frameworks: &[Framework],
    version: (u32, u32),
    needs_icu: bool,
) -> Result<Reference, BaseImageError> {
    let release = match version.0 {
        ..6 => return Err(BaseImageError::NoDistroless { version }),
        6 | 7 => "jammy",
        8..=10 => "noble",
        11.. => "resolute",
    };
    let is_asp_net = frameworks
        .iter()
        .any(|framework| framework.name == "Microsoft.AspNetCore.App");
    let repository = match (frameworks.is_empty(), is_asp_net) {
        (true, _) => "runtime-deps",
        (false, true) => "aspnet",
        (false, false) => "runtime",
    };
    let extra = if needs_icu { "-extra" } else { "" };
    let (major, minor) = version;
    let reference =
        format!("{registry}/dotnet/{repository}:{major}.{minor}-{release}-chiseled{extra}");
    Ok(reference
        .parse()
        .expect("the parts are those of a reference"))
}

#[cfg(test)]
mod tests {
    use super::{BaseImageError, Framework, default_base};

    fn base(name: &str, version: (u32, u32), needs_icu: bool) -> Result<String, BaseImageError> {
        let frameworks = [Framework {
            name: name.to_owned(),
            version,
        }];
        let frameworks = if name.is_empty() {
            &[]
        } else {
            &frameworks[..]
        };
        default_base("mcr.microsoft.com", frameworks, version, needs_icu)
            .map(|reference| reference.to_string())
    }

    #[test]
    fn the_base_follows_framework_version_and_globalization() {
        let aspnet = "Microsoft.AspNetCore.App";
        assert_eq!(
            base(aspnet, (10, 0), false).unwrap(),
            "mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled"
        );
        assert_eq!(
            base(aspnet, (10, 0), true).unwrap(),
            "mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled-extra"
        );
        assert_eq!(
            base("Microsoft.NETCore.App", (6, 0), false).unwrap(),
            "mcr.microsoft.com/dotnet/runtime:6.0-jammy-chiseled"
        );
        assert_eq!(
            base("", (11, 0), false).unwrap(),
            "mcr.microsoft.com/dotnet/runtime-deps:11.0-resolute-chiseled"
        );
        assert_eq!(
            base(aspnet, (3, 1), false),
            Err(BaseImageError::NoDistroless { version: (3, 1) })
        );
    }
}
