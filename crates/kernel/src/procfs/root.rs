//! The entries of /proc itself.
use super::SystemText;
use super::filesystem::{Entry, Kind, LinkText};
use super::system as text_of;
use crate::net::proc_net;
use crate::{Kernel, NsId, Result, Tid};
use abi::Errno;

const fn text(name: &'static str, make: SystemText) -> Entry<SystemText> {
    Entry { name, mode: 0o444, kind: Kind::Text(make) }
}
const fn link(name: &'static str, to: LinkText) -> Entry<SystemText> {
    Entry { name, mode: 0o777, kind: Kind::Link(to) }
}

/// A process and thread's numbers in the instance's namespace; who is not in that has no self.
fn own_number(kernel: &Kernel, tid: Tid, ns: NsId) -> Result<(u32, u32)> {
    let task = kernel.tasks.get(tid).ok_or(Errno::ENOENT)?;
    match kernel.namespaces.pid_nr(task.tgid, ns) {
        0 => Err(Errno::ENOENT),
        process => Ok((process, kernel.namespaces.pid_nr(tid, ns))),
    }
}

/// A name with a slash is in a directory of the table.
#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry<SystemText>] = &[
    text("cgroups", text_of::cgroups),
    text("cmdline", text_of::cmdline),
    text("cpuinfo", text_of::cpuinfo),
    text("devices", text_of::devices),
    text("filesystems", text_of::filesystems),
    text("interrupts", text_of::interrupts),
    Entry { name: "kmsg", mode: 0o400, kind: Kind::Log },
    text("loadavg", text_of::loadavg),
    text("locks", text_of::locks),
    text("meminfo", text_of::meminfo),
    text("modules", |_, _| Vec::new()),
    link("mounts", |_, _, _| Ok(b"self/mounts".to_vec())),
    Entry { name: "net", mode: 0o555, kind: Kind::Dir },
    text("net/dev", proc_net::dev),
    text("net/if_inet6", proc_net::if_inet6),
    text("net/route", proc_net::route),
    text("net/tcp", proc_net::tcp),
    text("net/tcp6", proc_net::tcp6),
    text("net/udp", proc_net::udp),
    text("net/udp6", proc_net::udp6),
    text("net/unix", proc_net::unix),
    text("partitions", |_, _| b"major minor  #blocks  name\n\n".to_vec()),
    link("self", |kernel, tid, ns| Ok(own_number(kernel, tid, ns)?.0.to_string().into_bytes())),
    text("stat", text_of::stat),
    text("swaps", |_, _| b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_vec()),
    Entry { name: "sys", mode: 0o555, kind: Kind::Dir },
    Entry { name: "sysvipc", mode: 0o555, kind: Kind::Dir },
    text("sysvipc/msg", crate::ipc::proc_msg),
    text("sysvipc/sem", crate::ipc::proc_sem),
    text("sysvipc/shm", crate::ipc::proc_shm),
    link("thread-self", |kernel, tid, ns| {
        let (process, thread) = own_number(kernel, tid, ns)?;
        Ok(format!("{process}/task/{thread}").into_bytes())
    }),
    text("uptime", text_of::uptime),
    text("version", text_of::version),
    text("vmstat", text_of::vmstat),
];
