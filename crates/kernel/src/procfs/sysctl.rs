//! /proc/sys: what can be asked, and set, by name.
use super::node::Node;
use crate::namespaces::Uts;
use crate::vfs::DirEntry;
use crate::{Kernel, Random, Result, Tid, ipc};
use abi::{Errno, NEW_UTS_LEN, S_IFDIR, S_IFREG};

/// uname's version; the kernel is not compiled at a time of day.
pub(super) const UTS_VERSION: &str = "#1 minikern";

/// Directories by path; a parent comes before its children.
const DIRS: &[&str] = &["", "fs", "fs/inotify", "fs/mqueue", "kernel", "kernel/random", "vm"];

/// For whom matters to the few that differ by namespace.
type Read = fn(&mut Kernel, Tid) -> String;
type Write = fn(&mut Kernel, Tid, &str) -> Result<()>;

/// One setting.
struct Sysctl {
    path: &'static str,
    read: Read,
    write: Option<Write>,
}

const fn constant(path: &'static str, read: Read) -> Sysctl {
    Sysctl { path, read, write: None }
}

const fn setting(path: &'static str, read: Read, write: Write) -> Sysctl {
    Sysctl { path, read, write: Some(write) }
}

#[rustfmt::skip]
const SYSCTLS: &[Sysctl] = &[
    constant("fs/file-max", |_, _| "9223372036854775807".into()),
    setting("fs/inotify/max_queued_events", |k, _| k.vfs.inotify.limits[0].to_string(), |k, _, v| ipc::set(&mut k.vfs.inotify.limits[..1], v)),
    setting("fs/inotify/max_user_instances", |k, _| k.vfs.inotify.limits[1].to_string(), |k, _, v| ipc::set(&mut k.vfs.inotify.limits[1..2], v)),
    setting("fs/inotify/max_user_watches", |k, _| k.vfs.inotify.limits[2].to_string(), |k, _, v| ipc::set(&mut k.vfs.inotify.limits[2..], v)),
    setting("fs/mqueue/msg_default", |k, t| k.ipc_of(t).mq.limits[3].to_string(), |k, t, v| ipc::set(&mut k.ipc_of(t).mq.limits[3..4], v)),
    setting("fs/mqueue/msg_max", |k, t| k.ipc_of(t).mq.limits[1].to_string(), |k, t, v| ipc::set(&mut k.ipc_of(t).mq.limits[1..2], v)),
    setting("fs/mqueue/msgsize_default", |k, t| k.ipc_of(t).mq.limits[4].to_string(), |k, t, v| ipc::set(&mut k.ipc_of(t).mq.limits[4..5], v)),
    setting("fs/mqueue/msgsize_max", |k, t| k.ipc_of(t).mq.limits[2].to_string(), |k, t, v| ipc::set(&mut k.ipc_of(t).mq.limits[2..3], v)),
    setting("fs/mqueue/queues_max", |k, t| k.ipc_of(t).mq.limits[0].to_string(), |k, t, v| ipc::set(&mut k.ipc_of(t).mq.limits[0..1], v)),
    constant("fs/nr_open", |_, _| "1048576".into()),
    constant("fs/pipe-max-size", |_, _| "1048576".into()),
    constant("kernel/cap_last_cap", |_, _| abi::CAP_LAST_CAP.to_string()),
    Sysctl { path: "kernel/domainname", read: |k, t| k.uts_of(t).domainname.clone(), write: Some(|k, t, v| uts(k, t, v, |uts| &mut uts.domainname)) },
    Sysctl { path: "kernel/hostname", read: |k, t| k.uts_of(t).nodename.clone(), write: Some(|k, t, v| uts(k, t, v, |uts| &mut uts.nodename)) },
    setting("kernel/msgmax", |k, t| k.ipc_of(t).msg[0].to_string(), |k, t, v| ipc::set(&mut k.ipc_of(t).msg[..1], v)),
    setting("kernel/msgmnb", |k, t| k.ipc_of(t).msg[1].to_string(), |k, t, v| ipc::set(&mut k.ipc_of(t).msg[1..2], v)),
    setting("kernel/msgmni", |k, t| k.ipc_of(t).msg[2].to_string(), |k, t, v| ipc::set(&mut k.ipc_of(t).msg[2..], v)),
    constant("kernel/ngroups_max", |_, _| abi::NGROUPS_MAX.to_string()),
    constant("kernel/osrelease", |k, _| k.config.release.clone()),
    constant("kernel/ostype", |_, _| "Linux".into()),
    constant("kernel/overflowgid", |_, _| "65534".into()),
    constant("kernel/overflowuid", |_, _| "65534".into()),
    constant("kernel/panic", |_, _| "0".into()),
    Sysctl { path: "kernel/pid_max", read: |k, _| k.config.pid_max.to_string(), write: Some(pid_max) },
    constant("kernel/random/boot_id", |k, _| uuid(&mut Random::stream(k.config.seed, "boot_id"))),
    constant("kernel/random/entropy_avail", |_, _| "256".into()),
    constant("kernel/random/poolsize", |_, _| "256".into()),
    constant("kernel/random/uuid", |k, _| uuid(&mut k.random)),
    constant("kernel/randomize_va_space", |_, _| "0".into()),
    setting("kernel/sem", |k, t| ipc::show(&k.ipc_of(t).sem), |k, t, v| ipc::set(&mut k.ipc_of(t).sem, v)),
    setting("kernel/shmall", |k, t| k.ipc_of(t).shm[1].to_string(), |k, t, v| ipc::set_long(&mut k.ipc_of(t).shm[1], v)),
    setting("kernel/shmmax", |k, t| k.ipc_of(t).shm[0].to_string(), |k, t, v| ipc::set_long(&mut k.ipc_of(t).shm[0], v)),
    setting("kernel/shmmni", |k, t| k.ipc_of(t).shm[2].to_string(), |k, t, v| ipc::set_long(&mut k.ipc_of(t).shm[2], v)),
    constant("kernel/threads-max", |k, _| k.config.max_threads().to_string()),
    constant("kernel/version", |_, _| UTS_VERSION.into()),
    constant("vm/mmap_min_addr", |_, _| crate::mm::MMAP_MIN_ADDR.to_string()),
    constant("vm/overcommit_memory", |_, _| "0".into()),
];

