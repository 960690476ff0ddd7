//! What the headers of an assembly say: native code inside, the product that it is part of.

use fs_err as fs;
use object::read::pe::ImageNtHeaders;
use object::{FileKind, LittleEndian as LE, ReadRef, pe};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// How much of an assembly holds its headers, for every compiler and linker met.
const START_BYTES: u64 = 64 << 10;
/// The version resource of an assembly has a kilobyte or two; icons are more.
const MAX_RESOURCE_BYTES: u64 = 1 << 20;

/// What an assembly is part of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Product {
    pub(crate) company: String,
    /// With what the build added to it: `10.0.12+95017c711e6a`.
    pub(crate) version: String,
}

/// `true` if the assembly was compiled ahead of time (`ReadyToRun`).
///
/// Source: ECMA-335, II.25; dotnet/runtime, readytorun-format.md.
pub(crate) fn is_ready_to_run(assembly: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    fs::File::open(assembly)?
        .take(START_BYTES)
        .read_to_end(&mut start)?;
    Ok(native_header_bytes(&start).is_some_and(|size| size > 0))
}

/// Returns what the version resource of an assembly says; `None` if it has none.
///
/// Source: Win32, `VS_VERSIONINFO` and `StringFileInfo`.
pub(crate) fn product(assembly: &Path) -> io::Result<Option<Product>> {
    let mut file = fs::File::open(assembly)?;
    let mut start = Vec::new();
    Read::by_ref(&mut file)
        .take(START_BYTES)
        .read_to_end(&mut start)?;
    let Some(resources) = directory(&start, pe::IMAGE_DIRECTORY_ENTRY_RESOURCE) else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(resources.place))?;
    let size_bytes = MAX_RESOURCE_BYTES.min(resources.left_bytes);
    let mut resources = Vec::new();
    file.take(size_bytes).read_to_end(&mut resources)?;
    let text = |name| version_text(&resources, name);
    let product = text("CompanyName").zip(text("ProductVersion"));
    Ok(product.map(|(company, version)| Product { company, version }))
}

/// Finds `name` and the text behind it, both in UTF-16 with a zero at the end.
fn version_text(resources: &[u8], name: &str) -> Option<String> {
    let units: Vec<u16> = resources
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let name: Vec<u16> = name.encode_utf16().chain([0]).collect();
    let found = units.windows(name.len()).position(|place| place == name)?;
    // One more zero where the text would not begin at a multiple of four bytes.
    let behind = units[found + name.len()..].iter().copied();
    let text = behind.skip_while(|unit| *unit == 0);
    let text: Vec<u16> = text.take_while(|unit| *unit != 0).collect();
    String::from_utf16(&text).ok()
}

fn native_header_bytes(bytes: &[u8]) -> Option<u32> {
    let cli_header = directory(bytes, pe::IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR)?.place;
    let header = bytes.read_at::<pe::ImageCor20Header>(cli_header).ok()?;
    Some(header.managed_native_header.size.get(LE))
}

/// Where in the file a data directory points to, and how much of its section follows.
struct Directory {
    place: u64,
    left_bytes: u64,
}

fn directory(bytes: &[u8], which: usize) -> Option<Directory> {
    match FileKind::parse(bytes).ok()? {
        FileKind::Pe32 => directory_as::<pe::ImageNtHeaders32>(bytes, which),
        FileKind::Pe64 => directory_as::<pe::ImageNtHeaders64>(bytes, which),
        _ => None,
    }
}

fn directory_as<H: ImageNtHeaders>(bytes: &[u8], which: usize) -> Option<Directory> {
    let header = pe::ImageDosHeader::parse(bytes).ok()?;
    let mut at = header.nt_headers_offset().into();
    let (headers, directories) = H::parse(bytes, &mut at).ok()?;
    let sections = headers.sections(bytes, at).ok()?;
    let address = directories.get(which)?.virtual_address.get(LE);
    let (place, left_bytes) = sections.pe_file_range_at(address)?;
    Some(Directory {
        place: place.into(),
        left_bytes: left_bytes.into(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Product, native_header_bytes, product};
    use fs_err as fs;

    /// A PE32+ file with one section that holds a CLI header.
    fn assembly(native_header_bytes: u8) -> Vec<u8> {
        let mut bytes = vec![0; 600];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x80;
        let optional = 0x80 + 24;
        bytes[0x80 + 6] = 1;
        bytes[0x80 + 20] = 240;
        bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
        bytes[optional..optional + 2].copy_from_slice(&[0x0b, 0x02]);
        bytes[optional + 108] = 16;
        bytes[optional + 112 + 8 * 14 + 1] = 0x20;
        let section = optional + 240;
        bytes[section + 8] = 100;
        bytes[section + 13] = 0x20;
        bytes[section + 16] = 100;
        bytes[section + 20..section + 22].copy_from_slice(&[0xf4, 0x01]);
        bytes[500 + 68] = native_header_bytes;
        bytes
    }

    #[test]
    fn a_native_header_tells_code_compiled_ahead_of_time() {
        assert_eq!(native_header_bytes(&assembly(0)), Some(0));
        assert_eq!(native_header_bytes(&assembly(196)), Some(196));
    }

    /// A PE32 file with one section, which holds a version resource with these texts.
    pub(crate) fn versioned(texts: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = assembly(0);
        let optional = 0x80 + 24;
        bytes[optional + 112 + 8 * 2 + 1] = 0x20;
        bytes.truncate(500);
        for (name, text) in texts {
            let units: Vec<u16> = name
                .encode_utf16()
                .chain([0, 0])
                .chain(text.encode_utf16())
                .chain([0])
                .collect();
            bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        }
        let size = u16::try_from(bytes.len() - 500).unwrap().to_le_bytes();
        let section = optional + 240;
        bytes[section + 8..section + 10].copy_from_slice(&size);
        bytes[section + 16..section + 18].copy_from_slice(&size);
        bytes
    }

    fn product_of(bytes: &[u8]) -> Option<Product> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        product(file.path()).unwrap()
    }

    #[test]
    fn a_version_resource_tells_the_product() {
        let whole = versioned(&[("CompanyName", "Contoso"), ("ProductVersion", "1.2.3+abc")]);
        let product = product_of(&whole).unwrap();
        assert_eq!(
            (&*product.company, &*product.version),
            ("Contoso", "1.2.3+abc")
        );
        assert_eq!(product_of(&versioned(&[("CompanyName", "Contoso")])), None);
        assert_eq!(product_of(b"MZ"), None);
        for length in 0..whole.len() {
            product_of(&whole[..length]);
        }
    }

    #[test]
    fn what_is_cut_off_or_no_assembly_has_none() {
        let whole = assembly(196);
        for length in 0..500 {
            assert_eq!(native_header_bytes(&whole[..length]), None, "{length}");
        }
        assert_eq!(native_header_bytes(&[0xff; 600]), None);
    }
}
