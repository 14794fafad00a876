//! Pipes as open files, and FIFOs: an open waits for the other end (fifo(7)).
use super::anon::AnonKind;
use super::pipe::{MAX_SIZE, Pipe};
use super::{Block, FileId, FileKind, Ino, Io, IoError, Opened, Path, SuperId};
use crate::{Kernel, Result, SleepKind, Tid, WaitKey};
use abi::{CAP_SYS_RESOURCE, Errno, OpenFlags, PollEvents};

/// Openers that wait sleep on one key a direction, so that the other side can wake them as it opens.
fn opening(pipe: u64, flags: OpenFlags) -> WaitKey {
    WaitKey::Opened(pipe << 1 | u64::from(flags.writable()))
}
fn opposite(pipe: u64, flags: OpenFlags) -> WaitKey {
    WaitKey::Opened(pipe << 1 | u64::from(!flags.writable()))
}

impl Kernel {
    fn pipe(&mut self, id: u64) -> &mut Pipe {
        self.vfs.pipes.get_mut(&id).expect("a pipe lives as long as a file of it")
    }

    pub(crate) fn pipe_len(&mut self, id: u64) -> usize {
        self.pipe(id).len()
    }
    /// F_GETPIPE_SZ.
    pub(crate) fn pipe_size(&mut self, id: u64) -> usize {
        self.pipe(id).capacity()
    }
    /// F_SETPIPE_SZ.
    pub(crate) fn set_pipe_size(&mut self, tid: Tid, id: u64, size: usize) -> Result<()> {
        if size > 1 << 31 {
            return Err(Errno::EINVAL);
        }
        if size > MAX_SIZE && !self.tasks[tid].cred.capable(CAP_SYS_RESOURCE) {
            return Err(Errno::EPERM);
        }
        match self.pipe(id).set_capacity(size) {
            true => Ok(()),
            false => Err(Errno::EBUSY),
        }
    }
    /// pipe(2): both ends, reading first.
    pub(crate) fn new_pipe(&mut self, caller: Tid, flags: OpenFlags) -> Result<(FileId, FileId)> {
        let path = self.new_anon(caller, AnonKind::Pipe)?;
        let pipe = self.pipe_of(self.vfs.inode(path));
        let ends = [OpenFlags::O_RDONLY, OpenFlags::O_WRONLY].map(|end| self.add_end(pipe, path, end | flags));
        Ok((ends[0], ends[1]))
    }
    /// The pipe of a FIFO's inode, made if nobody has it open.
    fn pipe_of(&mut self, inode: (SuperId, Ino)) -> u64 {
        if let Some(&pipe) = self.vfs.fifos.get(&inode) {
            return pipe;
        }
        let id = self.vfs.new_key();
        self.vfs.fifos.insert(inode, id);
        self.vfs.pipes.insert(id, Pipe::new(id));
        id
    }
    fn add_end(&mut self, id: u64, path: Path, flags: OpenFlags) -> FileId {
        let pipe = self.pipe(id);
        pipe.readers += u32::from(flags.readable());
        pipe.writers += u32::from(flags.writable());
        let file = self.vfs.new_file(FileKind::Pipe(id), path, flags);
        self.fsnotify_file(file, abi::Inotify::IN_OPEN);
        file
    }

    /// Opens a FIFO, or a pipe again through /proc.
    pub(super) fn open_fifo(&mut self, path: Path, flags: OpenFlags) -> Result<Opened> {
        let id = self.pipe_of(self.vfs.inode(path));
        let both = flags.readable() && flags.writable();
        let unused = !self.is_opening(opening(id, flags)) && !self.is_opening(opposite(id, flags));
        let pipe = self.pipe(id);
        if pipe.readers == 0 && pipe.writers == 0 && unused {
            // Left by an opener that was woken and then killed.
            pipe.clear();
        }
        let partner = both || if flags.readable() { pipe.writers > 0 } else { pipe.readers > 0 };
        let mut woke = false;
        if flags.readable() {
            woke |= self.tasks.wake_n(opening(id, OpenFlags::O_WRONLY), usize::MAX) > 0;
        }
        if flags.writable() {
            woke |= self.tasks.wake_n(opening(id, OpenFlags::O_RDONLY), usize::MAX) > 0;
        }
        let nonblocking = flags.contains(OpenFlags::O_NONBLOCK);
        if partner || woke || self.is_opening(opposite(id, flags)) || nonblocking && flags.readable() {
            return Ok(Opened::Now(self.add_end(id, path, flags)));
        }
        let block = Block {
            on: opening(id, flags),
            kind: SleepKind::Interruptible,
            wchan: "wait_for_partner",
            freezable: false,
        };
        let pipe = self.pipe(id);
        if pipe.readers == 0 && pipe.writers == 0 && nonblocking {
            self.drop_pipe(id, self.vfs.inode(path));
        }
        if nonblocking { Err(Errno::ENXIO) } else { Ok(Opened::Wait(block, id)) }
    }
    /// An opener woken by its partner gets its end: at its place, or (if the name is gone) where the partner has it open.
    pub(crate) fn finish_open_fifo(&mut self, id: u64, place: Option<Path>, flags: OpenFlags) -> Option<FileId> {
        let of_pipe = |kind| kind == FileKind::Pipe(id);
        let named = place.filter(|&place| self.vfs.fifos.get(&self.vfs.inode(place)) == Some(&id));
        let partner = || self.vfs.files.iter().find(|(_, file)| of_pipe(file.kind)).map(|(_, file)| file.path);
        let path = named.or_else(partner)?;
        Some(self.add_end(id, path, (flags - super::open::TRANSIENT) | OpenFlags::O_LARGEFILE))
    }
    /// Whether a task has been woken in its open of the other end but has not run since.
    fn is_opening(&self, key: WaitKey) -> bool {
        self.tasks.iter().any(|task| task.in_syscall.as_ref().is_some_and(|call| call.woken == Some(key)))
    }

