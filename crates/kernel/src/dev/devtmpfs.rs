//! What a fresh devtmpfs holds: the nodes of the drivers, and where shm and pts are mounted.
use super::{NODES, Node};
use crate::vfs::Tmpfs;
use crate::vfs::{FileSystem, New, NewNode};
use crate::{Kernel, Result, Tid};
use abi::S_IFCHR;

/// A fresh devtmpfs.
pub(crate) fn devtmpfs(kernel: &mut Kernel) -> Result<Box<dyn FileSystem>> {
    let mut fs = Tmpfs::mounted(kernel, "devtmpfs", b"mode=755")?;
    populate(&mut fs, kernel)?;
    Ok(Box::new(fs))
}

/// What the root filesystem holds before any image is unpacked (usr/default_cpio_list).
pub(crate) fn default_rootfs(kernel: &mut Kernel) -> Result<()> {
    kernel.install_dir(b"/dev", 0o755)?;
    kernel.install_node(b"/dev/console", S_IFCHR | 0o600, super::CONSOLE)?;
    kernel.install_dir(b"/root", 0o700)
}

/// Fills an empty filesystem with the device nodes.
fn populate(fs: &mut dyn FileSystem, kernel: &mut Kernel) -> Result<()> {
    let root = fs.root();
    let mut create = |name: &str, node: NewNode<'_>, mode: u32| {
        fs.create(kernel, root, name.as_bytes(), &New { node, mode, uid: 0, gid: 0, caller: Tid(0) }).map(|_| ())
    };
    for Node(name, mode, rdev) in NODES {
        create(name, NewNode::Special(S_IFCHR, *rdev), *mode)?;
    }
    create("pts", NewNode::Directory, 0o755)?;
    create("shm", NewNode::Directory, 0o1777)?;
    // DIFFERS FROM LINUX: udev and its like make these there; no such program runs here.
    let links = [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"), ("rtc", "rtc0")];
    for (name, target) in links {
        create(name, NewNode::Symlink(target.as_bytes()), 0o777)?;
    }
    Ok(())
}
