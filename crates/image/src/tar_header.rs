use tar::{EntryType, Header};

const BLOCK_BYTES: usize = 512;
const NAME_BYTES: usize = 100;
const PREFIX_BYTES: usize = 155;
/// The largest numbers that eleven and seven octal digits hold.
const MAX_SIZE: u64 = 0o777_7777_7777;
const MAX_ID: u64 = 0o777_7777;

/// Everything a tar says about an entry beside its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) link_target: &'a [u8],
    pub(crate) entry_type: EntryType,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) size_bytes: u64,
    pub(crate) mtime_seconds: u64,
}

impl Attributes<'_> {
    /// Returns the header blocks: one of ustar, before it a PAX extended header for what ustar
    /// cannot say.
    ///
    /// PAX is used for paths that do not fit or are not ASCII, files of 8 GiB and more, and large
    /// ids; never for times. A name that is not UTF-8 goes as it is.
    /// Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header".
    pub(crate) fn to_blocks(self) -> Vec<u8> {
        let mut records = Records::default();
        let mut header = Header::new_ustar();
        let ustar = header.as_ustar_mut().expect("made as ustar");
        match split(self.path) {
            Some((prefix, name)) if self.path.is_ascii() => {
                ustar.prefix[..prefix.len()].copy_from_slice(prefix);
                ustar.name[..name.len()].copy_from_slice(name);
            }
            _ => {
                records.add_text("path", self.path);
                fill(&mut ustar.name, self.path);
            }
        }
        if self.link_target.len() > NAME_BYTES || !self.link_target.is_ascii() {
            records.add_text("linkpath", self.link_target);
        }
        fill(&mut ustar.linkname, self.link_target);
        header.set_entry_type(self.entry_type);
        header.set_mode(self.mode);
        header.set_uid(records.fitting("uid", self.uid, MAX_ID));
        header.set_gid(records.fitting("gid", self.gid, MAX_ID));
        header.set_size(records.fitting("size", self.size_bytes, MAX_SIZE));
        header.set_mtime(self.mtime_seconds);
        header.set_cksum();
        let mut blocks = records.to_blocks();
        blocks.extend_from_slice(header.as_bytes());
        blocks
    }
}

/// Returns how many zero bytes bring `size_bytes` to a whole number of blocks.
pub(crate) fn padding(size_bytes: u64) -> usize {
    let rest = size_bytes % BLOCK_BYTES as u64;
    usize::try_from((BLOCK_BYTES as u64 - rest) % BLOCK_BYTES as u64).expect("less than a block")
}

// The name takes what follows the last slash that leaves a prefix of at most 155 bytes.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= NAME_BYTES {
        return Some((b"", path));
    }
    let slash = path
        .iter()
        .take(PREFIX_BYTES + 1)
        .rposition(|&byte| byte == b'/')?;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    (!prefix.is_empty() && (1..=NAME_BYTES).contains(&name.len())).then_some((prefix, name))
}

// Readers that know no PAX see the start of the name.
fn fill(field: &mut [u8], text: &[u8]) {
    let count = text.len().min(field.len());
    field[..count].copy_from_slice(&text[..count]);
}

/// The records of a PAX extended header, in the order they were added.
#[derive(Default)]
struct Records(Vec<u8>);

impl Records {
    fn add_text(&mut self, keyword: &str, value: &[u8]) {
        // PAX text is UTF-8 unless the header says otherwise.
        if std::str::from_utf8(value).is_err() {
            self.add("hdrcharset", b"BINARY");
        }
        self.add(keyword, value);
    }

    /// Adds the number if the field cannot hold it; returns what the field then says.
    fn fitting(&mut self, keyword: &str, number: u64, max: u64) -> u64 {
        if number <= max {
            return number;
        }
        self.add(keyword, number.to_string().as_bytes());
        0
    }

    // "%d %s=%s\n": the number counts the whole record, its own digits too.
    fn add(&mut self, keyword: &str, value: &[u8]) {
        let rest = keyword.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        self.0
            .extend_from_slice(format!("{length} {keyword}=").as_bytes());
        self.0.extend_from_slice(value);
        self.0.push(b'\n');
    }

    fn to_blocks(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut header = Header::new_ustar();
        let ustar = header.as_ustar_mut().expect("made as ustar");
        fill(&mut ustar.name, b"PaxHeader");
        header.set_entry_type(EntryType::XHeader);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(self.0.len() as u64);
        header.set_mtime(0);
        header.set_cksum();
        let mut blocks = header.as_bytes().to_vec();
        blocks.extend_from_slice(&self.0);
        blocks.resize(blocks.len() + padding(self.0.len() as u64), 0);
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::{Attributes, Records};
    use tar::EntryType;

    fn attributes(path: &[u8]) -> Attributes<'_> {
        Attributes {
            path,
            link_target: b"",
            entry_type: EntryType::Regular,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size_bytes: 0,
            mtime_seconds: 315_532_800,
        }
    }

    fn read_back(blocks: &[u8]) -> (Vec<u8>, u64, u64) {
        let mut archive = tar::Archive::new(blocks);
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        let path = entry.path_bytes().into_owned();
        (path, entry.header().uid().unwrap(), entry.size())
    }

    #[test]
    fn pax_is_used_only_for_what_ustar_cannot_say() {
        let name = |count: usize| "n".repeat(count);
        let fits = [
            "app/x.dll".to_owned(),
            name(100),
            format!("{}/{}", name(155), name(100)),
        ];
        for path in fits {
            let blocks = attributes(path.as_bytes()).to_blocks();
            assert_eq!(blocks.len(), 512, "{path}");
            assert_eq!(read_back(&blocks).0, path.as_bytes());
        }
        // Four bytes are no bound of a size, eleven octal digits are.
        let sizes = [(5 << 30, 512), ((8 << 30) - 1, 512), (8 << 30, 1536)];
        for (size_bytes, header_bytes) in sizes {
            let blocks = Attributes {
                size_bytes,
                ..attributes(b"app/model.onnx")
            };
            let blocks = blocks.to_blocks();
            assert_eq!(
                (blocks.len(), read_back(&blocks).2),
                (header_bytes, size_bytes)
            );
        }
        let needs = [
            name(101),
            format!("{}/{}", name(156), name(10)),
            format!("{}/{}", name(20), name(101)),
            "app/größe.txt".to_owned(),
        ];
        for path in needs {
            let blocks = attributes(path.as_bytes()).to_blocks();
            assert_eq!(blocks.len(), 1536, "{path}");
            assert_eq!(read_back(&blocks).0, path.as_bytes());
        }
    }

    #[test]
    fn names_that_are_not_utf_8_and_files_over_8_gib_are_kept() {
        let large = Attributes {
            size_bytes: 9 << 30,
            uid: 3_000_000,
            ..attributes(b"app/\xff\xfe")
        };
        let blocks = large.to_blocks();
        assert_eq!(read_back(&blocks).0, b"app/\xff\xfe");
        let text = String::from_utf8_lossy(&blocks[512..1024]).into_owned();
        for record in ["hdrcharset=BINARY\n", "size=9663676416\n", "uid=3000000\n"] {
            assert!(text.contains(record), "{record} in {text}");
        }
    }

    #[test]
    fn a_record_counts_its_own_digits() {
        for count in [1, 88, 89, 90, 91, 987, 988, 989] {
            let mut records = Records::default();
            records.add("path", "n".repeat(count).as_bytes());
            let text = String::from_utf8(records.0).unwrap();
            let (length, _) = text.split_once(' ').unwrap();
            assert_eq!(length.parse(), Ok(text.len()));
        }
    }
}
