//! /proc/PID/ns: links that lead to the files of a task's namespaces (fs/proc/namespaces.c); the maps of its user namespace.
use super::{Place, alive};
use crate::namespaces::Ids;
use crate::{Kernel, NsId, Result, Task, Tid};
use abi::Errno;

/// A link, and which namespace it is for.
type Link = (&'static str, fn(&Task) -> NsId);

const LINKS: &[Link] = &[
    ("cgroup", |task| task.nsproxy.cgroup),
    ("ipc", |task| task.nsproxy.ipc),
    ("mnt", |task| task.nsproxy.mnt),
    ("net", |task| task.nsproxy.net),
    ("pid", |task| task.pid_ns),
    ("pid_for_children", |task| task.nsproxy.pid_for_children),
    ("time", |_| NsId::TIME),
    ("time_for_children", |_| NsId::TIME),
    ("user", |task| task.cred.user_ns),
    ("uts", |task| task.nsproxy.uts),
];

pub(super) fn lookup(name: &[u8]) -> Result<u32> {
    LINKS.iter().position(|link| link.0.as_bytes() == name).map(|at| at as u32).ok_or(Errno::ENOENT)
}

pub(super) fn names() -> impl Iterator<Item = (&'static str, u32)> {
    LINKS.iter().enumerate().map(|(at, link)| (link.0, at as u32))
}

/// The namespace a link leads to. A dead task has left all but two, and a new pid namespace has none to show before its init.
pub(super) fn leads_to(kernel: &Kernel, place: Place, at: u32) -> Option<NsId> {
    let (name, of) = LINKS.get(at as usize)?;
    let id = of(alive(kernel, place)?);
    (*name != "pid_for_children" || kernel.namespaces.has_init(id)).then_some(id)
}

fn user_ns(kernel: &Kernel, place: Place) -> Result<NsId> {
    Ok(kernel.proc_task(place.tid)?.cred.user_ns)
}

pub(super) fn uid_map(kernel: &mut Kernel, place: Place, caller: Tid) -> Result<Vec<u8>> {
    Ok(kernel.id_map_text(user_ns(kernel, place)?, Ids::Users, caller).into())
}

pub(super) fn gid_map(kernel: &mut Kernel, place: Place, caller: Tid) -> Result<Vec<u8>> {
    Ok(kernel.id_map_text(user_ns(kernel, place)?, Ids::Groups, caller).into())
}

pub(super) fn setgroups(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    Ok(kernel.setgroups_text(user_ns(kernel, place)?).into())
}

pub(super) fn write(kernel: &mut Kernel, place: Place, caller: Tid, name: &str, data: &[u8]) -> Result<()> {
    let ns = user_ns(kernel, place)?;
    match name {
        "uid_map" => kernel.write_id_map(ns, Ids::Users, caller, data),
        "gid_map" => kernel.write_id_map(ns, Ids::Groups, caller, data),
        _ => kernel.write_setgroups(ns, caller, data),
    }
}
