//! The cpio "newc" format (cpio(5), Documentation/driver-api/early-userspace/buffer-format.rst): a reader that trusts nothing,
//! and a writer.
use abi::{S_IFMT, S_IFREG};
use std::fmt;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub ino: u32,
    /// Type and permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub nlink: u32,
    /// Seconds since 1970.
    pub mtime: u32,
    /// Device of the archived file, major and minor: with `ino`, what hard links share.
    pub dev: (u32, u32),
    /// For device nodes, major and minor.
    pub rdev: (u32, u32),
    pub name: &'a [u8],
    /// A file's contents, or a link's text.
    pub data: &'a [u8],
}

/// Why bytes are not an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CpioError {
    /// Neither magic 070701 nor 070702 where a header must be: the offset and what is there.
    Magic(usize, Vec<u8>),
    /// A header field that is not hexadecimal, at this offset.
    Field(usize),
    /// The archive ends inside the entry of this name (empty: inside its header).
    Truncated(Vec<u8>),
    /// A name of length zero, longer than PATH_MAX, or without its NUL, at this offset.
    Name(usize),
    /// There is no TRAILER!!! entry.
    NoTrailer,
}

impl fmt::Display for CpioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CpioError::Magic(at, found) => {
                let hex: String = found.iter().map(|b| format!("{b:02x}")).collect();
                write!(f, "not a cpio archive (magic {hex} at offset {at})")
            }
            CpioError::Field(at) => write!(f, "bad number in the cpio header at offset {at}"),
            CpioError::Truncated(name) if name.is_empty() => write!(f, "the cpio archive ends inside a header"),
            CpioError::Truncated(name) => {
                write!(f, "the cpio archive ends inside {}", String::from_utf8_lossy(name).escape_debug())
            }
            CpioError::Name(at) => write!(f, "bad name in the cpio header at offset {at}"),
            CpioError::NoTrailer => write!(f, "the cpio archive has no end marker"),
        }
    }
}

impl std::error::Error for CpioError {}

const HEADER: usize = 110;
const TRAILER: &[u8] = b"TRAILER!!!";

/// Whether bytes begin as a newc archive does.
pub fn is_cpio(data: &[u8]) -> bool {
    data.starts_with(b"070701") || data.starts_with(b"070702")
}

/// Reads entries one after the other; archives may follow one another, with zeroes between.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    /// A trailer was the last thing read.
    ended: bool,
    failed: bool,
}

impl<'a> Reader<'a> {
    pub fn new(data: &'a [u8]) -> Reader<'a> {
        Reader { data, at: 0, ended: false, failed: false }
    }

    fn entry(&mut self) -> Result<Option<Entry<'a>>, CpioError> {
        loop {
            if self.ended {
                self.at += self.data[self.at.min(self.data.len())..].iter().take_while(|&&b| b == 0).count();
            }
            if self.at >= self.data.len() {
                return if self.ended { Ok(None) } else { Err(CpioError::NoTrailer) };
            }
            let entry = self.header()?;
            self.ended = entry.name == TRAILER;
            if !self.ended {
                return Ok(Some(entry));
            }
        }
    }

    fn header(&mut self) -> Result<Entry<'a>, CpioError> {
        let start = self.at;
        let rest = &self.data[start..];
        if !is_cpio(rest) {
            return Err(CpioError::Magic(start, rest[..rest.len().min(6)].to_vec()));
        }
        let header = rest.get(..HEADER).ok_or(CpioError::Truncated(Vec::new()))?;
        let mut fields = [0; 13];
        for (field, digits) in fields.iter_mut().zip(header[6..].chunks(8)) {
            for &digit in digits {
                let digit = (digit as char).to_digit(16).ok_or(CpioError::Field(start))?;
                *field = *field << 4 | digit;
            }
        }
        let [ino, mode, uid, gid, nlink, mtime, size, dev_major, dev_minor, rdev_major, rdev_minor, name_len, _] =
            fields;
        let name_len = name_len as usize;
        if !(1..=abi::PATH_MAX).contains(&name_len) {
            return Err(CpioError::Name(start));
        }
        let name = rest.get(HEADER..HEADER + name_len).ok_or(CpioError::Truncated(Vec::new()))?;
        let (&0, name) = name.split_last().ok_or(CpioError::Name(start))? else { return Err(CpioError::Name(start)) };
        // Bytes after a NUL inside are not part of the name.
        let name = name.split(|&b| b == 0).next().unwrap_or(name);
        let data_at = (start + HEADER + name_len).next_multiple_of(4);
        let data = data_at.checked_add(size as usize).and_then(|end| self.data.get(data_at..end));
        let data = data.ok_or_else(|| CpioError::Truncated(name.to_vec()))?;
        self.at = (data_at + data.len()).next_multiple_of(4);
        let (dev, rdev) = ((dev_major, dev_minor), (rdev_major, rdev_minor));
        Ok(Entry { ino, mode, uid, gid, nlink, mtime, dev, rdev, name, data })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Entry<'a>, CpioError>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let entry = self.entry().transpose();
        self.failed = matches!(entry, Some(Err(_)));
        entry
    }
}

