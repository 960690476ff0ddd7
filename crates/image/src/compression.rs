use libdeflater::{CompressionLvl, Compressor};
use mizzen_oci::MediaType;

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

/// Smaller output than zlib's level 6, at three times its speed.
const GZIP_LEVEL: i32 = 5;

impl Compression {
    /// Zstandard at the level that its makers chose.
    pub const ZSTD: Self = Self::Zstd(3);

    /// Returns where members end.
    pub(crate) const fn framing(self) -> Framing {
        match self {
            Self::Gzip => Framing {
                member_bytes: 1 << 20,
                own_from_size: 64 << 10,
                shared_bytes: 256 << 10,
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

/// Compresses members of a layer, each by itself; what it gives depends on nothing but the member.
pub(crate) enum MemberCompressor {
    /// No name, no time, operating system "unknown"; and room for the result, which is the same for
    /// each member, for memory that is fresh costs time.
    Gzip(Compressor, Vec<u8>),
    /// With content size and checksum.
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl MemberCompressor {
    pub(crate) fn new(compression: Compression) -> Self {
        match compression {
            Compression::Gzip => {
                let level = CompressionLvl::new(GZIP_LEVEL).expect("a level that libdeflate has");
                Self::Gzip(Compressor::new(level), Vec::new())
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
            Self::Gzip(compressor, room) => {
                let bound = compressor.gzip_compress_bound(member.len());
                if room.len() < bound {
                    room.resize(bound, 0);
                }
                let size = compressor
                    .gzip_compress(member, room)
                    .expect("the buffer has the size that libdeflate asks for");
                room[..size].to_vec()
            }
            Self::Zstd(compressor) => compressor
                .compress(member)
                .expect("the buffer has the size that zstd asks for"),
        }
    }
}
