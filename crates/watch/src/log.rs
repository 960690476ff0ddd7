use crate::kernel::Memory;
use crate::seen::{Kinds, Sighting};
use fs_err as fs;
use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

/// The layout is that of preload/preload.c: a header, a table of slots, the records. A slot holds the
/// place of a record, in steps of eight bytes; 0 is none.
const MAGIC: u64 = 0x6d69_7a7a_656e_3031;
const END: usize = 8;
const STATE: usize = 16;
const HAS_LINKS: usize = 20;
const ASKED: usize = 24;
const REASON: usize = 64;
const HEADER_BYTES: usize = 4096;
const SLOTS: usize = 1 << 17;
/// How many slots are looked at before a record counts as one too many.
const PROBES: usize = 32;
const RECORDS: usize = HEADER_BYTES + SLOTS * 4;
const LOG_BYTES: usize = RECORDS + (16 << 20);

/// Nobody watches yet.
const IDLE: u32 = 0;
const WATCHING: u32 = 1;
/// Something was missed, or may have been: the reason stands in the header.
const BLIND: u32 = 2;

/// What the processes of a step look up, written by all of them at once.
#[derive(Debug)]
pub(crate) struct Log(Memory);

impl Log {
    /// Makes an empty log.
    pub(crate) fn create(path: &Path) -> io::Result<()> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)?;
        // A process that writes where the disk has no room left is killed: the room is taken now.
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, LOG_BYTES as u64) {
            Err(Errno::OPNOTSUPP) => file.set_len(LOG_BYTES as u64)?,
            result => result?,
        }
        let memory = Memory::map(file.file(), LOG_BYTES)?;
        memory.u64(END).store(RECORDS as u64, Ordering::Relaxed);
        memory.u64(0).store(MAGIC, Ordering::Release);
        Ok(())
    }

    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
        if file.metadata()?.len() != LOG_BYTES as u64 {
            // Whoever reads a mapping beyond the end of its file is killed.
            return Err(io::Error::other("it was cut"));
        }
        Ok(Self(Memory::map(file.file(), LOG_BYTES)?))
    }

    /// Notes that from now on every look-up is noted.
    pub(crate) fn begin(&self) {
        let state = self.0.u32(STATE);
        // Unless it is known already that something was missed.
        let _ = state.compare_exchange(IDLE, WATCHING, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Notes that something is missing, or may be, and why; the first reason stays.
    pub(crate) fn is_blind(&self, reason: &str) {
        // Only the listener writes it, and what starts it: never two at once.
        if self.0.u32(STATE).load(Ordering::Acquire) != BLIND {
            let reason = reason.as_bytes();
            let length = reason.len().min(HEADER_BYTES - REASON);
            self.0.write(REASON, &reason[..length]);
            self.0.u32(STATE).store(BLIND, Ordering::Release);
        }
    }

    /// Counts a call that the listener was asked about.
    pub(crate) fn count_asked(&self) {
        self.0.u64(ASKED).fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many calls the listener was asked about.
    pub(crate) fn asked(&self) -> u64 {
        self.0.u64(ASKED).load(Ordering::Relaxed)
    }

    /// Notes that the step has made a link: from now on every call is told to the listener.
    pub(crate) fn make_links_followed(&self) {
        self.0.u32(HAS_LINKS).store(1, Ordering::Release);
    }

    /// Returns whether the step has made a link.
    pub(crate) fn has_links(&self) -> bool {
        self.0.u32(HAS_LINKS).load(Ordering::Acquire) != 0
    }

    /// Notes a look-up, unless it is noted already.
    pub(crate) fn note(&self, kinds: Kinds, path: &[u8]) {
        let mut hash = 0xcbf2_9ce4_8422_2325 ^ u64::from(kinds.bits());
        for byte in path {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash ^= hash >> 32;
        let mut written = 0;
        for probe in 0..PROBES {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "cut to the number of slots"
            )]
            let slot = (hash as usize).wrapping_add(probe) % SLOTS;
            let slot = self.0.u32(HEADER_BYTES + slot * 4);
            let mut there = slot.load(Ordering::Acquire);
            if there == 0 {
                if written == 0 {
                    match self.write(kinds, path) {
                        Some(place) => written = place,
                        None => break,
                    }
                }
                match slot.compare_exchange(0, written, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return,
                    Err(other) => there = other,
                }
            }
            if self.record(there) == Some((kinds, path)) {
                return;
            }
        }
        self.is_blind("it looked up more paths than can be recorded");
    }

    fn write(&self, kinds: Kinds, path: &[u8]) -> Option<u32> {
        let bytes = (8 + path.len()).next_multiple_of(8);
        let offset = self.0.u64(END).fetch_add(bytes as u64, Ordering::Relaxed);
        let offset = usize::try_from(offset).ok()?;
        if offset.checked_add(bytes)? > self.0.length() {
            return None;
        }
        let length = u32::try_from(path.len()).ok()?;
        self.0.write(offset, &length.to_ne_bytes());
        self.0.write(offset + 4, &kinds.bits().to_ne_bytes());
        self.0.write(offset + 8, path);
        u32::try_from(offset / 8).ok()
    }

    /// Returns the record that a slot names; `None` if the slot holds nonsense.
    fn record(&self, slot: u32) -> Option<(Kinds, &[u8])> {
        let offset = usize::try_from(slot).ok()?.checked_mul(8)?;
        if offset < RECORDS || offset + 8 > self.0.length() {
            return None;
        }
        let number = |at| self.0.u32(at).load(Ordering::Relaxed);
        let length = usize::try_from(number(offset)).ok()?;
        if offset + 8 + length > self.0.length() {
            return None;
        }
        let kinds = Kinds::from_bits(number(offset + 4));
        Some((kinds, self.0.published(offset + 8, length)))
    }

    /// Returns what was noted, in the order in which it was, once no process writes any more.
    ///
    /// # Errors
    /// Why something may be missing.
    pub(crate) fn read(&self) -> Result<Vec<Sighting>, String> {
        match self.0.u32(STATE).load(Ordering::Acquire) {
            IDLE => return Err("nothing was started".to_owned()),
            WATCHING => {}
            _ => {
                let reason = self.0.published(REASON, HEADER_BYTES - REASON);
                let end = reason.iter().position(|byte| *byte == 0);
                let reason = &reason[..end.unwrap_or(reason.len())];
                return Err(String::from_utf8_lossy(reason).into_owned());
            }
        }
        let mut places: Vec<u32> = (0..SLOTS)
            .map(|slot| self.0.u32(HEADER_BYTES + slot * 4).load(Ordering::Acquire))
            .filter(|place| *place != 0)
            .collect();
        places.sort_unstable();
        let record = |place| {
            let (kinds, path) = self
                .record(place)
                .ok_or_else(|| "what was noted was overwritten".to_owned())?;
            Ok(Sighting {
                kinds,
                path: path.to_vec(),
            })
        };
        places.into_iter().map(record).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{END, LOG_BYTES, Log};
    use crate::seen::{Kinds, Sighting};
    use fs_err as fs;
    use std::sync::atomic::Ordering;

    fn log() -> (tempfile::TempDir, Log) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        Log::create(&path).unwrap();
        (folder, Log::open(&path).unwrap())
    }

    #[test]
    fn each_look_up_is_noted_once_in_the_order_of_the_first() {
        let (_folder, log) = log();
        assert!(log.read().is_err(), "nobody has watched");
        log.begin();
        for (kinds, path) in [
            (Kinds::READ, "/b"),
            (Kinds::PROBED, "/b"),
            (Kinds::READ, "/a"),
            (Kinds::READ, "/b"),
        ] {
            log.note(kinds, path.as_bytes());
        }
        let sighting = |kinds, path: &str| Sighting {
            kinds,
            path: path.into(),
        };
        let expected = [
            sighting(Kinds::READ, "/b"),
            sighting(Kinds::PROBED, "/b"),
            sighting(Kinds::READ, "/a"),
        ];
        assert_eq!(log.read().unwrap(), expected);
    }

    #[test]
    fn what_one_process_writes_another_reads_and_a_full_log_says_so() {
        let (folder, log) = log();
        log.begin();
        let other = Log::open(&folder.path().join("log")).unwrap();
        log.note(Kinds::READ, b"/a");
        other.note(Kinds::READ, b"/a");
        assert_eq!(other.read().unwrap().len(), 1);
        log.0
            .u64(END)
            .store(LOG_BYTES as u64 - 8, Ordering::Relaxed);
        log.note(Kinds::READ, b"/a");
        assert_eq!(other.read().unwrap().len(), 1, "it is there already");
        log.note(Kinds::READ, b"/b");
        let reason = other.read().unwrap_err();
        assert_eq!(reason, "it looked up more paths than can be recorded");
        other.is_blind("another reason");
        assert_eq!(log.read().unwrap_err(), reason);
    }

    #[test]
    fn an_overwritten_log_is_no_set_of_paths() {
        let (folder, log) = log();
        log.begin();
        log.note(Kinds::READ, b"/a");
        for slot in [7, u32::MAX] {
            log.0
                .u32(super::HEADER_BYTES)
                .store(slot, Ordering::Relaxed);
            assert_eq!(log.read().unwrap_err(), "what was noted was overwritten");
        }
        let path = folder.path().join("log");
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(LOG_BYTES as u64 - 1).unwrap();
        assert!(Log::open(&path).is_err());
    }
}
