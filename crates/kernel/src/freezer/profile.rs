//! Which Linux's freezer: a profile is a value of named policies. Their table is docs/FREEZER.md.
use abi::Errno;
use arch::SignalEra;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which freezer the guest sees: one value, made of named policies.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub name: &'static str,
    pub mechanism: Mechanism,
    pub rules: Rules,
    pub suspend: Suspend,
}

/// How a task is frozen.
#[derive(Clone, Copy, Debug)]
pub struct Mechanism {
    pub request: Request,
    /// Sleeping and stopped tasks become frozen where they are (F22-02).
    pub in_place: bool,
    /// Frozen tasks count in the load average (R08-19: until 2.6.31).
    pub frozen_is_load: bool,
    /// What /proc/PID/wchan says in the refrigerator.
    pub wchan: &'static str,
    /// Whether a read of inotify that is cut short is made again (3.8 on), or ends with EINTR (E08-05).
    pub inotify_restarts: bool,
    /// How old the signal-return paths of the architectures are (R08-31).
    pub era: SignalEra,
}

/// How a task knows that it is to freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// TIF_FREEZE, set by whoever wants it (2.6.24 to 3.2).
    TifFlag,
    /// A condition that is computed whenever it is asked for (3.3 on).
    Condition,
}

/// What the freezer's files say and take.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub control: Control,
    /// F08-02.
    pub thawed_word: &'static str,
    /// A word that cannot be written (F08-04).
    pub bad_word: Errno,
    /// Longest write that is looked at; E2BIG beyond (F08-05, scenario 03).
    pub max_write: usize,
    pub busy: Busy,
    pub recompute: Recompute,
    /// Whether a job-control stop is ended for the freeze, to begin anew after the thaw (F07-16); else a stopped task that was
    /// asked counts as frozen (F08-20).
    pub wakes_stopped: bool,
    pub migration: Migration,
    /// What moving a zombie comes to: it is in no group any more (F08-27, scenario 19).
    pub move_dead: Result<(), Errno>,
    /// Whether the root cgroup has the file (F08-08).
    pub root_file: bool,
    /// Whether groups have cgroup.procs and cgroup.clone_children (2.6.32 and 2.6.37 on).
    pub modern_core_files: bool,
    /// Whether the filesystem is kernfs's (3.14 on): a write of no bytes succeeds, names have any length (scenarios 03, 17).
    pub kernfs: bool,
    /// Whether freezing a group freezes those below it (F08-07, F12-04).
    pub hierarchical: bool,
    /// What the ns subsystem calls a group it makes; `None`: there is no ns subsystem (it went with Linux 3.0).
    pub ns: Option<NodeName>,
    /// Whether kernel threads can be moved into a group (F08-12).
    pub kthreads_move: bool,
}

/// How the system suspends, and what it then does with frozen cgroups.
#[derive(Clone, Copy, Debug)]
pub struct Suspend {
    pub interface: PowerInterface,
    pub resume: Resume,
    /// The errno of a suspend whose tasks would not freeze (P08-09).
    pub failed: Errno,
}

/// Whose words /sys/power and the kernel log use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerInterface {
    /// P08-01, P08-05, P08-11.
    V2_6_28,
    V3_8,
    /// F22-07.
    V6_18,
}

/// Which tasks stay frozen when the system resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// None: patch 4 of the series of 2007 is absent (F07-10).
    ThawsAll,
    /// Those whose group is FROZEN by its stored state (P08-07, P08-08).
    SparesFrozen,
    /// Those for whom a freeze condition holds (F12-13).
    SparesFreezing,
}

/// The files with which a group is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `freezer.freeze`, which takes 1 and 0, and `freezer.kill` (F07-03).
    Freeze,
    /// `freezer.state`, which takes words (F07-20, F08-01).
    State,
}

/// The name of a group made for new namespaces (F07-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeName {
    /// `node_<pid>`: before 2.6.26.
    Node,
    /// The pid alone.
    Pid,
}

/// When a write of FROZEN fails with EBUSY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// A member is in an uninterruptible wait and is not a vfork parent (the commit's text).
    Uninterruptible,
    /// A member is neither frozen nor flagged nor a vfork parent (2.6.28's code: next to never, F08-11).
    Unflagged,
    /// F12-05.
    Never,
}

/// How the state follows from the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recompute {
    /// To FROZEN when all are frozen, else not at all (F08-30); on every write, and on a read while FREEZING.
    ToFrozen,
    /// To FROZEN, FREEZING or thawed, by how many are frozen (F08-31).
    ByCount,
    /// As `ToFrozen`, on read alone (F07-06); hierarchies from the bottom up (F12-06).
    OnRead,
}

