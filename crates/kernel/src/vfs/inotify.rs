//! inotify(7): instances that watch inodes, and queues of what happened (fs/notify/inotify).
use super::anon::AnonKind;
use super::fsnotify::{Event, Inode};
use super::{Block, FileId, FileKind, Io, SuperId};
use crate::{Kernel, Result, SleepKind, Tid, WaitKey};
use abi::{Errno, Inotify, OpenFlags, PollEvents, encode_inotify_event, inotify_name_len};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One watch: whose inode it is, and what is asked for (IN_ONESHOT and IN_EXCL_UNLINK included).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Watch {
    inode: Inode,
    mask: Inotify,
}

/// One event that nobody has read yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Queued {
    wd: i32,
    mask: Inotify,
    cookie: u32,
    name: Vec<u8>,
}

impl Queued {
    fn len(&self) -> usize {
        16 + inotify_name_len(&self.name)
    }
    /// Whether another of the kind right behind it says nothing new (inotify_merge).
    fn says_the_same(&self, next: &Queued) -> bool {
        !self.mask.contains(Inotify::IN_IGNORED) && (self.wd, self.mask, &self.name) == (next.wd, next.mask, &next.name)
    }
}

/// One instance.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Group {
    uid: u32,
    watches: BTreeMap<i32, Watch>,
    by_inode: BTreeMap<Inode, i32>,
    /// Numbers are not used again before all others were.
    last_wd: i32,
    queue: VecDeque<Queued>,
}

/// All instances, and who watches what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Watchers {
    groups: BTreeMap<u64, Group>,
    marks: BTreeMap<Inode, BTreeSet<u64>>,
    cookie: u32,
    /// max_queued_events, max_user_instances, max_user_watches: /proc/sys/fs/inotify.
    pub(crate) limits: [u32; 3],
}

impl Default for Watchers {
    fn default() -> Watchers {
        Watchers { groups: BTreeMap::new(), marks: BTreeMap::new(), cookie: 0, limits: [16384, 128, 8192] }
    }
}

impl Watchers {
    /// Nothing is watched at all.
    pub(super) fn is_idle(&self) -> bool {
        self.marks.is_empty()
    }
    /// The instances that watch an inode.
    pub(super) fn groups_of(&self, inode: Inode) -> BTreeSet<u64> {
        self.marks.get(&inode).cloned().unwrap_or_default()
    }
    /// Inodes of a filesystem that are watched.
    pub(super) fn inodes_of(&self, sup: SuperId) -> Vec<Inode> {
        self.marks.keys().filter(|inode| inode.0 == sup).copied().collect()
    }
    pub(super) fn next_cookie(&mut self) -> u32 {
        self.cookie = self.cookie.wrapping_add(1);
        self.cookie
    }
    fn unmark(&mut self, inode: Inode, group: u64) {
        if let Some(groups) = self.marks.get_mut(&inode) {
            groups.remove(&group);
            if groups.is_empty() {
                self.marks.remove(&inode);
            }
        }
    }
    /// Watches of a user.
    fn watches_of(&self, uid: u32) -> usize {
        self.groups.values().filter(|group| group.uid == uid).map(|group| group.watches.len()).sum()
    }
}

impl Kernel {
    pub(crate) fn new_inotify(&mut self, tid: Tid, flags: OpenFlags) -> Result<FileId> {
        let uid = self.tasks[tid].cred.uid;
        let [_, instances, _] = self.vfs.inotify.limits;
        if self.vfs.inotify.groups.values().filter(|group| group.uid == uid).count() >= instances as usize {
            return Err(Errno::EMFILE);
        }
        let path = self.new_anon(tid, AnonKind::Inode("inotify"))?;
        let id = self.vfs.new_key();
        self.vfs.inotify.groups.insert(id, Group { uid, ..Group::default() });
        Ok(self.vfs.new_file(FileKind::Inotify(id), path, OpenFlags::O_RDONLY | flags))
    }

    /// Watches an inode, or changes the watch there is (inotify_update_watch); gives its number.
    pub(crate) fn inotify_watch(&mut self, id: u64, inode: Inode, mask: Inotify) -> Result<i32> {
        let kept = mask & (Inotify::IN_ALL_EVENTS | Inotify::IN_ONESHOT | Inotify::IN_EXCL_UNLINK);
        let watchers = &mut self.vfs.inotify;
        let group = watchers.groups.get_mut(&id).ok_or(Errno::EINVAL)?;
        if let Some(&wd) = group.by_inode.get(&inode) {
            if mask.contains(Inotify::IN_MASK_CREATE) {
                return Err(Errno::EEXIST);
            }
            let watch = group.watches.get_mut(&wd).ok_or(Errno::EINVAL)?;
            watch.mask = if mask.contains(Inotify::IN_MASK_ADD) { watch.mask | kept } else { kept };
            return Ok(wd);
        }
        let uid = group.uid;
        if watchers.watches_of(uid) >= watchers.limits[2] as usize {
            return Err(Errno::ENOSPC);
        }
        let group = watchers.groups.get_mut(&id).ok_or(Errno::EINVAL)?;
        let next = |wd: i32| if wd == i32::MAX { 1 } else { wd + 1 };
        let mut wd = next(group.last_wd);
        while group.watches.contains_key(&wd) {
            wd = next(wd);
        }
        group.last_wd = wd;
        group.watches.insert(wd, Watch { inode, mask: kept });
        group.by_inode.insert(inode, wd);
        watchers.marks.entry(inode).or_default().insert(id);
        Ok(wd)
    }
    /// Takes a watch away; the queue says so (inotify_ignored_and_remove_idr).
    pub(crate) fn inotify_unwatch(&mut self, id: u64, wd: i32) -> Result<()> {
        let group = self.vfs.inotify.groups.get_mut(&id).ok_or(Errno::EINVAL)?;
        let watch = group.watches.remove(&wd).ok_or(Errno::EINVAL)?;
        group.by_inode.remove(&watch.inode);
        self.vfs.inotify.unmark(watch.inode, id);
        self.inotify_queue(id, Queued { wd, mask: Inotify::IN_IGNORED, cookie: 0, name: Vec::new() });
        Ok(())
    }
    /// An inode is gone: so are all watches of it.
    pub(super) fn inotify_forget(&mut self, inode: Inode) {
        for id in self.vfs.inotify.groups_of(inode) {
            let wd = self.vfs.inotify.groups.get(&id).and_then(|group| group.by_inode.get(&inode)).copied();
            if let Some(wd) = wd {
                // It was there a moment ago.
                let _ = self.inotify_unwatch(id, wd);
            }
        }
    }

