use flate2::Crc;
use fs_err as fs;
use std::path::{Path, PathBuf};

/// Writes the package `id` `version` with `files` (path in the package, bytes) into the folder feed
/// `feed`; one that is there already is replaced.
///
/// A nuspec without dependencies is added. The archive stores and does not compress, and holds no
/// time, so equal contents give equal bytes.
///
/// # Panics
/// If the feed cannot be written.
pub fn nuget_package<B: AsRef<[u8]>>(
    feed: &Path,
    id: &str,
    version: &str,
    files: &[(&str, B)],
) -> PathBuf {
    dependent_nuget_package(feed, (id, version), &[], files)
}

/// Writes a package as [`nuget_package`] does that needs others (id, version), and hands on everything
/// of theirs.
///
/// # Panics
/// If the feed cannot be written.
pub fn dependent_nuget_package<B: AsRef<[u8]>>(
    feed: &Path,
    (id, version): (&str, &str),
    dependencies: &[(&str, &str)],
    files: &[(&str, B)],
) -> PathBuf {
    let dependency = |(id, version): &(&str, &str)| {
        format!("<dependency id=\"{id}\" version=\"{version}\" include=\"All\" />")
    };
    let dependencies: String = dependencies.iter().map(dependency).collect();
    let nuspec = format!(
        "<package xmlns=\"http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd\"><metadata>\
         <id>{id}</id><version>{version}</version><authors>Acme</authors>\
         <description>{id}</description><dependencies>{dependencies}</dependencies></metadata></package>"
    );
    let name = format!("{id}.nuspec");
    let mut archive = Archive::default();
    archive.add(&name, nuspec.as_bytes());
    for (path, bytes) in files {
        archive.add(path, bytes.as_ref());
    }
    fs::create_dir_all(feed).expect("the feed can be made");
    let package = feed.join(format!("{id}.{version}.nupkg").to_lowercase());
    fs::write(&package, archive.finish()).expect("the feed can be written");
    package
}

/// A zip archive of stored files; APPNOTE.TXT 4.3.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    files: u16,
}

impl Archive {
    fn add(&mut self, path: &str, content: &[u8]) {
        let mut crc = Crc::new();
        crc.update(content);
        let length = word(content.len());
        // Version 2.0, no flags, stored, the first day that the format knows.
        let mut common = Vec::new();
        for half in [20, 0, 0, 0, 0x21_u16] {
            common.extend(half.to_le_bytes());
        }
        for word in [crc.sum(), length, length] {
            common.extend(word.to_le_bytes());
        }
        common.extend(half(path.len()).to_le_bytes());
        common.extend([0; 2]);
        let place = word(self.bytes.len());
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&common);
        self.bytes.extend(path.as_bytes());
        self.bytes.extend(content);
        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(&common);
        // No comment, first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(place.to_le_bytes());
        self.directory.extend(path.as_bytes());
        self.files += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        let (place, length) = (self.bytes.len(), self.directory.len());
        self.bytes.extend(&self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend(self.files.to_le_bytes());
        self.bytes.extend(self.files.to_le_bytes());
        for number in [length, place] {
            self.bytes.extend(word(number).to_le_bytes());
        }
        self.bytes.extend([0; 2]);
        self.bytes
    }
}

fn word(number: usize) -> u32 {
    u32::try_from(number).expect("packages of tests are small")
}

fn half(number: usize) -> u16 {
    u16::try_from(number).expect("names in packages are short")
}
