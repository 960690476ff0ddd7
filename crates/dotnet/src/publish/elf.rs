//! Tells ELF programs from ELF libraries.

/// `true` if `start`, the first bytes of a file, are of an ELF file that can be run by itself.
///
/// A program has a fixed address (`ET_EXEC`) or, like every program of today, is a shared object
/// (`ET_DYN`) that names its loader (`PT_INTERP`). A library is a shared object that names none; its
/// mode says nothing, for NuGet extracts everything with 0744. Both byte orders and both word sizes.
/// Source: System V ABI, "Program Header".
pub(crate) fn is_program(start: &[u8]) -> bool {
    let Some(header) = Header::of(start) else {
        return false;
    };
    match header.number(16, 2) {
        Some(2) => true,
        Some(3) => names_loader(start),
        _ => false,
    }
}

/// Returns whether an ELF file names a loader.
pub(crate) fn names_loader(start: &[u8]) -> bool {
    let header = Header::of(start);
    header.is_some_and(|header| header.segment_types().any(|kind| kind == 3))
}

/// Returns the RID of an ELF program by its first bytes: its processor, and the C library that its
/// loader's name tells. One that names no loader runs with any.
pub(crate) fn runtime_identifier(start: &[u8]) -> Option<String> {
    let header = Header::of(start)?;
    let architecture = match header.number(18, 2)? {
        3 => "x86",
        22 => "s390x",
        21 => "ppc64le",
        40 => "arm",
        62 => "x64",
        183 => "arm64",
        243 => "riscv64",
        258 => "loongarch64",
        _ => return None,
    };
    let loader = header.loader().unwrap_or_default();
    let is_musl = loader.windows(4).any(|name| name == b"musl");
    let libc = if is_musl { "musl-" } else { "" };
    Some(format!("linux-{libc}{architecture}"))
}

/// How many bytes of a file [`is_program`] wants to see: headers and program headers.
pub(crate) const START_BYTES: u64 = 4096;

struct Header<'a> {
    bytes: &'a [u8],
    wide: bool,
    big_endian: bool,
}

impl<'a> Header<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let [b'\x7f', b'E', b'L', b'F', class @ 1..=2, data @ 1..=2, ..] = bytes else {
            return None;
        };
        Some(Self {
            bytes,
            wide: *class == 2,
            big_endian: *data == 2,
        })
    }

    fn segment_types(&self) -> impl Iterator<Item = u64> {
        self.segments().map_while(|at| self.number(at, 4))
    }

    /// The path of the loader, with the zero that ends it.
    fn loader(&self) -> Option<&'a [u8]> {
        let is_loader = |at: &usize| self.number(*at, 4) == Some(3);
        let segment = self.segments().find(is_loader)?;
        let (at, size) = if self.wide {
            (self.number(segment + 8, 8)?, self.number(segment + 32, 8)?)
        } else {
            (self.number(segment + 4, 4)?, self.number(segment + 16, 4)?)
        };
        let (at, end) = (
            usize::try_from(at).ok()?,
            usize::try_from(at.checked_add(size)?).ok()?,
        );
        self.bytes.get(at..end)
    }

    /// Where each program header starts.
    fn segments(&self) -> impl Iterator<Item = usize> {
        // (offset of e_phoff, its size, offset of e_phentsize; e_phnum follows)
        let (at, size, entry) = if self.wide { (32, 8, 54) } else { (28, 4, 42) };
        let first = self.number(at, size).unwrap_or(0);
        let step = self.number(entry, 2).unwrap_or(0);
        let count = self.number(entry + 2, 2).unwrap_or(0);
        (0..count).map_while(move |index| {
            let at = first.checked_add(index * step)?;
            usize::try_from(at).ok()
        })
    }

    fn number(&self, at: usize, size: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(size)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian {
            bytes.iter().fold(0, add)
        } else {
            bytes.iter().rev().fold(0, add)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{is_program, runtime_identifier};

    /// A 64-bit little-endian file of this type with one segment of each of these types.
    fn elf(kind: u8, segments: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64, 0);
        bytes[16] = kind;
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = u8::try_from(segments.len()).unwrap();
        for segment in segments {
            bytes.push(*segment);
            bytes.resize(bytes.len() + 55, 0);
        }
        bytes
    }

    #[test]
    fn a_program_names_its_loader_or_has_a_fixed_address() {
        assert!(is_program(&elf(2, &[])));
        assert!(is_program(&elf(3, &[6, 3, 1])));
        assert!(!is_program(&elf(3, &[6, 1])));
        assert!(!is_program(&elf(1, &[])));
        assert!(!is_program(b"MZ"));
        assert!(!is_program(b""));
    }

    #[test]
    fn processor_and_loader_name_the_runtime() {
        let program = |machine: u8, loader: &[u8]| {
            let mut bytes = elf(3, &[3]);
            bytes[18] = machine;
            let at = bytes.len();
            bytes[64 + 8] = u8::try_from(at).unwrap();
            bytes[64 + 32] = u8::try_from(loader.len()).unwrap();
            bytes.extend(loader);
            runtime_identifier(&bytes)
        };
        let glibc = program(62, b"/lib64/ld-linux-x86-64.so.2\0");
        assert_eq!(glibc.as_deref(), Some("linux-x64"));
        let musl = program(183, b"/lib/ld-musl-aarch64.so.1\0");
        assert_eq!(musl.as_deref(), Some("linux-musl-arm64"));
        assert_eq!(program(1, b""), None);
        assert_eq!(runtime_identifier(b"MZ"), None);
    }

    #[test]
    fn a_damaged_header_is_no_program() {
        let mut bytes = elf(3, &[3]);
        bytes[32..40].fill(0xff);
        assert!(!is_program(&bytes));
        for count in 0..bytes.len() {
            is_program(&bytes[..count]);
            runtime_identifier(&bytes[..count]);
        }
    }
}
