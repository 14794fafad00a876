//! Control data of messages: files and credentials that travel along (cmsg(3), net/core/scm.c).
use super::message::MSG_CTRUNC;
use crate::net::{Parcel, Ucred};
use crate::vfs::FileId;
use crate::{Kernel, Result, Tid};
use abi::{CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_RESOURCE, Errno};

const SOL_SOCKET: u32 = 1;
const SCM_RIGHTS: u32 = 1;
const SCM_CREDENTIALS: u32 = 2;
/// Files in one message (SCM_MAX_FD).
const MAX_RIGHTS: usize = 253;
/// sizeof(struct cmsghdr) of 64-bit machines.
const CMSGHDR: usize = 16;

/// Files and credentials in the control data (`__scm_send`); the files are not held yet.
pub(super) fn read(kernel: &mut Kernel, tid: Tid, control: u64, len: u64, unix: bool) -> Result<Parcel> {
    let mut parcel = Parcel::default();
    if control == 0 || len < CMSGHDR as u64 {
        return Ok(parcel);
    }
    if len > 64 << 10 {
        return Err(Errno::ENOBUFS);
    }
    let mut raw = vec![0; len as usize];
    kernel.user(tid).read(control, &mut raw)?;
    let mut rest = &raw[..];
    while let Some((head, _)) = rest.split_at_checked(CMSGHDR) {
        let len = u64::from_le_bytes(std::array::from_fn(|i| head[i]));
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| head[at + i]));
        if len < CMSGHDR as u64 || len > rest.len() as u64 {
            return Err(Errno::EINVAL);
        }
        let (level, kind, body) = (word(8), word(12), &rest[CMSGHDR..len as usize]);
        match (level, kind) {
            (SOL_SOCKET, SCM_RIGHTS) if unix => {
                for fd in body.as_chunks::<4>().0 {
                    parcel.rights.push(kernel.fd(tid, i32::from_le_bytes(*fd))?.file);
                }
            }
            (SOL_SOCKET, SCM_CREDENTIALS) if unix => {
                let raw: &[u8; 12] = body.try_into().map_err(|_| Errno::EINVAL)?;
                let cred = std::array::from_fn(|i| u32::from_le_bytes(std::array::from_fn(|byte| raw[i * 4 + byte])));
                parcel.cred = Some(check_cred(kernel, tid, cred)?);
            }
            (SOL_SOCKET, _) if unix => return Err(Errno::EINVAL),
            _ => {}
        }
        rest = &rest[(len as usize).next_multiple_of(8).min(rest.len())..];
    }
    if parcel.rights.len() > MAX_RIGHTS {
        return Err(Errno::EINVAL);
    }
    let task = &kernel.tasks[tid];
    let unlimited = task.cred.capable(CAP_SYS_RESOURCE) || task.cred.capable(CAP_SYS_ADMIN);
    if !parcel.rights.is_empty() && !unlimited && kernel.net.in_flight() > kernel.nofile_limit(tid) {
        return Err(Errno::ETOOMANYREFS);
    }
    Ok(parcel)
}

/// `scm_check_creds`: whom a task may say it is; with the pid as the machine counts.
fn check_cred(kernel: &Kernel, tid: Tid, [pid, uid, gid]: Ucred) -> Result<Ucred> {
    let task = &kernel.tasks[tid];
    let cred = &task.cred;
    let own = (pid == kernel.pid_vnr(tid, task.tgid) || cred.capable(CAP_SYS_ADMIN))
        && ([cred.uid, cred.euid, cred.suid].contains(&uid) || cred.capable(CAP_SETUID))
        && ([cred.gid, cred.egid, cred.sgid].contains(&gid) || cred.capable(CAP_SETGID));
    if !own {
        return Err(Errno::EPERM);
    }
    let named = kernel.find_vpid(tid, pid).filter(|&pid| kernel.tasks.get(pid).is_some());
    Ok([named.ok_or(Errno::ESRCH)?.0, uid, gid])
}

/// Credentials, then descriptors for files, as far as the control buffer has room (`scm_recv`, `put_cmsg`); its new length.
pub(super) fn write(
    kernel: &mut Kernel,
    tid: Tid,
    (control, room): (u64, u64),
    cred: Option<Ucred>,
    rights: Vec<FileId>,
    cloexec: bool,
    flags: &mut u32,
) -> Result<u64> {
    let mut used = 0;
    if let Some([pid, uid, gid]) = cred {
        let cred = [if pid == 0 { 0 } else { kernel.pid_vnr(tid, Tid(pid)) }, uid, gid];
        let raw = message(SCM_CREDENTIALS, cred.iter().flat_map(|word| word.to_le_bytes()).collect());
        match put(kernel, tid, control, room, &raw, flags) {
            Ok(len) => used += len,
            Err(errno) => {
                rights.into_iter().for_each(|file| kernel.put_file(file));
                return Err(errno);
            }
        }
    }
    if rights.is_empty() {
        return Ok(used);
    }
    let most = (room.saturating_sub(used).saturating_sub(CMSGHDR as u64) / 4) as usize;
    let mut fds = Vec::new();
    for file in rights {
        if fds.len() / 4 >= most || *flags & MSG_CTRUNC != 0 {
            *flags |= MSG_CTRUNC;
            kernel.put_file(file);
            continue;
        }
        match kernel.install_fd(tid, file, 0, cloexec) {
            Ok(fd) => fds.extend(fd.to_le_bytes()),
            Err(_) => *flags |= MSG_CTRUNC,
        }
    }
    if !fds.is_empty() {
        let raw = message(SCM_RIGHTS, fds);
        let mut fits = 0;
        let at = control.wrapping_add(used);
        used += put(kernel, tid, at, room - used, &raw, &mut fits)?;
    }
    Ok(used)
}

fn message(kind: u32, body: Vec<u8>) -> Vec<u8> {
    let mut raw = ((CMSGHDR + body.len()) as u64).to_le_bytes().to_vec();
    raw.extend(SOL_SOCKET.to_le_bytes());
    raw.extend(kind.to_le_bytes());
    raw.extend(body);
    raw
}

/// Writes a control message, cut short if it must be; how much of the buffer it takes.
fn put(kernel: &mut Kernel, tid: Tid, at: u64, room: u64, raw: &[u8], flags: &mut u32) -> Result<u64> {
    if room < CMSGHDR as u64 {
        *flags |= MSG_CTRUNC;
        return Ok(0);
    }
    let len = (raw.len() as u64).min(room);
    let mut raw = raw[..len as usize].to_vec();
    if len < u64::from_le_bytes(std::array::from_fn(|i| raw[i])) {
        *flags |= MSG_CTRUNC;
        raw[..8].copy_from_slice(&len.to_le_bytes());
    }
    kernel.user(tid).write(at, &raw)?;
    Ok(len.next_multiple_of(8).min(room))
}
