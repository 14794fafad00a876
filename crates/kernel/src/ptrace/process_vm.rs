//! process_vm_readv and process_vm_writev (mm/process_vm_access.c).
use crate::syscall::{Call, Outcome, Row, full};
use crate::{Kernel, Result, Tid};
use abi::{Errno, Sysno};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::ProcessVmReadv, process_vm_readv),
    full(Sysno::ProcessVmWritev, process_vm_writev),
];

/// UIO_MAXIOV, and the most bytes of a call (MAX_RW_COUNT).
const MAX_IOV: u64 = 1024;
const MAX_RW_COUNT: u64 = 0x7fff_f000;
/// Copied at a time.
const CHUNK: u64 = 64 << 10;

fn process_vm_readv(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    process_vm_rw(kernel, tid, call, false).into()
}

fn process_vm_writev(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    process_vm_rw(kernel, tid, call, true).into()
}

/// The parts of an iovec array as (address, length); together no longer than one call moves.
fn iovecs(kernel: &mut Kernel, tid: Tid, addr: u64, count: u64) -> Result<Vec<(u64, u64)>> {
    if count > MAX_IOV {
        return Err(Errno::EINVAL);
    }
    let mut left = MAX_RW_COUNT;
    let mut list = Vec::with_capacity(count as usize);
    for n in 0..count {
        let at = addr.wrapping_add(n * 16);
        let mut user = kernel.user(tid);
        let (base, len) = (user.read_u64(at)?, user.read_u64(at.wrapping_add(8))?);
        if len > i64::MAX as u64 {
            return Err(Errno::EINVAL);
        }
        let len = len.min(left);
        left -= len;
        list.push((base, len));
    }
    Ok(list)
}

fn process_vm_rw(kernel: &mut Kernel, tid: Tid, call: &Call, write: bool) -> Result<u64> {
    let [pid, local, local_count, remote, remote_count, flags] = call.args;
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let local = iovecs(kernel, tid, local, local_count)?;
    let remote = iovecs(kernel, tid, remote, remote_count)?;
    let wanted = local.iter().map(|part| part.1).sum::<u64>();
    if wanted == 0 || remote.iter().all(|part| part.1 == 0) {
        return Ok(0);
    }
    let target = u32::try_from(pid as i32).map(Tid).map_err(|_| Errno::ESRCH)?;
    let task = kernel.tasks.get(target).ok_or(Errno::ESRCH)?;
    if task.mm.is_none() {
        return Err(Errno::ESRCH);
    }
    if !kernel.ptrace_may_attach(tid, target) {
        return Err(Errno::EPERM);
    }
    let mut local = local.into_iter().filter(|part| part.1 > 0);
    let mut here = local.next();
    let mut moved = 0;
    for (mut at, mut left) in remote {
        while left > 0 {
            let Some((base, room)) = here else { return Ok(moved) };
            let len = left.min(room).min(CHUNK);
            let done = copy(kernel, tid, target, (base, at, len), write);
            moved += done;
            if done < len {
                return if moved > 0 { Ok(moved) } else { Err(Errno::EFAULT) };
            }
            (at, left) = (at.wrapping_add(len), left - len);
            here = if room > len { Some((base.wrapping_add(len), room - len)) } else { local.next() };
        }
    }
    Ok(moved)
}

/// Moves one piece; what could be moved of it.
fn copy(kernel: &mut Kernel, tid: Tid, target: Tid, (local, remote, len): (u64, u64, u64), write: bool) -> u64 {
    let mut data = vec![0; len as usize];
    if write {
        let have = kernel.read_vm(tid, local, &mut data, false);
        kernel.write_vm(target, remote, &data[..have], false) as u64
    } else {
        let have = kernel.read_vm(target, remote, &mut data, false);
        kernel.write_vm(tid, local, &data[..have], false) as u64
    }
}
