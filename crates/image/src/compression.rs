use crate::member_effort::MemberEffort;
use libdeflater::{CompressionLvl, Compressor};
use mizzen_oci::MediaType;
use std::fmt;

/// How the layers that mizzen makes are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Compression {
    /// What every registry and runtime reads.
    #[default]
    Gzip,
    /// Smaller and faster, for containerd 1.5, Docker 23, Podman and what came after; 1 to 19.
    Zstd(i32),
}

/// Where members of a layer end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    /// The most that one member holds, uncompressed.
    pub(crate) member_bytes: usize,
    /// A file from this size on has members of its own, which stay the same whatever lies beside it.
    pub(crate) own_from_size: u64,
    /// Smaller files share a member until it holds this much.
    pub(crate) shared_bytes: usize,
}

/// Smaller output than zlib's level 6, at three times its speed; and what the members get that are
/// worth less.
const GZIP_LEVEL: i32 = 5;
const LESS_GZIP_LEVEL: i32 = 4;
const STORED: i32 = 0;
/// What tells whether even bytes repeat themselves: deflate's window.
const PROBE_BYTES: usize = 32 << 10;

impl Compression {
    /// Zstandard at the level that its makers chose.
    pub const ZSTD: Self = Self::Zstd(3);

    /// Returns where members end.
    pub(crate) const fn framing(self) -> Framing {
        match self {
            Self::Gzip => Framing {
                member_bytes: 1 << 20,
                own_from_size: 256 << 10,
                shared_bytes: 1 << 20,
            },
            // Its window is larger than deflate's 32 KiB: short frames cost 2 % of the size.
            Self::Zstd(_) => Framing {
                member_bytes: 2 << 20,
                own_from_size: 512 << 10,
                shared_bytes: 2 << 20,
            },
        }
    }

    /// Returns the media type of such a layer.
    pub fn media_type(self) -> MediaType {
        match self {
            Self::Gzip => MediaType::ImageLayerGzip,
            Self::Zstd(_) => MediaType::ImageLayerZstd,
        }
    }
}

/// As `--compression` takes it; keys have it, too.
impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gzip => f.write_str("gzip"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

/// Compresses members of a layer, each by itself; what it gives depends on nothing but the member.
pub(crate) enum MemberCompressor {
    /// No name, no time, operating system "unknown".
    Gzip(Box<Gzip>),
    /// With content size and checksum.
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl MemberCompressor {
    pub(crate) fn new(compression: Compression) -> Self {
        match compression {
            Compression::Gzip => {
                let level =
                    |level| CompressionLvl::new(level).expect("a level that libdeflate has");
                Self::Gzip(Box::new(Gzip {
                    usual: Compressor::new(level(GZIP_LEVEL)),
                    less: Compressor::new(level(LESS_GZIP_LEVEL)),
                    stored: Compressor::new(level(STORED)),
                    room: Vec::new(),
                }))
            }
            Compression::Zstd(level) => {
                let compressor = zstd::bulk::Compressor::new(level).and_then(|mut compressor| {
                    compressor.include_checksum(true)?;
                    Ok(compressor)
                });
                Self::Zstd(Box::new(
                    compressor.expect("zstd takes any level and a checksum"),
                ))
            }
        }
    }

    pub(crate) fn compress(&mut self, member: &[u8]) -> Vec<u8> {
        match self {
            Self::Gzip(gzip) => gzip.compress(member).to_vec(),
            Self::Zstd(compressor) => compressor
                .compress(member)
                .expect("the buffer has the size that zstd asks for"),
        }
    }
}

/// The levels that members may get, and room for what comes out: memory that is fresh costs time.
pub(crate) struct Gzip {
    usual: Compressor,
    less: Compressor,
    stored: Compressor,
    room: Vec<u8>,
}

impl Gzip {
    fn compress(&mut self, member: &[u8]) -> &[u8] {
        let compressor = match MemberEffort::of(member) {
            MemberEffort::Usual => &mut self.usual,
            MemberEffort::Less => &mut self.less,
            MemberEffort::Probe => {
                let probe = &member[..member.len().min(PROBE_BYTES)];
                let probed_bytes = compressed(&mut self.less, probe, &mut self.room).len();
                // A sixteenth is more than the framing of compressed files lets anybody gain.
                if probed_bytes > probe.len() / 16 * 15 {
                    &mut self.stored
                } else {
                    &mut self.usual
                }
            }
        };
        compressed(compressor, member, &mut self.room)
    }
}

fn compressed<'a>(compressor: &mut Compressor, bytes: &[u8], room: &'a mut Vec<u8>) -> &'a [u8] {
    let bound = compressor.gzip_compress_bound(bytes.len());
    if room.len() < bound {
        room.resize(bound, 0);
    }
    let size = compressor
        .gzip_compress(bytes, room)
        .expect("the buffer has the size that libdeflate asks for");
    &room[..size]
}
