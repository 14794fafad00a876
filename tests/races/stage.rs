//! A machine whose tasks do what a test says, one step of one task at a time.
//!
//! An actor is a task that spins. To have it make a system call, the call's instructions are written where it spins and its pc
//! is put there; it runs them, and spins again. The first actor, init, is the manager: it reads and writes the control files.
use crate::support::boot_image;
use crate::support::raw::{BASE, Code, DATA};
use abi::{CloneFlags, Errno, SIGCHLD, Sysno};
use arch::Exit;
use kernel::freezer::{frozen, profile};
use kernel::vfs::cpio::Writer;
use kernel::{INIT, Tid};
use minikern::{ARCHES, Machine};

/// Instructions of an actor lie here and behind, `CODE_SIZE` for each actor: threads share their memory.
const CODE: u64 = BASE + 0x200;
const CODE_SIZE: u64 = 128;
/// So much of the page at `DATA` is each actor's: a path or a buffer, and from `AUX` on a second thing.
const DATA_SIZE: u64 = 160;
const AUX: u64 = 96;
/// Actors there can be.
const PLACES: u64 = 24;
/// A signal handler that only returns, behind all of them, and where it returns to.
const HANDLER: u64 = CODE + CODE_SIZE * PLACES;
const RESTORER: u64 = HANDLER + 16;
const AT_FDCWD: u64 = -100i64 as u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) tid: Tid,
    arch: &'static str,
    place: u64,
}

impl Actor {
    fn code(self) -> u64 {
        CODE + CODE_SIZE * self.place
    }
    /// Its memory for a path or what is read.
    pub(super) fn data(self) -> u64 {
        DATA + DATA_SIZE * self.place
    }
    /// A second place there.
    pub(super) fn aux(self) -> u64 {
        self.data() + AUX
    }
}

pub(super) struct Stage {
    pub(super) machine: Machine,
    /// For messages: profile and architectures.
    pub(super) scene: String,
    pub(super) thawed: &'static str,
    pub(super) manager: Actor,
    places: u64,
}

impl Stage {
    /// A machine under a profile with the freezer mounted on /c, and its manager.
    pub(super) fn new(profile_name: &str, arch: &'static str) -> Stage {
        let mut image = Writer::new();
        for dir in ["dev", "proc", "sys", "tmp", "c", "c2"] {
            image.add(dir.as_bytes(), 0o40755, 0, &[]);
        }
        for each in ARCHES {
            let mut code = Code::new(each.name);
            code.jump_back(0);
            code.bytes.resize(0xe00, 0);
            image.add(format!("actor-{}", each.name).as_bytes(), 0o100_755, 0, &code.program());
        }
        let mut boot = boot_image(image.finish(), &[&format!("/actor-{arch}")]);
        boot.config.freezer = profile(profile_name).expect("a profile");
        boot.mount_usual = true;
        let thawed = boot.config.freezer.rules.thawed_word;
        let mut machine = Machine::boot(&boot).expect("the machine boots");
        let none = abi::MountFlags::empty();
        machine.kernel.mount_type("cgroup", b"freezer", b"/c", none, b"freezer").expect("a freezer hierarchy");
        let manager = Actor { tid: INIT, arch, place: 0 };
        Stage { machine, scene: String::new(), thawed, manager, places: 1 }
    }

    /// A stage that goes on from here.
    pub(super) fn fork(&mut self) -> Stage {
        Stage { machine: self.machine.snapshot(), scene: self.scene.clone(), ..*self }
    }

    fn place(&mut self) -> u64 {
        assert!(self.places < PLACES, "no room for another actor");
        self.places += 1;
        self.places - 1
    }

