//! Extended attributes: no filesystem here keeps any.
use super::Call;
use super::fs_dir::path_arg;
use super::table::{Row, full};
use crate::vfs::Walk;
use crate::{Kernel, Result, Tid};
use abi::{AT_FDCWD, Errno, Sysno};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Setxattr, |k, t, c| by_path(k, t, c, Walk::FOLLOW, REFUSED).into()),
    full(Sysno::Lsetxattr, |k, t, c| by_path(k, t, c, Walk::empty(), REFUSED).into()),
    full(Sysno::Fsetxattr, |k, t, c| by_fd(k, t, c, REFUSED).into()),
    full(Sysno::Getxattr, |k, t, c| by_path(k, t, c, Walk::FOLLOW, REFUSED).into()),
    full(Sysno::Lgetxattr, |k, t, c| by_path(k, t, c, Walk::empty(), REFUSED).into()),
    full(Sysno::Fgetxattr, |k, t, c| by_fd(k, t, c, REFUSED).into()),
    full(Sysno::Listxattr, |k, t, c| by_path(k, t, c, Walk::FOLLOW, NONE).into()),
    full(Sysno::Llistxattr, |k, t, c| by_path(k, t, c, Walk::empty(), NONE).into()),
    full(Sysno::Flistxattr, |k, t, c| by_fd(k, t, c, NONE).into()),
    full(Sysno::Removexattr, |k, t, c| by_path(k, t, c, Walk::FOLLOW, REFUSED).into()),
    full(Sysno::Lremovexattr, |k, t, c| by_path(k, t, c, Walk::empty(), REFUSED).into()),
    full(Sysno::Fremovexattr, |k, t, c| by_fd(k, t, c, REFUSED).into()),
];

const REFUSED: Result<u64> = Err(Errno::EOPNOTSUPP);
/// An empty list.
const NONE: Result<u64> = Ok(0);

fn by_path(kernel: &mut Kernel, tid: Tid, call: &Call, how: Walk, answer: Result<u64>) -> Result<u64> {
    let (who, start, path) = path_arg(kernel, tid, AT_FDCWD, call.args[0])?;
    kernel.path_at(&who, start, &path, how)?;
    answer
}

fn by_fd(kernel: &mut Kernel, tid: Tid, call: &Call, answer: Result<u64>) -> Result<u64> {
    kernel.fd_file(tid, call.args[0] as i32)?;
    answer
}