/// When a task may not be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migration {
    /// Not into a FROZEN group (F08-21).
    NotIntoFrozen,
    /// Nor while it is frozen itself (F08-22).
    NotWhileFrozen,
    /// F12-10.
    Always,
}

impl Serialize for Profile {
    /// A saved machine has its name.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.name.serialize(to)
    }
}

impl<'de> Deserialize<'de> for &'static Profile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<&'static Profile, D::Error> {
        let name = String::deserialize(from)?;
        profile(&name).ok_or_else(|| D::Error::custom(format!("freezer profile {name}: not known here")))
    }
}

/// The commit of October 2008, kernel/cgroup_freezer.c as first applied (S1).
pub static PROFILE_2008: Profile = Profile {
    name: "2008",
    mechanism: Mechanism {
        request: Request::TifFlag,
        in_place: false,
        frozen_is_load: true,
        wchan: "refrigerator",
        inotify_restarts: false,
        // The transcript is that day's; signal frames and restarts are today's kernel's, as its programs expect them.
        era: SignalEra::Modern,
    },
    rules: Rules {
        control: Control::State,
        thawed_word: "RUNNING",
        bad_word: Errno::EIO,
        // CGROUP_LOCAL_BUFFER_SIZE less one, and less its zero.
        max_write: 62,
        busy: Busy::Uninterruptible,
        recompute: Recompute::ToFrozen,
        wakes_stopped: false,
        migration: Migration::NotIntoFrozen,
        move_dead: Err(Errno::ESRCH),
        root_file: true,
        modern_core_files: false,
        kernfs: false,
        hierarchical: false,
        ns: Some(NodeName::Pid),
        kthreads_move: true,
    },
    suspend: Suspend { interface: PowerInterface::V2_6_28, resume: Resume::SparesFrozen, failed: Errno::EAGAIN },
};

/// The RFC of June 2007: what `mount -t container` shows, beside whichever profile (F07). What its texts leave open is as the
/// commit of 2008 has it; bad input is EINVAL (F07-09).
pub static RULES_2007: Rules = Rules {
    control: Control::Freeze,
    bad_word: Errno::EINVAL,
    busy: Busy::Never,
    recompute: Recompute::OnRead,
    wakes_stopped: true,
    ns: Some(NodeName::Node),
    ..PROFILE_2008.rules
};

/// Linux 2.6.28 as released, its hazards included (R28; F08-31, F08-34, F08-35).
pub static PROFILE_2_6_28: Profile = Profile {
    name: "2.6.28",
    mechanism: Mechanism { era: SignalEra::V2_6_28, ..PROFILE_2008.mechanism },
    rules: Rules {
        thawed_word: "THAWED",
        bad_word: Errno::EINVAL,
        busy: Busy::Unflagged,
        recompute: Recompute::ByCount,
        migration: Migration::NotWhileFrozen,
        root_file: false,
        ..PROFILE_2008.rules
    },
    ..PROFILE_2008
};

/// Linux 3.8: the hierarchical freezer (V38; F12).
pub static PROFILE_3_8: Profile = Profile {
    name: "3.8",
    mechanism: Mechanism {
        request: Request::Condition,
        in_place: false,
        frozen_is_load: false,
        wchan: "__refrigerator",
        inotify_restarts: true,
        era: SignalEra::Modern,
    },
    rules: Rules {
        busy: Busy::Never,
        recompute: Recompute::OnRead,
        migration: Migration::Always,
        modern_core_files: true,
        hierarchical: true,
        ns: None,
        kthreads_move: false,
        ..PROFILE_2_6_28.rules
    },
    suspend: Suspend { interface: PowerInterface::V3_8, resume: Resume::SparesFreezing, failed: Errno::EBUSY },
};

/// Linux 6.18: tasks are frozen where they sleep (F22, and the transcripts recorded there).
pub static PROFILE_6_18: Profile = Profile {
    name: "6.18",
    mechanism: Mechanism { in_place: true, ..PROFILE_3_8.mechanism },
    rules: Rules { max_write: 4096, kernfs: true, move_dead: Ok(()), ..PROFILE_3_8.rules },
    suspend: Suspend { interface: PowerInterface::V6_18, ..PROFILE_3_8.suspend },
};

/// Every profile there is.
pub static PROFILES: &[&Profile] = &[&PROFILE_2008, &PROFILE_2_6_28, &PROFILE_3_8, &PROFILE_6_18];

/// The profile of that name.
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().copied().find(|profile| profile.name == name)
}
