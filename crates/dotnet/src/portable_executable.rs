//! Tells assemblies with native code inside from those without.

use fs_err as fs;
use std::io::{self, Read};
use std::path::Path;

/// How much of an assembly holds its headers, for every compiler and linker met.
const START_BYTES: u64 = 64 << 10;
/// Of the CLI header in the list of data directories, and of the native header inside it.
const CLI_HEADER: usize = 14;
const MANAGED_NATIVE_HEADER: usize = 64;

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

fn native_header_bytes(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"MZ") {
        return None;
    }
    let header = number(bytes, 0x3c, 4)? + 4;
    let optional = header + 20;
    let directories = match number(bytes, optional, 2)? {
        0x10b => optional + 96,
        0x20b => optional + 112,
        _ => return None,
    };
    let address = number(bytes, directories + 8 * CLI_HEADER, 4)?;
    let sections = optional + number(bytes, header + 16, 2)?;
    for index in 0..number(bytes, header + 2, 2)? {
        let section = sections + 40 * index;
        let (start, size) = (
            number(bytes, section + 12, 4)?,
            number(bytes, section + 16, 4)?,
        );
        if (start..start + size).contains(&address) {
            let place = number(bytes, section + 20, 4)? + address - start;
            return number(bytes, place + MANAGED_NATIVE_HEADER + 4, 4);
        }
    }
    None
}

fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    let add = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
    Some(bytes.iter().rev().fold(0, add))
}

#[cfg(test)]
mod tests {
    use super::native_header_bytes;

    /// A PE32+ file with one section that holds a CLI header.
    fn assembly(native_header_bytes: u8) -> Vec<u8> {
        let mut bytes = vec![0; 600];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x80;
        let optional = 0x80 + 24;
        bytes[0x80 + 6] = 1;
        bytes[0x80 + 20] = 240;
        bytes[optional..optional + 2].copy_from_slice(&[0x0b, 0x02]);
        bytes[optional + 112 + 8 * 14 + 1] = 0x20;
        let section = optional + 240;
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

    #[test]
    fn what_is_cut_off_or_no_assembly_has_none() {
        let whole = assembly(196);
        for length in 0..500 {
            assert_eq!(native_header_bytes(&whole[..length]), None, "{length}");
        }
        assert_eq!(native_header_bytes(&[0xff; 600]), None);
    }
}