    /// Writes the instructions of a call where the actor is to run them, and puts it there.
    fn prepare(&mut self, who: Actor, sysno: Sysno, args: &[u64]) {
        let mut code = Code::new(who.arch);
        let number = code.number(sysno).unwrap_or_else(|| panic!("{} has no {}", who.arch, sysno.name()));
        let mut all = [0; 6];
        all[..args.len()].copy_from_slice(args);
        code.call(number, all);
        code.jump_back(code.bytes.len());
        assert!(code.bytes.len() as u64 <= CODE_SIZE);
        self.machine.kernel.user(who.tid).write(who.code(), &code.bytes).expect("the actor's code");
        self.machine.kernel.tasks[who.tid].cpu.pc = who.code();
    }

    /// Has an actor make a call, up to where the call sleeps or is done.
    pub(super) fn enter(&mut self, who: Actor, sysno: Sysno, args: &[u64]) {
        self.prepare(who, sysno, args);
        for _ in 0..64 {
            match self.machine.step_task(who.tid, 1_000) {
                Some(Exit::Syscall) => return,
                Some(_) => {}
                None => panic!("{}: {who:?} does not get to its {}", self.scene, sysno.name()),
            }
        }
        panic!("{}: {who:?} never makes its {}", self.scene, sysno.name());
    }

    /// The same; `meanwhile` happens on another CPU when the actor is on its way into the kernel.
    pub(super) fn enter_while(&mut self, who: Actor, sysno: Sysno, args: &[u64], meanwhile: impl FnOnce(&mut Stage)) {
        self.prepare(who, sysno, args);
        for _ in 0..64 {
            assert!(self.machine.kernel.schedule_task(who.tid), "{}: {who:?} does not run", self.scene);
            let run = self.machine.run_user(who.tid, 1_000);
            if run.exit == Exit::Syscall {
                meanwhile(self);
                return self.machine.kernel.handle(who.tid, run.exit, run.ticks);
            }
            self.machine.kernel.handle(who.tid, run.exit, run.ticks);
        }
        panic!("{}: {who:?} never makes its {}", self.scene, sysno.name());
    }

    /// Lets an actor go as far as user mode, without running there; false if it does not get there.
    pub(super) fn goes(&mut self, who: Actor) -> bool {
        self.machine.kernel.schedule_task(who.tid)
    }

    /// Gives an actor its turn: it finishes what it has to do in the kernel and spins a little, or gets no further.
    pub(super) fn turn(&mut self, who: Actor) {
        for _ in 0..4 {
            if self.machine.step_task(who.tid, 16).is_none() {
                return;
            }
        }
    }

    /// The result of the call an actor made last, if it is back in user mode.
    pub(super) fn result(&mut self, who: Actor) -> Option<i64> {
        if !self.goes(who) {
            return None;
        }
        let cpu = &self.machine.kernel.tasks[who.tid].cpu;
        Some(cpu.arch.abi.get_return(cpu))
    }

    /// A call and its result; `None` if it sleeps.
    pub(super) fn call(&mut self, who: Actor, sysno: Sysno, args: &[u64]) -> Option<i64> {
        self.enter(who, sysno, args);
        self.result(who)
    }

    /// A call that does not sleep.
    pub(super) fn done(&mut self, who: Actor, sysno: Sysno, args: &[u64]) -> i64 {
        let result = self.call(who, sysno, args);
        result.unwrap_or_else(|| panic!("{}: {who:?} sleeps in {}", self.scene, sysno.name()))
    }

    /// The same, and it succeeds.
    pub(super) fn ok(&mut self, who: Actor, sysno: Sysno, args: &[u64]) -> u64 {
        let result = self.done(who, sysno, args);
        assert!(result >= 0, "{}: {who:?} {} is {result}", self.scene, sysno.name());
        result as u64
    }

    /// A path in an actor's memory.
    pub(super) fn path(&mut self, who: Actor, path: &str) -> u64 {
        let text = [path.as_bytes(), b"\0"].concat();
        assert!(text.len() as u64 <= AUX);
        self.machine.kernel.user(who.tid).write(who.data(), &text).expect("the actor's data");
        who.data()
    }

    pub(super) fn mkdir(&mut self, path: &str) {
        let path = self.path(self.manager, path);
        self.ok(self.manager, Sysno::Mkdirat, &[AT_FDCWD, path, 0o755]);
    }

