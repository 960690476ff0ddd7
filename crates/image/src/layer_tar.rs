use crate::Layer;
use flate2::read::MultiGzDecoder;
use mizzen_oci::{Family, MediaType, MediaTypeExt};
use std::io::{self, Read};

/// Opens the tar inside a layer, verified against the layer's digest when it is read to its end.
///
/// # Errors
/// The blob cannot be had, or its media type names a compression that is not known here.
pub(crate) fn open(layer: &Layer) -> io::Result<Box<dyn Read + Send>> {
    let blob = layer.blob.open()?;
    Ok(match layer.descriptor.media_type.in_family(Family::Oci) {
        MediaType::ImageLayer | MediaType::ImageLayerNonDistributable => blob,
        MediaType::ImageLayerGzip | MediaType::ImageLayerNonDistributableGzip => {
            Box::new(MultiGzDecoder::new(blob))
        }
        MediaType::ImageLayerZstd | MediaType::ImageLayerNonDistributableZstd => {
            Box::new(zstd::Decoder::new(blob)?)
        }
        other => {
            let message = format!("`{other}` is no layer that can be unpacked");
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
    })
}
