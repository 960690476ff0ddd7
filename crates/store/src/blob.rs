use mizzen_oci::{Digest, Hasher, HashingWriter, Repository};
use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// Bytes that can be had when they are needed, any number of times.
///
/// A layer in hand always has a known digest; only its bytes are lazy.
pub trait Blob: Send + Sync + fmt::Debug {
    /// Opens the bytes from the start, verified: a reader that comes to the end has read what the
    /// digest names.
    ///
    /// # Errors
    /// The bytes cannot be had; the message says from where.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;

    /// Writes the bytes into `file`, which is empty, and returns what they are: whoever gives the
    /// file a name compares. A blob that has to come from elsewhere may come without a stop.
    ///
    /// # Errors
    /// The bytes cannot be had or written; then the file is good for nothing.
    fn write_to(&self, file: &mut File) -> io::Result<Digest> {
        // As it lies there: to be verified on the way out and named again would be hashed twice.
        match self.path().map(fs_err::File::open) {
            Some(Ok(source)) => copy_hashed(source, file),
            _ => copy_hashed(self.open()?, file),
        }
    }

    /// Returns the repository that holds the blob, from which another one of that registry may
    /// mount it.
    fn origin(&self) -> Option<&Repository> {
        None
    }

    /// Returns the file that holds exactly the bytes, if there is one: for a reflink, whose result
    /// the caller verifies.
    fn path(&self) -> Option<&Path> {
        None
    }
}

/// How much is read and written at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// A blob in memory: a config, a manifest.
#[derive(Clone)]
pub struct BytesBlob(pub Arc<[u8]>);

impl fmt::Debug for BytesBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BytesBlob({} bytes)", self.0.len())
    }
}

impl Blob for BytesBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

/// Copies everything into `file`, in pieces that are worth a system call, and returns its digest.
///
/// # Errors
/// Reading or writing failed.
pub fn copy_hashed(mut reader: impl Read, file: &mut File) -> io::Result<Digest> {
    let mut file = HashingWriter::new(file);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(file.finish().1),
            Ok(count) => file.write_all(&piece[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Wraps a reader of the blob `digest`: the read that meets the end fails if the bytes were others.
///
/// `on_mismatch` runs once before that failure, to forget the bad bytes.
pub fn verified(
    reader: impl Read + Send + 'static,
    digest: Digest,
    size_bytes: u64,
    on_mismatch: impl FnOnce() + Send + 'static,
) -> Box<dyn Read + Send> {
    Box::new(VerifiedReader {
        reader,
        hasher: Some(Hasher::default()),
        digest,
        size_bytes,
        read_bytes: 0,
        on_mismatch: Some(Box::new(on_mismatch)),
    })
}

struct VerifiedReader<R> {
    reader: R,
    hasher: Option<Hasher>,
    digest: Digest,
    size_bytes: u64,
    read_bytes: u64,
    on_mismatch: Option<Box<dyn FnOnce() + Send>>,
}

impl<R: Read> Read for VerifiedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.reader.read(buffer)?;
        self.read_bytes += count as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        let ended = count == 0 && self.hasher.is_some();
        if ended || self.read_bytes > self.size_bytes {
            let got = self.hasher.take().map(Hasher::finish);
            if self.read_bytes != self.size_bytes || got != Some(self.digest) {
                if let Some(on_mismatch) = self.on_mismatch.take() {
                    on_mismatch();
                }
                let got = got.map_or_else(|| "other bytes".to_owned(), |digest| digest.to_string());
                let (read, size) = (self.read_bytes, self.size_bytes);
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!(
                        "got {got} after {read} bytes, want {} of {size} bytes",
                        self.digest
                    ),
                ));
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::{Blob, copy_hashed, verified};
    use mizzen_oci::Digest;
    use std::io::{Cursor, ErrorKind, Read};
    use std::path::Path;

    fn read(bytes: &'static [u8], named: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut all = Vec::new();
        verified(
            Cursor::new(bytes),
            Digest::of(named),
            named.len() as u64,
            || (),
        )
        .read_to_end(&mut all)
        .map(|_| all)
    }

    #[test]
    fn bytes_that_come_in_pieces_are_whole_at_the_end() {
        let pieces = Cursor::new(b"lay").chain(Cursor::new(b"er"));
        let mut all = Vec::new();
        let mut reader = verified(pieces, Digest::of(b"layer"), 5, || ());
        reader.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"layer");
    }

    /// A reader that is interrupted before each piece, and fails at the end if it is told to.
    struct Interrupted {
        pieces: Vec<&'static [u8]>,
        is_next: bool,
        fails: bool,
    }

    impl Read for Interrupted {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.is_next = !self.is_next;
            if self.is_next {
                return Err(ErrorKind::Interrupted.into());
            }
            match self.pieces.pop() {
                Some(piece) => {
                    buffer[..piece.len()].copy_from_slice(piece);
                    Ok(piece.len())
                }
                None if self.fails => Err(ErrorKind::ConnectionReset.into()),
                None => Ok(0),
            }
        }
    }

    #[test]
    fn a_copy_goes_on_after_an_interruption_and_ends_with_any_other_error() {
        let copy = |fails| {
            let reader = Interrupted {
                pieces: vec![b"er", b"lay"],
                is_next: false,
                fails,
            };
            let mut file = tempfile::tempfile().unwrap();
            copy_hashed(reader, &mut file)
        };
        assert_eq!(copy(false).unwrap(), Digest::of(b"layer"));
        assert_eq!(copy(true).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    /// A blob that can be had from its file alone.
    #[derive(Debug)]
    struct InFile(std::path::PathBuf);

    impl Blob for InFile {
        fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
            Err(ErrorKind::Unsupported.into())
        }

        fn path(&self) -> Option<&Path> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_blob_that_lies_in_a_file_is_copied_from_there() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("blob");
        fs_err::write(&place, "layer").unwrap();
        let blob = InFile(place.clone());
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!(blob.write_to(&mut file).unwrap(), Digest::of(b"layer"));
        assert_eq!(file.metadata().unwrap().len(), 5);
        fs_err::remove_file(place).unwrap();
        let error = blob.write_to(&mut file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn other_bytes_shorter_bytes_and_longer_bytes_fail_at_the_end() {
        assert_eq!(read(b"layer", b"layer").unwrap(), b"layer");
        assert_eq!(read(b"", b"").unwrap(), b"");
        for got in [&b"lAyer"[..], b"laye", b"layers", b""] {
            assert!(read(got, b"layer").is_err(), "{got:?}");
        }
    }
}
