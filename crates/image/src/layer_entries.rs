use fs_err as fs;
use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;
use tar::{Archive, Entry};

/// What the entries of an image's layers may take of memory; a layer of some megabytes can ask for
/// any amount.
#[derive(Debug)]
pub(crate) struct Bounds {
    entries: usize,
    name_bytes: usize,
    sparse_bytes: u64,
}

/// An image of .NET has twenty thousand; with this many, two can be compared in 256 MiB.
const MOST_ENTRIES: usize = 200_000;
/// 120 bytes a name, if there are so many.
const MOST_NAME_BYTES: usize = 24 << 20;
/// No system call of Linux takes a longer one.
const MOST_PATH_BYTES: usize = 4_096;
/// What PAX and GNU's long names may say before one entry; `tar` holds it in memory.
const MOST_HEADER_BYTES: u64 = 1 << 20;
/// What holes may be in files: they are nothing in the archive, and are read as zeros.
const MOST_SPARSE_BYTES: u64 = 1 << 30;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            entries: MOST_ENTRIES,
            name_bytes: MOST_NAME_BYTES,
            sparse_bytes: MOST_SPARSE_BYTES,
        }
    }
}

/// Reads the tar in a file, giving each entry to `take`, which does not read it.
///
/// # Errors
/// As [`each_entry`].
pub(crate) fn each_entry_of_file(
    file: fs::File,
    mut take: impl FnMut(&Entry<'_, Metered<fs::File>>) -> io::Result<()>,
) -> io::Result<()> {
    let (metered, left) = Metered::new(file);
    let mut archive = Archive::new(metered);
    let mut entries = archive.entries_with_seek()?;
    let mut bounds = Bounds::default();
    loop {
        left.set(MOST_HEADER_BYTES);
        let Some(entry) = entries.next() else {
            return Ok(());
        };
        let entry = entry?;
        bounds.check(&entry)?;
        take(&entry)?;
    }
}

/// Reads a tar, giving each entry to `take`, which need not read it.
///
/// # Errors
/// The tar cannot be read, `take` fails, or the bounds are reached: names, headers, entries.
pub(crate) fn each_entry<R: Read>(
    tar: R,
    bounds: &mut Bounds,
    mut take: impl FnMut(&mut Entry<'_, Metered<R>>) -> io::Result<()>,
) -> io::Result<()> {
    let (metered, left) = Metered::new(tar);
    let mut archive = Archive::new(metered);
    let mut entries = archive.entries()?;
    loop {
        left.set(MOST_HEADER_BYTES);
        let Some(entry) = entries.next() else {
            return Ok(());
        };
        let mut entry = entry?;
        bounds.check(&entry)?;
        left.set(u64::MAX);
        take(&mut entry)?;
        // What is left of it would count as headers of the next one.
        io::copy(&mut entry, &mut io::sink())?;
    }
}

impl Bounds {
    fn check<R: Read>(&mut self, entry: &Entry<'_, R>) -> io::Result<()> {
        let path = entry.path_bytes().len();
        let link = entry.link_name_bytes().map_or(0, |link| link.len());
        if path.max(link) > MOST_PATH_BYTES {
            return Err(too_much(&format!(
                "a path in it has more than {MOST_PATH_BYTES} bytes"
            )));
        }
        let entries = self.entries.checked_sub(1);
        self.entries = entries
            .ok_or_else(|| too_much(&format!("there are more than {MOST_ENTRIES} entries")))?;
        let names = self.name_bytes.checked_sub(path + link);
        self.name_bytes = names.ok_or_else(|| too_much("the names of its files are too long"))?;
        if entry.header().entry_type().is_gnu_sparse() {
            let sparse = self.sparse_bytes.checked_sub(entry.size());
            self.sparse_bytes = sparse.ok_or_else(|| too_much("its sparse files are too large"))?;
        }
        Ok(())
    }
}

/// A reader that gives so much and no more.
pub(crate) struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R> Metered<R> {
    fn new(inner: R) -> (Self, Rc<Cell<u64>>) {
        let left = Rc::new(Cell::new(MOST_HEADER_BYTES));
        let metered = Self {
            inner,
            left: left.clone(),
        };
        (metered, left)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.inner.seek(place)
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX);
        if most == 0 {
            return Err(too_much("the headers of an entry in it are too long"));
        }
        let most = most.min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - count as u64);
        Ok(count)
    }
}

fn too_much(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}
