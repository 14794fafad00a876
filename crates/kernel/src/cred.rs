//! Who a task is: user and group ids, capabilities (kernel/sys.c, security/commoncap.c).
use crate::Result;
use crate::namespaces::{IdMap, NsId};
use abi::{
    CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_LINUX_IMMUTABLE, CAP_MAC_OVERRIDE,
    CAP_MKNOD, CAP_SETGID, CAP_SETUID, Errno,
};
use serde::{Deserialize, Serialize};

/// Capabilities that go with fsuid 0 (CAP_FS_SET).
const CAP_FS_SET: u64 = 1 << CAP_CHOWN
    | 1 << CAP_DAC_OVERRIDE
    | 1 << CAP_DAC_READ_SEARCH
    | 1 << CAP_FOWNER
    | 1 << CAP_FSETID
    | 1 << CAP_LINUX_IMMUTABLE
    | 1 << CAP_MKNOD
    | 1 << CAP_MAC_OVERRIDE;

/// Credentials (credentials(7)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cred {
    pub uid: u32,
    pub euid: u32,
    pub suid: u32,
    pub fsuid: u32,
    pub gid: u32,
    pub egid: u32,
    pub sgid: u32,
    pub fsgid: u32,
    pub groups: Vec<u32>,
    pub cap_effective: u64,
    pub cap_permitted: u64,
    pub cap_inheritable: u64,
    pub cap_bounding: u64,
    pub cap_ambient: u64,
    pub no_new_privs: bool,
    /// Where its capabilities hold, and how that namespace names ids.
    pub user_ns: NsId,
    pub users: IdMap,
    pub groups_map: IdMap,
}

/// What setresuid and setresgid are told; `None` leaves an id as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) real: Option<u32>,
    pub(crate) effective: Option<u32>,
    pub(crate) saved: Option<u32>,
}

impl Cred {
    pub fn root() -> Cred {
        Cred {
            uid: 0,
            euid: 0,
            suid: 0,
            fsuid: 0,
            gid: 0,
            egid: 0,
            sgid: 0,
            fsgid: 0,
            groups: Vec::new(),
            cap_effective: abi::CAP_FULL_SET,
            cap_permitted: abi::CAP_FULL_SET,
            cap_inheritable: 0,
            cap_bounding: abi::CAP_FULL_SET,
            cap_ambient: 0,
            no_new_privs: false,
            user_ns: NsId::USER,
            users: IdMap::IDENTITY,
            groups_map: IdMap::IDENTITY,
        }
    }
    /// Whether the effective set has capability `cap`, over whatever namespace it is in.
    pub fn has_cap(&self, cap: u8) -> bool {
        self.cap_effective >> cap & 1 != 0
    }
    /// Whether it has `cap` over the whole machine.
    pub fn capable(&self, cap: u8) -> bool {
        self.has_cap(cap) && self.user_ns == NsId::USER
    }
    /// Whether an id is that of its namespace's root.
    pub(crate) fn is_root(&self, uid: u32) -> bool {
        self.users.down(0) == Some(uid)
    }
    pub fn in_group(&self, gid: u32) -> bool {
        self.fsgid == gid || self.groups.contains(&gid)
    }

    pub(crate) fn set_uid(&mut self, uid: u32, keep_caps: bool) -> Result<()> {
        let old = self.clone();
        if self.has_cap(CAP_SETUID) {
            (self.uid, self.suid) = (uid, uid);
        } else if uid != self.uid && uid != self.suid {
            return Err(Errno::EPERM);
        }
        (self.euid, self.fsuid) = (uid, uid);
        self.fix_capabilities(&old, keep_caps);
        Ok(())
    }

    pub(crate) fn set_reuid(&mut self, real: Option<u32>, effective: Option<u32>, keep_caps: bool) -> Result<()> {
        let old = self.clone();
        let capable = self.has_cap(CAP_SETUID);
        if let Some(uid) = real {
            self.uid = uid;
            if uid != old.uid && uid != old.euid && !capable {
                return Err(Errno::EPERM);
            }
        }
        if let Some(uid) = effective {
            self.euid = uid;
            if ![old.uid, old.euid, old.suid].contains(&uid) && !capable {
                return Err(Errno::EPERM);
            }
        }
        if real.is_some() || effective.is_some_and(|uid| uid != old.uid) {
            self.suid = self.euid;
        }
        self.fsuid = self.euid;
        self.fix_capabilities(&old, keep_caps);
        Ok(())
    }

    pub(crate) fn set_resuid(&mut self, change: Change, keep_caps: bool) -> Result<()> {
        let old = self.clone();
        let known = [old.uid, old.euid, old.suid];
        let wanted = [change.real, change.effective, change.saved];
        if wanted.into_iter().flatten().any(|uid| !known.contains(&uid)) && !self.has_cap(CAP_SETUID) {
            return Err(Errno::EPERM);
        }
        self.uid = change.real.unwrap_or(self.uid);
        self.euid = change.effective.unwrap_or(self.euid);
        self.suid = change.saved.unwrap_or(self.suid);
        self.fsuid = self.euid;
        self.fix_capabilities(&old, keep_caps);
        Ok(())
    }

