use mizzen_oci::Platform;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a native file is for, in .NET's words: `linux-x64`, `linux-musl-arm64`, `win`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RuntimeIdentifier(String);

/// The C library of a Linux distribution.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Libc {
    /// GNU's: Debian, Ubuntu, Azure Linux, and all others but Alpine.
    Glibc,
    /// Alpine's.
    Musl,
}

/// Processors as RIDs and images name them.
const ARCHITECTURES: [(&str, &str, Option<&str>); 9] = [
    ("x64", "amd64", None),
    ("arm64", "arm64", None),
    ("arm", "arm", None),
    ("x86", "386", None),
    ("s390x", "s390x", None),
    ("ppc64le", "ppc64le", None),
    ("riscv64", "riscv64", None),
    ("loongarch64", "loong64", None),
    ("armv6", "arm", Some("v6")),
];
/// Processors that no supported image has.
const OTHER_ARCHITECTURES: [&str; 5] = ["armel", "mips64", "wasm", "wasm32", "arm64ec"];
/// Starts of operating systems' names that are not Linux.
const OTHER_SYSTEMS: [&str; 14] = [
    "win",
    "osx",
    "mac",
    "ios",
    "tvos",
    "watchos",
    "android",
    "linux-bionic",
    "browser",
    "wasi",
    "freebsd",
    "illumos",
    "solaris",
    "haiku",
];

/// Where .NET's own images lie, below any registry.
const IMAGES: [&str; 3] = ["dotnet/aspnet", "dotnet/runtime", "dotnet/runtime-deps"];

impl Libc {
    /// Returns the C library of the base image `name`, as far as the name tells: those of .NET name
    /// Alpine in their tags.
    pub fn of_image(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name.contains("alpine") || name.contains("musl") {
            return Some(Self::Musl);
        }
        let repository = name.split('@').next()?;
        let repository = match repository.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => return None,
        };
        let is_net = IMAGES.iter().any(|image| repository.ends_with(image));
        is_net.then_some(Self::Glibc)
    }
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
        })
    }
}

impl RuntimeIdentifier {
    /// Returns the RID of images for `platform`; `None` for a processor or system without one.
    pub fn of(platform: &Platform, libc: Libc) -> Option<Self> {
        if platform.os.to_string() != "linux" {
            return None;
        }
        let architecture = platform.architecture.to_string();
        let variant = platform.variant.as_deref().filter(|&name| name == "v6");
        let (name, ..) = ARCHITECTURES
            .iter()
            .find(|entry| entry.1 == architecture && entry.2 == variant)?;
        Some(Self(match libc {
            Libc::Glibc => format!("linux-{name}"),
            Libc::Musl => format!("linux-musl-{name}"),
        }))
    }

    /// Returns every platform that there is .NET for.
    pub fn platforms() -> impl Iterator<Item = Platform> {
        ARCHITECTURES.iter().map(|(_, name, variant)| Platform {
            variant: variant.map(str::to_owned),
            ..Platform::linux((*name).into())
        })
    }

