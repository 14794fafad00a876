//! Open files (struct file): what read, write and poll mean for each kind.
use super::{CharDevice, DeviceFile, DirEntry, FileSystem, Ino, Io, IoError, OpenFile, Path, SuperId, Vfs};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{Errno, Inotify, OpenFlags, PollEvents};
use mmu::FrameId;
use serde::{Deserialize, Serialize};

/// An open file description (struct file), by its slot. Descriptors, mappings and programs hold one use each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// What is behind an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// A regular file or directory of a filesystem, with its handle.
    Inode {
        sup: SuperId,
        ino: Ino,
        handle: u64,
        is_dir: bool,
    },
    /// `rdev` and handle of a character device.
    Device {
        rdev: u64,
        handle: u64,
    },
    /// A pipe or FIFO, by its key; the flags say which ends.
    Pipe(u64),
    Socket(u64),
    EventFd(u64),
    TimerFd(u64),
    PidFd(u64),
    Epoll(u64),
    Inotify(u64),
    SignalFd(u64),
    /// O_PATH: a place only.
    PathOnly,
}

/// One open file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct File {
    pub kind: FileKind,
    pub path: Path,
    pub flags: OpenFlags,
    pub offset: u64,
    uses: u32,
    /// A directory's entries as of the last rewind.
    pub(crate) listing: Option<Vec<DirEntry>>,
    /// Being executed: nobody may write the file.
    pub(super) deny_write: bool,
}

impl File {
    /// How many descriptors, mappings and messages refer to it.
    pub(crate) fn uses(&self) -> u32 {
        self.uses
    }
    pub(crate) fn is_path_only(&self) -> bool {
        self.kind == FileKind::PathOnly
    }
    pub(crate) fn nonblocking(&self) -> bool {
        self.flags.contains(OpenFlags::O_NONBLOCK)
    }
    pub(crate) fn is_dir(&self) -> bool {
        matches!(self.kind, FileKind::Inode { is_dir: true, .. })
    }
    /// Whether this is a plain file: read and written until done, at an offset.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.kind, FileKind::Inode { is_dir: false, .. })
    }
}

impl Vfs {
    /// A new open file with one use; it holds its path.
    pub(crate) fn new_file(&mut self, kind: FileKind, path: Path, flags: OpenFlags) -> FileId {
        self.path_get(path);
        let file = File { kind, path, flags, offset: 0, uses: 1, listing: None, deny_write: false };
        FileId(self.files.insert(file))
    }
    pub fn file(&self, id: FileId) -> &File {
        &self.files[id.0]
    }
    pub(crate) fn file_mut(&mut self, id: FileId) -> &mut File {
        &mut self.files[id.0]
    }
    /// One more use of an open file.
    pub fn hold_file(&mut self, id: FileId) {
        self.files[id.0].uses += 1;
    }
    fn open_file(&self, id: FileId, caller: Tid) -> Option<(SuperId, OpenFile)> {
        let file = self.file(id);
        match file.kind {
            FileKind::Inode { sup, ino, handle, .. } => {
                Some((sup, OpenFile { ino, handle, flags: file.flags, caller }))
            }
            _ => None,
        }
    }
}

/// The driver of a device number.
pub(super) fn driver(rdev: u64) -> Result<&'static dyn CharDevice> {
    crate::dev::driver(rdev).ok_or(Errno::ENXIO)
}

