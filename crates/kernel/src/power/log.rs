//! What a suspend says in the kernel log, in the words of each generation.
use super::{DiskMode, Sleep, TestLevel, Transition};
use crate::freezer::PowerInterface;
use crate::{Kernel, Tid};
use abi::{Errno, NSEC_PER_SEC};

const ERR: u8 = 3;
/// What printk without a level had.
const WARNING: u8 = 4;
const NOTICE: u8 = 5;
const INFO: u8 = 6;

/// The label of /sys/power/mem_sleep.
fn label(sleep: Sleep) -> &'static str {
    match sleep {
        Sleep::Idle => "s2idle",
        Sleep::Standby => "shallow",
        Sleep::Deep | Sleep::Disk => "deep",
    }
}

fn whom(user_only: bool) -> &'static str {
    if user_only { "user space processes" } else { "remaining freezable tasks" }
}

/// `S.mmm`, or `S.cc` as it was.
fn seconds(ns: u64, interface: PowerInterface) -> String {
    let (whole, part) = (ns / NSEC_PER_SEC, ns % NSEC_PER_SEC);
    match interface {
        PowerInterface::V6_18 => format!("{whole}.{:03}", part / 1_000_000),
        _ => format!("{whole}.{:02}", part / 10_000_000),
    }
}

impl Kernel {
    fn interface(&self) -> PowerInterface {
        self.config.freezer.suspend.interface
    }

    fn is_modern(&self) -> bool {
        self.interface() == PowerInterface::V6_18
    }

    /// Said if pm_debug_messages asks for it (`pm_pr_dbg`).
    pub(super) fn debug_message(&mut self, text: &str) {
        if self.power.debug_messages && self.is_modern() {
            self.printk(INFO, text);
        }
    }

    pub(super) fn log_entry(&mut self, sleep: Sleep) {
        if self.is_modern() {
            match sleep {
                Sleep::Disk => self.printk(INFO, "PM: hibernation: hibernation entry"),
                _ => self.printk(INFO, &format!("PM: suspend entry ({})", label(sleep))),
            }
        }
    }

    pub(super) fn log_no_image(&mut self, code: Errno) {
        self.printk(INFO, &format!("PM: Image not found (code -{})", code.0));
    }

    pub(super) fn log_bad_image(&mut self) {
        self.printk(ERR, "PM: hibernation: Failed to load image, recovering.");
    }

    pub(super) fn log_prepare(&mut self, sleep: Sleep) {
        if !self.is_modern() {
            self.printk(INFO, "PM: Syncing filesystems ... done.");
            return;
        }
        if self.power.sync_on_suspend || sleep == Sleep::Disk {
            self.printk(INFO, "Filesystems sync: 0.000 seconds");
        }
        if sleep != Sleep::Disk {
            self.debug_message(&format!("PM: Preparing system for sleep ({})", label(sleep)));
        }
    }

    /// A pass begins. The old text is one line, which its end completes.
    pub(super) fn log_freezing(&mut self, user_only: bool) {
        if self.is_modern() {
            self.printk(INFO, &format!("Freezing {}", whom(user_only)));
        }
    }

    pub(super) fn log_frozen(&mut self, user_only: bool, elapsed: u64) {
        let (whom, elapsed) = (whom(user_only), seconds(elapsed, self.interface()));
        if !self.is_modern() {
            return self.printk(WARNING, &format!("Freezing {whom} ... (elapsed {elapsed} seconds) done."));
        }
        self.printk(INFO, &format!("Freezing {whom} completed (elapsed {elapsed} seconds)"));
        if user_only {
            self.printk(INFO, "OOM killer disabled.");
        }
    }

    /// A pass failed: who refuses (P08-05).
    pub(super) fn log_refusal(&mut self, user_only: bool, elapsed: u64, todo: usize) {
        let (whom, elapsed) = (whom(user_only), seconds(elapsed, self.interface()));
        let count = format!("{elapsed} seconds ({todo} tasks refusing to freeze");
        let refusing = self.refusing();
        match self.interface() {
            PowerInterface::V6_18 => {
                self.printk(ERR, &format!("Freezing {whom} failed after {count}, wq_busy=0):"));
            }
            PowerInterface::V3_8 => {
                self.printk(WARNING, &format!("Freezing {whom} ... "));
                self.printk(ERR, &format!("Freezing of tasks failed after {count}, wq_busy=0):"));
            }
            PowerInterface::V2_6_28 => {
                self.printk(WARNING, &format!("Freezing {whom} ... "));
                self.printk(ERR, &format!("Freezing of tasks failed after {count}):"));
                let all: Vec<Tid> = self.tasks.iter().map(|task| task.tid).collect();
                all.into_iter().for_each(|tid| self.show_task(tid));
                for tid in refusing {
                    let comm = String::from_utf8_lossy(&self.tasks[tid].comm).into_owned();
                    self.printk(ERR, &format!(" {comm}"));
                }
                return self.printk(WARNING, "");
            }
        }
        refusing.into_iter().for_each(|tid| self.show_task(tid));
    }

