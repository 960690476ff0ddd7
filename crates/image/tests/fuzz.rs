//! Tar headers that no tool writes: no reader of layers panics, hangs, or believes a size.

use mizzen_fuzz::fuzz;
use mizzen_image::{Addendum, FileTree, Image, Layer, NumericUser, validate};
use mizzen_oci::{Descriptor, DiffId, Digest, History, MediaType};
use mizzen_store::BytesBlob;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use std::sync::Arc;

/// An entry as a hostile tool writes it: its header's fields are what the strategy says, and the
/// checksum is right, or no reader would look at them.
#[derive(Clone, Debug)]
struct Entry {
    kind: u8,
    name: Vec<u8>,
    prefix: Vec<u8>,
    link: Vec<u8>,
    size: Vec<u8>,
    mode: Vec<u8>,
    owner: Vec<u8>,
    magic: &'static [u8],
    content: Vec<u8>,
    /// How large the hole before the content is, if it is a sparse file of GNU's kind.
    hole: u64,
    /// Bytes of the header to change before its checksum is made.
    changed: Vec<(Index, u8)>,
}

impl Entry {
    fn write(&self, tar: &mut Vec<u8>) {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, most: usize, bytes: &[u8]| {
            let bytes = &bytes[..bytes.len().min(most)];
            header[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(0, 100, &self.name);
        put(100, 8, &self.mode);
        put(108, 8, &self.owner);
        put(116, 8, &self.owner);
        put(124, 12, &self.size);
        put(136, 12, b"00000000000\0");
        put(156, 1, &[self.kind]);
        put(157, 100, &self.link);
        put(257, 8, self.magic);
        put(345, 155, &self.prefix);
        if self.kind == b'S' && self.magic == GNU {
            let content = self.content.len() as u64;
            put(386, 12, &base_256(self.hole));
            put(398, 12, &base_256(content));
            // A reader compares the sum with it.
            put(483, 12, &base_256(self.hole.saturating_add(content)));
        }
        for (place, byte) in &self.changed {
            header[place.index(512)] = *byte;
        }
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(&self.content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
}

const GNU: &[u8] = b"ustar  \0";

/// How much all the holes of an image's files may be.
const MOST_SPARSE_BYTES: u64 = 1 << 30;

fn base_256(number: u64) -> [u8; 12] {
    let mut field = [0; 12];
    field[0] = 0x80;
    field[4..].copy_from_slice(&number.to_be_bytes());
    field
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "a",
        "a/b",
        "./a/",
        "/a",
        "../a",
        "a/../../b",
        "",
        ".",
        "/",
        ".wh.a",
        "a/.wh..wh..opq",
        ".wh.",
        ".wh..",
        "a/.wh.../b",
        ".wh.a/b",
        "etc/passwd",
        "etc/group",
        "././@LongLink",
    ];
    let known = select(known.to_vec()).prop_map(|name| name.as_bytes().to_vec());
    prop_oneof![4 => known, 1 => proptest::collection::vec(any::<u8>(), 0..120)]
}

/// The records of a PAX header; some of lengths that are not theirs.
fn records() -> impl Strategy<Value = Vec<u8>> {
    let keys = [
        "path",
        "linkpath",
        "size",
        "uid",
        "gid",
        "mtime",
        "GNU.sparse.major",
        "GNU.sparse.minor",
        "GNU.sparse.name",
        "GNU.sparse.realsize",
        "GNU.sparse.map",
        "SCHILY.xattr.a",
        "",
        "=",
    ];
    let values = prop_oneof![
        name(),
        select(vec![
            "0",
            "1",
            "-1",
            "18446744073709551615",
            "9223372036854775808",
            "1e9",
            "0,1,2"
        ])
        .prop_map(|number| number.as_bytes().to_vec()),
        (1..5_000_usize).prop_map(|bytes| b"x/".repeat(bytes)),
    ];
    let lengths = prop_oneof![6 => Just(0_i64), 1 => select(vec![-9, -1, 1, 100, i64::MAX / 2])];
    let record = (select(keys.to_vec()), values, lengths).prop_map(|(key, value, wrong)| {
        let body = [b" ", key.as_bytes(), b"=", &value, b"\n"].concat();
        let mut length = body.len();
        while length.to_string().len() + body.len() != length {
            length = length.to_string().len() + body.len();
        }
        let length = i64::try_from(length).unwrap_or_default() + wrong;
        [length.to_string().into_bytes(), body].concat()
    });
    proptest::collection::vec(record, 0..5).prop_map(|records| records.concat())
}

fn entry() -> impl Strategy<Value = Entry> {
    // Files, links, folders, devices, GNU's long names, sparse files and labels, PAX headers.
    let kinds = select(b"0000\x0012345567LKSSVMxxg\xff".to_vec());
    let content = prop_oneof![
        3 => records(),
        1 => Just(b"root:x:0:0:\napp:x:1654:1654:\n".to_vec()),
        1 => name(),
        1 => proptest::collection::vec(any::<u8>(), 0..1_500),
    ];
    let sizes = select(vec![
        Vec::new(),
        b"77777777777\0".to_vec(),
        b"-1\0".to_vec(),
        b"\x80\0\0\0\0\0\0\0\0\x10\0\0".to_vec(),
        b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        b"zz".to_vec(),
    ]);
    // Most sizes are right, so that there is a next entry.
    let size = prop_oneof![5 => Just(None), 1 => sizes.prop_map(Some)];
    let numbers = || {
        select(vec![
            b"0000644\0".to_vec(),
            Vec::new(),
            b"9".to_vec(),
            vec![0xff; 8],
            b"7777777\0".to_vec(),
        ])
    };
    let magic = select(vec![&b"ustar\x0000"[..], GNU, b"", b"ustar\0xx"]);
    // Up to what is allowed it is read as zeros, which takes time: seldom.
    let holes = vec![
        0,
        1,
        512,
        4096,
        MOST_SPARSE_BYTES + (64 << 20),
        1 << 62,
        u64::MAX,
    ];
    let hole = prop_oneof![200 => select(holes), 1 => Just(MOST_SPARSE_BYTES / 2)];
    let changed = prop_oneof![
        3 => Just(Vec::new()),
        1 => proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6),
    ];
    let names = (
        name(),
        prop_oneof![4 => Just(Vec::new()), 1 => name()],
        name(),
    );
    (
        kinds,
        names,
        size,
        numbers(),
        numbers(),
        magic,
        (content, hole),
        changed,
    )
        .prop_map(
            |(kind, (name, prefix, link), size, mode, owner, magic, (content, hole), changed)| {
                Entry {
                    kind,
                    name,
                    prefix,
                    link,
                    size: size.unwrap_or_else(|| format!("{:011o}\0", content.len()).into_bytes()),
                    mode,
                    owner,
                    magic,
                    content,
                    hole,
                    changed,
                }
            },
        )
}

#[test]
fn fuzz_tar_headers() {
    let ends = prop_oneof![4 => Just(None), 1 => any::<Index>().prop_map(Some)];
    let inputs = (proptest::collection::vec(entry(), 0..8), ends);
    fuzz("tar headers", inputs, |(entries, end)| {
        let mut tar = Vec::new();
        for entry in &entries {
            entry.write(&mut tar);
        }
        tar.resize(tar.len() + 1024, 0);
        if let Some(end) = end {
            tar.truncate(end.index(tar.len()));
        }
        read(tar);
    });
}

fn read(tar: Vec<u8>) {
    let tar_bytes = tar.len() as u64;
    let layer = Layer {
        descriptor: Descriptor::of(MediaType::ImageLayer, &tar),
        diff_id: DiffId(Digest::of(&tar)),
        blob: Arc::new(BytesBlob(tar.into())),
    };
    let platform = "linux/amd64".parse().expect("a platform");
    let addendum = || Addendum {
        layer: layer.clone(),
        history: History::default(),
    };
    let image = Image::scratch(&platform).append(addendum());
    let sound = validate(&image, None);
    let tree = FileTree::of(&image);
    // What is valid can be listed.
    assert!(sound.is_err() || tree.is_ok(), "{tree:?}");
    let twice = FileTree::of(&image.append(addendum()));
    // Only the holes of two layers may be too much where those of one are not.
    let is_bounded = matches!(&twice, Err(error) if format!("{error:?}").contains("sparse"));
    assert!(is_bounded || twice.is_ok() == tree.is_ok(), "{twice:?}");
    for (path, file) in tree.iter().chain(&twice).flat_map(FileTree::iter) {
        let mut parts = path.split(|byte| *byte == b'/');
        let is_inside = parts.all(|part| part != b".." && part != b"." && !part.is_empty());
        assert!(path.is_empty() || is_inside, "{path:?}");
        assert!(file.size_bytes <= tar_bytes + MOST_SPARSE_BYTES, "{file:?}");
    }
    let image = Image::scratch(&platform).append(addendum());
    drop(NumericUser::resolve("app:app", &image));
}
