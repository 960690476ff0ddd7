//! What lies inside a single-file application.

use fs_err as fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The parts of a single-file application that say what it needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bundle {
    /// The application's name, which the file may not have any more.
    pub app: String,
    /// Its runtimeconfig.json.
    pub runtime_config: Vec<u8>,
    /// Its deps.json.
    pub deps: Option<Vec<u8>>,
}

/// SHA-256 of `.net core bundle\n`: it follows the place where the header's offset is, in every
/// apphost; the offset is 0 in those that carry no bundle.
const SIGNATURE: [u8; 32] = [
    0x8b, 0x12, 0x02, 0xb9, 0x6a, 0x61, 0x20, 0x38, 0x72, 0x7b, 0x93, 0x02, 0x14, 0xd7, 0xa0, 0x32,
    0x13, 0xf5, 0xb9, 0xe6, 0xef, 0xae, 0x33, 0x18, 0xee, 0x3b, 0x2d, 0xce, 0x24, 0xb3, 0x6a, 0xae,
];
const DEPS_JSON: u8 = 3;
const RUNTIME_CONFIG: u8 = 4;
/// No such file is larger; what says so is damaged.
const MAX_PART_BYTES: u64 = 64 << 20;

impl Bundle {
    /// Returns what the single-file application `file` holds; `None` if it is none.
    ///
    /// # Errors
    /// The file cannot be read, or what it says of its own bytes is not so; no part of it takes more
    /// than 64 MiB of memory, whatever it says.
    ///
    /// Source: dotnet/designs, single-file/bundler.md; dotnet/runtime, `Bundle/Manifest.cs`, versions 1
    /// (.NET Core 3) to 6 (.NET 6 and later).
    pub fn read(file: &Path) -> io::Result<Option<Self>> {
        let mut reader = fs::File::open(file)?;
        let Some(signature) = find_signature(&mut reader)? else {
            return Ok(None);
        };
        reader.seek(SeekFrom::Start(signature - 8))?;
        let header = number(&mut reader)?;
        if header == 0 {
            return Ok(None);
        }
        reader.seek(SeekFrom::Start(header))?;
        let mut reader = io::BufReader::new(reader);
        let major = u32::from_le_bytes(array(&mut reader)?);
        let _minor: [u8; 4] = array(&mut reader)?;
        let count = u32::from_le_bytes(array(&mut reader)?);
        let _identifier = text(&mut reader)?;
        if major >= 2 {
            // Offsets and sizes of the two files, found again below; then flags.
            let _ahead: [u8; 40] = array(&mut reader)?;
        }
        let mut parts = [None, None];
        for _ in 0..count {
            let (at, size_bytes) = (number(&mut reader)?, number(&mut reader)?);
            if major >= 6 {
                let _compressed: [u8; 8] = array(&mut reader)?;
            }
            let [kind] = array(&mut reader)?;
            let path = text(&mut reader)?;
            match kind {
                DEPS_JSON => parts[0] = Some((path, at, size_bytes)),
                RUNTIME_CONFIG => parts[1] = Some((path, at, size_bytes)),
                _ => {}
            }
        }
        let mut reader = reader.into_inner();
        let [deps, Some((path, at, size_bytes))] = parts else {
            return Err(damaged("it has no runtimeconfig.json"));
        };
        let app = path.strip_suffix(".runtimeconfig.json").unwrap_or(&path);
        Ok(Some(Self {
            app: app.to_owned(),
            runtime_config: part(&mut reader, at, size_bytes)?,
            deps: match deps {
                Some((_, at, size_bytes)) => Some(part(&mut reader, at, size_bytes)?),
                None => None,
            },
        }))
    }
}

fn find_signature(reader: &mut impl Read) -> io::Result<Option<u64>> {
    let mut window = Vec::new();
    let mut before = 0;
    loop {
        let count = reader.take(1 << 20).read_to_end(&mut window)?;
        let mut places = window.windows(SIGNATURE.len());
        match places.position(|place| place == SIGNATURE) {
            Some(place) if before + place as u64 >= 8 => return Ok(Some(before + place as u64)),
            _ if count == 0 => return Ok(None),
            _ => {
                let done = window.len().saturating_sub(SIGNATURE.len() - 1);
                window.drain(..done);
                before += done as u64;
            }
        }
    }
}

fn part(reader: &mut fs::File, at: u64, size_bytes: u64) -> io::Result<Vec<u8>> {
    if size_bytes > MAX_PART_BYTES {
        return Err(damaged("a file in it is too large"));
    }
    reader.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    Read::by_ref(reader)
        .take(size_bytes)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size_bytes {
        Ok(bytes)
    } else {
        Err(damaged("a file in it is cut off"))
    }
}

