//! Mount options of tmpfs (Documentation/filesystems/tmpfs.rst).
use crate::Result;
use abi::Errno;
use serde::{Deserialize, Serialize};

/// What can be chosen at mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Options {
    /// Pages; `None` for half of memory.
    pub(super) pages: Option<u64>,
    pub(super) inodes: Option<u64>,
    pub(super) mode: Option<u32>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// As given, for /proc/mounts.
    pub(super) text: String,
}

/// A number with k, m or g behind it.
fn size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.to_ascii_lowercase().strip_suffix(['k', 'm', 'g']) {
        Some(digits) => (digits.to_string(), [("k", 10), ("m", 20), ("g", 30)]),
        None => return text.parse().ok(),
    };
    let unit = text[text.len() - 1..].to_ascii_lowercase();
    let shift = shift.iter().find(|(name, _)| *name == unit)?.1;
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

impl Options {
    /// `total`: pages of memory, for sizes in percent.
    pub(super) fn parse(data: &[u8], total: u64) -> Result<Options> {
        let mut options = Options::default();
        let data = std::str::from_utf8(data).map_err(|_| Errno::EINVAL)?;
        for word in data.split(',').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let number = |radix| u32::from_str_radix(value, radix).map_err(|_| Errno::EINVAL);
            match name {
                "size" => {
                    let pages = match value.strip_suffix('%') {
                        Some(percent) => {
                            percent.parse::<u64>().ok().and_then(|p| total.checked_mul(p)).map(|p| p / 100)
                        }
                        None => size(value).map(|bytes| bytes.div_ceil(mmu::PAGE_SIZE)),
                    };
                    options.pages = Some(pages.ok_or(Errno::EINVAL)?);
                    options.text += &format!(",size={value}");
                }
                "nr_blocks" => options.pages = Some(size(value).ok_or(Errno::EINVAL)?),
                "nr_inodes" => {
                    options.inodes = Some(size(value).ok_or(Errno::EINVAL)?);
                    options.text += &format!(",nr_inodes={value}");
                }
                "mode" => {
                    options.mode = Some(number(8)? & 0o7777);
                    options.text += &format!(",mode={value}");
                }
                "uid" => options.uid = Some(number(10)?),
                "gid" => options.gid = Some(number(10)?),
                "huge" | "mpol" | "inode64" | "inode32" | "noswap" => {}
                _ => return Err(Errno::EINVAL),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_modes() {
        let options = Options::parse(b"size=10M,mode=1777,nr_inodes=2k", 1000).unwrap();
        assert_eq!((options.pages, options.mode, options.inodes), (Some(2560), Some(0o1777), Some(2048)));
        assert_eq!(Options::parse(b"size=50%", 1000).unwrap().pages, Some(500));
        assert_eq!(Options::parse(b"size=x", 1000), Err(Errno::EINVAL));
        assert_eq!(Options::parse(b"freezer", 1000), Err(Errno::EINVAL));
    }
}
