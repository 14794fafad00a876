//! Who a task is: user and group ids, capabilities.

/// Credentials (credentials(7)).
#[derive(Clone, Debug, PartialEq, Eq)]
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
        }
    }
    /// Whether the effective set has capability `cap`.
    pub fn capable(&self, cap: u8) -> bool {
        self.cap_effective >> cap & 1 != 0
    }
    pub fn in_group(&self, gid: u32) -> bool {
        self.fsgid == gid || self.groups.contains(&gid)
    }
}
