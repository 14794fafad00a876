//! Rules of unshare(2), clone(2) and the namespaces they make.
use super::*;
use crate::cgroup::CgroupCore;
use crate::mm::Vma;
use crate::saved::{SaveError, Saved};
use crate::test_arch::{call, machine};
use crate::{Cgroups, Config, INIT, Result, Tgid};
use abi::{CloneFlags as F, Errno, Prot, SIGCHLD, Sysno};

/// Namespaces of a machine that has started.
pub(super) const INITIAL: usize = 8;
pub(super) const BUF: u64 = 0x1_0000;

pub(super) fn kernel() -> Kernel {
    let mut kernel = machine(Config::default());
    let memory = Vma::anon(BUF, BUF + 0x4000, Prot::PROT_READ | Prot::PROT_WRITE, "");
    kernel.map_area(INIT, memory, true).expect("an empty address space");
    kernel
}

pub(super) fn error(errno: Errno) -> Option<i64> {
    Some(-i64::from(errno.0))
}

pub(super) fn clone(kernel: &mut Kernel, tid: Tid, flags: F) -> Option<i64> {
    call(kernel, tid, Sysno::Clone, &[flags.bits() | u64::from(SIGCHLD)])
}

pub(super) fn unshare(kernel: &mut Kernel, tid: Tid, flags: F) -> Option<i64> {
    call(kernel, tid, Sysno::Unshare, &[flags.bits()])
}

/// A string in the caller's memory.
pub(super) fn text(kernel: &mut Kernel, tid: Tid, addr: u64, text: &str) -> u64 {
    kernel.user(tid).write(addr, &[text.as_bytes(), &[0]].concat()).expect("mapped");
    addr
}

fn set_hostname(kernel: &mut Kernel, tid: Tid, name: &str) -> Option<i64> {
    let addr = text(kernel, tid, BUF, name);
    call(kernel, tid, Sysno::Sethostname, &[addr, name.len() as u64])
}

#[test]
fn names_are_per_namespace() {
    let mut kernel = kernel();
    let child = Tid(clone(&mut kernel, INIT, F::CLONE_NEWUTS).expect("does not sleep") as u32);
    assert_eq!(set_hostname(&mut kernel, child, "inner"), Some(0));
    assert_eq!((&kernel.uts_of(child).nodename[..], &kernel.uts_of(INIT).nodename[..]), ("inner", "minikern"));
    assert_eq!(unshare(&mut kernel, child, F::CLONE_NEWUTS), Some(0));
    assert_eq!(kernel.uts_of(child).nodename, "inner", "a copy of the old one");
    assert_eq!(kernel.namespaces.table.len(), INITIAL + 1, "the one it left is gone, with its last user");
    call(&mut kernel, child, Sysno::ExitGroup, &[0]);
    assert_eq!(kernel.namespaces.table.len(), INITIAL);
}

/// unshare(2): what is shared with a thread, and who may.
#[test]
fn refusals() {
    let mut kernel = kernel();
    assert_eq!(unshare(&mut kernel, INIT, F::CLONE_PARENT), error(Errno::EINVAL));
    assert_eq!(clone(&mut kernel, INIT, F::CLONE_NEWNS | F::CLONE_FS), error(Errno::EINVAL));
    assert_eq!(clone(&mut kernel, INIT, F::CLONE_NEWIPC | F::CLONE_SYSVSEM), error(Errno::EINVAL));
    let threads = F::CLONE_THREAD | F::CLONE_SIGHAND | F::CLONE_VM;
    assert!(clone(&mut kernel, INIT, threads).is_some_and(|tid| tid > 0));
    assert_eq!(unshare(&mut kernel, INIT, F::CLONE_VM), error(Errno::EINVAL));
    assert_eq!(unshare(&mut kernel, INIT, F::CLONE_THREAD), error(Errno::EINVAL));
    assert_eq!(unshare(&mut kernel, INIT, F::CLONE_NEWUTS), Some(0), "of one thread alone");
    kernel.tasks[INIT].cred.cap_effective = 0;
    let tasks = kernel.tasks.len();
    for flag in [F::CLONE_NEWUTS, F::CLONE_NEWIPC, F::CLONE_NEWNS, F::CLONE_NEWCGROUP] {
        assert_eq!(unshare(&mut kernel, INIT, flag), error(Errno::EPERM));
        assert_eq!(clone(&mut kernel, INIT, flag), error(Errno::EPERM));
    }
    assert_eq!(kernel.tasks.len(), tasks);
}

