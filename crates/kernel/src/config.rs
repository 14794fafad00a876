//! What is chosen at boot.
use crate::freezer::Profile;
use arch::CpuLevel;
use serde::{Deserialize, Serialize};

/// The boot configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    pub cpus: u32,
    /// What the CPUs say they have.
    pub cpu: CpuLevel,
    /// Guest memory in bytes.
    pub memory: u64,
    pub seed: u64,
    pub freezer: &'static Profile,
    /// The kernel command line: /proc/cmdline.
    pub cmdline: String,
    /// uname's release.
    pub release: String,
    /// CLOCK_REALTIME at boot, seconds since 1970. 2008-10-20, the day of the freezer commit, unless the host's is asked for.
    pub realtime: u64,
    pub pid_max: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            cpus: 1,
            cpu: CpuLevel::default(),
            memory: 256 << 20,
            seed: 0,
            freezer: &crate::freezer::PROFILE_2008,
            cmdline: String::new(),
            release: "6.18.0".into(),
            realtime: 1_224_460_800,
            pid_max: 4_194_304,
        }
    }
}
