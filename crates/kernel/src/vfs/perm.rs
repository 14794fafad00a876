//! Permission checks (fs/namei.c: generic_permission; path_resolution(7), capabilities(7)).
use super::Attr;
use crate::{Cred, Result};
use abi::{CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, Errno, S_IFDIR, S_IFMT, S_ISVTX};

pub(crate) const MAY_EXEC: u32 = 1;
pub const MAY_WRITE: u32 = 2;
pub(crate) const MAY_READ: u32 = 4;

/// Whether `cred` may do all of `mask` to a file: EACCES if not.
pub fn permission(cred: &Cred, attr: &Attr, mask: u32) -> Result<()> {
    let class = if cred.fsuid == attr.uid {
        attr.mode >> 6
    } else if cred.in_group(attr.gid) {
        attr.mode >> 3
    } else {
        attr.mode
    };
    if class & mask == mask {
        return Ok(());
    }
    let is_dir = attr.mode & S_IFMT == S_IFDIR;
    let searching = mask == MAY_READ || is_dir && mask & MAY_WRITE == 0;
    if searching && cred.capable_over(CAP_DAC_READ_SEARCH, attr.uid, attr.gid) {
        return Ok(());
    }
    // Nobody executes a file that no one may execute.
    let runnable = mask & MAY_EXEC == 0 || is_dir || attr.mode & 0o111 != 0;
    if runnable && cred.capable_over(CAP_DAC_OVERRIDE, attr.uid, attr.gid) {
        return Ok(());
    }
    Err(Errno::EACCES)
}

/// Whether `cred` owns the file, or may act as if it did.
pub(crate) fn owner_or_capable(cred: &Cred, attr: &Attr) -> bool {
    cred.fsuid == attr.uid || cred.capable_over(CAP_FOWNER, attr.uid, attr.gid)
}

/// Whether the sticky bit of `dir` keeps `cred` from removing or renaming `victim`.
pub(super) fn sticky(cred: &Cred, dir: &Attr, victim: &Attr) -> bool {
    dir.mode & S_ISVTX != 0
        && cred.fsuid != victim.uid
        && cred.fsuid != dir.uid
        && !cred.capable_over(CAP_FOWNER, victim.uid, victim.gid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::{S_IFREG, Timespec};

    fn attr(mode: u32) -> Attr {
        let t = Timespec::default();
        Attr { mode, nlink: 1, uid: 10, gid: 20, rdev: 0, size: 0, atime: t, mtime: t, ctime: t }
    }
    fn user(uid: u32, gid: u32, caps: u64) -> Cred {
        Cred { fsuid: uid, fsgid: gid, cap_effective: caps, ..Cred::root() }
    }

    #[test]
    fn one_class_decides() {
        let file = attr(S_IFREG | 0o075);
        assert_eq!(permission(&user(10, 20, 0), &file, MAY_READ), Err(Errno::EACCES));
        assert_eq!(permission(&user(11, 20, 0), &file, MAY_READ | MAY_WRITE | MAY_EXEC), Ok(()));
        assert_eq!(permission(&user(11, 21, 0), &file, MAY_WRITE), Err(Errno::EACCES));
        assert_eq!(permission(&user(11, 21, 0), &file, MAY_READ | MAY_EXEC), Ok(()));
    }

    #[test]
    fn root_reads_all_but_runs_only_what_can_run() {
        let root = Cred::root();
        assert_eq!(permission(&root, &attr(S_IFREG), MAY_READ | MAY_WRITE), Ok(()));
        assert_eq!(permission(&root, &attr(S_IFREG | 0o644), MAY_EXEC), Err(Errno::EACCES));
        assert_eq!(permission(&root, &attr(S_IFREG | 0o001), MAY_EXEC), Ok(()));
        assert_eq!(permission(&root, &attr(S_IFDIR), MAY_EXEC), Ok(()));
    }

    #[test]
    fn read_search_does_not_write() {
        let searcher = user(1, 1, 1 << CAP_DAC_READ_SEARCH);
        assert_eq!(permission(&searcher, &attr(S_IFDIR), MAY_READ | MAY_EXEC), Ok(()));
        assert_eq!(permission(&searcher, &attr(S_IFDIR), MAY_WRITE), Err(Errno::EACCES));
        assert_eq!(permission(&searcher, &attr(S_IFREG), MAY_READ), Ok(()));
    }

    #[test]
    fn sticky_directories_protect_others_files() {
        let mut dir = attr(S_IFDIR | S_ISVTX | 0o777);
        dir.uid = 0;
        assert!(sticky(&user(11, 1, 0), &dir, &attr(S_IFREG)));
        assert!(!sticky(&user(10, 1, 0), &dir, &attr(S_IFREG)));
        assert!(!sticky(&Cred::root(), &dir, &attr(S_IFREG)));
    }
}