    pub(super) fn close_pipe(&mut self, id: u64, flags: OpenFlags, inode: (SuperId, Ino)) {
        let pipe = self.pipe(id);
        pipe.readers -= u32::from(flags.readable());
        pipe.writers -= u32::from(flags.writable());
        let keys = [pipe.readable(), pipe.writable()];
        if pipe.readers == 0 && pipe.writers == 0 {
            self.drop_pipe(id, inode);
        }
        keys.into_iter().for_each(|key| self.notify(key));
    }
    fn drop_pipe(&mut self, id: u64, inode: (SuperId, Ino)) {
        // Openers that wait find the pipe by its inode, so it stays for them.
        let waiting = [0, 1].iter().any(|end| {
            let key = WaitKey::Opened(id << 1 | end);
            let here = |call: &crate::Call| call.waiting_on.contains(&key) || call.woken == Some(key);
            self.tasks.iter().any(|task| task.in_syscall.as_ref().is_some_and(here))
        });
        if !waiting {
            self.vfs.pipes.remove(&id);
            self.vfs.fifos.remove(&inode);
        }
    }

    pub(super) fn read_pipe(&mut self, id: u64, buf: &mut [u8]) -> Io {
        if buf.is_empty() {
            return Ok(0);
        }
        let pipe = self.pipe(id);
        let n = pipe.read(buf);
        let (on, writable, writers) = (pipe.readable(), pipe.writable(), pipe.writers);
        if n > 0 {
            self.notify(writable);
            return Ok(n);
        }
        if writers == 0 && !self.is_opening(opening(id, OpenFlags::O_WRONLY)) {
            return Ok(0);
        }
        Err(IoError::Block(Block { on, kind: SleepKind::Interruptible, wchan: "anon_pipe_read", freezable: false }))
    }
    /// Copies what is in a pipe without taking it; waits as a read does.
    pub(crate) fn peek_pipe(&mut self, id: u64, buf: &mut [u8]) -> Io {
        match self.pipe(id).peek(buf) {
            // Nothing to take: what a read says of that is the answer.
            0 => self.read_pipe(id, buf),
            n => Ok(n),
        }
    }
    pub(super) fn write_pipe(&mut self, id: u64, data: &[u8], total: u64) -> Io {
        if self.pipe(id).readers == 0 && !self.is_opening(opening(id, OpenFlags::O_RDONLY)) {
            return Err(Errno::EPIPE.into());
        }
        if data.is_empty() {
            return Ok(0);
        }
        let pipe = self.pipe(id);
        let n = pipe.write(data, total);
        let (on, readable) = (pipe.writable(), pipe.readable());
        if n > 0 {
            self.notify(readable);
            return Ok(n);
        }
        Err(IoError::Block(Block { on, kind: SleepKind::Interruptible, wchan: "anon_pipe_write", freezable: false }))
    }
    pub(super) fn poll_pipe(&mut self, id: u64, flags: OpenFlags) -> (PollEvents, Vec<WaitKey>) {
        let pipe = self.pipe(id);
        let mut events = PollEvents::empty();
        let mut keys = Vec::new();
        if flags.readable() {
            events.set(PollEvents::POLLIN | PollEvents::POLLRDNORM, pipe.len() > 0);
            events.set(PollEvents::POLLHUP, pipe.writers == 0 && !flags.writable());
            keys.push(pipe.readable());
        }
        if flags.writable() {
            events.set(PollEvents::POLLOUT | PollEvents::POLLWRNORM, pipe.has_room());
            events.set(PollEvents::POLLERR, pipe.readers == 0);
            keys.push(pipe.writable());
        }
        (events, keys)
    }
}