/// A core that says no to every new namespace, and counts.
#[derive(Clone, Default)]
struct Refuses {
    forked: u32,
    exited: u32,
}

impl CgroupCore for Refuses {
    fn clone_box(&self) -> Box<dyn CgroupCore> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new("refuses", &())
    }
    fn can_fork(&mut self, _: &mut Kernel, _: Tid, _: bool, _: Option<crate::Dir>) -> Result<()> {
        Ok(())
    }
    fn forked(&mut self, _: &mut Kernel, _: Tid, _: Tid, _: Option<crate::Dir>) {
        self.forked += 1;
    }
    fn cancel_fork(&mut self, _: &mut Kernel, _: Tid) {}
    fn exited(&mut self, _: &mut Kernel, _: Tid) {
        self.exited += 1;
    }
    fn namespaces_cloned(&mut self, _: &mut Kernel, _: Tid) -> Result<()> {
        Err(Errno::EPERM)
    }
    fn cgroup2_frozen_changed(&mut self, _: &mut Kernel, _: Tid) {}
    fn cgroup2_freezing(&self, _: Tid) -> bool {
        false
    }
    fn renamed(&mut self, _: &mut Kernel, _: Tid, _: Tid) {}
    fn released(&mut self, _: Tid) {}
    fn cgroup_freezing(&self, _: Tid) -> bool {
        false
    }
    fn cgroup_frozen(&self, _: Tid) -> bool {
        false
    }
    fn proc_lines(&self, _: &Kernel, _: Tid) -> String {
        String::new()
    }
    fn proc_cgroups(&self, _: &Kernel) -> String {
        String::new()
    }
    fn mount(&mut self, _: &mut Kernel, _: &str, _: &[u8], _: &[u8]) -> Result<crate::vfs::SuperId> {
        Err(Errno::ENODEV)
    }
    fn as_any(&mut self) -> &mut dyn std::any::Any {
        self
    }
    fn group_of(&self, _: Tgid) -> String {
        String::new()
    }
}

/// `ns_cgroup_clone` may refuse (F07-14), and then nothing has happened.
#[test]
fn groups_can_refuse() {
    let mut kernel = kernel();
    kernel.cgroups = Cgroups::new(Box::new(Refuses::default()));
    let before = (kernel.tasks.len(), kernel.namespaces.table.len());
    let flags = F::CLONE_NEWUTS | F::CLONE_NEWNS;
    let mounts = kernel.vfs.proc_mountinfo(kernel.vfs.root());
    assert_eq!(unshare(&mut kernel, INIT, flags), error(Errno::EPERM));
    assert_eq!(clone(&mut kernel, INIT, flags), error(Errno::EPERM));
    assert_eq!((kernel.tasks.len(), kernel.namespaces.table.len()), before);
    assert_eq!(kernel.tasks[INIT].nsproxy, NsProxy::INITIAL);
    assert_eq!(kernel.vfs.proc_mountinfo(kernel.vfs.root()), mounts);
    kernel.with_cgroups(|core, _| {
        let core = core.as_any().downcast_ref::<Refuses>().expect("ours");
        assert_eq!((core.forked, core.exited), (1, 1));
    });
    assert!(clone(&mut kernel, INIT, F::empty()).is_some_and(|tid| tid > 0), "is not asked");
}

fn mount(kernel: &mut Kernel, tid: Tid, at: &str) -> Option<i64> {
    let at = text(kernel, tid, BUF, at);
    let kind = text(kernel, tid, BUF + 256, "tmpfs");
    call(kernel, tid, Sysno::Mount, &[kind, at, kind, 0, 0])
}

fn mkdir(kernel: &mut Kernel, tid: Tid, path: &str) -> Option<i64> {
    let path = text(kernel, tid, BUF, path);
    call(kernel, tid, Sysno::Mkdir, &[path, 0o755])
}

fn mounts_of(kernel: &Kernel, tid: Tid) -> usize {
    let root = kernel.who(tid).root;
    kernel.vfs.proc_mounts(root).iter().filter(|&&byte| byte == b'\n').count()
}

