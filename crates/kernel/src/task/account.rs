//! What getrusage and wait4 tell of threads and of processes, dead ones too (kernel/sys.c: getrusage).
use super::{Task, Tgid};
use crate::Kernel;
use abi::{Rusage, Timeval};
use serde::{Deserialize, Serialize};

/// What was used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accounts {
    /// User and system time (ns).
    pub(crate) times: (u64, u64),
    /// Page faults. None is a major one: every page is in memory, or nowhere.
    pub(crate) faults: u64,
    /// Voluntary and involuntary switches.
    pub(crate) switches: (u64, u64),
    /// The most pages that were resident at once.
    pub(crate) max_rss: u64,
}

impl Accounts {
    /// Of one thread; memory is not a thread's.
    pub(crate) fn of(task: &Task) -> Accounts {
        Accounts { times: task.cpu_time(), faults: task.faults, switches: task.switches, max_rss: 0 }
    }

    /// Takes in what others used: the largest of them counts, of memory.
    pub(crate) fn add(&mut self, other: &Accounts) {
        let add = |(a, b): (u64, u64), (c, d): (u64, u64)| (a.wrapping_add(c), b.wrapping_add(d));
        self.times = add(self.times, other.times);
        self.switches = add(self.switches, other.switches);
        self.faults = self.faults.wrapping_add(other.faults);
        self.max_rss = self.max_rss.max(other.max_rss);
    }

    pub(crate) fn rusage(&self) -> Rusage {
        Rusage {
            utime: Timeval::from_ns(self.times.0),
            stime: Timeval::from_ns(self.times.1),
            maxrss: self.max_rss.saturating_mul(4),
            minflt: self.faults,
            nvcsw: self.switches.0,
            nivcsw: self.switches.1,
            ..Rusage::default()
        }
    }
}

impl Kernel {
    /// Of a thread group, its dead threads included and its children not.
    pub(crate) fn group_accounts(&self, tgid: Tgid) -> Accounts {
        let Some(group) = self.tasks.group(tgid) else { return Accounts::default() };
        let mut sum = group.dead;
        for task in group.threads.iter().filter_map(|&tid| self.tasks.get(tid)) {
            sum.add(&Accounts::of(task));
            sum.max_rss = sum.max_rss.max(self.mm(task.tid).map_or(0, |mm| mm.peak().1));
        }
        sum
    }

    /// A task leaves its address space: its group remembers how large that was (`setmax_mm_hiwater_rss`).
    pub(crate) fn keep_max_rss(&mut self, task: super::Tid) {
        let peak = self.mm(task).map_or(0, |mm| mm.peak().1);
        let group = self.tasks.group_of_mut(task);
        group.dead.max_rss = group.dead.max_rss.max(peak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mm::Vma;
    use crate::test_arch::{call, fork, machine};
    use crate::{Config, INIT};
    use abi::{Prot, RUSAGE_CHILDREN, RUSAGE_SELF, Sysno};

    const BUF: u64 = 0x1_0000;
    const PAGES: u64 = 20;

    fn get(kernel: &mut Kernel, tid: crate::Tid, addr: u64) -> (u64, u64) {
        let mut user = kernel.user(tid);
        (user.read_u64(addr + 32).expect("mapped"), user.read_u64(addr + 64).expect("mapped"))
    }

    /// Memory that was given back counts, and what a child used is told when it is waited for.
    #[test]
    fn memory_and_faults() {
        let mut kernel = machine(Config::default());
        let memory = Vma::anon(BUF, BUF + PAGES * 4096, Prot::PROT_READ | Prot::PROT_WRITE, "");
        kernel.map_area(INIT, memory, true).expect("an empty address space");
        kernel.user(INIT).write_u64(BUF, 0).expect("mapped");
        let child = fork(&mut kernel, INIT);
        for page in 0..PAGES {
            kernel.user(child).write_u64(BUF + page * 4096, page).expect("mapped");
        }
        call(&mut kernel, child, Sysno::Munmap, &[BUF + 4096, (PAGES - 1) * 4096]);
        assert_eq!(kernel.mm(child).map(|mm| (mm.size().1, mm.peak())), Some((1, (PAGES * 4096, PAGES))));
        call(&mut kernel, child, Sysno::Getrusage, &[RUSAGE_SELF as u64, BUF]);
        // The first page was there, and copied: a fault like the others.
        assert_eq!(get(&mut kernel, child, BUF), (PAGES * 4, PAGES));
        call(&mut kernel, child, Sysno::ExitGroup, &[0]);
        call(&mut kernel, INIT, Sysno::Getrusage, &[RUSAGE_CHILDREN as u64, BUF]);
        assert_eq!(get(&mut kernel, INIT, BUF), (0, 0));
        assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[u64::MAX, 0, 0, BUF]), Some(child.0.into()));
        assert_eq!(get(&mut kernel, INIT, BUF), (PAGES * 4, PAGES));
        call(&mut kernel, INIT, Sysno::Getrusage, &[RUSAGE_CHILDREN as u64, BUF]);
        assert_eq!(get(&mut kernel, INIT, BUF), (PAGES * 4, PAGES));
    }
}
