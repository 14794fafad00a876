//! Limits as /proc/sys shows and takes them: numbers with blanks between (proc_dointvec_minmax).
use crate::Result;
use abi::Errno;

pub(crate) fn show(values: &[u32]) -> String {
    values.iter().map(u32::to_string).collect::<Vec<_>>().join("\t")
}

/// Sets as many values as are given, none below 0 or beyond 2^31.
pub(crate) fn set(values: &mut [u32], text: &str) -> Result<()> {
    let given: Vec<u32> = text
        .split_ascii_whitespace()
        .map(|word| word.parse().ok().filter(|&value| value <= i32::MAX as u32).ok_or(Errno::EINVAL))
        .collect::<Result<_>>()?;
    if given.is_empty() {
        return Err(Errno::EINVAL);
    }
    for (value, given) in values.iter_mut().zip(given) {
        *value = given;
    }
    Ok(())
}

/// Sets a number of any size (proc_doulongvec_minmax).
pub(crate) fn set_long(value: &mut u64, text: &str) -> Result<()> {
    *value = text.trim().parse().map_err(|_| Errno::EINVAL)?;
    Ok(())
}
