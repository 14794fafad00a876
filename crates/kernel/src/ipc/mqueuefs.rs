//! The mqueue filesystem: the queues of a namespace as files of one directory.
use super::mqueue::Mqueue;
use crate::namespaces::NsId;
use crate::saved::{SaveError, Saved};
use crate::vfs::{Attr, DirEntry, FileSystem, Ino, Io, New, NewNode, OpenFile, Path, SetAttr, SuperId};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{Errno, NAME_MAX, PollEvents, S_IFDIR, S_IFREG, SIGEV_SIGNAL, Statfs, Timespec};
use serde::{Deserialize, Serialize};

/// The instance of a namespace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MqueueFs {
    ns: NsId,
    mode: u32,
    uid: u32,
    gid: u32,
    time: Timespec,
}

const MQUEUE_MAGIC: u64 = 0x1980_0202;
const ROOT: Ino = Ino(1);
/// Sizes that stat says: of a file, and of a name in the directory.
const FILENT_SIZE: u64 = 80;
const DIRENT_SIZE: u64 = 20;

impl Kernel {
    /// The filesystem of a namespace, made at its first use.
    pub(crate) fn mq_super(&mut self, tid: Tid) -> (SuperId, Path) {
        let ns = self.ipc_ns_of(tid);
        let (sup, mount) = match self.ipc.ns(ns).mq.place {
            Some(place) => place,
            None => {
                let time = Timespec::from_ns(self.clock.realtime());
                let fs = MqueueFs { ns, mode: 0o1777, uid: 0, gid: 0, time };
                let place = self.vfs.kernel_mount(Box::new(fs), b"mqueue");
                self.ipc.ns(ns).mq.place = Some(place);
                place
            }
        };
        (sup, self.vfs.mount_root(mount))
    }
    /// The last user of a namespace is gone, and so are its names; who has a queue open keeps it.
    pub(super) fn mq_exit_ns(&mut self, ns: NsId) {
        let names = std::mem::take(&mut self.ipc.ns(ns).mq.names);
        for ino in names.into_values() {
            if let Some(queue) = self.ipc.mqueues.get_mut(&ino) {
                queue.linked = false;
            }
            if let Some((sup, _)) = self.ipc.ns(ns).mq.place {
                self.inode_idle((sup, Ino(ino)));
            }
        }
    }
}

impl MqueueFs {
    fn queue<'a>(&self, kernel: &'a mut Kernel, ino: Ino) -> Result<&'a mut Mqueue> {
        kernel.ipc.mqueues.get_mut(&ino.0).ok_or(Errno::ENOENT)
    }
}

impl FileSystem for MqueueFs {
    fn clone_box(&self) -> Box<dyn FileSystem> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new("mqueue", self)
    }
    fn kind(&self) -> &'static str {
        "mqueue"
    }
    fn statfs(&self, _: &Kernel) -> Statfs {
        Statfs { kind: MQUEUE_MAGIC, bsize: 4096, frsize: 4096, namelen: NAME_MAX as u64, ..Statfs::default() }
    }
    fn root(&self) -> Ino {
        ROOT
    }
    fn lookup(&mut self, kernel: &mut Kernel, _: Ino, name: &[u8]) -> Result<Ino> {
        kernel.ipc.ns(self.ns).mq.names.get(name).map(|&ino| Ino(ino)).ok_or(Errno::ENOENT)
    }
    fn attr(&mut self, kernel: &mut Kernel, ino: Ino) -> Result<Attr> {
        let (mode, nlink, uid, gid, size, time) = match ino {
            ROOT => {
                let names = kernel.ipc.ns(self.ns).mq.names.len() as u64;
                (S_IFDIR | self.mode, 2, self.uid, self.gid, (names + 2) * DIRENT_SIZE, self.time)
            }
            _ => {
                let queue = self.queue(kernel, ino)?;
                (S_IFREG | queue.mode, queue.linked.into(), queue.uid, queue.gid, FILENT_SIZE, queue.time)
            }
        };
        Ok(Attr { mode, nlink, uid, gid, rdev: 0, size, atime: time, mtime: time, ctime: time })
    }
    fn set_attr(&mut self, kernel: &mut Kernel, ino: Ino, set: &SetAttr) -> Result<()> {
        let (mode, uid, gid) = match ino {
            ROOT => (&mut self.mode, &mut self.uid, &mut self.gid),
            _ => {
                let queue = kernel.ipc.mqueues.get_mut(&ino.0).ok_or(Errno::ENOENT)?;
                (&mut queue.mode, &mut queue.uid, &mut queue.gid)
            }
        };
        *mode = set.mode.unwrap_or(*mode);
        *uid = set.uid.unwrap_or(*uid);
        *gid = set.gid.unwrap_or(*gid);
        Ok(())
    }
    fn read_dir(&mut self, kernel: &mut Kernel, _: Ino) -> Result<Vec<DirEntry>> {
        let names = &kernel.ipc.ns(self.ns).mq.names;
        let entry = |(name, &ino): (&Vec<u8>, &u64)| DirEntry { name: name.clone(), ino: Ino(ino), kind: S_IFREG };
        Ok(names.iter().map(entry).collect())
    }
    /// creat(2) in a mounted one: a queue with the default sizes.
    fn create(&mut self, kernel: &mut Kernel, _: Ino, name: &[u8], new: &New<'_>) -> Result<Ino> {
        if new.node != NewNode::File {
            return Err(Errno::EPERM);
        }
        let (cred, limit) = kernel.mq_payer(new.caller);
        kernel.mq_create(self.ns, name, None, new.mode, (&cred, limit)).map(Ino)
    }
    fn unlink(&mut self, kernel: &mut Kernel, _: Ino, name: &[u8]) -> Result<()> {
        let ino = kernel.ipc.ns(self.ns).mq.names.remove(name).ok_or(Errno::ENOENT)?;
        self.queue(kernel, Ino(ino))?.linked = false;
        Ok(())
    }
    /// What is in the queue, and who is to be told of the next message.
    fn read(&mut self, kernel: &mut Kernel, file: OpenFile, at: u64, buf: &mut [u8]) -> Io {
        let queue = self.queue(kernel, file.ino)?;
        let size: usize = queue.messages.iter().map(|message| message.text.len()).sum();
        let (how, signo, pid) = queue.notify.map_or((0, 0, 0), |notify| {
            let signo = if notify.how == SIGEV_SIGNAL { notify.signo } else { 0 };
            (notify.how, signo, notify.owner.0)
        });
        let text = format!("QSIZE:{size:<10} NOTIFY:{how:<5} SIGNO:{signo:<5} NOTIFY_PID:{pid:<6}\n");
        let rest = usize::try_from(at).ok().and_then(|at| text.as_bytes().get(at..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
    fn poll(&mut self, kernel: &mut Kernel, file: OpenFile) -> (PollEvents, Vec<WaitKey>) {
        let Ok(queue) = self.queue(kernel, file.ino) else { return (PollEvents::empty(), Vec::new()) };
        let mut events = PollEvents::empty();
        events.set(PollEvents::POLLIN | PollEvents::POLLRDNORM, !queue.messages.is_empty());
        events.set(PollEvents::POLLOUT | PollEvents::POLLWRNORM, !queue.is_full());
        (events, vec![WaitKey::Readable(file.ino.0), WaitKey::Writable(file.ino.0)])
    }
    fn forget(&mut self, kernel: &mut Kernel, ino: Ino) {
        if kernel.ipc.mqueues.get(&ino.0).is_some_and(|queue| !queue.linked) {
            kernel.ipc.mqueues.remove(&ino.0);
        }
    }
}
