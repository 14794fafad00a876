//! `--mount`: lends a host directory.
use crate::args::MountArg;
use crate::hostfs::HostFs;
use abi::MountFlags;
use anyhow::{Context, Result};
use kernel::Kernel;

/// Mounts the directory where the guest will find it; the mount point is made if it is not there.
pub(super) fn lend(kernel: &mut Kernel, mount: &MountArg) -> Result<()> {
    let source = mount.source.display();
    let fs = HostFs::new(&mount.source, mount.read_only).with_context(|| format!("--mount {source}"))?;
    let flags = if mount.read_only { MountFlags::MS_RDONLY } else { MountFlags::empty() };
    kernel
        .mount_fs(Box::new(fs), b"host", mount.target.as_bytes(), flags)
        .map_err(|errno| anyhow::anyhow!("--mount {source}:{}: {errno:?}", mount.target))
}
