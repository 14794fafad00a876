//! Tables of file descriptors (struct files_struct).
use super::{FileId, FileKind, FilesId, Owner, Vfs};
use crate::{Kernel, Result, Tid};
use abi::{Errno, RLIMIT_NOFILE};
use serde::{Deserialize, Serialize};

/// What a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fd {
    pub file: FileId,
    pub cloexec: bool,
}

/// One table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FdTable {
    slots: Vec<Option<Fd>>,
    users: u32,
}

impl FdTable {
    pub fn get(&self, fd: i32) -> Option<Fd> {
        *self.slots.get(usize::try_from(fd).ok()?)?
    }
    pub(crate) fn get_mut(&mut self, fd: i32) -> Option<&mut Fd> {
        self.slots.get_mut(usize::try_from(fd).ok()?)?.as_mut()
    }
    /// Open descriptors, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (i32, Fd)> {
        self.slots.iter().enumerate().filter_map(|(fd, slot)| Some((fd as i32, (*slot)?)))
    }
    /// How many slots it has: FDSize of /proc/PID/status.
    pub fn size(&self) -> usize {
        self.slots.len().max(64).next_power_of_two()
    }
    /// The lowest free descriptor from `from` on, below `limit`.
    fn free_from(&self, from: usize, limit: usize) -> Option<usize> {
        let in_table = self.slots.iter().skip(from).position(Option::is_none).map(|at| from + at);
        Some(in_table.unwrap_or(self.slots.len().max(from))).filter(|&fd| fd < limit)
    }
    fn put(&mut self, fd: usize, value: Fd) -> Option<Fd> {
        if self.slots.len() <= fd {
            self.slots.resize(fd + 1, None);
        }
        self.slots[fd].replace(value)
    }
    fn take(&mut self, fd: i32) -> Option<Fd> {
        self.slots.get_mut(usize::try_from(fd).ok()?)?.take()
    }
}

/// No table grows beyond this, whatever the limit says (/proc/sys/fs/nr_open).
const NR_OPEN: u64 = 1 << 20;

impl Vfs {
    /// An empty table with one user.
    pub fn new_files(&mut self) -> FilesId {
        FilesId(self.tables.insert(FdTable { slots: Vec::new(), users: 1 }))
    }
    /// clone: the same table (`share`, CLONE_FILES), or a copy.
    pub fn fork_files(&mut self, id: FilesId, share: bool) -> FilesId {
        if share {
            self.tables[id.0].users += 1;
            return id;
        }
        let slots = self.tables[id.0].slots.clone();
        for fd in slots.iter().flatten() {
            self.hold_file(fd.file);
        }
        FilesId(self.tables.insert(FdTable { slots, users: 1 }))
    }
    pub fn fd_table(&self, id: FilesId) -> &FdTable {
        &self.tables[id.0]
    }
}

impl Kernel {
    /// A task is done with its table; the last user closes everything.
    pub fn drop_files(&mut self, id: FilesId) {
        let table = &mut self.vfs.tables[id.0];
        table.users -= 1;
        if table.users != 0 {
            return;
        }
        let Some(table) = self.vfs.tables.remove(id.0) else { return };
        for fd in table.slots.into_iter().flatten() {
            self.close_file(id, fd.file);
        }
    }
    /// unshare(CLONE_FILES), and execve: a table of its own.
    pub fn unshare_files(&mut self, tid: Tid) {
        let old = self.tasks[tid].files;
        if self.vfs.tables[old.0].users > 1 {
            self.tasks[tid].files = self.vfs.fork_files(old, false);
            self.drop_files(old);
        }
    }
    /// execve: gives the task a table of its own and closes what is marked close-on-exec.
    pub(crate) fn close_on_exec(&mut self, tid: Tid) {
        self.unshare_files(tid);
        let files = self.tasks[tid].files;
        let marked: Vec<i32> = self.vfs.tables[files.0].iter().filter(|(_, fd)| fd.cloexec).map(|(n, _)| n).collect();
        for fd in marked {
            // It was open a moment ago.
            let _ = self.close_fd(tid, fd);
        }
    }

