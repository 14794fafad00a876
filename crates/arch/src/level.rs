//! How much of an instruction set a machine's CPUs say they have.
use serde::{Deserialize, Serialize};

/// `--cpu`: what identification registers, AT_HWCAP and their kin tell programs. Everything is executed at every level.
/// What a level means is each architecture's; they are in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CpuLevel {
    /// The baseline.
    V1,
    V2,
    /// Everything there is.
    #[default]
    V3,
}

impl CpuLevel {
    pub const ALL: [CpuLevel; 3] = [CpuLevel::V1, CpuLevel::V2, CpuLevel::V3];

    /// What the cell `ir::CPU_LEVEL` holds; a number that is none is everything.
    pub fn from_cell(cell: u64) -> CpuLevel {
        match cell {
            0 => CpuLevel::V1,
            1 => CpuLevel::V2,
            _ => CpuLevel::V3,
        }
    }
    pub fn to_cell(self) -> u64 {
        self as u64
    }
}
