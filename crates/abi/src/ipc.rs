//! System V IPC and POSIX message queues: commands, flags, structures. 64-bit little-endian layout.
use crate::bytes::{Reader, Writer};
use serde::{Deserialize, Serialize};

pub const IPC_PRIVATE: i32 = 0;
/// Flags of `semget` and its like, and of operations.
pub const IPC_CREAT: u32 = 0o1000;
pub const IPC_EXCL: u32 = 0o2000;
pub const IPC_NOWAIT: u32 = 0o4000;

/// Commands of `semctl`, `msgctl` and `shmctl`.
pub const IPC_RMID: u32 = 0;
pub const IPC_SET: u32 = 1;
pub const IPC_STAT: u32 = 2;
pub const IPC_INFO: u32 = 3;

/// A flag of `struct sembuf`.
pub const SEM_UNDO: u16 = 0x1000;
pub const GETPID: u32 = 11;
pub const GETVAL: u32 = 12;
pub const GETALL: u32 = 13;
pub const GETNCNT: u32 = 14;
pub const GETZCNT: u32 = 15;
pub const SETVAL: u32 = 16;
pub const SETALL: u32 = 17;
pub const SEM_STAT: u32 = 18;
pub const SEM_INFO: u32 = 19;
pub const SEM_STAT_ANY: u32 = 20;
/// The most a semaphore holds, and the most an undo adjusts.
pub const SEMVMX: i32 = 32767;
pub const SEMAEM: i32 = SEMVMX;

pub const MSG_STAT: u32 = 11;
pub const MSG_INFO: u32 = 12;
pub const MSG_STAT_ANY: u32 = 13;
/// Flags of `msgrcv`.
pub const MSG_NOERROR: u32 = 0o10000;
pub const MSG_EXCEPT: u32 = 0o20000;
pub const MSG_COPY: u32 = 0o40000;

pub const SHM_LOCK: u32 = 11;
pub const SHM_UNLOCK: u32 = 12;
pub const SHM_STAT: u32 = 13;
pub const SHM_INFO: u32 = 14;
pub const SHM_STAT_ANY: u32 = 15;
/// Flags of `shmat`.
pub const SHM_RDONLY: u32 = 0o10000;
pub const SHM_RND: u32 = 0o20000;
pub const SHM_REMAP: u32 = 0o40000;
pub const SHM_EXEC: u32 = 0o100000;
/// Flags of `shmget`.
pub const SHM_HUGETLB: u32 = 0o4000;
pub const SHM_NORESERVE: u32 = 0o10000;
/// Mode bits that IPC_STAT shows: destroyed at the last detach; locked.
pub const SHM_DEST: u32 = 0o1000;
pub const SHM_LOCKED: u32 = 0o2000;

/// Priorities of messages end below this.
pub const MQ_PRIO_MAX: u32 = 32768;

/// `struct sembuf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sembuf {
    pub num: u16,
    pub op: i16,
    pub flags: u16,
}

impl Sembuf {
    pub const SIZE: usize = 6;

    pub fn decode(data: &[u8; Self::SIZE]) -> Sembuf {
        let mut r = Reader::new(data);
        Sembuf { num: r.u16(), op: r.u16() as i16, flags: r.u16() }
    }
}

/// `struct ipc64_perm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpcPerm {
    pub key: i32,
    pub uid: u32,
    pub gid: u32,
    pub cuid: u32,
    pub cgid: u32,
    pub mode: u32,
    pub seq: u16,
}

impl IpcPerm {
    pub const SIZE_64: usize = 48;

    fn write<const N: usize>(&self, w: Writer<N>) -> Writer<N> {
        let w = w.i32(self.key).u32(self.uid).u32(self.gid).u32(self.cuid).u32(self.cgid).u32(self.mode);
        w.u16(self.seq).zero(2 + 4 + 16)
    }

    pub fn decode_64(data: &[u8; Self::SIZE_64]) -> IpcPerm {
        let mut r = Reader::new(data);
        IpcPerm { key: r.i32(), uid: r.u32(), gid: r.u32(), cuid: r.u32(), cgid: r.u32(), mode: r.u32(), seq: r.u16() }
    }
}

/// `struct semid64_ds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SemidDs {
    pub perm: IpcPerm,
    pub otime: i64,
    pub ctime: i64,
    pub nsems: u64,
}

impl SemidDs {
    pub const SIZE_64: usize = 88;
    pub const SIZE_X86_64: usize = 104;

    pub fn encode_64(&self) -> [u8; Self::SIZE_64] {
        self.perm.write(Writer::new()).i64(self.otime).i64(self.ctime).u64(self.nsems).rest_zero()
    }

    /// x86-64 keeps the word behind each time that i386 needs.
    pub fn encode_x86_64(&self) -> [u8; Self::SIZE_X86_64] {
        self.perm.write(Writer::new()).i64(self.otime).zero(8).i64(self.ctime).zero(8).u64(self.nsems).rest_zero()
    }
}

