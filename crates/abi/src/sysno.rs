//! Which system calls exist, what they are called and what their arguments look like in a trace.
//! Numbers live elsewhere: they belong to an architecture.

use crate::sysno_list::for_each_syscall;
use serde::{Deserialize, Serialize};

/// How the syscall trace prints one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// Signed decimal.
    Int,
    /// An address or opaque word the kernel does not follow.
    Hex,
    /// Pointer to a structure or buffer.
    Ptr,
    /// Pointer to a NUL-terminated string that is not a path.
    Str,
    /// File descriptor, or AT_FDCWD.
    Fd,
    /// Pointer to a path name.
    Path,
    /// Flag word, hexadecimal.
    Flags,
    /// File mode, octal.
    Mode,
    /// Signal number.
    Sig,
    /// Task id.
    Pid,
    /// Byte count, unsigned decimal.
    Size,
}

macro_rules! define {
    ($($variant:ident $name:literal [$($kind:ident)*];)*) => {
        /// A system call of any architecture, by meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Sysno {
            $($variant,)*
        }

        impl Sysno {
            /// Every call, in declaration order: `ALL[s as usize] == s`.
            pub const ALL: &[Sysno] = &[$(Sysno::$variant),*];

            /// The kernel's name, as in `openat`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Sysno::$variant => $name,)*
                }
            }

            /// One kind per argument.
            pub fn args(self) -> &'static [ArgKind] {
                match self {
                    $(Sysno::$variant => &[$(ArgKind::$kind),*],)*
                }
            }
        }
    };
}

for_each_syscall!(define);

impl Sysno {
    /// How many arguments the call takes.
    pub fn arity(self) -> usize {
        self.args().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GENERIC_RESTART_SYSCALL, generic_sysno, x86_64_sysno};
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_arities_possible() {
        let names: BTreeSet<_> = Sysno::ALL.iter().map(|s| s.name()).collect();
        assert_eq!(names.len(), Sysno::ALL.len());
        for (at, &s) in Sysno::ALL.iter().enumerate() {
            assert_eq!(s as usize, at);
            assert!(s.arity() <= 6, "{}", s.name());
        }
    }

    #[test]
    fn each_table_reaches_a_call_once_and_together_all() {
        let mut reached = BTreeSet::new();
        for table in [generic_sysno, x86_64_sysno] {
            let mut seen = BTreeSet::new();
            for s in (0..600).filter_map(table) {
                assert!(seen.insert(s), "{} has two numbers", s.name());
            }
            reached.extend(seen);
        }
        let missing: Vec<_> = Sysno::ALL.iter().filter(|s| !reached.contains(s)).collect();
        assert_eq!(missing, [&Sysno::RiscvHwprobe, &Sysno::RiscvFlushIcache]);
    }

    /// Numbers from linux-libc-dev's unistd_64.h and asm-generic/unistd.h.
    #[test]
    fn known_numbers() {
        for (nr, s) in [(0, Sysno::Read), (56, Sysno::Clone), (219, Sysno::RestartSyscall), (435, Sysno::Clone3)] {
            assert_eq!(x86_64_sysno(nr), Some(s));
        }
        for (nr, s) in [
            (63, Sysno::Read),
            (220, Sysno::Clone),
            (GENERIC_RESTART_SYSCALL, Sysno::RestartSyscall),
            (435, Sysno::Clone3),
        ] {
            assert_eq!(generic_sysno(nr), Some(s));
        }
        assert_eq!(x86_64_sysno(512), None);
        assert_eq!(x86_64_sysno(u64::MAX), None);
        assert_eq!(generic_sysno(244), None);
        assert_eq!(Sysno::Openat.name(), "openat");
        use ArgKind::{Fd, Flags, Mode, Path};
        assert_eq!(Sysno::Openat.args(), [Fd, Path, Flags, Mode]);
    }
}
