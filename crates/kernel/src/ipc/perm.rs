//! What all System V objects have in common: keys, identifiers, owners, permissions (ipc/util.c).
use crate::{Cred, Result};
use abi::{CAP_IPC_OWNER, CAP_SYS_ADMIN, Errno, IPC_CREAT, IPC_EXCL, IPC_PRIVATE, IpcPerm};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Owner, maker and mode of an object (struct kern_ipc_perm).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Perm {
    pub(crate) key: i32,
    pub(crate) id: i32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) cuid: u32,
    pub(crate) cgid: u32,
    pub(crate) mode: u32,
    seq: u32,
}

impl Perm {
    /// Of an object that `cred` makes; `Ids::insert` gives it its number.
    pub(crate) fn new(key: i32, flags: u32, cred: &Cred) -> Perm {
        let (uid, gid) = (cred.euid, cred.egid);
        Perm { key, id: -1, uid, gid, cuid: uid, cgid: gid, mode: flags & 0o777, seq: 0 }
    }
    /// `ipcperms`: EACCES unless the bits asked for, in any of three places of `flags`, are granted.
    pub(crate) fn check(&self, cred: &Cred, flags: u32) -> Result<()> {
        let wanted = (flags >> 6 | flags >> 3 | flags) & 7;
        let granted = if cred.euid == self.cuid || cred.euid == self.uid {
            self.mode >> 6
        } else if cred.in_group(self.cgid) || cred.in_group(self.gid) {
            self.mode >> 3
        } else {
            self.mode
        };
        if wanted & !granted == 0 || cred.capable(CAP_IPC_OWNER) { Ok(()) } else { Err(Errno::EACCES) }
    }
    /// Who may change or remove the object (ipcctl_obtain_check).
    pub(crate) fn owned_by(&self, cred: &Cred) -> Result<()> {
        let owner = cred.euid == self.cuid || cred.euid == self.uid || cred.capable(CAP_SYS_ADMIN);
        if owner { Ok(()) } else { Err(Errno::EPERM) }
    }
    /// IPC_SET; EINVAL for ids that are none.
    pub(crate) fn set(&mut self, new: &IpcPerm) -> Result<()> {
        if new.uid == u32::MAX || new.gid == u32::MAX {
            return Err(Errno::EINVAL);
        }
        (self.uid, self.gid) = (new.uid, new.gid);
        self.mode = self.mode & !0o777 | new.mode & 0o777;
        Ok(())
    }
    pub(crate) fn abi(&self) -> IpcPerm {
        let Perm { key, uid, gid, cuid, cgid, mode, seq, .. } = *self;
        IpcPerm { key, uid, gid, cuid, cgid, mode, seq: seq as u16 }
    }
}

/// Objects of one kind (struct ipc_ids). A number is a slot and, above it, how often slots have been used again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ids<T> {
    slots: BTreeMap<u32, (Perm, T)>,
    keys: BTreeMap<i32, u32>,
    seq: u32,
    last: Option<u32>,
}

/// A number's lower part (IPCMNI_SHIFT), and the most objects there can be.
const SHIFT: u32 = 15;
const IPCMNI: u32 = 1 << SHIFT;
/// Slots are used in turn, at least this many before one is used again (RADIX_TREE_MAP_SIZE).
const MIN_CYCLE: u32 = 64;

impl<T> Default for Ids<T> {
    fn default() -> Ids<T> {
        Ids { slots: BTreeMap::new(), keys: BTreeMap::new(), seq: 0, last: None }
    }
}

/// What semget and its like come to (ipcget).
pub(crate) enum Found {
    Existing(i32),
    /// There is none with that key: make one.
    New,
}

