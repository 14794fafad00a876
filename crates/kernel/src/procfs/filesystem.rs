//! procfs as a filesystem: names, attributes, and reading text that is made on the way.
use super::node::Node;
use super::{Place, fd, kmsg, ns, process, root, sysctl};
use crate::saved::{SaveError, Saved};
use crate::vfs::{Attr, DirEntry, FileSystem, Ino, Io, OpenFile, Path, SetAttr};
use crate::{Kernel, NsId, Result, Tid, WaitKey};
use abi::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An open file: whose it is, so that a number used again is not taken for the same task, and its text since the last read
/// from the start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Opened {
    task: Option<(Tid, u64)>,
    text: Option<Vec<u8>>,
    /// The next record of /proc/kmsg.
    log_at: u64,
}

/// An instance, which shows a pid namespace. Every mount made in the first namespace shows the same one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProcFs {
    ns: NsId,
    open: BTreeMap<u64, Opened>,
    handles: u64,
}

/// What an entry of one of the tables is.
#[derive(Clone, Copy)]
pub(super) enum Kind<T> {
    Dir,
    Text(T),
    /// Its text, made by a function.
    Link(LinkText),
    /// It leads to the place itself.
    Magic(fn(&Kernel, Place) -> Option<Path>),
    /// /proc/kmsg.
    Log,
    /// /proc/PID/mem.
    Memory,
}

/// What a link says to whoever reads it.
pub(super) type LinkText = fn(&Kernel, Tid, NsId) -> Result<Vec<u8>>;

/// One entry of /proc or of /proc/PID.
pub(super) struct Entry<T: 'static> {
    pub(super) name: &'static str,
    /// Permission bits.
    pub(super) mode: u32,
    pub(super) kind: Kind<T>,
}

impl<T> Entry<T> {
    fn file_type(&self) -> u32 {
        match self.kind {
            Kind::Dir => S_IFDIR,
            Kind::Link(_) | Kind::Magic(_) => S_IFLNK,
            Kind::Text(_) | Kind::Log | Kind::Memory => S_IFREG,
        }
    }
}

fn position<T>(entries: &[Entry<T>], name: &[u8]) -> Result<u32> {
    entries.iter().position(|entry| entry.name.as_bytes() == name).map(|at| at as u32).ok_or(Errno::ENOENT)
}

fn number(name: &[u8]) -> Result<u32> {
    let text = std::str::from_utf8(name).map_err(|_| Errno::ENOENT)?;
    let number: u32 = text.parse().map_err(|_| Errno::ENOENT)?;
    // No leading zeros or signs: each task has one name.
    if number.to_string() == text { Ok(number) } else { Err(Errno::ENOENT) }
}

fn entry(name: impl Into<Vec<u8>>, node: Node, kind: u32) -> DirEntry {
    DirEntry { name: name.into(), ino: node.ino(), kind }
}

impl ProcFs {
    pub(crate) fn new(ns: NsId) -> ProcFs {
        ProcFs { ns, open: BTreeMap::new(), handles: 0 }
    }
    fn node(&self, ino: Ino) -> Node {
        Node::of(ino, self.ns)
    }
    /// The task that a name in a directory of tasks means.
    fn named(&self, kernel: &Kernel, name: &[u8]) -> Result<Tid> {
        kernel.namespaces.find_pid(number(name)?, self.ns).ok_or(Errno::ENOENT)
    }
    fn root_entry(at: u32) -> Result<&'static Entry<super::SystemText>> {
        root::ENTRIES.get(at as usize).ok_or(Errno::ENOENT)
    }
    fn process_entry(at: u32) -> Result<&'static Entry<super::ProcessText>> {
        process::ENTRIES.get(at as usize).ok_or(Errno::ENOENT)
    }

    /// The text of a file.
    fn text(kernel: &mut Kernel, node: Node, caller: Tid) -> Result<Vec<u8>> {
        match node {
            Node::RootEntry(at) => match Self::root_entry(at)?.kind {
                Kind::Text(make) => Ok(make(kernel, caller)),
                _ => Err(Errno::EINVAL),
            },
            Node::Sysctl(at) => sysctl::read(kernel, at, caller),
            Node::ProcessEntry(place, at) => match Self::process_entry(at)?.kind {
                Kind::Text(make) => {
                    kernel.proc_task(place.tid)?;
                    make(kernel, place, caller)
                }
                _ => Err(Errno::EINVAL),
            },
            Node::FdInfo(place, number) => fd::info(kernel, place, number as i32),
            _ => Err(Errno::EISDIR),
        }
    }

    /// Whose directory or file a node is.
    fn owner(node: Node) -> Option<Place> {
        match node {
            Node::Process(place) | Node::ProcessEntry(place, _) | Node::Ns(place, _) => Some(place),
            Node::Fd(place, _) | Node::FdInfo(place, _) => Some(place),
            _ => None,
        }
    }
}

