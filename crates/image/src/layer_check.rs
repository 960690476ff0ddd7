use crate::Layer;
use crate::defect::Defect;
use crate::entry::lossy;
use crate::layer_entries::{Bounds, each_entry};
use crate::layer_tar::unpacked;
use mizzen_oci::{DiffId, Family, HashingReader, MediaType, MediaTypeExt};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use tar::EntryType;

type Path = Vec<u8>;

/// More of one layer tell nobody more.
const MOST_DEFECTS: usize = 1_000;

/// Reads a layer to its end and compares it with what is said about it.
pub(crate) fn check_layer(layer: &Layer, family: Family, defects: &mut Vec<Defect>) {
    let descriptor = &layer.descriptor;
    let name = format!("layer {}", descriptor.digest);
    if let Some(why) = wrong_media_type(&descriptor.media_type, family) {
        defects.push(Defect::MediaType {
            what: name.clone(),
            got: descriptor.media_type.clone(),
            why,
        });
    }
    let blob = match layer.blob.open() {
        Ok(blob) => blob,
        Err(error) => {
            return defects.push(Defect::Unreadable {
                what: name,
                why: error.to_string(),
            });
        }
    };
    let mut blob = HashingReader::new(blob);
    let before = defects.len();
    let diff_id = match unpacked(&mut blob, descriptor) {
        Ok(tar) => check_tar(tar, &name, defects),
        // Its media type was named above.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => None,
        Err(error) => {
            defects.push(Defect::Archive {
                layer: name.clone(),
                why: error.to_string(),
            });
            None
        }
    };
    // What the blob itself says when it is read to the end is the better message.
    match io::copy(&mut blob, &mut io::sink()) {
        Ok(_) => {
            let (got, got_bytes) = blob.finish();
            if got != descriptor.digest {
                defects.truncate(before);
                defects.push(Defect::Digest {
                    what: name.clone(),
                    got,
                    want: descriptor.digest,
                });
            }
            if got_bytes != descriptor.size_bytes {
                defects.push(Defect::Size {
                    what: name.clone(),
                    got_bytes,
                    want_bytes: descriptor.size_bytes,
                });
            }
        }
        Err(error) => {
            defects.truncate(before);
            defects.push(Defect::Unreadable {
                what: name.clone(),
                why: error.to_string(),
            });
        }
    }
    if let Some(DiffId(got)) = diff_id.filter(|got| *got != layer.diff_id) {
        defects.push(Defect::DiffId {
            layer: name,
            got,
            want: layer.diff_id.0,
        });
    }
}

/// Reads a blob of any kind to its end and compares it with its descriptor.
pub(crate) fn check_blob(layer: &Layer, defects: &mut Vec<Defect>) {
    let what = format!("blob {}", layer.descriptor.digest);
    let read = layer.blob.open().and_then(|blob| {
        let mut blob = HashingReader::new(blob);
        io::copy(&mut blob, &mut io::sink())?;
        Ok(blob.finish())
    });
    match read {
        Ok((got, got_bytes)) => {
            let descriptor = &layer.descriptor;
            if (got, got_bytes) != (descriptor.digest, descriptor.size_bytes) {
                let want = descriptor.digest;
                defects.push(Defect::Digest { what, got, want });
            }
        }
        Err(error) => defects.push(Defect::Unreadable {
            what,
            why: error.to_string(),
        }),
    }
}

fn wrong_media_type(media_type: &MediaType, family: Family) -> Option<&'static str> {
    let oci = media_type.in_family(Family::Oci);
    let layers = [
        MediaType::ImageLayer,
        MediaType::ImageLayerGzip,
        MediaType::ImageLayerZstd,
        MediaType::ImageLayerNonDistributable,
        MediaType::ImageLayerNonDistributableGzip,
        MediaType::ImageLayerNonDistributableZstd,
    ];
    if !layers.contains(&oci) {
        return Some("which is not that of a layer");
    }
    (*media_type != media_type.in_family(family)).then_some("which is not of the manifest's family")
}

/// Returns the diff id, unless the archive cannot be read to its end.
fn check_tar(reader: impl Read, layer: &str, defects: &mut Vec<Defect>) -> Option<DiffId> {
    let mut tar = HashingReader::new(BufReader::with_capacity(1 << 16, reader));
    let read =
        check_entries(&mut tar, layer, defects).and_then(|()| io::copy(&mut tar, &mut io::sink()));
    match read {
        Ok(_) => Some(DiffId(tar.finish().0)),
        Err(error) => {
            defects.push(Defect::Archive {
                layer: layer.to_owned(),
                why: error.to_string(),
            });
            None
        }
    }
}

fn check_entries(tar: impl Read, layer: &str, defects: &mut Vec<Defect>) -> io::Result<()> {
    let mut seen: BTreeMap<Path, bool> = BTreeMap::new();
    let most = defects.len() + MOST_DEFECTS;
    each_entry(tar, &mut Bounds::default(), |entry| {
        if defects.len() > most {
            return Err(io::Error::other("there are too many defects to list"));
        }
        let mut defect = |path: &[u8], why| {
            defects.push(Defect::Entry {
                layer: layer.to_owned(),
                path: lossy(path),
                why,
            });
        };
        let raw = entry.path_bytes();
        let Some(path) = normal(&raw) else {
            defect(&raw, "leads out of the root");
            return Ok(());
        };
        let kind = entry.header().entry_type();
        let is_directory = kind == EntryType::Directory;
        // Some builders write the root, and a directory before each of its files.
        if let Some(was_directory) = seen.insert(path.clone(), is_directory)
            && !(was_directory && is_directory)
        {
            defect(&raw, "appears twice");
        }
        if let Some(parent) = file_above(&seen, &path) {
            defect(&raw, "is below a file of the same layer");
            seen.remove(&parent);
        }
        if kind.is_hard_link() {
            let target = entry.link_name_bytes().and_then(|target| normal(&target));
            if target.is_none_or(|target| target.is_empty()) {
                defect(&raw, "is a hard link out of the root");
            }
        }
        let known = kind.is_file()
            || is_directory
            || kind.is_symlink()
            || kind.is_hard_link()
            || kind.is_character_special()
            || kind.is_block_special()
            || kind.is_fifo()
            || kind.is_contiguous()
            || kind.is_gnu_sparse()
            || kind.is_pax_global_extensions();
        if !known {
            defect(&raw, "has a type that is not allowed in a layer");
        }
        Ok(())
    })
}

/// The path without `./`, slashes in front and at the end; `None` if it leads out of the root.
pub(crate) fn normal(path: &[u8]) -> Option<Path> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return None,
            part => parts.push(part),
        }
    }
    Some(parts.join(&b'/'))
}

fn file_above(seen: &BTreeMap<Path, bool>, path: &[u8]) -> Option<Path> {
    let slashes = (0..path.len()).filter(|&place| path[place] == b'/');
    slashes
        .map(|place| &path[..place])
        .find(|parent| seen.get(*parent) == Some(&false))
        .map(<[u8]>::to_vec)
}
