//! Tells ELF programs from ELF libraries.

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind};

/// How many bytes of a file are needed to read its headers and program headers.
pub(crate) const START_BYTES: u64 = 4096;

/// `true` if `start`, the first bytes of a file, are of an ELF file that can be run by itself.
///
/// A program has a fixed address (`ET_EXEC`) or, like every program of today, is a shared object
/// (`ET_DYN`) that names its loader (`PT_INTERP`). A library is a shared object that names none; its
/// mode says nothing, for NuGet extracts everything with 0744. Both byte orders and both word sizes.
/// Source: System V ABI, "Program Header".
pub(crate) fn is_program(start: &[u8]) -> bool {
    read(start).is_some_and(|file| match file.kind {
        elf::ET_EXEC => true,
        elf::ET_DYN => file.names_loader,
        _ => false,
    })
}

/// Returns whether an ELF file names a loader.
pub(crate) fn names_loader(start: &[u8]) -> bool {
    read(start).is_some_and(|file| file.names_loader)
}

/// Returns the RID of an ELF program by its first bytes: its processor, and the C library that its
/// loader's name tells. One that names no loader runs with any.
pub(crate) fn runtime_identifier(start: &[u8]) -> Option<String> {
    let file = read(start)?;
    let architecture = match file.machine {
        elf::EM_386 => "x86",
        elf::EM_S390 => "s390x",
        elf::EM_PPC64 => "ppc64le",
        elf::EM_ARM => "arm",
        elf::EM_X86_64 => "x64",
        elf::EM_AARCH64 => "arm64",
        elf::EM_RISCV => "riscv64",
        elf::EM_LOONGARCH => "loongarch64",
        _ => return None,
    };
    let is_musl = file.loader.windows(4).any(|name| name == b"musl");
    let libc = if is_musl { "musl-" } else { "" };
    Some(format!("linux-{libc}{architecture}"))
}

struct Elf<'a> {
    kind: u16,
    machine: u16,
    names_loader: bool,
    /// Empty if the name is not in the bytes that were read.
    loader: &'a [u8],
}

fn read(start: &[u8]) -> Option<Elf<'_>> {
    match FileKind::parse(start).ok()? {
        FileKind::Elf32 => read_as::<FileHeader32<Endianness>>(start),
        FileKind::Elf64 => read_as::<FileHeader64<Endianness>>(start),
        _ => None,
    }
}

fn read_as<H: FileHeader<Endian = Endianness>>(start: &[u8]) -> Option<Elf<'_>> {
    let header = H::parse(start).ok()?;
    let endian = header.endian().ok()?;
    // Damaged program headers are none.
    let segments = header.program_headers(endian, start).unwrap_or_default();
    let loader = segments
        .iter()
        .find(|segment| segment.p_type(endian) == elf::PT_INTERP);
    Some(Elf {
        kind: header.e_type(endian),
        machine: header.e_machine(endian),
        names_loader: loader.is_some(),
        loader: loader
            .and_then(|segment| segment.data(endian, start).ok())
            .unwrap_or_default(),
    })
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