impl Kernel {
    /// One use less; the last closes the file.
    pub fn put_file(&mut self, id: FileId) {
        let file = &mut self.vfs.files[id.0];
        if file.uses == 1 {
            let writable = file.flags.writable();
            self.fsnotify_file(id, if writable { Inotify::IN_CLOSE_WRITE } else { Inotify::IN_CLOSE_NOWRITE });
        }
        let file = &mut self.vfs.files[id.0];
        file.uses -= 1;
        if file.uses != 0 {
            if matches!(file.kind, FileKind::Socket(_)) {
                self.unix_gc();
            }
            return;
        }
        let Some(file) = self.vfs.files.remove(id.0) else { return };
        let caller = Tid(0);
        let inode = self.vfs.inode(file.path);
        match file.kind {
            FileKind::Inode { sup, ino, handle, is_dir } => {
                if file.flags.writable() && !is_dir {
                    self.in_use(inode).writers -= 1;
                }
                if file.deny_write {
                    self.in_use(inode).deny_write -= 1;
                }
                let open = OpenFile { ino, handle, flags: file.flags, caller };
                let release = |fs: &mut dyn FileSystem, kernel: &mut Kernel| {
                    fs.release(kernel, open);
                    Ok::<(), Errno>(())
                };
                // A filesystem that closes a file of its own while it is being called knows it.
                let _ = self.with_super(sup, release);
            }
            FileKind::Device { rdev, handle } => {
                if let Ok(driver) = driver(rdev) {
                    driver.release(self, DeviceFile { rdev, handle, flags: file.flags, caller });
                }
            }
            FileKind::Pipe(pipe) => {
                self.close_pipe(pipe, file.flags, inode);
                if !self.vfs.pipes.contains_key(&pipe) {
                    self.forget_key(pipe);
                }
            }
            FileKind::Socket(id) => {
                self.close_socket(id);
                self.unix_gc();
            }
            FileKind::TimerFd(id) => {
                self.close_timerfd(id);
                self.forget_key(id);
            }
            FileKind::PidFd(key) => self.close_pidfd(key),
            FileKind::EventFd(id) => {
                self.vfs.eventfds.remove(&id);
                self.forget_key(id);
            }
            FileKind::Epoll(id) => {
                self.vfs.epolls.remove(&id);
                self.forget_key(id);
            }
            FileKind::SignalFd(id) => {
                self.vfs.signalfds.remove(&id);
            }
            FileKind::Inotify(id) => {
                self.close_inotify(id);
                self.forget_key(id);
            }
            FileKind::PathOnly => {}
        }
        self.drop_file_locks(inode, id);
        self.epoll_forget(id);
        self.path_put(file.path);
    }

    /// Reads at `at`, or at the file's offset, which moves.
    pub fn file_read(&mut self, caller: Tid, id: FileId, at: Option<u64>, buf: &mut [u8]) -> Io {
        let file = self.vfs.file(id);
        if !file.flags.readable() {
            return Err(Errno::EBADF.into());
        }
        let position = at.unwrap_or(file.offset);
        let n = match file.kind {
            FileKind::Inode { is_dir: true, .. } => return Err(Errno::EISDIR.into()),
            FileKind::Inode { sup, ino, handle, .. } => {
                let open = OpenFile { ino, handle, flags: file.flags, caller };
                self.with_super(sup, |fs, kernel| fs.read(kernel, open, position, buf))?
            }
            FileKind::Device { rdev, handle } => {
                let open = DeviceFile { rdev, handle, flags: file.flags, caller };
                return driver(rdev)?.read(self, open, position, buf);
            }
            FileKind::Pipe(pipe) => return self.read_pipe(pipe, buf),
            FileKind::Socket(id) => return self.read_socket(id, buf),
            FileKind::EventFd(id) => return self.read_eventfd(id, buf),
            FileKind::TimerFd(id) => return self.read_timerfd(id, buf),
            FileKind::Inotify(id) => return self.read_inotify(id, buf),
            FileKind::SignalFd(id) => return self.read_signalfd(caller, id, buf),
            FileKind::PidFd(_) | FileKind::Epoll(_) => return Err(Errno::EINVAL.into()),
            FileKind::PathOnly => return Err(Errno::EBADF.into()),
        };
        if at.is_none() {
            let file = self.vfs.file_mut(id);
            file.offset = file.offset.wrapping_add(n as u64);
        }
        Ok(n)
    }

    /// Writes at `at`, or at the file's offset, which moves; O_APPEND goes to the end. `total`: what the whole call asks for.
    pub fn file_write(&mut self, caller: Tid, id: FileId, at: Option<u64>, data: &[u8], total: u64) -> Io {
        let file = self.vfs.file(id);
        if !file.flags.writable() {
            return Err(Errno::EBADF.into());
        }
        let mut position = at.unwrap_or(file.offset);
        let n = match file.kind {
            FileKind::Inode { is_dir: true, .. } => return Err(Errno::EISDIR.into()),
            FileKind::Inode { sup, ino, handle, .. } => {
                let open = OpenFile { ino, handle, flags: file.flags, caller };
                if open.flags.contains(OpenFlags::O_APPEND) {
                    position = self.inode_attr(sup, ino)?.size;
                }
                self.with_super(sup, |fs, kernel| fs.write(kernel, open, position, data))?
            }
            FileKind::Device { rdev, handle } => {
                let open = DeviceFile { rdev, handle, flags: file.flags, caller };
                return driver(rdev)?.write(self, open, position, data);
            }
            FileKind::Pipe(pipe) => return self.write_pipe(pipe, data, total),
            FileKind::Socket(id) => return self.write_socket(caller, id, data),
            FileKind::EventFd(id) => return self.write_eventfd(id, data),
            FileKind::TimerFd(_) => return Err(Errno::EINVAL.into()),
            FileKind::PidFd(_) | FileKind::Epoll(_) | FileKind::Inotify(_) | FileKind::SignalFd(_) => {
                return Err(Errno::EINVAL.into());
            }
            FileKind::PathOnly => return Err(Errno::EBADF.into()),
        };
        if at.is_none() {
            self.vfs.file_mut(id).offset = position.wrapping_add(n as u64);
        }
        Ok(n)
    }