impl<T> Ids<T> {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
    /// The highest slot in use, as the INFO commands say; 0 if there is none.
    pub(crate) fn highest(&self) -> u32 {
        self.slots.last_key_value().map_or(0, |(&slot, _)| slot)
    }
    /// Objects by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Perm, &T)> {
        self.slots.values().map(|(perm, object)| (perm, object))
    }
    /// `ipcget`: the object with a key, or what to do. `fits` is asked of an object that exists.
    pub(crate) fn find(&self, key: i32, flags: u32, cred: &Cred, fits: impl FnOnce(&T) -> Result<()>) -> Result<Found> {
        let existing =
            if key == IPC_PRIVATE { None } else { self.keys.get(&key).and_then(|slot| self.slots.get(slot)) };
        match existing {
            None if key != IPC_PRIVATE && flags & IPC_CREAT == 0 => Err(Errno::ENOENT),
            None => Ok(Found::New),
            Some(_) if flags & (IPC_CREAT | IPC_EXCL) == IPC_CREAT | IPC_EXCL => Err(Errno::EEXIST),
            Some((perm, object)) => {
                fits(object)?;
                perm.check(cred, flags)?;
                Ok(Found::Existing(perm.id))
            }
        }
    }
    /// Takes an object in, if there are fewer than `limit` (ENOSPC); gives its number (ipc_addid).
    pub(crate) fn insert(&mut self, mut perm: Perm, object: T, limit: u32) -> Result<i32> {
        let limit = limit.min(IPCMNI);
        if self.slots.len() as u32 >= limit {
            return Err(Errno::ENOSPC);
        }
        let cycle = (self.slots.len() as u32 * 3 / 2).max(MIN_CYCLE).min(limit);
        let next = self.last.map_or(0, |last| last + 1);
        let free = |slot: &u32| !self.slots.contains_key(slot);
        let slot = (next..cycle).chain(0..cycle).find(free).ok_or(Errno::ENOSPC)?;
        if self.last.is_some_and(|last| slot <= last) {
            self.seq = (self.seq + 1) % (i32::MAX as u32 >> SHIFT);
        }
        self.last = Some(slot);
        (perm.seq, perm.id) = (self.seq, (self.seq << SHIFT | slot) as i32);
        if perm.key != IPC_PRIVATE {
            self.keys.insert(perm.key, slot);
        }
        self.slots.insert(slot, (perm, object));
        Ok(perm.id)
    }
    /// The object of a number; EINVAL.
    pub(crate) fn get(&self, id: i32) -> Result<(&Perm, &T)> {
        let slot = u32::try_from(id).map_err(|_| Errno::EINVAL)? % IPCMNI;
        let found = self.slots.get(&slot).filter(|(perm, _)| perm.id == id);
        found.map(|(perm, object)| (perm, object)).ok_or(Errno::EINVAL)
    }
    pub(crate) fn get_mut(&mut self, id: i32) -> Result<(&mut Perm, &mut T)> {
        let slot = u32::try_from(id).map_err(|_| Errno::EINVAL)? % IPCMNI;
        let found = self.slots.get_mut(&slot).filter(|(perm, _)| perm.id == id);
        found.map(|(perm, object)| (perm, object)).ok_or(Errno::EINVAL)
    }
    /// The object in a slot, for the STAT commands; EINVAL.
    pub(crate) fn in_slot(&self, slot: i32) -> Result<(&Perm, &T)> {
        let slot = u32::try_from(slot).map_err(|_| Errno::EINVAL)? % IPCMNI;
        self.slots.get(&slot).map(|(perm, object)| (perm, object)).ok_or(Errno::EINVAL)
    }
    /// Takes the key away: nobody finds the object by it any more.
    pub(crate) fn make_private(&mut self, id: i32) {
        let Ok((perm, _)) = self.get_mut(id) else { return };
        let key = std::mem::replace(&mut perm.key, IPC_PRIVATE);
        if key != IPC_PRIVATE {
            self.keys.remove(&key);
        }
    }
    pub(crate) fn remove(&mut self, id: i32) -> Option<T> {
        self.make_private(id);
        self.get(id).ok()?;
        self.slots.remove(&(id as u32 % IPCMNI)).map(|(_, object)| object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_in_turn() {
        let mut ids = Ids::default();
        let root = Cred::root();
        let make = |ids: &mut Ids<()>| ids.insert(Perm::new(7, 0o600, &root), (), 100).unwrap();
        assert_eq!(make(&mut ids), 0);
        ids.remove(0);
        assert!(matches!(ids.find(7, 0, &root, |()| Ok(())), Err(Errno::ENOENT)));
        for id in 1..64 {
            assert_eq!(make(&mut ids), id);
            ids.remove(id);
        }
        assert_eq!(make(&mut ids), 1 << SHIFT, "the first slot again, with the next sequence number");
        assert_eq!(ids.get(0).err(), Some(Errno::EINVAL));
        assert!(ids.get(1 << SHIFT).is_ok());
        assert!(ids.insert(Perm::new(8, 0, &root), (), 1).is_err());
    }
}