impl FileSystem for ProcFs {
    fn clone_box(&self) -> Box<dyn FileSystem> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new("proc", self)
    }

    fn kind(&self) -> &'static str {
        "proc"
    }

    fn statfs(&self, _kernel: &Kernel) -> Statfs {
        Statfs { kind: PROC_SUPER_MAGIC, bsize: 4096, frsize: 4096, namelen: NAME_MAX as u64, ..Statfs::default() }
    }

    fn root(&self) -> Ino {
        Node::Root.ino()
    }

    fn lookup(&mut self, kernel: &mut Kernel, dir: Ino, name: &[u8]) -> Result<Ino> {
        let node = match self.node(dir) {
            Node::Root => match position(root::ENTRIES, name) {
                Ok(at) if root::ENTRIES[at as usize].name == "sys" => Node::SysDir(0),
                Ok(at) => Node::RootEntry(at),
                Err(_) => {
                    let tid = self.named(kernel, name)?;
                    kernel.tasks.get(tid).ok_or(Errno::ENOENT)?;
                    Node::Process(Place { tid, thread: false, ns: self.ns })
                }
            },
            Node::RootEntry(at) if matches!(Self::root_entry(at)?.kind, Kind::Dir) => {
                let path = [Self::root_entry(at)?.name.as_bytes(), b"/", name].concat();
                Node::RootEntry(position(root::ENTRIES, &path)?)
            }
            Node::SysDir(at) => sysctl::lookup(at, name)?,
            Node::Process(place) => {
                kernel.tasks.get(place.tid).ok_or(Errno::ENOENT)?;
                let at = position(process::ENTRIES, name)?;
                if place.thread && !process::in_threads(at) {
                    return Err(Errno::ENOENT);
                }
                Node::ProcessEntry(place, at)
            }
            Node::ProcessEntry(place, at) => match Self::process_entry(at)?.name {
                "task" => {
                    let tid = self.named(kernel, name)?;
                    let tgid = kernel.tasks.get(place.tid).ok_or(Errno::ENOENT)?.tgid;
                    kernel.tasks.get(tid).filter(|task| task.tgid == tgid).ok_or(Errno::ENOENT)?;
                    Node::Process(Place { tid, thread: true, ns: self.ns })
                }
                "ns" => Node::Ns(place, ns::lookup(name)?),
                directory @ ("fd" | "fdinfo") => {
                    let number = number(name)?;
                    fd::get(kernel, place.tid, number as i32).ok_or(Errno::ENOENT)?;
                    if directory == "fd" { Node::Fd(place, number) } else { Node::FdInfo(place, number) }
                }
                _ => return Err(Errno::ENOTDIR),
            },
            _ => return Err(Errno::ENOTDIR),
        };
        Ok(node.ino())
    }

    fn attr(&mut self, kernel: &mut Kernel, ino: Ino) -> Result<Attr> {
        let node = self.node(ino);
        let (mode, nlink, size) = match node {
            Node::Root => (S_IFDIR | 0o555, 2 + kernel.tasks.groups().count() as u32, 0),
            Node::RootEntry(at) => {
                let entry = Self::root_entry(at)?;
                (entry.file_type() | entry.mode, 1, 0)
            }
            Node::SysDir(_) => (S_IFDIR | 0o555, 1, 0),
            Node::Sysctl(at) => (S_IFREG | sysctl::mode(at)?, 1, 0),
            Node::Process(place) => (S_IFDIR | 0o555, if place.thread { 6 } else { 7 }, 0),
            Node::ProcessEntry(_, at) => {
                let entry = Self::process_entry(at)?;
                (entry.file_type() | entry.mode, if entry.file_type() == S_IFDIR { 2 } else { 1 }, 0)
            }
            Node::Fd(place, number) => (S_IFLNK | fd::link_mode(kernel, place.tid, number as i32), 1, 64),
            Node::FdInfo(..) => (S_IFREG | 0o400, 1, 0),
            Node::Ns(..) => (S_IFLNK | 0o777, 1, 0),
        };
        let (mut uid, mut gid) = (0, 0);
        if let Some(place) = Self::owner(node) {
            let task = kernel.tasks.get(place.tid).ok_or(Errno::ENOENT)?;
            let dumpable = kernel.tasks.group(task.tgid).is_some_and(|group| group.dumpable);
            // `task_dump_owner`: what may not be looked into is root's, world-readable directories aside.
            if dumpable || mode == S_IFDIR | 0o555 {
                (uid, gid) = (task.cred.euid, task.cred.egid);
            }
        }
        let now = Timespec::from_ns(kernel.clock.realtime());
        Ok(Attr { mode, nlink, uid, gid, rdev: 0, size, atime: now, mtime: now, ctime: now })
    }

    /// Truncation (a shell's `>`) means nothing here; nothing else can be changed.
    fn set_attr(&mut self, _kernel: &mut Kernel, _ino: Ino, set: &SetAttr) -> Result<()> {
        let rest = SetAttr { size: None, atime: None, mtime: None, ..set.clone() };
        if rest == SetAttr::default() { Ok(()) } else { Err(Errno::EPERM) }
    }

    fn read_dir(&mut self, kernel: &mut Kernel, dir: Ino) -> Result<Vec<DirEntry>> {
        match self.node(dir) {
            Node::Root => {
                let mut list: Vec<DirEntry> = Vec::new();
                for (at, fixed) in root::ENTRIES.iter().enumerate().filter(|(_, fixed)| !fixed.name.contains('/')) {
                    let node = if fixed.name == "sys" { Node::SysDir(0) } else { Node::RootEntry(at as u32) };
                    list.push(entry(fixed.name, node, fixed.file_type()));
                }
                let leaders = kernel.tasks.iter().filter(|task| task.is_leader());
                let numbers = leaders.map(|task| (kernel.namespaces.pid_nr(task.tid, self.ns), task.tid));
                let mut numbers: Vec<(u32, Tid)> = numbers.filter(|seen| seen.0 != 0).collect();
                numbers.sort_unstable();
                list.extend(numbers.into_iter().map(|(number, tid)| {
                    entry(number.to_string(), Node::Process(Place { tid, thread: false, ns: self.ns }), S_IFDIR)
                }));
                Ok(list)
            }
            Node::RootEntry(at) if matches!(Self::root_entry(at)?.kind, Kind::Dir) => {
                let dir = Self::root_entry(at)?.name;
                let below = |(at, fixed): (usize, &Entry<_>)| {
                    let name = fixed.name.strip_prefix(dir)?.strip_prefix('/')?;
                    Some(entry(name, Node::RootEntry(at as u32), fixed.file_type()))
                };
                Ok(root::ENTRIES.iter().enumerate().filter_map(below).collect())
            }
            Node::SysDir(at) => sysctl::read_dir(at),
            Node::Process(place) => {
                kernel.tasks.get(place.tid).ok_or(Errno::ENOENT)?;
                let all = process::ENTRIES.iter().enumerate().map(|(at, fixed)| (at as u32, fixed));
                Ok(all
                    .filter(|&(at, _)| !place.thread || process::in_threads(at))
                    .map(|(at, fixed)| entry(fixed.name, Node::ProcessEntry(place, at), fixed.file_type()))
                    .collect())
            }
            Node::ProcessEntry(place, at) => {
                let task = kernel.tasks.get(place.tid).ok_or(Errno::ENOENT)?;
                match Self::process_entry(at)?.name {
                    "task" => {
                        let group = kernel.tasks.group(task.tgid).ok_or(Errno::ENOENT)?;
                        let thread = |&tid: &Tid| {
                            let number = kernel.namespaces.pid_nr(tid, self.ns);
                            entry(number.to_string(), Node::Process(Place { tid, thread: true, ns: self.ns }), S_IFDIR)
                        };
                        Ok(group.threads.iter().map(thread).collect())
                    }
                    "fd" => Ok(fd::numbers(kernel, place.tid)
                        .map(|fd| entry(fd.to_string(), Node::Fd(place, fd as u32), S_IFLNK))
                        .collect()),
                    "fdinfo" => Ok(fd::numbers(kernel, place.tid)
                        .map(|fd| entry(fd.to_string(), Node::FdInfo(place, fd as u32), S_IFREG))
                        .collect()),
                    "ns" => {
                        let link = |(name, at)| entry(name, Node::Ns(place, at), S_IFLNK);
                        Ok(ns::names().map(link).collect())
                    }
                    _ => Err(Errno::ENOTDIR),
                }
            }
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn read_link(&mut self, kernel: &mut Kernel, caller: Tid, ino: Ino) -> Result<Vec<u8>> {
        if let Node::RootEntry(at) = self.node(ino)
            && let Kind::Link(text) = Self::root_entry(at)?.kind
        {
            return text(kernel, caller, self.ns);
        }
        let place = Self::owner(self.node(ino)).ok_or(Errno::EINVAL)?;
        kernel.tasks.get(place.tid).ok_or(Errno::ENOENT)?;
        if !kernel.may_inspect(caller, place.tid) {
            return Err(Errno::EACCES);
        }
        if let Node::Ns(place, at) = self.node(ino) {
            return Ok(ns::leads_to(kernel, place, at).ok_or(Errno::ENOENT)?.text(kernel).into());
        }
        let path = self.leads_to(kernel, ino).ok_or(Errno::ENOENT)?;
        let root = kernel.who(caller).root;
        Ok(kernel.vfs.d_path(path, root).0)
    }

    fn magic_link(&mut self, kernel: &mut Kernel, caller: Tid, ino: Ino) -> Option<Path> {
        let place = Self::owner(self.node(ino))?;
        // Who may not look gets EACCES from `read_link`, which is asked next.
        if !kernel.may_inspect(caller, place.tid) {
            return None;
        }
        if let Node::Ns(place, at) = self.node(ino) {
            return ns::leads_to(kernel, place, at).map(|id| kernel.ns_path(id));
        }
        self.leads_to(kernel, ino)
    }

    fn open(&mut self, kernel: &mut Kernel, caller: Tid, ino: Ino, _flags: OpenFlags) -> Result<u64> {
        let node = self.node(ino);
        let task = match Self::owner(node) {
            Some(place) => {
                let task = kernel.tasks.get(place.tid).ok_or(Errno::ENOENT)?;
                let started = task.start_time;
                if let Node::ProcessEntry(_, at) = node
                    && process::is_private(at)
                    && !kernel.may_inspect(caller, place.tid)
                {
                    return Err(Errno::EACCES);
                }
                Some((place.tid, started))
            }
            None => None,
        };
        self.handles += 1;
        self.open.insert(self.handles, Opened { task, ..Opened::default() });
        Ok(self.handles)
    }

    fn put_super(&mut self, kernel: &mut Kernel) {
        kernel.put_ns(self.ns);
    }

    fn release(&mut self, _kernel: &mut Kernel, file: OpenFile) {
        self.open.remove(&file.handle);
    }

    fn read(&mut self, kernel: &mut Kernel, file: OpenFile, at: u64, buf: &mut [u8]) -> Io {
        let node = self.node(file.ino);
        let opened = self.open.entry(file.handle).or_default();
        if let Node::ProcessEntry(place, entry) = node
            && matches!(Self::process_entry(entry)?.kind, Kind::Memory)
        {
            return memory(kernel, opened, place, buf.len(), |kernel| kernel.read_vm(place.tid, at, buf, true));
        }
        if let Some((tid, started)) = opened.task
            && kernel.tasks.get(tid).is_none_or(|task| task.start_time != started)
        {
            return Err(Errno::ESRCH.into());
        }
        if let Node::RootEntry(entry) = node
            && matches!(Self::root_entry(entry)?.kind, Kind::Log)
        {
            return kmsg::read(kernel, &mut opened.log_at, buf);
        }
        if at == 0 || opened.text.is_none() {
            opened.text = Some(Self::text(kernel, node, file.caller)?);
        }
        let text = opened.text.as_deref().unwrap_or_default();
        let rest = usize::try_from(at).ok().and_then(|at| text.get(at..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write(&mut self, kernel: &mut Kernel, file: OpenFile, at: u64, data: &[u8]) -> Io {
        match self.node(file.ino) {
            Node::ProcessEntry(place, entry) if matches!(Self::process_entry(entry)?.kind, Kind::Memory) => {
                let opened = self.open.entry(file.handle).or_default();
                memory(kernel, opened, place, data.len(), |kernel| kernel.write_vm(place.tid, at, data, true))
            }
            Node::Sysctl(at) => Ok(sysctl::write(kernel, at, file.caller, data)?),
            Node::ProcessEntry(place, at) => {
                kernel.proc_task(place.tid)?;
                Ok(process::write(kernel, place, file.caller, Self::process_entry(at)?.name, data)?)
            }
            _ => Err(Errno::EIO.into()),
        }
    }

    fn poll(&mut self, kernel: &mut Kernel, file: OpenFile) -> (PollEvents, Vec<WaitKey>) {
        let ready = PollEvents::POLLIN | PollEvents::POLLRDNORM;
        if let Node::RootEntry(at) = self.node(file.ino)
            && Self::root_entry(at).is_ok_and(|entry| matches!(entry.kind, Kind::Log))
        {
            let at = self.open.get(&file.handle).map_or(0, |opened| opened.log_at);
            let events = if at < kernel.log.end() { ready } else { PollEvents::empty() };
            return (events, vec![WaitKey::Log]);
        }
        (ready | PollEvents::POLLOUT | PollEvents::POLLWRNORM, Vec::new())
    }
}

/// A read or write of /proc/PID/mem (`mem_rw`): nothing of a task whose memory is gone, EIO where there is none.
fn memory(
    kernel: &mut Kernel,
    opened: &Opened,
    place: Place,
    len: usize,
    move_bytes: impl FnOnce(&mut Kernel) -> usize,
) -> Io {
    let task = kernel.tasks.get(place.tid).filter(|task| opened.task == Some((place.tid, task.start_time)));
    if len == 0 || task.is_none_or(|task| task.mm.is_none()) {
        return Ok(0);
    }
    match move_bytes(kernel) {
        0 => Err(Errno::EIO.into()),
        moved => Ok(moved),
    }
}

impl ProcFs {
    /// Where a link that is no text leads.
    fn leads_to(&self, kernel: &Kernel, ino: Ino) -> Option<Path> {
        match self.node(ino) {
            Node::Fd(place, number) => fd::path(kernel, place.tid, number as i32),
            Node::ProcessEntry(place, at) => match Self::process_entry(at).ok()?.kind {
                Kind::Magic(path) => path(kernel, place),
                _ => None,
            },
            _ => None,
        }
    }
}
