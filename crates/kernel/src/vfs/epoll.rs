//! epoll(7): sets of open files that are watched. Readiness is asked for, not remembered; what makes an edge is counted.
use super::anon::AnonKind;
use super::{FileId, FileKind};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{EPOLLET, EPOLLONESHOT, Errno, OpenFlags, PollEvents};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One watched file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Item {
    events: u32,
    data: u64,
    /// Disabled by EPOLLONESHOT until it is changed.
    spent: bool,
    /// What was ready, and how often its keys had been notified, when it was last looked at (EPOLLET).
    seen: (PollEvents, u64),
}

/// One epoll instance: items by descriptor number and file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Epoll {
    items: BTreeMap<(i32, FileId), Item>,
    /// The last item reported: the next search begins behind it, so that none starves.
    last: Option<(i32, FileId)>,
}

/// How deep instances may watch instances (EP_MAX_NESTS).
const MAX_NESTS: u32 = 4;

impl Kernel {
    pub(crate) fn new_epoll(&mut self, tid: Tid) -> Result<FileId> {
        let path = self.new_anon(tid, AnonKind::Inode("eventpoll"))?;
        let id = self.vfs.new_key();
        self.vfs.epolls.insert(id, Epoll::default());
        Ok(self.vfs.new_file(FileKind::Epoll(id), path, OpenFlags::O_RDWR))
    }
    /// The instance of an open file; EINVAL.
    pub(crate) fn epoll_of(&self, file: FileId) -> Result<u64> {
        match self.vfs.file(file).kind {
            FileKind::Epoll(id) => Ok(id),
            _ => Err(Errno::EINVAL),
        }
    }
    fn epoll(&mut self, id: u64) -> &mut Epoll {
        self.vfs.epolls.get_mut(&id).expect("an instance lives as long as its file")
    }

    /// EPOLL_CTL_ADD.
    pub(crate) fn epoll_add(&mut self, tid: Tid, id: u64, fd: i32, file: FileId, events: u32, data: u64) -> Result<()> {
        let (_, keys) = self.file_poll(tid, file);
        let pollable = !keys.is_empty() || !matches!(self.vfs.file(file).kind, FileKind::Inode { .. });
        if !pollable {
            return Err(Errno::EPERM);
        }
        if let FileKind::Epoll(inner) = self.vfs.file(file).kind
            && (inner == id || self.nests(inner, id, 0))
        {
            return Err(Errno::ELOOP);
        }
        if self.epoll(id).items.contains_key(&(fd, file)) {
            return Err(Errno::EEXIST);
        }
        for key in keys {
            self.vfs.notified.entry(key).or_insert(0);
        }
        let item = Item { events, data, spent: false, seen: (PollEvents::empty(), u64::MAX) };
        self.epoll(id).items.insert((fd, file), item);
        self.notify(WaitKey::Readable(id));
        Ok(())
    }
    /// Whether instance `at` watches `id`, through others, or nests too deep.
    fn nests(&self, at: u64, id: u64, depth: u32) -> bool {
        let Some(epoll) = self.vfs.epolls.get(&at) else { return false };
        depth > MAX_NESTS
            || epoll.items.keys().any(|&(_, file)| match self.vfs.file(file).kind {
                FileKind::Epoll(inner) => inner == id || self.nests(inner, id, depth + 1),
                _ => false,
            })
    }
    /// EPOLL_CTL_MOD: also enables what EPOLLONESHOT disabled.
    pub(crate) fn epoll_modify(&mut self, id: u64, fd: i32, file: FileId, events: u32, data: u64) -> Result<()> {
        let item = self.epoll(id).items.get_mut(&(fd, file)).ok_or(Errno::ENOENT)?;
        *item = Item { events, data, spent: false, seen: (PollEvents::empty(), u64::MAX) };
        self.notify(WaitKey::Readable(id));
        Ok(())
    }
    /// EPOLL_CTL_DEL.
    pub(crate) fn epoll_remove(&mut self, id: u64, fd: i32, file: FileId) -> Result<()> {
        self.epoll(id).items.remove(&(fd, file)).map(|_| ()).ok_or(Errno::ENOENT)
    }
    /// A file is closed for good: nobody watches it any more.
    pub(super) fn epoll_forget(&mut self, file: FileId) {
        for epoll in self.vfs.epolls.values_mut() {
            epoll.items.retain(|key, _| key.1 != file);
        }
    }

    /// What is ready, at most `max` items, as (events, data); and the keys that announce a change. `take`: it is reported, so
    /// edges and one-shots are used up.
    pub(crate) fn epoll_ready(&mut self, tid: Tid, id: u64, max: usize, take: bool) -> (Vec<(u32, u64)>, Vec<WaitKey>) {
        let epoll = self.epoll(id);
        let mut items: Vec<_> = epoll.items.iter().map(|(&key, item)| (key, item.clone())).collect();
        if let Some(last) = epoll.last {
            let behind = items.partition_point(|(key, _)| *key <= last);
            items.rotate_left(behind);
        }
        let (mut ready, mut keys) = (Vec::new(), vec![WaitKey::Readable(id)]);
        for ((fd, file), mut item) in items {
            if ready.len() == max {
                break;
            }
            let (events, item_keys) = self.file_poll(tid, file);
            let notified = item_keys.iter().filter_map(|key| self.vfs.notified.get(key)).sum::<u64>();
            keys.extend(item_keys);
            let always = u32::from((PollEvents::POLLERR | PollEvents::POLLHUP).bits());
            let hit = u32::from(events.bits()) & (item.events | always);
            let risen = !(events - item.seen.0).is_empty() || notified != item.seen.1;
            if take {
                item.seen = (events, notified);
            }
            if hit != 0 && !item.spent && (item.events & EPOLLET == 0 || risen) {
                ready.push((hit, item.data));
                if take {
                    item.spent = item.events & EPOLLONESHOT != 0;
                    self.epoll(id).last = Some((fd, file));
                }
            }
            if take && let Some(kept) = self.epoll(id).items.get_mut(&(fd, file)) {
                *kept = item;
            }
        }
        (ready, keys)
    }
    pub(super) fn poll_epoll(&mut self, tid: Tid, id: u64) -> (PollEvents, Vec<WaitKey>) {
        let (ready, keys) = self.epoll_ready(tid, id, 1, false);
        let mut events = PollEvents::empty();
        events.set(PollEvents::POLLIN | PollEvents::POLLRDNORM, !ready.is_empty());
        (events, keys)
    }

    /// Wakes who waits for a key, and counts it for those who watch edges.
    pub(crate) fn notify(&mut self, key: WaitKey) {
        if let Some(count) = self.vfs.notified.get_mut(&key) {
            *count += 1;
        }
        self.tasks.wake_all(key);
    }
    /// The object of these keys is gone.
    pub(crate) fn forget_key(&mut self, id: u64) {
        self.vfs.notified.remove(&WaitKey::Readable(id));
        self.vfs.notified.remove(&WaitKey::Writable(id));
    }
}