    /// Something happened to an inode that the instance watches (inotify_handle_inode_event).
    pub(super) fn inotify_event(&mut self, id: u64, inode: Inode, event: Event<'_>) {
        let Some(group) = self.vfs.inotify.groups.get(&id) else { return };
        let Some(&wd) = group.by_inode.get(&inode) else { return };
        let Some(watch) = group.watches.get(&wd) else { return };
        let asked = watch.mask & Inotify::IN_ALL_EVENTS | Inotify::IN_UNMOUNT;
        if !asked.intersects(event.mask) || event.unlinked && watch.mask.contains(Inotify::IN_EXCL_UNLINK) {
            return;
        }
        let once = watch.mask.contains(Inotify::IN_ONESHOT);
        let mut mask = event.mask;
        if mask.intersects(Inotify::IN_DELETE_SELF | Inotify::IN_MOVE_SELF) {
            mask.remove(Inotify::IN_ISDIR);
        }
        self.inotify_queue(id, Queued { wd, mask, cookie: event.cookie, name: event.name.to_vec() });
        if once {
            let _ = self.inotify_unwatch(id, wd);
        }
    }
    /// Adds an event, unless the last one says the same; a full queue ends with one that says so (fsnotify_insert_event).
    fn inotify_queue(&mut self, id: u64, event: Queued) {
        let [most, ..] = self.vfs.inotify.limits;
        let Some(group) = self.vfs.inotify.groups.get_mut(&id) else { return };
        let overflow = Queued { wd: -1, mask: Inotify::IN_Q_OVERFLOW, cookie: 0, name: Vec::new() };
        let event = match group.queue.len() >= most as usize {
            true if group.queue.contains(&overflow) => return,
            true => overflow,
            false if group.queue.back().is_some_and(|last| last.says_the_same(&event)) => return,
            false => event,
        };
        group.queue.push_back(event);
        self.notify(WaitKey::Readable(id));
    }

    pub(super) fn read_inotify(&mut self, id: u64, buf: &mut [u8]) -> Io {
        let group = self.vfs.inotify.groups.get_mut(&id).ok_or(Errno::EINVAL)?;
        let mut done = 0;
        while let Some(event) = group.queue.front() {
            if event.len() > buf.len() - done {
                break;
            }
            let raw = encode_inotify_event(event.wd, event.mask.bits(), event.cookie, &event.name);
            buf[done..done + raw.len()].copy_from_slice(&raw);
            done += raw.len();
            group.queue.pop_front();
        }
        match (done, group.queue.is_empty()) {
            (0, true) => {
                let (on, kind, wchan) = (WaitKey::Readable(id), SleepKind::Interruptible, "wait_woken");
                Err(Block { on, kind, wchan, freezable: false }.into())
            }
            (0, false) => Err(Errno::EINVAL.into()),
            _ => Ok(done),
        }
    }
    pub(super) fn poll_inotify(&self, id: u64) -> (PollEvents, Vec<WaitKey>) {
        let readable = PollEvents::POLLIN | PollEvents::POLLRDNORM;
        let events = if self.inotify_bytes(id) > 0 { readable } else { PollEvents::empty() };
        (events, vec![WaitKey::Readable(id)])
    }
    /// FIONREAD.
    pub(crate) fn inotify_bytes(&self, id: u64) -> u64 {
        let group = self.vfs.inotify.groups.get(&id);
        group.map_or(0, |group| group.queue.iter().map(|event| event.len() as u64).sum())
    }
    /// The lines of /proc/PID/fdinfo (inotify_fdinfo).
    pub(crate) fn inotify_fdinfo(&self, id: u64) -> String {
        let Some(group) = self.vfs.inotify.groups.get(&id) else { return String::new() };
        let line = |(wd, watch): (&i32, &Watch)| {
            let (sup, ino) = watch.inode;
            let dev = super::Vfs::super_dev(sup);
            format!("inotify wd:{wd:x} ino:{:x} sdev:{dev:x} mask:{:x} ignored_mask:0 \n", ino.0, watch.mask.bits())
        };
        group.watches.iter().map(line).collect()
    }
    pub(super) fn close_inotify(&mut self, id: u64) {
        let Some(group) = self.vfs.inotify.groups.remove(&id) else { return };
        for watch in group.watches.values() {
            self.vfs.inotify.unmark(watch.inode, id);
        }
    }
}