/// mount_namespaces(7): a copy of the tree; what is mounted in one is not in the other.
#[test]
fn trees_are_apart() {
    let mut kernel = kernel();
    assert_eq!(mkdir(&mut kernel, INIT, "/a"), Some(0));
    assert_eq!(mount(&mut kernel, INIT, "/a"), Some(0));
    let before = mounts_of(&kernel, INIT);
    let child = Tid(clone(&mut kernel, INIT, F::CLONE_NEWNS).expect("does not sleep") as u32);
    assert_eq!(mounts_of(&kernel, child), before);
    assert_eq!(mkdir(&mut kernel, child, "/a/b"), Some(0));
    assert_eq!(mount(&mut kernel, child, "/a/b"), Some(0));
    assert_eq!((mounts_of(&kernel, INIT), mounts_of(&kernel, child)), (before, before + 1));
    // The filesystem is one: the directory is there, and what the other mounted on it goes with it.
    let path = text(&mut kernel, child, BUF, "/a/b");
    assert_eq!(call(&mut kernel, child, Sysno::Rmdir, &[path]), error(Errno::EBUSY));
    let path = text(&mut kernel, INIT, BUF, "/a/b");
    assert_eq!(call(&mut kernel, INIT, Sysno::Rmdir, &[path]), Some(0));
    assert_eq!(mounts_of(&kernel, child), before);
    let at = text(&mut kernel, child, BUF, "/a");
    assert_eq!(call(&mut kernel, child, Sysno::Umount2, &[at, 0]), Some(0));
    assert_eq!((mounts_of(&kernel, INIT), mounts_of(&kernel, child)), (before, before - 1));
    call(&mut kernel, child, Sysno::ExitGroup, &[0]);
    assert_eq!(kernel.namespaces.table.len(), INITIAL);
    assert_eq!(mounts_of(&kernel, INIT), before);
}

/// pivot_root(2), in a namespace of one's own.
#[test]
fn the_root_is_changed() {
    let mut kernel = kernel();
    assert_eq!(unshare(&mut kernel, INIT, F::CLONE_NEWNS), Some(0));
    let pivot = |kernel: &mut Kernel, new: &str, old: &str| {
        let (new, old) = (text(kernel, INIT, BUF, new), text(kernel, INIT, BUF + 256, old));
        call(kernel, INIT, Sysno::PivotRoot, &[new, old])
    };
    for path in ["/new", "/new/old"] {
        assert_eq!(mkdir(&mut kernel, INIT, path), Some(0));
    }
    assert_eq!(pivot(&mut kernel, "/new", "/new/old"), error(Errno::EBUSY), "on the root's own mount");
    assert_eq!(mount(&mut kernel, INIT, "/new"), Some(0));
    assert_eq!(mkdir(&mut kernel, INIT, "/new/old"), Some(0));
    assert_eq!(pivot(&mut kernel, "/new", "/new/old"), error(Errno::EINVAL), "rootfs is on nothing");
    let path = text(&mut kernel, INIT, BUF, "/new");
    assert_eq!(call(&mut kernel, INIT, Sysno::Chroot, &[path]), Some(0));
    let path = text(&mut kernel, INIT, BUF, "/");
    assert_eq!(call(&mut kernel, INIT, Sysno::Chdir, &[path]), Some(0));
    for path in ["/next", "/next/old"] {
        assert_eq!(mkdir(&mut kernel, INIT, path), Some(0));
    }
    assert_eq!(mount(&mut kernel, INIT, "/next"), Some(0));
    assert_eq!(pivot(&mut kernel, "/next", "/old"), error(Errno::EBUSY));
    assert_eq!(mkdir(&mut kernel, INIT, "/next/old"), Some(0));
    assert_eq!(pivot(&mut kernel, "/next", "/next/old"), Some(0));
    let who = kernel.who(INIT);
    assert_eq!(kernel.vfs.d_path(who.cwd, who.root), (b"/".to_vec(), true));
    assert_eq!(mkdir(&mut kernel, INIT, "/old/next/there"), Some(0), "the old root's directories are below /old");
    let path = text(&mut kernel, INIT, BUF, "/old");
    assert_eq!(call(&mut kernel, INIT, Sysno::Umount2, &[path, 2]), Some(0));
    assert_eq!(mounts_of(&kernel, INIT), 1);
}