    /// Opens a file; a descriptor or the error.
    pub(super) fn open(&mut self, who: Actor, path: &str, flags: u64) -> i64 {
        let path = self.path(who, path);
        self.done(who, Sysno::Openat, &[AT_FDCWD, path, flags, 0])
    }

    /// Writes a control file: what write(2) returned, or open(2)'s error. `who` may not come back from the write at once.
    pub(super) fn write_as(&mut self, who: Actor, path: &str, text: &str) -> Option<i64> {
        let fd = self.open(who, path, 1);
        if fd < 0 {
            return Some(fd);
        }
        self.machine.kernel.user(who.tid).write(who.data(), text.as_bytes()).expect("the actor's data");
        let wrote = self.call(who, Sysno::Write, &[fd as u64, who.data(), text.len() as u64])?;
        self.ok(who, Sysno::Close, &[fd as u64]);
        Some(wrote)
    }

    /// The manager writes a control file.
    pub(super) fn write(&mut self, path: &str, text: &str) -> i64 {
        self.write_as(self.manager, path, text).expect("the manager is not in the way of itself")
    }

    /// The manager reads a control file; empty if it cannot.
    pub(super) fn read(&mut self, path: &str) -> String {
        let manager = self.manager;
        let fd = self.open(manager, path, 0);
        if fd < 0 {
            return String::new();
        }
        let mut text = Vec::new();
        loop {
            let n = self.done(manager, Sysno::Read, &[fd as u64, manager.data(), AUX]);
            if n <= 0 {
                break;
            }
            let mut part = vec![0; n as usize];
            self.machine.kernel.user(manager.tid).read(manager.data(), &mut part).expect("what was read");
            text.extend(part);
        }
        self.ok(manager, Sysno::Close, &[fd as u64]);
        String::from_utf8(text).expect("text")
    }

    /// `echo FROZEN`, and what the write returned.
    pub(super) fn freeze(&mut self, group: &str) -> i64 {
        self.write(&format!("{group}/freezer.state"), "FROZEN")
    }
    /// The thawed word written.
    pub(super) fn thaw(&mut self, group: &str) -> i64 {
        let word = self.thawed;
        self.write(&format!("{group}/freezer.state"), word)
    }
    /// freezer.state, with the word of the profile's own for thawed put as THAWED.
    pub(super) fn state(&mut self, group: &str) -> String {
        let state = self.read(&format!("{group}/freezer.state")).trim_end().to_string();
        if state == self.thawed { "THAWED".into() } else { state }
    }
    /// Moves an actor into a group: what the write returned.
    pub(super) fn attach(&mut self, who: Actor, group: &str) -> i64 {
        self.write(&format!("{group}/tasks"), &who.tid.0.to_string())
    }

    /// The child that a clone of `parent` made, in user mode.
    pub(super) fn child(&mut self, tid: i64, arch: &'static str) -> Actor {
        assert!(tid > 0, "{}: no child: {tid}", self.scene);
        Actor { tid: Tid(tid as u32), arch, place: self.place() }
    }

    /// A child process.
    pub(super) fn forked(&mut self, parent: Actor) -> Actor {
        let tid = self.done(parent, Sysno::Clone, &[SIGCHLD.into()]);
        self.child(tid, parent.arch)
    }

    /// A thread.
    pub(super) fn thread(&mut self, of: Actor) -> Actor {
        use CloneFlags as F;
        let flags = F::CLONE_VM | F::CLONE_FS | F::CLONE_FILES | F::CLONE_SIGHAND | F::CLONE_THREAD;
        let tid = self.done(of, Sysno::Clone, &[flags.bits()]);
        self.child(tid, of.arch)
    }

    /// Has an actor become the actor of an architecture: execve.
    pub(super) fn exec(&mut self, who: Actor, arch: &'static str) -> Actor {
        let path = self.path(who, &format!("/actor-{arch}"));
        self.enter(who, Sysno::Execve, &[path, 0, 0]);
        Actor { arch, ..who }
    }

