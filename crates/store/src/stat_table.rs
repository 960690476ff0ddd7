use crate::FileState;
use mizzen_oci::Digest;

/// What a stat cache knows of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    /// The file's name in the tree.
    pub(crate) name: String,
    pub(crate) state: FileState,
    pub(crate) digest: Digest,
}

/// Writes `rows` one after another: each is the length of its name, the name, the file's state and the
/// digest, numbers in little endian.
///
/// An unchanged build reads the table of an SDK of thousands of files: as JSON that took longer than to
/// ask the file system about each of them.
pub(crate) fn to_bytes(rows: &[Known]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Known {
        name,
        state,
        digest,
    } in rows
    {
        bytes.extend((name.len() as u64).to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.extend(state.size_bytes.to_le_bytes());
        bytes.extend(state.mtime_ns.to_le_bytes());
        bytes.extend(state.ctime_ns.to_le_bytes());
        bytes.extend(state.inode.to_le_bytes());
        bytes.extend(state.device.to_le_bytes());
        bytes.extend(state.mode.to_le_bytes());
        bytes.extend(digest.as_bytes());
    }
    bytes
}

/// Reads what [`to_bytes`] wrote; `None` for anything else.
pub(crate) fn parse(bytes: &[u8]) -> Option<Vec<Known>> {
    let mut rest = bytes;
    let mut rows = Vec::new();
    while !rest.is_empty() {
        let length = u64::from_le_bytes(take(&mut rest)?);
        let (name, after) = rest.split_at_checked(length.try_into().ok()?)?;
        rest = after;
        rows.push(Known {
            name: std::str::from_utf8(name).ok()?.to_owned(),
            state: FileState {
                size_bytes: u64::from_le_bytes(take(&mut rest)?),
                mtime_ns: i128::from_le_bytes(take(&mut rest)?),
                ctime_ns: i128::from_le_bytes(take(&mut rest)?),
                inode: u64::from_le_bytes(take(&mut rest)?),
                device: u64::from_le_bytes(take(&mut rest)?),
                mode: u32::from_le_bytes(take(&mut rest)?),
            },
            digest: Digest::from_bytes(take(&mut rest)?),
        });
    }
    Some(rows)
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::{Known, parse, to_bytes};
    use crate::FileState;
    use mizzen_oci::Digest;

    #[test]
    fn a_table_is_read_as_it_was_written_and_nothing_else_is_read() {
        let metadata = fs_err::metadata(".").unwrap();
        let row = |name: &str| Known {
            name: name.to_owned(),
            state: FileState::of(&metadata),
            digest: Digest::of(name.as_bytes()),
        };
        let rows = vec![row("a"), row(""), row("b/ü")];
        let bytes = to_bytes(&rows);
        assert_eq!(parse(&bytes), Some(rows));
        assert_eq!(parse(&bytes[..bytes.len() - 1]), None);
        assert_eq!(parse(b"{\"a\":{}}"), None);
        assert_eq!(parse(b""), Some(Vec::new()));
    }
}
