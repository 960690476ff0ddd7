//! What the kernel reads by itself when it starts a program: the interpreter of a script, the loader
//! that a dynamic program names.

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

/// How many scripts may start each other before the kernel gives up.
const MOST: usize = 6;
const HEAD_BYTES: u64 = 4096;

/// Returns the interpreters of a program: its own, that one's own, and so on.
pub(crate) fn interpreters(program: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    while found.len() < MOST {
        let program = found.last().map_or(program, Vec::as_slice);
        match interpreter(program) {
            Some(interpreter) => found.push(interpreter),
            None => break,
        }
    }
    found
}

fn interpreter(program: &[u8]) -> Option<Vec<u8>> {
    let mut options = fs::OpenOptions::new();
    // A named pipe would wait for somebody to write.
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(OsStr::from_bytes(program)).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut head = Vec::new();
    file.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    match head.strip_prefix(b"#!") {
        Some(line) => script(line),
        None => loader(&head),
    }
}

fn script(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(|byte| [b' ', b'\t'].contains(byte));
    let word = words.find(|word| !word.is_empty())?;
    Some(word.to_vec())
}

/// Returns the loader that a 64-bit program names.
///
/// Source: elf(5).
fn loader(head: &[u8]) -> Option<Vec<u8>> {
    const INTERPRETER: usize = 3;
    let bytes = |at: usize, length: usize| head.get(at..at.checked_add(length)?);
    let number = |at: usize, length: usize| {
        let mut number = [0; 8];
        number[..length].copy_from_slice(bytes(at, length)?);
        usize::try_from(u64::from_le_bytes(number)).ok()
    };
    bytes(0, 5).filter(|start| *start == b"\x7fELF\x02")?;
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let mut entries = (0..count).map_while(|entry| table.checked_add(entry * size));
    let entry = entries.find(|entry| number(*entry, 4) == Some(INTERPRETER))?;
    let name = bytes(
        number(entry.checked_add(8)?, 8)?,
        number(entry.checked_add(32)?, 8)?,
    )?;
    Some(name.split(|byte| *byte == 0).next()?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::{interpreters, loader, script};
    use fs_err as fs;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_script_leads_to_its_interpreter_and_that_to_its_loader() {
        assert_eq!(script(b" /bin/sh -e\nls").unwrap(), b"/bin/sh");
        assert_eq!(script(b"/bin/sh").unwrap(), b"/bin/sh");
        assert_eq!(script(b"\n"), None);
        assert_eq!(loader(b"\x7fELF\x02"), None);
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        let outer = folder.path().join("outer");
        fs::write(&inner, "#!/bin/sh\n").unwrap();
        fs::write(&outer, format!("#!{}\n", inner.display())).unwrap();
        let found = interpreters(outer.as_os_str().as_bytes());
        assert_eq!(found[..2], [inner.as_os_str().as_bytes(), b"/bin/sh"]);
        assert!(found[2].starts_with(b"/lib"), "{found:?}");
        assert_eq!(found.len(), 3, "a loader has none");
        // What starts itself has no end.
        fs::write(&inner, format!("#!{}\n", inner.display())).unwrap();
        assert_eq!(interpreters(inner.as_os_str().as_bytes()).len(), 6);
    }
}
