//! `arch/riscv/kernel/sys_hwprobe.c`: what programs ask the kernel about the harts, which are all alike here.
use crate::{RISCV64, extensions};
use abi::Errno;
use arch::{CpuLevel, UserMemory};

/// `RISCV_HWPROBE_KEY_*` of Linux 6.18 whose value is not 0.
mod key {
    pub(super) const BASE_BEHAVIOR: i64 = 3;
    pub(super) const IMA_EXT_0: i64 = 4;
    pub(super) const CPUPERF_0: i64 = 5;
    pub(super) const HIGHEST_VIRT_ADDRESS: i64 = 7;
    pub(super) const TIME_CSR_FREQ: i64 = 8;
    pub(super) const MISALIGNED_SCALAR_PERF: i64 = 9;
    pub(super) const MISALIGNED_VECTOR_PERF: i64 = 10;
    /// RISCV_HWPROBE_MAX_KEY.
    pub(super) const MAX: i64 = 14;
}

/// RISCV_HWPROBE_WHICH_CPUS: the question is which harts answer so.
const WHICH_CPUS: u64 = 1;

/// More pairs than anyone asks at once.
const MAX_PAIRS: u64 = 1 << 16;

/// Frequency of `rdtime`: virtual time.
const TIMEBASE: u64 = 1_000_000_000;

/// `hwprobe_one_pair`; identities, block sizes and vendors' extensions are 0, as there are none.
fn value(key: i64, level: CpuLevel) -> Option<u64> {
    const IMA: u64 = 1;
    const FAST: u64 = 3;
    const UNSUPPORTED: u64 = 4;
    Some(match key {
        key::BASE_BEHAVIOR => IMA,
        key::IMA_EXT_0 => extensions::hwprobe(level),
        key::CPUPERF_0 | key::MISALIGNED_SCALAR_PERF => FAST,
        key::MISALIGNED_VECTOR_PERF => UNSUPPORTED,
        key::HIGHEST_VIRT_ADDRESS => RISCV64.task_size,
        key::TIME_CSR_FREQ => TIMEBASE,
        0..=key::MAX => 0,
        _ => return None,
    })
}

/// Whether harts that have `ours` are among those asked for (`riscv_hwprobe_pair_cmp`): bit masks are asked for in part.
fn answers(key: i64, ours: u64, wanted: u64) -> bool {
    match key {
        key::BASE_BEHAVIOR | key::IMA_EXT_0 | key::CPUPERF_0 => ours & wanted == wanted,
        _ => ours == wanted,
    }
}

/// `riscv_hwprobe(pairs, pair_count, cpusetsize, cpus, flags)`.
pub(crate) fn riscv_hwprobe(
    &[pairs, count, set_size, set, flags, _]: &[u64; 6],
    mem: &mut dyn UserMemory,
    online: u64,
    level: CpuLevel,
) -> Result<u64, Errno> {
    // DIFFERS FROM LINUX: so many questions are none; a call does not go on for ever.
    if count > MAX_PAIRS {
        return Err(Errno::EINVAL);
    }
    let which = flags & 0xffff_ffff == WHICH_CPUS;
    if !which && flags & 0xffff_ffff != 0 || which && (set_size == 0 || set == 0) {
        return Err(Errno::EINVAL);
    }
    let mut harts = online;
    if set_size != 0 || set != 0 {
        let asked = read_set(mem, set, set_size)?;
        harts = if which && asked == 0 { online } else { asked & online };
        if !which && harts == 0 {
            return Err(Errno::EINVAL);
        }
    }
    for n in 0..count {
        let at = pairs.wrapping_add(n.wrapping_mul(16));
        let mut pair = [0; 16];
        mem.read(at, if which { &mut pair } else { &mut pair[..8] })?;
        let [key, wanted] =
            [&pair[..8], &pair[8..]].map(|half| u64::from_le_bytes(half.try_into().unwrap_or_default()));
        let key = key as i64;
        match value(key, level) {
            Some(ours) if which => harts = if answers(key, ours, wanted) { harts } else { 0 },
            Some(ours) => mem.write(at.wrapping_add(8), &ours.to_le_bytes())?,
            // A key of a later kernel.
            None => {
                mem.write(at, &[(-1i64).to_le_bytes(), [0; 8]].concat())?;
                harts = if which { 0 } else { harts };
            }
        }
    }
    if which {
        write_set(mem, set, set_size, harts)?;
    }
    Ok(0)
}

/// `cpumask_size()`: what is behind the first 64 is not looked at.
const SET_BYTES: u64 = 8;