    /// A new process of an architecture, a child of the manager's.
    pub(super) fn spawn(&mut self, arch: &'static str) -> Actor {
        let child = self.forked(self.manager);
        let actor = self.exec(child, arch);
        assert!(self.goes(actor), "{}: execve", self.scene);
        actor
    }

    /// The same, in a group.
    pub(super) fn spawn_in(&mut self, group: &str, arch: &'static str) -> Actor {
        let actor = self.spawn(arch);
        assert!(self.attach(actor, group) > 0, "{}: attach to {group}", self.scene);
        actor
    }

    /// Has an actor sleep where neither signals nor the freezer reach it, until [`Stage::release`].
    pub(super) fn get_stuck(&mut self, who: Actor) {
        let fd = self.open(who, "/dev/stuck", 0);
        self.enter(who, Sysno::Read, &[fd as u64, who.data(), 1]);
        assert_eq!(self.letter(who), 'D', "{}", self.scene);
    }
    /// Lets go of every actor that is stuck.
    pub(super) fn release(&mut self) {
        assert_eq!(self.write("/dev/stuck", "x"), 1);
    }

    /// The state letter of /proc/PID/stat; `-` for a task that is gone.
    pub(super) fn letter(&self, who: Actor) -> char {
        self.machine.kernel.tasks.get(who.tid).map_or('-', |task| task.state_letter())
    }
    pub(super) fn is_frozen(&self, who: Actor) -> bool {
        self.machine.kernel.tasks.get(who.tid).is_some_and(frozen)
    }
    pub(super) fn wchan(&self, who: Actor) -> &'static str {
        self.machine.kernel.tasks.get(who.tid).map_or("", |task| task.wchan())
    }

    /// The manager sends a signal.
    pub(super) fn kill(&mut self, who: Actor, signo: u8) {
        self.ok(self.manager, Sysno::Kill, &[who.tid.0.into(), signo.into()]);
    }

    /// Gives a signal a handler, which only returns.
    pub(super) fn handle(&mut self, who: Actor, signo: u8) {
        let mut code = Code::new(who.arch);
        code.ret();
        self.machine.kernel.user(who.tid).write(HANDLER, &code.bytes).expect("the handler");
        let mut code = Code::new(who.arch);
        let sigreturn = code.number(Sysno::RtSigreturn).expect("every architecture has it");
        code.call_bare(sigreturn);
        self.machine.kernel.user(who.tid).write(RESTORER, &code.bytes).expect("the restorer");
        let has_restorer = self.machine.kernel.tasks[who.tid].arch().abi.sigaction_has_restorer();
        let mut action = vec![HANDLER, abi::SaFlags::SA_RESTORER.bits()];
        if has_restorer {
            action.push(RESTORER);
        }
        action.push(0);
        let bytes: Vec<u8> = action.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.machine.kernel.user(who.tid).write(who.data(), &bytes).expect("the action");
        self.ok(who, Sysno::RtSigaction, &[signo.into(), who.data(), 0, 8]);
    }
    /// Whether it stands at the handler's first instruction.
    pub(super) fn in_handler(&self, who: Actor) -> bool {
        self.machine.kernel.tasks.get(who.tid).is_some_and(|task| task.cpu.pc == HANDLER)
    }

    /// What the manager's waitpid(WNOHANG | WUNTRACED | WCONTINUED) says: the status, `None` for nothing.
    pub(super) fn waited(&mut self, who: Actor) -> Option<u32> {
        let manager = self.manager;
        let options = u64::from(abi::WNOHANG | abi::WUNTRACED | abi::WCONTINUED);
        let found = self.done(manager, Sysno::Wait4, &[who.tid.0.into(), manager.aux(), options, 0]);
        if found == 0 || found == -i64::from(Errno::ECHILD.0) {
            return None;
        }
        assert_eq!(found, i64::from(who.tid.0), "{}", self.scene);
        Some(self.machine.kernel.user(manager.tid).read_u32(manager.aux()).expect("the status"))
    }
}
