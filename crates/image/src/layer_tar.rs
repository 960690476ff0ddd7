use crate::Layer;
use flate2::read::MultiGzDecoder;
use mizzen_oci::{Descriptor, Family, MediaType, MediaTypeExt};
use std::io::{self, Read};

/// Opens the tar inside a layer, verified against the layer's digest when it is read to its end.
///
/// # Errors
/// The blob cannot be had, or its media type names a compression that is not known here.
pub(crate) fn open(layer: &Layer) -> io::Result<Box<dyn Read + Send>> {
    unpacked(layer.blob.open()?, &layer.descriptor)
}

/// Unpacks the bytes of a layer; reading fails where they turn out to be a bomb.
pub(crate) fn unpacked<'a>(
    blob: impl Read + Send + 'a,
    descriptor: &Descriptor,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let limit = MOST_TIMES
        .saturating_mul(descriptor.size_bytes)
        .saturating_add(ALWAYS_BYTES);
    Ok(match descriptor.media_type.in_family(Family::Oci) {
        MediaType::ImageLayer | MediaType::ImageLayerNonDistributable => Box::new(blob),
        MediaType::ImageLayerGzip | MediaType::ImageLayerNonDistributableGzip => {
            Box::new(Bounded::new(MultiGzDecoder::new(blob), limit))
        }
        MediaType::ImageLayerZstd | MediaType::ImageLayerNonDistributableZstd => {
            let mut decoder = zstd::Decoder::new(blob)?;
            decoder.window_log_max(MAX_WINDOW_LOG)?;
            Box::new(Bounded::new(decoder, limit))
        }
        other => {
            let message = format!("`{other}` is not a layer that can be unpacked");
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
    })
}

/// Zeros are 1,032 times as many out of a gzip file; out of a zstd file they are without bound.
const MOST_TIMES: u64 = 2_000;
/// What a layer may hold however small it is.
const ALWAYS_BYTES: u64 = 64 << 20;
/// 128 MiB, what `zstd --long` needs; a frame may ask for terabytes.
const MAX_WINDOW_LOG: u32 = 27;

struct Bounded<R> {
    inner: R,
    limit: u64,
    left: u64,
}

impl<R> Bounded<R> {
    fn new(inner: R, limit: u64) -> Self {
        let left = limit;
        Self { inner, limit, left }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let message = format!("it unpacks to more than {} bytes", self.limit);
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::{ALWAYS_BYTES, unpacked};
    use mizzen_oci::{Descriptor, MediaType};
    use std::io::{self, Read};

    fn unpack(zeros: u64) -> io::Result<u64> {
        let mut bomb = zstd::Encoder::new(Vec::new(), 1).unwrap();
        io::copy(&mut io::repeat(0).take(zeros), &mut bomb).unwrap();
        let bomb = bomb.finish().unwrap();
        let descriptor = Descriptor::of(MediaType::ImageLayerZstd, &bomb);
        io::copy(&mut unpacked(&bomb[..], &descriptor)?, &mut io::sink())
    }

    #[test]
    fn a_bomb_is_not_unpacked_to_its_end() {
        assert_eq!(unpack(ALWAYS_BYTES).unwrap(), ALWAYS_BYTES);
        let error = unpack(4 * ALWAYS_BYTES).unwrap_err();
        assert!(
            error.to_string().contains("unpacks to more than"),
            "{error}"
        );
    }
}