    /// What is ready on a file, and the keys that announce a change.
    pub fn file_poll(&mut self, caller: Tid, id: FileId) -> (PollEvents, Vec<WaitKey>) {
        let file = self.vfs.file(id);
        let always = PollEvents::POLLIN | PollEvents::POLLOUT | PollEvents::POLLRDNORM | PollEvents::POLLWRNORM;
        match file.kind {
            FileKind::Inode { is_dir: true, .. } => (always, Vec::new()),
            FileKind::Inode { sup, ino, handle, .. } => {
                let open = OpenFile { ino, handle, flags: file.flags, caller };
                self.with_super(sup, |fs, kernel| Ok::<_, Errno>(fs.poll(kernel, open))).unwrap_or((always, Vec::new()))
            }
            FileKind::Device { rdev, handle } => match driver(rdev) {
                Ok(driver) => driver.poll(self, DeviceFile { rdev, handle, flags: file.flags, caller }),
                Err(_) => (PollEvents::POLLERR, Vec::new()),
            },
            FileKind::Pipe(pipe) => self.poll_pipe(pipe, file.flags),
            FileKind::Socket(id) => self.poll_socket(id),
            FileKind::EventFd(id) => self.poll_eventfd(id),
            FileKind::TimerFd(id) => self.poll_timerfd(id),
            FileKind::PidFd(key) => self.poll_pidfd(key),
            FileKind::Epoll(id) => self.poll_epoll(caller, id),
            FileKind::Inotify(id) => self.poll_inotify(id),
            FileKind::SignalFd(id) => self.poll_signalfd(caller, id),
            FileKind::PathOnly => (PollEvents::POLLNVAL, Vec::new()),
        }
    }

    /// Whether lseek, pread and pwrite work on the file.
    pub(crate) fn file_seekable(&mut self, id: FileId) -> bool {
        match self.vfs.file(id).kind {
            FileKind::Inode { is_dir: true, .. } => true,
            FileKind::Inode { sup, ino, .. } => {
                self.with_super(sup, |fs, _| Ok::<_, Errno>(fs.seekable(ino))).unwrap_or(false)
            }
            FileKind::Device { rdev, .. } => driver(rdev).is_ok_and(|driver| driver.seekable()),
            _ => false,
        }
    }

    /// The frame of page `index` of an open file; `None` past its end. `write`: it will be written through a shared mapping.
    pub fn file_page(&mut self, id: FileId, index: u64, write: bool) -> Result<Option<FrameId>> {
        let (sup, open) = self.vfs.open_file(id, Tid(0)).ok_or(Errno::ENODEV)?;
        self.with_super(sup, |fs, kernel| fs.page(kernel, open.ino, index, write))
    }

    /// The path an open file was opened by, as /proc shows it.
    pub fn file_path(&self, id: FileId) -> Vec<u8> {
        self.vfs.d_path(self.vfs.file(id).path, self.vfs.root()).0
    }

    /// ioctl commands that the file's own kind answers.
    pub(crate) fn device_ioctl(
        &mut self,
        caller: Tid,
        id: FileId,
        cmd: u32,
        arg: u64,
    ) -> std::result::Result<u64, IoError> {
        let file = self.vfs.file(id);
        match file.kind {
            FileKind::Device { rdev, handle } => {
                let open = DeviceFile { rdev, handle, flags: file.flags, caller };
                driver(rdev)?.ioctl(self, open, cmd, arg)
            }
            FileKind::Inode { .. } => self.ns_ioctl(caller, id, cmd, arg).unwrap_or(Err(Errno::ENOTTY.into())),
            _ => Err(Errno::ENOTTY.into()),
        }
    }
}