    /// What a task's descriptor refers to; EBADF.
    pub fn fd(&self, tid: Tid, fd: i32) -> Result<Fd> {
        self.vfs.tables[self.tasks[tid].files.0].get(fd).ok_or(Errno::EBADF)
    }
    /// The open file of a descriptor; an O_PATH one is no file (EBADF).
    pub fn fd_file(&self, tid: Tid, fd: i32) -> Result<FileId> {
        let file = self.fd(tid, fd)?.file;
        if self.vfs.file(file).is_path_only() { Err(Errno::EBADF) } else { Ok(file) }
    }
    pub(crate) fn nofile_limit(&self, tid: Tid) -> usize {
        let limit = self.tasks.group(self.tasks[tid].tgid).map_or(NR_OPEN, |group| group.rlimits[RLIMIT_NOFILE].cur);
        limit.min(NR_OPEN) as usize
    }
    /// Gives a file the lowest free descriptor from `from` on. The file's use is the descriptor's now; on EMFILE it is put.
    pub fn install_fd(&mut self, tid: Tid, file: FileId, from: usize, cloexec: bool) -> Result<i32> {
        let limit = self.nofile_limit(tid);
        let table = &mut self.vfs.tables[self.tasks[tid].files.0];
        match table.free_from(from, limit) {
            Some(fd) => {
                table.put(fd, Fd { file, cloexec });
                Ok(fd as i32)
            }
            None => {
                self.put_file(file);
                Err(Errno::EMFILE)
            }
        }
    }
    /// dup2: gives a file this descriptor, closing what had it.
    pub fn replace_fd(&mut self, tid: Tid, fd: usize, file: FileId, cloexec: bool) {
        let files = self.tasks[tid].files;
        if let Some(old) = self.vfs.tables[files.0].put(fd, Fd { file, cloexec }) {
            self.close_file(files, old.file);
        }
    }
    pub fn close_fd(&mut self, tid: Tid, fd: i32) -> Result<()> {
        let files = self.tasks[tid].files;
        let old = self.vfs.tables[files.0].take(fd).ok_or(Errno::EBADF)?;
        self.close_file(files, old.file);
        Ok(())
    }
    /// A descriptor of a table is gone (filp_close).
    fn close_file(&mut self, files: FilesId, file: FileId) {
        if let FileKind::Inode { sup, ino, is_dir: false, .. } = self.vfs.file(file).kind {
            self.mq_flush(sup, ino.0);
        }
        let inode = self.vfs.inode(self.vfs.file(file).path);
        self.clear_lock(inode, Owner::Files(files), 0, u64::MAX);
        self.put_file(file);
    }
    pub(crate) fn set_cloexec(&mut self, tid: Tid, fd: i32, on: bool) -> Result<()> {
        let files = self.tasks[tid].files;
        self.vfs.tables[files.0].get_mut(fd).ok_or(Errno::EBADF)?.cloexec = on;
        Ok(())
    }
    /// EMFILE if no descriptor is free: asked before anything is done that would have to be undone.
    pub(crate) fn want_fd(&self, tid: Tid) -> Result<()> {
        let table = &self.vfs.tables[self.tasks[tid].files.0];
        table.free_from(0, self.nofile_limit(tid)).map(|_| ()).ok_or(Errno::EMFILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_descriptor_below_the_limit() {
        let mut table = FdTable::default();
        let fd = Fd { file: FileId(0), cloexec: false };
        for want in 0..3 {
            let got = table.free_from(0, 4).unwrap();
            assert_eq!(got, want);
            table.put(got, fd);
        }
        table.take(1);
        assert_eq!(table.free_from(0, 4), Some(1));
        assert_eq!(table.free_from(2, 4), Some(3));
        assert_eq!(table.free_from(10, 20), Some(10));
        assert_eq!(table.free_from(2, 3), None);
        assert_eq!(table.get(-1), None);
    }
}
