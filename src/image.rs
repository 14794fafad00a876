//! Guest images: initramfs archives, plain or compressed, or a directory; the embedded one.
use anyhow::{Context, Result, bail};
use std::io::Read;
use std::path::Path;

/// The image that `minikern run` boots when it is given none; built by guest/build.sh, checked by CI.
static DEFAULT: &[u8] = include_bytes!("../guest/default.img");

/// An unpacked cpio archive of at most `limit` bytes; the embedded one without a path.
pub fn load(path: Option<&Path>, limit: u64) -> Result<Vec<u8>> {
    let Some(path) = path else { return unpack(DEFAULT, limit).context("the built-in image") };
    let name = path.display();
    let meta = std::fs::metadata(path).with_context(|| format!("{name}"))?;
    if meta.is_dir() {
        return pack_dir(path, limit).with_context(|| format!("{name}"));
    }
    if meta.len() > limit {
        bail!("{name}: {} bytes do not fit in {limit} bytes of guest memory (--memory)", meta.len());
    }
    let bytes = std::fs::read(path).with_context(|| format!("{name}"))?;
    unpack(&bytes, limit).with_context(|| format!("{name}"))
}

/// Undoes the compression its magic tells, if any.
pub fn unpack(bytes: &[u8], limit: u64) -> Result<Vec<u8>> {
    match bytes {
        [0x1f, 0x8b, ..] => bounded(flate2::read::MultiGzDecoder::new(bytes), limit).context("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|e| anyhow::anyhow!("zstd: {e}"))?;
            bounded(decoder, limit).context("zstd")
        }
        _ if bytes.starts_with(b"070701") || bytes.starts_with(b"070702") => Ok(bytes.to_vec()),
        [a, b, c, d, ..] => bail!("not a cpio archive (magic {a:02x}{b:02x}{c:02x}{d:02x})"),
        _ => bail!("not a cpio archive ({} bytes)", bytes.len()),
    }
}

fn bounded(reader: impl Read, limit: u64) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    reader.take(limit + 1).read_to_end(&mut out)?;
    if out.len() as u64 > limit {
        bail!("unpacks to more than {limit} bytes of guest memory (--memory)");
    }
    if !out.starts_with(b"070701") && !out.starts_with(b"070702") {
        bail!("holds no cpio archive");
    }
    Ok(out)
}

/// A directory of the host as an archive: sorted, owned by root.
pub fn pack_dir(dir: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut writer = kernel::vfs::cpio::Writer::new();
    let mut total = 0;
    add_dir(&mut writer, dir, "", limit, &mut total)?;
    Ok(writer.finish())
}

fn add_dir(
    writer: &mut kernel::vfs::cpio::Writer,
    dir: &Path,
    prefix: &str,
    limit: u64,
    total: &mut u64,
) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let mut entries: Vec<_> =
        std::fs::read_dir(dir).with_context(|| format!("{}", dir.display()))?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let context = || format!("{}", path.display());
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let meta = std::fs::symlink_metadata(&path).with_context(context)?;
        let data = if meta.is_symlink() {
            use std::os::unix::ffi::OsStrExt;
            std::fs::read_link(&path).with_context(context)?.as_os_str().as_bytes().to_vec()
        } else if meta.is_file() {
            *total += meta.len();
            if *total > limit {
                bail!("its files do not fit in {limit} bytes of guest memory (--memory)");
            }
            std::fs::read(&path).with_context(context)?
        } else {
            Vec::new()
        };
        writer.add(name.as_bytes(), meta.mode(), 0, &data);
        if meta.is_dir() {
            add_dir(writer, &path, &format!("{name}/"), limit, total)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_archive_is_refused_by_its_magic() {
        let message = |bytes: &[u8]| unpack(bytes, 1 << 20).unwrap_err().to_string();
        assert_eq!(message(b"\x7fELF...."), "not a cpio archive (magic 7f454c46)");
        assert_eq!(message(b""), "not a cpio archive (0 bytes)");
        assert_eq!(message(&[0x1f, 0x8b, 8, 0]), "gzip");
    }

    #[test]
    fn a_bomb_stops_at_guest_memory() {
        use std::io::Write;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(b"070701").unwrap();
        gz.write_all(&vec![0; 4 << 20]).unwrap();
        let error = unpack(&gz.finish().unwrap(), 1 << 20).unwrap_err();
        assert!(format!("{error:#}").contains("more than 1048576 bytes"), "{error:#}");
    }
}