/// Writes an archive.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub fn new() -> Writer {
        Writer::default()
    }
    /// Adds an entry as it is.
    pub fn entry(&mut self, entry: &Entry<'_>) {
        let fields = [
            entry.ino,
            entry.mode,
            entry.uid,
            entry.gid,
            entry.nlink,
            entry.mtime,
            entry.data.len() as u32,
            entry.dev.0,
            entry.dev.1,
            entry.rdev.0,
            entry.rdev.1,
            entry.name.len() as u32 + 1,
            0,
        ];
        self.out.extend_from_slice(b"070701");
        for field in fields {
            self.out.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.out.extend_from_slice(entry.name);
        self.out.push(0);
        self.pad(4);
        self.out.extend_from_slice(entry.data);
        self.pad(4);
    }
    /// Adds a file, directory or link of root's, numbered by its place, dated `mtime`.
    pub fn add(&mut self, name: &[u8], mode: u32, mtime: u32, data: &[u8]) {
        let ino = self.out.len() as u32;
        let mode = if mode & S_IFMT == 0 { mode | S_IFREG } else { mode };
        let (dev, rdev) = ((0, 0), (0, 0));
        self.entry(&Entry { ino, mode, uid: 0, gid: 0, nlink: 1, mtime, dev, rdev, name, data });
    }
    /// The archive, closed and padded to 512 bytes.
    pub fn finish(mut self) -> Vec<u8> {
        let (dev, rdev) = ((0, 0), (0, 0));
        let (name, data) = (TRAILER, &[][..]);
        self.entry(&Entry { ino: 0, mode: 0, uid: 0, gid: 0, nlink: 1, mtime: 0, dev, rdev, name, data });
        self.pad(512);
        self.out
    }
    fn pad(&mut self, to: usize) {
        self.out.resize(self.out.len().next_multiple_of(to), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let mut writer = Writer::new();
        writer.add(b"bin", 0o40755, 7, b"");
        writer.add(b"bin/sh", 0o755, 7, b"hello");
        writer.finish()
    }

    #[test]
    fn what_was_written_is_read() {
        let data = sample();
        let entries: Vec<_> = Reader::new(&data).collect::<Result<_, _>>().unwrap();
        let short: Vec<_> = entries.iter().map(|e| (e.name, e.mode, e.mtime, e.data)).collect();
        assert_eq!(short, [(&b"bin"[..], 0o40755, 7, &b""[..]), (b"bin/sh", 0o100755, 7, b"hello")]);
        let twice = [data.clone(), vec![0; 512], data].concat();
        assert_eq!(Reader::new(&twice).filter(Result::is_ok).count(), 4);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let data = sample();
        let trailer = data.windows(10).position(|w| w == TRAILER).unwrap();
        for len in 0..trailer {
            assert!(Reader::new(&data[..len]).any(|entry| entry.is_err()), "{len}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = |data: &[u8]| Reader::new(data).find_map(Result::err).unwrap().to_string();
        assert_eq!(error(b"\x7fELF...."), "not a cpio archive (magic 7f454c462e2e at offset 0)");
        let mut data = sample();
        data.truncate(240);
        assert_eq!(error(&data), "the cpio archive ends inside bin/sh");
        let mut data = sample();
        data[20] = b'x';
        assert_eq!(error(&data), "bad number in the cpio header at offset 0");
        let mut data = sample();
        data[6 + 6 * 8..][..8].copy_from_slice(b"ffffffff");
        assert_eq!(error(&data), "the cpio archive ends inside bin");
        let mut data = sample();
        data[6 + 11 * 8..][..8].copy_from_slice(b"ffffffff");
        assert_eq!(error(&data), "bad name in the cpio header at offset 0");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(junk in proptest::collection::vec(any::<u8>(), 0..64), at in 0usize..300) {
            let mut data = sample();
            let at = at.min(data.len());
            let end = (at + junk.len()).min(data.len());
            data[at..end].copy_from_slice(&junk[..end - at]);
            let _ = Reader::new(&data).count();
        }
    }
}