fn read_set(mem: &mut dyn UserMemory, at: u64, size: u64) -> Result<u64, Errno> {
    let mut bytes = [0; SET_BYTES as usize];
    mem.read(at, &mut bytes[..size.min(SET_BYTES) as usize])?;
    Ok(u64::from_le_bytes(bytes))
}

fn write_set(mem: &mut dyn UserMemory, at: u64, size: u64, set: u64) -> Result<(), Errno> {
    mem.write(at, &set.to_le_bytes()[..size.min(SET_BYTES) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use oracle::Bytes;

    fn ask(pairs: &[(i64, u64)], set: u64, flags: u64, level: CpuLevel) -> (Result<u64, Errno>, Vec<(i64, u64)>, u64) {
        let mut mem = Bytes::new(0x1000, 0x200);
        for (n, (key, value)) in pairs.iter().enumerate() {
            mem.write(0x1000 + 16 * n as u64, &key.to_le_bytes()).unwrap();
            mem.write(0x1008 + 16 * n as u64, &value.to_le_bytes()).unwrap();
        }
        mem.write(0x1100, &set.to_le_bytes()).unwrap();
        let with_set = set != 0 || flags != 0;
        let args =
            [0x1000, pairs.len() as u64, if with_set { 8 } else { 0 }, if with_set { 0x1100 } else { 0 }, flags, 0];
        let result = riscv_hwprobe(&args, &mut mem, 3, level);
        let answers = (0..pairs.len() as u64).map(|n| (mem.word(0x1000 + 16 * n) as i64, mem.word(0x1008 + 16 * n)));
        (result, answers.collect(), mem.word(0x1100))
    }

    #[test]
    fn values() {
        let keys = [(0, 9), (3, 9), (4, 9), (5, 9), (6, 9), (7, 9), (8, 9), (9, 9), (10, 9), (14, 9), (15, 9), (-7, 9)];
        let (result, got, _) = ask(&keys, 0, 0, CpuLevel::V1);
        let ext = 1 << 57 | 1 << 56 | 1 << 50 | 1 << 45 | 1 << 43 | 1 << 36 | 3;
        let want =
            [(0, 0), (3, 1), (4, ext), (5, 3), (6, 0), (7, 1 << 38), (8, 1_000_000_000), (9, 3), (10, 4), (14, 0)];
        assert_eq!(result, Ok(0));
        assert_eq!(got[..10], want);
        assert_eq!(got[10..], [(-1, 0), (-1, 0)]);
        assert_eq!(ask(&[(4, 0)], 2, 0, CpuLevel::V3).1, [(4, ext | 7 << 3)]);
        assert_eq!(ask(&[(4, 0)], 4, 0, CpuLevel::V3).0, Err(Errno::EINVAL), "no such hart");
        assert_eq!(ask(&[(4, 0)], 1, 2, CpuLevel::V3).0, Err(Errno::EINVAL), "no such flag");
    }

    #[test]
    fn which_cpus() {
        assert_eq!(ask(&[(4, 8), (8, 1_000_000_000)], 0, 1, CpuLevel::V3).2, 3);
        assert_eq!(ask(&[(4, 8)], 2, 1, CpuLevel::V3).2, 2);
        assert_eq!(ask(&[(4, 8)], 3, 1, CpuLevel::V2).2, 0, "Zba");
        let (_, pairs, set) = ask(&[(99, 8), (3, 1)], 3, 1, CpuLevel::V3);
        assert_eq!((pairs, set), (vec![(-1, 0), (3, 1)], 0));
    }

    /// Everything is asked about in one order: pairs, and then memory that is not there.
    #[test]
    fn faults() {
        let mut mem = Bytes::new(0x1000, 0x20);
        assert_eq!(riscv_hwprobe(&[0x1000, 3, 0, 0, 0, 0], &mut mem, 1, CpuLevel::V3), Err(Errno::EFAULT));
        assert_eq!(riscv_hwprobe(&[u64::MAX - 15, 2, 0, 0, 0, 0], &mut mem, 1, CpuLevel::V3), Err(Errno::EFAULT));
        assert_eq!(riscv_hwprobe(&[0, 0, 0, 0, 0, 0], &mut mem, 1, CpuLevel::V3), Ok(0));
        assert_eq!(riscv_hwprobe(&[0, 0, 8, 0, 0, 0], &mut mem, 1, CpuLevel::V3), Err(Errno::EFAULT));
        assert_eq!(riscv_hwprobe(&[0, 0, 0, 0, 1, 0], &mut mem, 1, CpuLevel::V3), Err(Errno::EINVAL));
    }
}