// A string with its length before it, seven bits to a byte.
fn text(reader: &mut impl Read) -> io::Result<String> {
    let mut length = 0;
    for shift in [0, 7, 14] {
        let [byte] = array(reader)?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            let mut bytes = vec![0; length];
            reader.read_exact(&mut bytes)?;
            return String::from_utf8(bytes).map_err(|_| damaged("a name in it is not UTF-8"));
        }
    }
    Err(damaged("a name in it is too long"))
}

fn number(reader: &mut impl Read) -> io::Result<u64> {
    Ok(u64::from_le_bytes(array(reader)?))
}

fn array<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the single-file bundle is damaged: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::{Bundle, SIGNATURE};
    use fs_err as fs;

    /// A bundle of this version with a runtimeconfig.json and, if given, a deps.json.
    fn bundle(major: u32, parts: &[(u8, &str, &str)]) -> Vec<u8> {
        let mut bytes = vec![0; 1000];
        let mut entries = Vec::new();
        for (kind, name, content) in parts {
            entries.extend((bytes.len() as u64).to_le_bytes());
            entries.extend((content.len() as u64).to_le_bytes());
            if major >= 6 {
                entries.extend([0; 8]);
            }
            entries.push(*kind);
            entries.push(u8::try_from(name.len()).unwrap());
            entries.extend(name.as_bytes());
            bytes.extend(content.as_bytes());
        }
        let header = bytes.len() as u64;
        bytes[100..108].copy_from_slice(&header.to_le_bytes());
        bytes[108..140].copy_from_slice(&SIGNATURE);
        bytes.extend(major.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(u32::try_from(parts.len()).unwrap().to_le_bytes());
        bytes.extend(b"\x02id");
        if major >= 2 {
            bytes.extend([0; 40]);
        }
        bytes.extend(entries);
        bytes
    }

    fn read_bytes(bytes: &[u8]) -> std::io::Result<Option<Bundle>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        Bundle::read(file.path())
    }

    #[test]
    fn bundles_of_every_version_are_read() {
        let parts = [
            (1, "App.dll", "MZ"),
            (4, "App.runtimeconfig.json", "{}"),
            (3, "App.deps.json", "[]"),
        ];
        for major in [1, 2, 6] {
            let read = read_bytes(&bundle(major, &parts)).unwrap().unwrap();
            assert_eq!(
                (&read.app[..], &read.runtime_config[..]),
                ("App", &b"{}"[..])
            );
            assert_eq!(read.deps.as_deref(), Some(&b"[]"[..]));
        }
    }

    #[test]
    fn an_apphost_without_bundle_and_other_programs_are_none() {
        let mut host = bundle(6, &[]);
        host[100..108].fill(0);
        assert_eq!(read_bytes(&host).unwrap(), None);
        assert_eq!(read_bytes(b"\x7fELF").unwrap(), None);
        assert_eq!(read_bytes(&SIGNATURE).unwrap(), None);
    }

    /// Offsets and sizes are what somebody wrote there: none is believed, and none costs memory.
    #[test]
    fn a_bundle_that_lies_about_its_parts_is_an_error() {
        let whole = bundle(6, &[(4, "App.runtimeconfig.json", "{}")]);
        let header = whole.len() - (8 + 4 + 3 + 40 + 8 + 8 + 8 + 1 + 1 + 22);
        let (count, entry) = (header + 8, header + 8 + 4 + 3 + 40);
        for (at, lie) in [
            (100, u64::MAX),
            (100, 1 << 40),
            (count, u64::from(u32::MAX)),
            (entry, u64::MAX),
            (entry, 1 << 40),
            (entry + 8, u64::MAX),
            (entry + 8, 64 << 20),
        ] {
            let mut lying = whole.clone();
            let bytes = lie.to_le_bytes();
            let length = if at == count { 4 } else { 8 };
            lying[at..at + length].copy_from_slice(&bytes[..length]);
            assert!(read_bytes(&lying).is_err(), "{at}: {lie}");
        }
        assert!(read_bytes(&whole).is_ok());
    }

    #[test]
    fn a_damaged_bundle_is_an_error_and_never_a_panic() {
        let whole = bundle(6, &[(4, "App.runtimeconfig.json", "{}")]);
        assert!(read_bytes(&bundle(6, &[])).is_err());
        for length in 140..whole.len() {
            assert!(read_bytes(&whole[..length]).is_err(), "{length}");
        }
    }
}
