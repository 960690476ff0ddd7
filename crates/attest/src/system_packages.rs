use crate::component::{Component, ComponentKind};
use crate::licence::Licence;
use crate::package_url::PackageUrl;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;

/// A package of a distribution that an image contains.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SystemPackage {
    /// Who made it: `deb`, `apk`, `rpm`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its version, with that of the packaging.
    pub version: String,
    /// The processor that it is for, in the distribution's words.
    pub architecture: String,
    /// Its licence, where the list has it.
    pub licence: Option<String>,
}

/// The lists of packages in an image, by path.
///
/// The lists of dpkg, with a file each for images that are made without it; of apk; of chisel, with which
/// Ubuntu's smallest images are made; and the text that Azure Linux keeps where it leaves out rpm.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SystemPackages(BTreeMap<String, Vec<u8>>);

const RELEASES: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];
const DPKG: &str = "var/lib/dpkg/status";
const DPKG_FOLDER: &str = "var/lib/dpkg/status.d/";
const APK: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
const CHISEL: &str = "var/lib/chisel/manifest.wall";
const RPM: &str = "var/lib/rpmmanifest/container-manifest-2";
/// A list for ten thousand packages has less.
const MOST_BYTES: usize = 32 << 20;

impl SystemPackages {
    /// Returns whether the file at this path is one of the lists.
    pub fn is_list(path: &str) -> bool {
        let single = [DPKG, CHISEL, RPM];
        let mut known = single.iter().chain(&APK).chain(&RELEASES);
        let of_folder = path.strip_prefix(DPKG_FOLDER);
        known.any(|known| *known == path)
            || of_folder.is_some_and(|name| !name.contains('/') && !name.ends_with(".md5sums"))
    }

    /// Adds bytes of the list at `path`, in their order; what is too long to be one is cut off.
    pub fn add(&mut self, path: &str, bytes: &[u8]) {
        let list = self.0.entry(path.to_owned()).or_default();
        let room = MOST_BYTES.saturating_sub(list.len());
        list.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Adds the lists of another one.
    pub fn extend(&mut self, other: &Self) {
        let lists = other.0.iter();
        self.0
            .extend(lists.map(|(path, list)| (path.clone(), list.clone())));
    }

    /// Returns the packages, sorted.
    pub fn read(&self) -> Vec<SystemPackage> {
        let mut packages = Vec::new();
        for (path, bytes) in &self.0 {
            let text = String::from_utf8_lossy(bytes);
            if path == DPKG || path.starts_with(DPKG_FOLDER) {
                packages.extend(stanzas(&text).filter_map(|stanza| of_dpkg(&stanza)));
            } else if APK.contains(&path.as_str()) {
                packages.extend(stanzas(&text).filter_map(|stanza| of_apk(&stanza)));
            } else if path == CHISEL {
                packages.extend(of_chisel(bytes));
            } else if path == RPM {
                packages.extend(text.lines().filter_map(of_rpm));
            }
        }
        packages.sort_unstable();
        packages.dedup_by(|one, other| one.name == other.name && one.version == other.version);
        packages
    }

    /// Returns the packages as components, by key.
    pub(crate) fn components(&self) -> BTreeMap<String, Component> {
        let distribution = self.distribution();
        let components = self.read().into_iter().map(|package| {
            let SystemPackage {
                kind,
                name,
                version,
                architecture,
                licence,
            } = &package;
            let url = PackageUrl::new(kind, Some(&distribution), name, Some(version));
            let url = url.with("arch", architecture);
            let component = Component {
                package_url: Some(url.to_string()),
                licence: licence.as_deref().map(Licence::of_expression),
                ..Component::bare(ComponentKind::System, name, Some(version))
            };
            (format!("{kind}:{name}/{version}"), component)
        });
        components.collect()
    }

    fn distribution(&self) -> String {
        let text = RELEASES.iter().find_map(|path| self.0.get(*path));
        let text = String::from_utf8_lossy(text.map_or(&[], Vec::as_slice)).into_owned();
        let name = text.lines().find_map(|line| line.strip_prefix("ID="));
        let name = name.map_or("linux", |name| name.trim_matches(['"', '\'', ' ']));
        name.to_owned()
    }
}

/// Returns the fields of each part of a list whose parts have an empty line between them.
fn stanzas(text: &str) -> impl Iterator<Item = BTreeMap<&str, &str>> {
    text.split("\n\n").map(|part| {
        let fields = part.lines().filter(|line| !line.starts_with([' ', '\t']));
        let fields = fields.filter_map(|line| line.split_once(':'));
        fields.map(|(name, value)| (name, value.trim())).collect()
    })
}

fn of_dpkg(fields: &BTreeMap<&str, &str>) -> Option<SystemPackage> {
    // A package that was removed can leave its settings behind; a list of single files has no states.
    let is_there = fields
        .get("Status")
        .is_none_or(|status| status.ends_with(" installed"));
    is_there.then_some(())?;
    package("deb", fields, ["Package", "Version", "Architecture"], None)
}

fn of_apk(fields: &BTreeMap<&str, &str>) -> Option<SystemPackage> {
    let licence = fields.get("L").map(|it| (*it).to_owned());
    package("apk", fields, ["P", "V", "A"], licence)
}

fn package(
    kind: &'static str,
    fields: &BTreeMap<&str, &str>,
    names: [&str; 3],
    licence: Option<String>,
) -> Option<SystemPackage> {
    let [name, version, architecture] = names.map(|name| fields.get(name));
    Some(SystemPackage {
        kind,
        name: (*name?).to_owned(),
        version: (*version?).to_owned(),
        architecture: architecture.copied().unwrap_or_default().to_owned(),
        licence,
    })
}

/// Source: canonical/chisel, `public/manifest` and `public/jsonwall`: lines of JSON, compressed by zstd.
fn of_chisel(bytes: &[u8]) -> Vec<SystemPackage> {
    #[derive(Deserialize)]
    struct Line {
        kind: Option<String>,
        name: Option<String>,
        version: Option<String>,
        arch: Option<String>,
    }
    let mut text = Vec::new();
    let Ok(decoder) = zstd::Decoder::new(bytes) else {
        return Vec::new();
    };
    // What was read before it turned out to be damaged is still true.
    drop(decoder.take(MOST_BYTES as u64).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines();
    let lines = lines.filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let packages = lines.filter(|line| line.kind.as_deref() == Some("package"));
    let packages = packages.filter_map(|line| {
        Some(SystemPackage {
            kind: "deb",
            name: line.name?,
            version: line.version?,
            architecture: line.arch.unwrap_or_default(),
            licence: None,
        })
    });
    packages.collect()
}

/// Name, version with release, times, vendor, epoch, size, processor: with tabs between them.
fn of_rpm(line: &str) -> Option<SystemPackage> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, version, _, _, _, _, _, architecture, ..] = fields[..] else {
        return None;
    };
    Some(SystemPackage {
        kind: "rpm",
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: architecture.to_owned(),
        licence: None,
    })
}