    pub(crate) fn set_gid(&mut self, gid: u32) -> Result<()> {
        if self.has_cap(CAP_SETGID) {
            (self.gid, self.sgid) = (gid, gid);
        } else if gid != self.gid && gid != self.sgid {
            return Err(Errno::EPERM);
        }
        (self.egid, self.fsgid) = (gid, gid);
        Ok(())
    }

    pub(crate) fn set_regid(&mut self, real: Option<u32>, effective: Option<u32>) -> Result<()> {
        let (gid, egid, sgid) = (self.gid, self.egid, self.sgid);
        let capable = self.has_cap(CAP_SETGID);
        let foreign = real.is_some_and(|new| new != gid && new != egid)
            || effective.is_some_and(|new| ![gid, egid, sgid].contains(&new));
        if foreign && !capable {
            return Err(Errno::EPERM);
        }
        self.gid = real.unwrap_or(gid);
        self.egid = effective.unwrap_or(egid);
        if real.is_some() || effective.is_some_and(|new| new != gid) {
            self.sgid = self.egid;
        }
        self.fsgid = self.egid;
        Ok(())
    }

    pub(crate) fn set_resgid(&mut self, change: Change) -> Result<()> {
        let known = [self.gid, self.egid, self.sgid];
        let wanted = [change.real, change.effective, change.saved];
        if wanted.into_iter().flatten().any(|gid| !known.contains(&gid)) && !self.has_cap(CAP_SETGID) {
            return Err(Errno::EPERM);
        }
        self.gid = change.real.unwrap_or(self.gid);
        self.egid = change.effective.unwrap_or(self.egid);
        self.sgid = change.saved.unwrap_or(self.sgid);
        self.fsgid = self.egid;
        Ok(())
    }

    pub(crate) fn set_fsuid(&mut self, uid: u32) {
        if ![self.uid, self.euid, self.suid, self.fsuid].contains(&uid) && !self.has_cap(CAP_SETUID) {
            return;
        }
        if self.is_root(self.fsuid) && !self.is_root(uid) {
            self.cap_effective &= !CAP_FS_SET;
        } else if !self.is_root(self.fsuid) && self.is_root(uid) {
            self.cap_effective |= self.cap_permitted & CAP_FS_SET;
        }
        self.fsuid = uid;
    }

    /// `cap_emulate_setxuid`: who stops being root loses root's capabilities, who becomes root again gets them back.
    fn fix_capabilities(&mut self, old: &Cred, keep_caps: bool) {
        let any_root = |ids: [u32; 3]| ids.into_iter().any(|uid| old.is_root(uid));
        let was_root = any_root([old.uid, old.euid, old.suid]);
        let is_root = any_root([self.uid, self.euid, self.suid]);
        if was_root && !is_root {
            if !keep_caps {
                (self.cap_permitted, self.cap_effective) = (0, 0);
            }
            self.cap_ambient = 0;
        }
        if old.is_root(old.euid) && !old.is_root(self.euid) {
            self.cap_effective = 0;
        }
        if !old.is_root(old.euid) && old.is_root(self.euid) {
            self.cap_effective = self.cap_permitted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// setuid(2): for root all three ids change, for good.
    #[test]
    fn root_gives_itself_up() {
        let mut cred = Cred::root();
        cred.set_uid(1000, false).expect("root may");
        assert_eq!((cred.uid, cred.euid, cred.suid, cred.fsuid), (1000, 1000, 1000, 1000));
        assert_eq!((cred.cap_permitted, cred.cap_effective), (0, 0));
        assert_eq!(cred.set_uid(0, false), Err(Errno::EPERM));
    }

    /// seteuid: root's capabilities come back with the id.
    #[test]
    fn root_puts_itself_aside() {
        let mut cred = Cred::root();
        let to = |effective| Change { real: None, effective: Some(effective), saved: None };
        cred.set_resuid(to(1000), false).expect("root may");
        assert_eq!((cred.uid, cred.euid, cred.suid), (0, 1000, 0));
        assert_eq!((cred.cap_effective, cred.cap_permitted), (0, abi::CAP_FULL_SET));
        assert_eq!(cred.set_resuid(to(1001), false), Err(Errno::EPERM));
        cred.set_resuid(to(0), false).expect("its saved id");
        assert_eq!(cred.cap_effective, abi::CAP_FULL_SET);
    }

    /// setreuid(2): swapping ids, and the saved id that follows.
    #[test]
    fn swap() {
        let mut cred = Cred { uid: 5, euid: 6, suid: 6, cap_effective: 0, ..Cred::root() };
        cred.set_reuid(Some(6), Some(5), false).expect("both are its own");
        assert_eq!((cred.uid, cred.euid, cred.suid), (6, 5, 5));
        assert_eq!(cred.set_reuid(Some(7), None, false), Err(Errno::EPERM));
    }
}
