use semver::Version;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A shared framework, by name and version: `Microsoft.AspNetCore.App` 10.0.0.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Framework {
    /// Its name.
    pub name: String,
    /// The version that was asked for, or is included.
    pub version: String,
    /// Which others do where the application runs.
    #[serde(default)]
    pub roll_forward: FrameworkRollForward,
}

/// Which versions of a shared framework an application runs on, beside the one that it names.
///
/// Source: dotnet/runtime, framework-version-resolution.md.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum FrameworkRollForward {
    /// None.
    Disable,
    /// Later patches.
    LatestPatch,
    /// Later minor versions.
    #[default]
    Minor,
    /// Later minor versions.
    LatestMinor,
    /// All later ones.
    Major,
    /// All later ones.
    LatestMajor,
}

/// A base image has not the framework that an application runs on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the application runs on {} {} ({}), and the base image has {}",
    wanted.name,
    wanted.version,
    wanted.roll_forward.range(),
    found.as_deref().unwrap_or("none")
)]
pub struct FrameworkMissing {
    /// What the application needs.
    pub wanted: Framework,
    /// The version that the image has; `None` if it has the .NET runtime without this framework.
    pub found: Option<String>,
}

/// The frameworks that images have, with the variables in which Microsoft's say which version it is.
const VARIABLES: [(&str, &str); 2] = [
    ("Microsoft.NETCore.App", RUNTIME),
    ("Microsoft.AspNetCore.App", "ASPNET_VERSION"),
];
const RUNTIME: &str = "DOTNET_VERSION";
/// What stands over the configuration of every application.
const ROLL_FORWARD: &str = "DOTNET_ROLL_FORWARD";

impl Framework {
    /// Checks that an image whose environment is `variable` has every framework of an application.
    ///
    /// An image that does not say which versions it has, as those of Microsoft do, may have any.
    ///
    /// # Errors
    /// [`FrameworkMissing`] names the first that is not there.
    pub fn check_all(
        frameworks: &[Self],
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), FrameworkMissing> {
        let over = variable(ROLL_FORWARD).and_then(|name| name.parse().ok());
        for framework in frameworks {
            let mut wanted = framework.clone();
            wanted.roll_forward = over.unwrap_or(wanted.roll_forward);
            let known = VARIABLES.iter().find(|(name, _)| *name == wanted.name);
            let Some((_, name)) = known else { continue };
            let found = variable(name);
            let is_fit = match &found {
                Some(found) => wanted.accepts(found),
                // Microsoft's images with ASP.NET name both.
                None => variable(RUNTIME).is_none(),
            };
            if !is_fit {
                return Err(FrameworkMissing { wanted, found });
            }
        }
        Ok(())
    }

    /// Returns the frameworks that an image has whose environment is `variable`, by name and version.
    pub fn in_image(
        variable: impl Fn(&str) -> Option<String>,
    ) -> impl Iterator<Item = (&'static str, String)> {
        let version = move |(name, of): &(&'static str, &str)| Some((*name, variable(of)?));
        VARIABLES.iter().filter_map(version)
    }

    /// Returns whether the version `found` does; one that is not a version may.
    fn accepts(&self, found: &str) -> bool {
        let parse = |text: &str| text.parse::<Version>().ok();
        let (Some(wanted), Some(found)) = (parse(&self.version), parse(found)) else {
            return true;
        };
        let is_later = found >= wanted;
        let is_same_major = found.major == wanted.major;
        match self.roll_forward {
            FrameworkRollForward::Disable => found == wanted,
            FrameworkRollForward::LatestPatch => {
                is_later && is_same_major && found.minor == wanted.minor
            }
            FrameworkRollForward::Minor | FrameworkRollForward::LatestMinor => {
                is_later && is_same_major
            }
            FrameworkRollForward::Major | FrameworkRollForward::LatestMajor => is_later,
        }
    }
}

impl FrameworkRollForward {
    /// Returns what the number of `rollForwardOnNoCandidateFx` stands for, which frameworks before 3.0
    /// have.
    pub(crate) fn of_number(number: u64) -> Self {
        match number {
            0 => Self::LatestPatch,
            1 => Self::Minor,
            _ => Self::Major,
        }
    }