#[cfg(test)]
mod tests {
    use super::SystemPackages;

    fn listed(lists: &[(&str, &[u8])]) -> Vec<String> {
        let mut packages = SystemPackages::default();
        for (path, bytes) in lists {
            assert!(SystemPackages::is_list(path), "{path}");
            packages.add(path, bytes);
        }
        let components = packages.components().into_values();
        components.filter_map(|it| it.package_url).collect()
    }

    #[test]
    fn each_distributions_list_is_read() {
        let release = ("etc/os-release", &b"NAME=\"Debian\"\nID=debian\n"[..]);
        let status = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.41-12\nDescription: C\n Package: no\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n";
        let dpkg = [release, ("var/lib/dpkg/status", status.as_bytes())];
        assert_eq!(listed(&dpkg), ["pkg:deb/debian/libc6@2.41-12?arch=amd64"]);
        let single = "Package: tzdata\nVersion: 2026a\nArchitecture: all\n";
        let distroless = [release, ("var/lib/dpkg/status.d/tzdata", single.as_bytes())];
        assert_eq!(
            listed(&distroless),
            ["pkg:deb/debian/tzdata@2026a?arch=all"]
        );
        let apk = "P:musl\nV:1.2.5-r9\nA:x86_64\nL:MIT\n\n";
        assert_eq!(
            listed(&[("lib/apk/db/installed", apk.as_bytes())]),
            ["pkg:apk/linux/musl@1.2.5-r9?arch=x86_64"]
        );
        let rpm = "openssl-libs\t3.3.5-1.azl3\t1\t2\tMicrosoft\t(none)\t99\tx86_64\t0\tx.rpm\n";
        assert_eq!(
            listed(&[
                ("etc/os-release", b"ID=azurelinux\n"),
                ("var/lib/rpmmanifest/container-manifest-2", rpm.as_bytes())
            ]),
            ["pkg:rpm/azurelinux/openssl-libs@3.3.5-1.azl3?arch=x86_64"]
        );
        let wall = "{\"jsonwall\":\"1.0\"}\n{\"kind\":\"package\",\"name\":\"libssl3t64\",\"version\":\"3.0.13\",\"arch\":\"amd64\"}\n{\"kind\":\"slice\",\"name\":\"x\"}\n";
        let wall = zstd::encode_all(wall.as_bytes(), 1).unwrap();
        assert_eq!(
            listed(&[("var/lib/chisel/manifest.wall", &wall)]),
            ["pkg:deb/linux/libssl3t64@3.0.13?arch=amd64"]
        );
    }

    #[test]
    fn what_is_no_list_is_not_read_and_what_is_damaged_is_no_package() {
        for path in ["var/lib/dpkg/status.d/tzdata.md5sums", "var/lib/dpkg/lock"] {
            assert!(!SystemPackages::is_list(path), "{path}");
        }
        for path in [
            "var/lib/dpkg/status",
            "lib/apk/db/installed",
            "var/lib/chisel/manifest.wall",
            "var/lib/rpmmanifest/container-manifest-2",
        ] {
            assert_eq!(listed(&[(path, b"\xff\0 : \n\n\t")]), [""; 0], "{path}");
        }
    }
}