/// `struct msqid64_ds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MsqidDs {
    pub perm: IpcPerm,
    pub stime: i64,
    pub rtime: i64,
    pub ctime: i64,
    pub cbytes: u64,
    pub qnum: u64,
    pub qbytes: u64,
    pub lspid: u32,
    pub lrpid: u32,
}

impl MsqidDs {
    pub const SIZE_64: usize = 120;

    pub fn encode_64(&self) -> [u8; Self::SIZE_64] {
        let w = self.perm.write(Writer::new()).i64(self.stime).i64(self.rtime).i64(self.ctime);
        w.u64(self.cbytes).u64(self.qnum).u64(self.qbytes).u32(self.lspid).u32(self.lrpid).rest_zero()
    }

    /// What IPC_SET takes of one.
    pub fn decode_64(data: &[u8; Self::SIZE_64]) -> MsqidDs {
        let mut r = Reader::new(data);
        let perm = IpcPerm::decode_64(&r.array());
        r.array::<24>();
        let (cbytes, qnum, qbytes) = (r.u64(), r.u64(), r.u64());
        MsqidDs { perm, cbytes, qnum, qbytes, ..MsqidDs::default() }
    }
}

/// `struct shmid64_ds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShmidDs {
    pub perm: IpcPerm,
    pub segsz: u64,
    pub atime: i64,
    pub dtime: i64,
    pub ctime: i64,
    pub cpid: u32,
    pub lpid: u32,
    pub nattch: u64,
}

impl ShmidDs {
    pub const SIZE_64: usize = 112;

    pub fn encode_64(&self) -> [u8; Self::SIZE_64] {
        let w = self.perm.write(Writer::new()).u64(self.segsz).i64(self.atime).i64(self.dtime).i64(self.ctime);
        w.u32(self.cpid).u32(self.lpid).u64(self.nattch).rest_zero()
    }
}

/// `struct seminfo`: ten words.
pub fn encode_seminfo(words: [i32; 10]) -> [u8; 40] {
    words.into_iter().fold(Writer::new(), Writer::i32).done()
}

/// `struct msginfo`: seven words and a short.
pub fn encode_msginfo(words: [i32; 7], segments: u16) -> [u8; 32] {
    words.into_iter().fold(Writer::new(), Writer::i32).u16(segments).zero(2).done()
}

/// `struct shminfo64`: shmmax, shmmin, shmmni, shmseg, shmall.
pub fn encode_shminfo(words: [u64; 5]) -> [u8; 72] {
    words.into_iter().fold(Writer::new(), Writer::u64).rest_zero()
}

/// `struct shm_info`: segments; pages in all, resident and swapped.
pub fn encode_shm_info(used: i32, pages: [u64; 3]) -> [u8; 48] {
    pages.into_iter().fold(Writer::new().i32(used).zero(4), Writer::u64).rest_zero()
}

/// `struct mq_attr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MqAttr {
    pub flags: i64,
    pub maxmsg: i64,
    pub msgsize: i64,
    pub curmsgs: i64,
}

impl MqAttr {
    pub const SIZE_64: usize = 64;

    pub fn encode_64(&self) -> [u8; Self::SIZE_64] {
        Writer::new().i64(self.flags).i64(self.maxmsg).i64(self.msgsize).i64(self.curmsgs).rest_zero()
    }

    pub fn decode_64(data: &[u8; Self::SIZE_64]) -> MqAttr {
        let mut r = Reader::new(data);
        MqAttr { flags: r.i64(), maxmsg: r.i64(), msgsize: r.i64(), curmsgs: r.i64() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Offsets from linux-libc-dev's asm/sembuf.h, asm-generic/{sem,msg,shm}buf.h.
    #[test]
    fn layouts() {
        let perm = IpcPerm { key: 1, uid: 2, gid: 3, cuid: 4, cgid: 5, mode: 0o644, seq: 7 };
        let sem = SemidDs { perm, otime: 8, ctime: 9, nsems: 10 };
        let (generic, x86) = (sem.encode_64(), sem.encode_x86_64());
        assert_eq!((generic[48], generic[56], generic[64]), (8, 9, 10));
        assert_eq!((x86[48], x86[64], x86[80]), (8, 9, 10));
        assert_eq!(IpcPerm::decode_64(generic.first_chunk().unwrap()), perm);
        let msg = MsqidDs { perm, qbytes: 9, lspid: 1, lrpid: 2, ..MsqidDs::default() }.encode_64();
        assert_eq!((msg[88], msg[96], msg[100]), (9, 1, 2));
        assert_eq!(MsqidDs::decode_64(&msg).qbytes, 9);
        let shm = ShmidDs { perm, segsz: 4, cpid: 5, lpid: 6, nattch: 7, ..ShmidDs::default() }.encode_64();
        assert_eq!((shm[48], shm[80], shm[84], shm[88]), (4, 5, 6, 7));
    }
}
