//! A saved machine: the file that hibernation writes and `run --resume` reads.
//!
//! Fixed head, then a header (which architectures, how long the body is), then the body: the kernel's bytes, deflated.
//! Everything behind the magic number is in the checksum, so a file that is damaged anywhere is refused before any of it is
//! believed. The checksum finds damage, not malice: a machine from a file can do what its maker wrote into it.
use crate::{ARCHES, JitOptions, Machine, hostfs};
use anyhow::{Context, Result, bail, ensure};
use crc32fast::Hasher;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use kernel::Kernel;
use kernel::saved::Known;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

const MAGIC: &[u8; 8] = b"minikern";
/// Grows when the file, or the meaning of a field, changes; that a field came or went is noticed without it.
const VERSION: u32 = 3;
/// Magic number, version, lengths of header and body, checksum.
const HEAD: usize = 8 + 4 + 4 + 8 + 4;
const CHECKSUM_AT: usize = HEAD - 4;

/// What can be known of a saved machine without reading it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    /// As `uname -m` has them; whoever resumes it must know them all.
    architectures: Vec<String>,
    /// Bytes of the body when it is inflated.
    inflated: u64,
}

/// What this build knows.
const KNOWN: Known =
    Known { arches: ARCHES, filesystems: &[cgroupfs::RESTORERS, hostfs::RESTORERS], cgroups: cgroupfs::restore };

fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&bytes[MAGIC.len()..CHECKSUM_AT]);
    hasher.update(&bytes[HEAD..]);
    hasher.finalize()
}

/// Compares what is written with bytes that are there.
struct Same<'a> {
    rest: &'a [u8],
    same: bool,
}

impl Write for Same<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self.rest.split_at_checked(buf.len()) {
            Some((here, rest)) => (self.same, self.rest) = (self.same && here == buf, rest),
            None => self.same = false,
        }
        Ok(buf.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts what goes through.
struct Counted<W>(W, u64);

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let len = self.0.write(buf)?;
        self.1 += len as u64;
        Ok(len)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Machine {
    /// The machine as a file's bytes. Two machines in the same state give the same.
    pub fn save(&self) -> Result<Vec<u8>> {
        let mut body = Counted(DeflateEncoder::new(Vec::new(), Compression::fast()), 0);
        self.kernel.save(&mut body)?;
        let Counted(body, inflated) = body;
        let body = body.finish()?;
        let architectures = self.kernel.arches.iter().map(|arch| arch.name.to_string()).collect();
        let header = rmp_serde::to_vec_named(&Header { architectures, inflated })?;
        let mut file = Vec::with_capacity(HEAD + header.len() + body.len());
        file.extend(MAGIC);
        file.extend(VERSION.to_le_bytes());
        file.extend(u32::try_from(header.len())?.to_le_bytes());
        file.extend((body.len() as u64).to_le_bytes());
        file.extend([0; 4]);
        file.extend(header);
        file.extend(body);
        let checksum = checksum(&file);
        file[CHECKSUM_AT..HEAD].copy_from_slice(&checksum.to_le_bytes());
        Ok(file)
    }

    /// The machine that [`Machine::save`] made these bytes of. Anything else is refused, with what was wrong.
    pub fn load(file: &[u8]) -> Result<Machine> {
        ensure!(file.starts_with(MAGIC), "not a saved machine: it begins with {:?}", head_of(file));
        ensure!(file.len() >= HEAD, "cut short: {} bytes, {HEAD} make the head alone", file.len());
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| file[at + i]));
        let version = word(8);
        ensure!(version == VERSION, "format version {version}: this minikern has {VERSION}");
        let (header_len, body_len) = (u64::from(word(12)), u64::from(word(16)) | u64::from(word(20)) << 32);
        let says = (HEAD as u64).saturating_add(header_len).saturating_add(body_len);
        ensure!(file.len() as u64 == says, "{} bytes long: its head says {says}", file.len());
        let (stored, found) = (word(CHECKSUM_AT), checksum(file));
        ensure!(stored == found, "checksum {found:08x}: its head says {stored:08x}");

        let (header, body) = file[HEAD..].split_at(header_len as usize);
        let header: Header = rmp_serde::from_slice(header).context("the header")?;
        for name in &header.architectures {
            ensure!(ARCHES.iter().any(|arch| arch.name == name), "architecture {name}: this minikern does not have it");
        }
        let mut bytes = Vec::new();
        DeflateDecoder::new(body)
            .take(header.inflated.saturating_add(1))
            .read_to_end(&mut bytes)
            .context("the body")?;
        ensure!(
            bytes.len() as u64 == header.inflated,
            "{} bytes of state: its header says {}",
            bytes.len(),
            header.inflated
        );
        let kernel = Kernel::load(&bytes, &KNOWN)?;
        // What is not understood must not be lost silently.
        let mut same = Same { rest: &bytes, same: true };
        kernel.save(&mut same)?;
        ensure!(same.same && same.rest.is_empty(), "it has state that this minikern does not have");
        Ok(Machine { kernel, engine: JitOptions::default().engine()? })
    }

    /// Writes the machine to a file, whole or not at all.
    pub fn save_to(&self, path: &Path) -> Result<()> {
        let named = || path.display().to_string();
        if let Ok(there) = fs::metadata(path) {
            ensure!(there.is_file(), "{}: not a regular file", named());
        }
        let bytes = self.save().with_context(named)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        let write = || -> io::Result<()> {
            let mut file = File::options().write(true).create_new(true).open(&beside)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&beside, path)
        };
        let written = write();
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written.with_context(named)
    }

    /// The machine in a file.
    pub fn load_from(path: &Path) -> Result<Machine> {
        let read = || -> Result<Machine> {
            if !fs::metadata(path)?.is_file() {
                bail!("not a regular file");
            }
            Machine::load(&fs::read(path)?)
        };
        read().with_context(|| path.display().to_string())
    }
}

/// The first bytes, for a message.
fn head_of(file: &[u8]) -> String {
    String::from_utf8_lossy(&file[..file.len().min(MAGIC.len())]).into_owned()
}