    const fn range(self) -> &'static str {
        match self {
            Self::Disable => "no other version",
            Self::LatestPatch => "or a later patch",
            Self::Minor | Self::LatestMinor => "or a later one of the same major version",
            Self::Major | Self::LatestMajor => "or a later one",
        }
    }
}

const NAMES: [(&str, FrameworkRollForward); 6] = [
    ("Disable", FrameworkRollForward::Disable),
    ("LatestPatch", FrameworkRollForward::LatestPatch),
    ("Minor", FrameworkRollForward::Minor),
    ("LatestMinor", FrameworkRollForward::LatestMinor),
    ("Major", FrameworkRollForward::Major),
    ("LatestMajor", FrameworkRollForward::LatestMajor),
];

/// The text names no policy.
#[derive(Debug)]
pub struct UnknownRollForward;

impl FromStr for FrameworkRollForward {
    type Err = UnknownRollForward;

    fn from_str(text: &str) -> Result<Self, UnknownRollForward> {
        let mut policies = NAMES.iter();
        let known = policies.find(|(name, _)| name.eq_ignore_ascii_case(text));
        known.map(|(_, policy)| *policy).ok_or(UnknownRollForward)
    }
}

#[cfg(test)]
mod tests {
    use super::Framework;

    fn framework(name: &str, version: &str, roll_forward: &str) -> Framework {
        Framework {
            name: format!("Microsoft.{name}.App"),
            version: version.to_owned(),
            roll_forward: roll_forward.parse().unwrap(),
        }
    }

    fn check(wanted: Framework, image: &[(&str, &str)]) -> Result<(), String> {
        let variable = |name: &str| {
            let found = image.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let checked = Framework::check_all(&[wanted], &variable);
        checked.map_err(|error| error.to_string())
    }

    #[test]
    fn the_policy_decides_which_versions_do() {
        // As the host of .NET 10 decides, asked with each.
        for (wanted, policy, found, fits) in [
            ("9.0.0", "Minor", "10.0.12", false),
            ("9.0.0", "major", "10.0.12", true),
            ("9.0.0", "LatestMajor", "10.0.12", true),
            ("10.0.0", "Minor", "10.0.12", true),
            ("10.0.0", "Minor", "10.1.0", true),
            ("10.0.0", "LatestPatch", "10.1.0", false),
            ("10.0.0", "LatestPatch", "10.0.1", true),
            ("10.0.0", "Disable", "10.0.1", false),
            ("10.0.0", "Disable", "10.0.0", true),
            ("10.0.12", "Minor", "10.0.5", false),
            ("10.0.0", "Minor", "10.0.0-rc.2", false),
            ("10.0.0-rc.1", "Minor", "10.0.0-rc.2", true),
            ("10.0", "Disable", "10.0.5", true),
        ] {
            let wanted = framework("NETCore", wanted, policy);
            let checked = check(wanted, &[("DOTNET_VERSION", found)]);
            assert_eq!(checked.is_ok(), fits, "{policy} {found}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_what_would_do() {
        let image = [("DOTNET_VERSION", "10.0.12")];
        assert_eq!(
            check(framework("NETCore", "9.0.0", "Minor"), &image).unwrap_err(),
            "the application runs on Microsoft.NETCore.App 9.0.0 (or a later one of the same major version), \
             and the base image has 10.0.12"
        );
        let error = check(framework("AspNetCore", "10.0.0", "Minor"), &image).unwrap_err();
        assert!(error.ends_with("and the base image has none"), "{error}");
    }

    #[test]
    fn the_variable_of_the_image_stands_over_the_configuration() {
        let with = |policy| {
            [
                ("DOTNET_VERSION", "10.0.12"),
                ("DOTNET_ROLL_FORWARD", policy),
            ]
        };
        let of_nine = || framework("NETCore", "9.0.0", "Minor");
        assert!(check(of_nine(), &with("Major")).is_ok());
        assert!(check(of_nine(), &with("?")).is_err());
        let all = framework("NETCore", "9.0.0", "Major");
        assert!(check(all, &with("Disable")).is_err());
    }

    #[test]
    fn an_image_that_does_not_say_what_it_has_may_have_it() {
        assert!(check(framework("AspNetCore", "10.0.0", "Minor"), &[]).is_ok());
        let desktop = framework("WindowsDesktop", "10.0.0", "Minor");
        assert!(check(desktop, &[("DOTNET_VERSION", "10.0.12")]).is_ok());
    }
}