/// Sets a name of the writer's UTS namespace.
fn uts(kernel: &mut Kernel, caller: Tid, value: &str, which: fn(&mut Uts) -> &mut String) -> Result<()> {
    if value.len() > NEW_UTS_LEN {
        return Err(Errno::EINVAL);
    }
    value.clone_into(which(kernel.uts_of_mut(caller).ok_or(Errno::EINVAL)?));
    Ok(())
}

/// 301 to 2^22, as on 64 bits.
fn pid_max(kernel: &mut Kernel, _: Tid, value: &str) -> Result<()> {
    let value: u32 = value.parse().map_err(|_| Errno::EINVAL)?;
    if !(301..=4_194_304).contains(&value) {
        return Err(Errno::EINVAL);
    }
    kernel.config.pid_max = value;
    Ok(())
}

/// A random UUID (RFC 4122, version 4).
fn uuid(random: &mut Random) -> String {
    let mut raw = [0; 16];
    random.fill(&mut raw);
    raw[6] = raw[6] & 0x0f | 0x40;
    raw[8] = raw[8] & 0x3f | 0x80;
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The name of `path` in directory `dir`, if it is directly in it.
fn child<'a>(dir: &str, path: &'a str) -> Option<&'a str> {
    let rest = if dir.is_empty() { path } else { path.strip_prefix(dir)?.strip_prefix('/')? };
    (!rest.is_empty() && !rest.contains('/')).then_some(rest)
}

fn entries(dir: u32) -> Result<impl Iterator<Item = (&'static str, Node)>> {
    let dir = *DIRS.get(dir as usize).ok_or(Errno::ENOENT)?;
    let dirs = DIRS.iter().enumerate().filter_map(move |(at, path)| Some((child(dir, path)?, Node::SysDir(at as u32))));
    let files =
        SYSCTLS.iter().enumerate().filter_map(move |(at, row)| Some((child(dir, row.path)?, Node::Sysctl(at as u32))));
    Ok(dirs.chain(files))
}

pub(super) fn lookup(dir: u32, name: &[u8]) -> Result<Node> {
    entries(dir)?.find(|(entry, _)| entry.as_bytes() == name).map(|(_, node)| node).ok_or(Errno::ENOENT)
}

pub(super) fn read_dir(dir: u32) -> Result<Vec<DirEntry>> {
    let kind = |node: &Node| if matches!(node, Node::SysDir(_)) { S_IFDIR } else { S_IFREG };
    Ok(entries(dir)?.map(|(name, node)| DirEntry { name: name.into(), ino: node.ino(), kind: kind(&node) }).collect())
}

fn row(at: u32) -> Result<&'static Sysctl> {
    SYSCTLS.get(at as usize).ok_or(Errno::ENOENT)
}

pub(super) fn mode(at: u32) -> Result<u32> {
    Ok(if row(at)?.write.is_some() { 0o644 } else { 0o444 })
}

pub(super) fn read(kernel: &mut Kernel, at: u32, caller: Tid) -> Result<Vec<u8>> {
    Ok(((row(at)?.read)(kernel, caller) + "\n").into_bytes())
}

pub(super) fn write(kernel: &mut Kernel, at: u32, caller: Tid, data: &[u8]) -> Result<usize> {
    let write = row(at)?.write.ok_or(Errno::EPERM)?;
    let text = std::str::from_utf8(data).map_err(|_| Errno::EINVAL)?;
    write(kernel, caller, text.trim_end_matches(['\n', '\0']))?;
    Ok(data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_its_directory() {
        for row in SYSCTLS {
            let dir = row.path.rsplit_once('/').expect("a directory").0;
            let at = DIRS.iter().position(|path| *path == dir).expect(dir) as u32;
            assert!(matches!(lookup(at, &row.path.as_bytes()[dir.len() + 1..]), Ok(Node::Sysctl(_))), "{}", row.path);
        }
        assert_eq!(lookup(0, b"kernel"), Ok(Node::SysDir(4)));
        assert_eq!(lookup(4, b"random"), Ok(Node::SysDir(5)));
        assert_eq!(lookup(0, b"random"), Err(Errno::ENOENT));
    }

    #[test]
    fn uuids() {
        let text = uuid(&mut Random::stream(1, "test"));
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
    }
}
