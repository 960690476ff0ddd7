use fs_err as fs;
use std::path::{Path, PathBuf};

/// Writes a NuGet package of `files` (path in the package, content) into the folder feed `feed`.
///
/// # Panics
/// If the file cannot be written.
pub fn nuget_package(feed: &Path, id: &str, version: &str, files: &[(&str, &str)]) -> PathBuf {
    let manifest = format!(
        "<package xmlns=\"http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd\"><metadata>\
         <id>{id}</id><version>{version}</version><authors>nobody</authors>\
         <description>A package for a test</description></metadata></package>"
    );
    let name = format!("{id}.nuspec");
    let manifest = [(name.as_str(), manifest.as_str())];
    let path = feed.join(format!("{id}.{version}.nupkg").to_lowercase());
    let archive = zip(&[&manifest, files].concat());
    fs::create_dir_all(feed).expect("the feed can be made");
    fs::write(&path, archive).expect("the package can be written");
    path
}

/// Returns a ZIP archive of `files`, uncompressed.
///
/// Source: PKWARE's APPNOTE, 4.3.7, 4.3.12 and 4.3.16.
fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let offset = length(archive.len());
        let mut common = Vec::new();
        // Version 2.0, no flags, stored, at midnight of 1980-01-01.
        for field in [20_u16, 0, 0, 0, 0x21] {
            common.extend(field.to_le_bytes());
        }
        let size = length(content.len());
        for field in [crc32(content.as_bytes()), size, size, length(name.len())] {
            common.extend(field.to_le_bytes());
        }
        archive.extend(*b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(name.bytes().chain(content.bytes()));
        directory.extend(*b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.bytes());
    }
    let count = u16::try_from(files.len()).expect("a package of a test is small");
    let (start, size) = (length(archive.len()), length(directory.len()));
    archive.extend(directory);
    archive.extend(*b"PK\x05\x06\x00\x00\x00\x00");
    archive.extend(count.to_le_bytes().iter().chain(&count.to_le_bytes()));
    archive.extend(size.to_le_bytes().iter().chain(&start.to_le_bytes()));
    archive.extend([0; 2]);
    archive
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a package of a test is small")
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
    let add = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum));
    !bytes.iter().fold(u32::MAX, add)
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn the_sum_is_the_one_of_the_specification() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
