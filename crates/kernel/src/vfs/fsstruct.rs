//! Root, working directory and umask of tasks (struct fs_struct).
use super::{FsId, Path, Vfs, Who};
use crate::{Cred, Kernel, Tid};
use serde::{Deserialize, Serialize};

/// One set of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FsStruct {
    pub root: Path,
    pub cwd: Path,
    pub umask: u32,
    users: u32,
}

impl FsStruct {
    /// CLONE_FS has made it two tasks'.
    pub(crate) fn is_shared(&self) -> bool {
        self.users > 1
    }
}

impl Vfs {
    /// Root and working directory at the root of the machine: for the first task.
    pub fn new_fs(&mut self) -> FsId {
        let root = self.root;
        self.insert_fs(root, root, 0o022)
    }
    fn insert_fs(&mut self, root: Path, cwd: Path, umask: u32) -> FsId {
        self.path_get(root);
        self.path_get(cwd);
        FsId(self.fs_structs.insert(FsStruct { root, cwd, umask, users: 1 }))
    }
    /// clone: the same one (`share`, CLONE_FS), or a copy.
    pub fn fork_fs(&mut self, id: FsId, share: bool) -> FsId {
        let fs = &mut self.fs_structs[id.0];
        if share {
            fs.users += 1;
            return id;
        }
        let (root, cwd, umask) = (fs.root, fs.cwd, fs.umask);
        self.insert_fs(root, cwd, umask)
    }
    pub fn fs_struct(&self, id: FsId) -> &FsStruct {
        &self.fs_structs[id.0]
    }
    /// Sets the umask; gives the old one.
    pub fn set_umask(&mut self, id: FsId, mask: u32) -> u32 {
        std::mem::replace(&mut self.fs_structs[id.0].umask, mask & 0o777)
    }
}

impl Kernel {
    /// A task is done with its root and working directory.
    pub fn drop_fs(&mut self, id: FsId) {
        let fs = &mut self.vfs.fs_structs[id.0];
        fs.users -= 1;
        if fs.users == 0
            && let Some(fs) = self.vfs.fs_structs.remove(id.0)
        {
            self.path_put(fs.root);
            self.path_put(fs.cwd);
        }
    }
    /// unshare(CLONE_FS).
    pub fn unshare_fs(&mut self, tid: Tid) {
        let old = self.tasks[tid].fs;
        if self.vfs.fs_structs[old.0].users > 1 {
            self.tasks[tid].fs = self.vfs.fork_fs(old, false);
            self.drop_fs(old);
        }
    }
    pub(super) fn set_fs(&mut self, id: FsId, root: Path, cwd: Path) {
        self.vfs.path_get(root);
        self.vfs.path_get(cwd);
        let fs = &mut self.vfs.fs_structs[id.0];
        let old = (std::mem::replace(&mut fs.root, root), std::mem::replace(&mut fs.cwd, cwd));
        self.path_put(old.0);
        self.path_put(old.1);
    }
    pub(crate) fn set_cwd(&mut self, tid: Tid, to: Path) {
        self.vfs.path_get(to);
        let fs = self.tasks[tid].fs;
        let old = std::mem::replace(&mut self.vfs.fs_structs[fs.0].cwd, to);
        self.path_put(old);
    }
    pub(crate) fn set_root(&mut self, tid: Tid, to: Path) {
        self.vfs.path_get(to);
        let fs = self.tasks[tid].fs;
        let old = std::mem::replace(&mut self.vfs.fs_structs[fs.0].root, to);
        self.path_put(old);
    }

    /// Who walks: a task, or the kernel itself at boot.
    pub(crate) fn who(&self, tid: Tid) -> Who {
        match self.tasks.get(tid) {
            Some(task) => {
                let fs = &self.vfs.fs_structs[task.fs.0];
                Who { tid, cred: task.cred.clone(), root: fs.root, cwd: fs.cwd, umask: fs.umask }
            }
            None => Who { tid, cred: Cred::root(), root: self.vfs.root, cwd: self.vfs.root, umask: 0 },
        }
    }
}