    /// sched_show_task, with the place it sleeps at for a call trace.
    fn show_task(&mut self, tid: Tid) {
        let Some(task) = self.tasks.get(tid) else { return };
        let (comm, state, wchan) = (String::from_utf8_lossy(&task.comm), task.state_letter(), task.wchan());
        let group = self.tasks.group_of(tid);
        let (pid, tgid) = (tid.0, task.tgid.0);
        let ppid = if group.parent == group.tgid { 0 } else { group.parent.0 };
        let flags = task.thread_info.word();
        let line = match self.interface() {
            PowerInterface::V6_18 => {
                format!(
                    "task:{comm:<15} state:{state} stack:0     pid:{pid:<5} tgid:{tgid:<5} ppid:{ppid:<6} flags:0x{flags:08x}"
                )
            }
            _ => format!("{comm:<13} {state} {:016x}     0 {pid:5} {ppid:6} 0x{flags:08x}", task.cpu.pc),
        };
        self.printk(INFO, &line);
        self.printk(INFO, "Call Trace:");
        if !wchan.is_empty() {
            self.printk(INFO, &format!(" {wchan}"));
        }
    }

    /// A test begins to wait.
    pub(super) fn log_waiting(&mut self, sleep: Sleep) {
        let text = match (self.is_modern(), sleep) {
            (true, Sleep::Disk) => "PM: hibernation: debug: Waiting for 5 seconds.",
            (true, _) => "PM: suspend debug: Waiting for 5 second(s).",
            (false, Sleep::Disk) => "hibernation debug: Waiting for 5 seconds.",
            (false, _) => "suspend debug: Waiting for 5 seconds.",
        };
        self.printk(INFO, text);
    }

    /// The devices are next.
    pub(super) fn log_devices(&mut self, sleep: Sleep) {
        if sleep != Sleep::Disk {
            self.debug_message(&format!("PM: Suspending system ({})", label(sleep)));
        }
        let text = match self.is_modern() {
            true => "printk: Suspending console(s) (use no_console_suspend to debug)",
            false => "Suspending console(s) (use no_console_suspend to debug)",
        };
        self.printk(INFO, text);
    }

    /// Memory for the image, before kernel threads freeze.
    pub(super) fn log_preallocation(&mut self) {
        if self.is_modern() {
            let pages = self.frames.usage().0;
            self.printk(INFO, "PM: hibernation: Preallocating image memory");
            self.printk(INFO, &format!("PM: hibernation: Allocated {pages} pages for snapshot"));
        }
    }

    pub(super) fn log_image(&mut self) {
        let pages = self.frames.usage().0;
        let lines = match self.is_modern() {
            true => [
                "PM: hibernation: Creating image:".into(),
                format!("PM: hibernation: Need to copy {pages} pages"),
                format!("PM: hibernation: Image created ({pages} pages copied, 0 zero pages)"),
            ],
            false => [
                "PM: Creating hibernation image: ".into(),
                format!("PM: Need to copy {pages} pages"),
                format!("PM: Hibernation image created ({pages} pages copied)"),
            ],
        };
        lines.iter().for_each(|line| self.printk(INFO, line));
    }

    pub(super) fn log_no_swap(&mut self) {
        if self.is_modern() {
            self.printk(ERR, "PM: Cannot find swap device, try swapon -a");
            self.printk(ERR, "PM: Cannot get swap writer");
        } else {
            self.printk(ERR, "PM: Cannot find swap device, try swapon -a.");
        }
    }

    /// The kernel threads of a hibernation's test are thawed by themselves.
    pub(super) fn log_kthreads(&mut self) {
        if self.is_modern() {
            self.printk(INFO, "Restarting kernel threads ... done.");
        }
    }

    pub(super) fn log_restarting(&mut self) {
        match self.is_modern() {
            true => {
                self.printk(INFO, "OOM killer enabled.");
                self.printk(INFO, "Restarting tasks ... done.");
            }
            false => self.printk(WARNING, "Restarting tasks ... done."),
        }
    }

    pub(super) fn log_exit(&mut self, sleep: Sleep) {
        if self.is_modern() {
            let text = if sleep == Sleep::Disk { "PM: hibernation: hibernation exit" } else { "PM: suspend exit" };
            self.printk(INFO, text);
        }
    }

    /// A test that suspend to idle does not have.
    pub(super) fn log_unsupported_test(&mut self) {
        let text = "PM: Unsupported test mode for suspend to idle, please choose none/freezer/devices/platform.";
        self.printk(WARNING, text);
    }

    pub(super) fn log_finishing(&mut self, transition: &Transition) {
        if transition.sleep != Sleep::Disk {
            self.debug_message("PM: Finishing wakeup.");
        }
    }

    /// The machine goes down with its image.
    pub(super) fn log_power_down(&mut self, mode: DiskMode) {
        let text = if mode == DiskMode::Reboot { "reboot: Restarting system" } else { "reboot: Power down" };
        self.printk(NOTICE, text);
    }
}

impl TestLevel {
    /// Whether suspend to idle can be tested so.
    pub(super) fn fits_idle(self) -> bool {
        !matches!(self, TestLevel::Core | TestLevel::Processors)
    }
}
