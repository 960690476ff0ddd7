use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What build.rs made of preload/preload.c.
const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/preload.so"));
/// Stands where the library has the path of the log.
const PLACE: &[u8] = b"mizzen: the path of the log";
const PATH_BYTES: usize = 4096;

/// Returns the library that notes look-ups in the log of this path.
pub(crate) fn library(log: &Path) -> io::Result<Vec<u8>> {
    let path = log.as_os_str().as_bytes();
    if path.len() >= PATH_BYTES {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    let mut library = LIBRARY.to_vec();
    let at = library
        .windows(PLACE.len())
        .position(|window| window == PLACE)
        .expect("the library has a place for the path");
    library[at..at + PLACE.len()].fill(0);
    library[at..at + path.len()].copy_from_slice(path);
    Ok(library)
}
