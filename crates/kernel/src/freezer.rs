//! The freezer: one refrigerator for every architecture.

/// Which freezer the guest sees.
#[derive(Debug)]
pub struct Profile {
    pub name: &'static str,
}

/// The commit of October 2008, kernel/cgroup_freezer.c as first applied (S1).
pub static PROFILE_2008: Profile = Profile { name: "2008" };
