//! `minikern image`: packing and listing guest images.
use crate::args::{ImageArgs, ImageCommand};
use crate::image;
use anyhow::{Context, Result};
use std::io::Write;

/// Images of any size can be packed and listed; a machine bounds what it loads.
const LIMIT: u64 = 1 << 32;

pub fn image(args: ImageArgs) -> Result<u8> {
    match args.command {
        ImageCommand::Create { dir, output } => {
            let archive = image::pack_dir(&dir, LIMIT)?;
            let bytes = if output.extension().is_some_and(|ext| ext == "gz") {
                let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                gz.write_all(&archive)?;
                gz.finish()?
            } else {
                archive
            };
            std::fs::write(&output, bytes).with_context(|| format!("{}", output.display()))?;
        }
        ImageCommand::List { file } => {
            let archive = image::load(Some(&file), LIMIT)?;
            let mut out = std::io::stdout().lock();
            for entry in kernel::vfs::cpio::Reader::new(&archive) {
                let entry = entry.map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
                let name = String::from_utf8_lossy(entry.name);
                writeln!(out, "{:06o} {:>5} {:>5} {:>9} {name}", entry.mode, entry.uid, entry.gid, entry.data.len())?;
            }
        }
    }
    Ok(0)
}