    /// Returns the C library that programs for this RID are linked with.
    pub fn libc(&self) -> Libc {
        let (system, _) = parts(&self.0);
        if is_musl(system) {
            Libc::Musl
        } else {
            Libc::Glibc
        }
    }

    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the platform whose images run what is published for this RID; `None` if it names no
    /// processor, or no Linux.
    pub fn platform(&self) -> Option<Platform> {
        let (system, architecture) = parts(&self.0);
        if OTHER_SYSTEMS.iter().any(|name| system.starts_with(name)) {
            return None;
        }
        let (_, name, variant) = ARCHITECTURES
            .iter()
            .find(|entry| Some(entry.0) == architecture)?;
        let mut platform = Platform::linux((*name).into());
        platform.variant = variant.map(str::to_owned);
        Some(platform)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `true` if a file for `other` can never be used where this RID runs: another system, another
    /// processor, another C library. What is not known to be foreign is not.
    ///
    /// The names of distributions (`ubuntu.22.04-x64`) count as Linux with glibc, `alpine` as musl.
    /// A musl system may use files for plain `linux-x64`; .NET falls back to them.
    pub fn is_foreign(&self, other: &str) -> bool {
        let (system, architecture) = parts(other);
        let (own_system, own_architecture) = parts(&self.0);
        if architecture.is_some() && own_architecture.is_some() && architecture != own_architecture
        {
            return true;
        }
        if OTHER_SYSTEMS.iter().any(|name| system.starts_with(name)) {
            return !own_system.starts_with(system);
        }
        is_musl(system) && !is_musl(own_system)
    }
}

fn is_musl(system: &str) -> bool {
    system.contains("musl") || system.starts_with("alpine")
}

/// The system, and the processor if one is named: `linux-musl`, `x64`.
fn parts(identifier: &str) -> (&str, Option<&str>) {
    match identifier.rsplit_once('-') {
        Some((system, architecture))
            if OTHER_ARCHITECTURES.contains(&architecture)
                || ARCHITECTURES.iter().any(|entry| entry.0 == architecture) =>
        {
            (system, Some(architecture))
        }
        _ => (identifier, None),
    }
}

impl fmt::Display for RuntimeIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Libc, RuntimeIdentifier};

    fn of(platform: &str, libc: Libc) -> RuntimeIdentifier {
        RuntimeIdentifier::of(&platform.parse().unwrap(), libc).unwrap()
    }

    #[test]
    fn platforms_have_runtime_identifiers() {
        assert_eq!(of("linux/amd64", Libc::Glibc).as_str(), "linux-x64");
        assert_eq!(
            of("linux/arm64/v8", Libc::Musl).as_str(),
            "linux-musl-arm64"
        );
        assert_eq!(of("linux/arm/v7", Libc::Glibc).as_str(), "linux-arm");
        let windows = "windows/amd64".parse().unwrap();
        assert_eq!(RuntimeIdentifier::of(&windows, Libc::Glibc), None);
    }

    #[test]
    fn only_what_can_never_be_used_is_foreign() {
        let glibc = of("linux/amd64", Libc::Glibc);
        let kept = [
            "linux-x64",
            "linux",
            "unix",
            "unix-x64",
            "any",
            "ubuntu.22.04-x64",
            "debian",
        ];
        for other in kept {
            assert!(!glibc.is_foreign(other), "{other}");
        }
        let foreign = [
            "win",
            "win10-x64",
            "win-arm64",
            "osx",
            "osx.10.12-x64",
            "maccatalyst-x64",
            "browser-wasm",
            "linux-arm64",
            "linux-musl-x64",
            "alpine-x64",
            "linux-bionic-x64",
            "linux-mips64",
            "linux-armel",
            "unix-arm",
            "android",
        ];
        for other in foreign {
            assert!(glibc.is_foreign(other), "{other}");
        }
        let musl = of("linux/amd64", Libc::Musl);
        for other in [
            "linux-musl-x64",
            "linux-x64",
            "alpine.3.18-x64",
            "linux-musl",
        ] {
            assert!(!musl.is_foreign(other), "{other}");
        }
        assert!(musl.is_foreign("linux-musl-arm64"));
    }

    #[test]
    fn the_name_of_a_base_tells_its_c_library_if_it_is_one_of_nets() {
        let of = Libc::of_image;
        assert_eq!(
            of("mcr.microsoft.com/dotnet/aspnet:10.0-alpine3.23"),
            Some(Libc::Musl)
        );
        assert_eq!(
            of("corp:5000/dotnet/runtime-deps:10.0-noble"),
            Some(Libc::Glibc)
        );
        assert_eq!(of("corp:5000/dotnet/aspnet"), None);
        assert_eq!(of("corp.example/base:1"), None);
        assert_eq!(RuntimeIdentifier::new("linux-musl-x64").libc(), Libc::Musl);
        assert_eq!(RuntimeIdentifier::new("linux-x64").libc(), Libc::Glibc);
    }

    #[test]
    fn a_rid_names_the_platform_that_it_runs_on() {
        let platform = |text: &str| Some(RuntimeIdentifier::new(text).platform()?.to_string());
        assert_eq!(platform("linux-x64").as_deref(), Some("linux/amd64"));
        assert_eq!(platform("linux-musl-arm64").as_deref(), Some("linux/arm64"));
        assert_eq!(platform("win-x64"), None);
        assert_eq!(platform("linux"), None);
    }
}
