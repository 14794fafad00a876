//! Who may use a terminal: sessions, foreground and background, hang-up (drivers/tty/tty_jobctrl.c).
use super::{Tty, device_of_tty, readable, tty_of_device, writable};
use crate::signal::{is_orphaned_pgrp, kill_pgrp};
use crate::vfs::IoError;
use crate::{Kernel, Result, Tgid, Tid};
use abi::*;

impl Kernel {
    fn known_tty(&mut self, id: u32) -> Result<&mut Tty> {
        self.tty.get_mut(id).ok_or(Errno::EIO)
    }

    /// Whether `id` is the caller's controlling terminal.
    pub(super) fn is_controlling_tty(&self, caller: Tid, id: u32) -> bool {
        self.tasks.group_of(caller).tty == Some(device_of_tty(id))
    }

    /// A background job that reads, or changes the terminal, is sent `signo` (`__tty_check_change`).
    pub(super) fn check_foreground(&mut self, caller: Tid, id: u32, signo: u8) -> std::result::Result<(), IoError> {
        if !self.is_controlling_tty(caller, id) {
            return Ok(());
        }
        let pgid = self.tasks.group_of(caller).pgid;
        let ignored = self.tasks.actions(caller).is_ignored(signo);
        match self.tty.get(id).and_then(|tty| tty.pgrp) {
            Some(foreground) if foreground != pgid => {}
            _ => return Ok(()),
        }
        if ignored || self.tasks[caller].blocked.contains(signo) {
            return if signo == SIGTTIN { Err(Errno::EIO.into()) } else { Ok(()) };
        }
        if is_orphaned_pgrp(self, pgid) {
            return Err(Errno::EIO.into());
        }
        kill_pgrp(self, pgid, signo);
        Err(IoError::Restart(Restart::Sys))
    }

    /// Makes a terminal the controlling one of the caller's session (`__proc_set_tty`).
    fn set_controlling_tty(&mut self, caller: Tid, id: u32) {
        let group = self.tasks.group_of_mut(caller);
        group.tty = Some(device_of_tty(id));
        let (pgid, sid) = (group.pgid, group.sid);
        if let Some(tty) = self.tty.get_mut(id) {
            tty.pgrp = Some(pgid);
            tty.session = Some(sid);
        }
    }

    /// open(2) without O_NOCTTY: a session leader that has none gets a terminal that is nobody's.
    pub(crate) fn open_controlling_tty(&mut self, caller: Tid, id: u32) {
        let group = self.tasks.group_of(caller);
        let free = self.tty.get(id).is_some_and(|tty| tty.session.is_none());
        if group.sid == group.tgid && group.tty.is_none() && free {
            self.set_controlling_tty(caller, id);
        }
    }

    /// TIOCSCTTY.
    pub(super) fn acquire_tty(&mut self, caller: Tid, id: u32, steal: bool, readable: bool) -> Result<()> {
        let group = self.tasks.group_of(caller);
        let (leader, sid, has_tty) = (group.sid == group.tgid, group.sid, group.tty.is_some());
        let session = self.known_tty(id)?.session;
        if leader && session == Some(sid) {
            return Ok(());
        }
        let admin = self.tasks[caller].cred.capable(CAP_SYS_ADMIN);
        if !leader || has_tty || !readable && !admin {
            return Err(Errno::EPERM);
        }
        if let Some(session) = session {
            if !steal || !admin {
                return Err(Errno::EPERM);
            }
            self.session_clear_tty(session);
        }
        self.set_controlling_tty(caller, id);
        Ok(())
    }

    fn session_clear_tty(&mut self, session: Tid) {
        let members: Vec<Tgid> = self.tasks.groups().filter(|g| g.sid == session).map(|g| g.tgid).collect();
        for tgid in members {
            if let Some(group) = self.tasks.group_mut(tgid) {
                group.tty = None;
            }
        }
    }

    /// TIOCGPGRP.
    pub(super) fn foreground(&mut self, caller: Tid, id: u32, from_master: bool) -> Result<u32> {
        if !from_master && !self.is_controlling_tty(caller, id) {
            return Err(Errno::ENOTTY);
        }
        Ok(self.known_tty(id)?.pgrp.map_or(0, |pgrp| pgrp.0))
    }

    /// TIOCGSID.
    pub(super) fn tty_session(&mut self, caller: Tid, id: u32, from_master: bool) -> Result<u32> {
        if !from_master && !self.is_controlling_tty(caller, id) {
            return Err(Errno::ENOTTY);
        }
        self.known_tty(id)?.session.map(|sid| sid.0).ok_or(Errno::ENOTTY)
    }

    /// TIOCSPGRP.
    pub(super) fn set_foreground(&mut self, caller: Tid, id: u32, pgrp: i32) -> std::result::Result<(), IoError> {
        match self.check_foreground(caller, id, SIGTTOU) {
            // The terminal of another session.
            Err(IoError::Errno(Errno::EIO)) => return Err(Errno::ENOTTY.into()),
            checked => checked?,
        }
        let sid = self.tasks.group_of(caller).sid;
        if !self.is_controlling_tty(caller, id) || self.known_tty(id)?.session != Some(sid) {
            return Err(Errno::ENOTTY.into());
        }
        let pgrp = u32::try_from(pgrp).map_err(|_| Errno::EINVAL)?;
        let pgrp = self.find_vpid(caller, pgrp).ok_or(Errno::ESRCH)?;
        match self.tasks.session_of(pgrp) {
            None => Err(Errno::ESRCH.into()),
            Some(session) if session != sid => Err(Errno::EPERM.into()),
            Some(_) => {
                self.known_tty(id)?.pgrp = Some(pgrp);
                Ok(())
            }
        }
    }

    /// TIOCNOTTY.
    pub(super) fn release_tty(&mut self, caller: Tid, id: u32) -> Result<()> {
        if !self.is_controlling_tty(caller, id) {
            return Err(Errno::ENOTTY);
        }
        let tgid = self.tasks[caller].tgid;
        disassociate_ctty(self, tgid, false);
        Ok(())
    }

    /// A terminal hangs up: files opened before are dead, its session is told and loses it (`__tty_hangup`).
    pub(crate) fn hang_up(&mut self, id: u32) {
        let Ok(tty) = self.known_tty(id) else { return };
        tty.generation += 1;
        tty.ldisc.flush();
        tty.stopped = false;
        if tty.pty.is_some() {
            tty.termios = super::pty::initial_termios();
        }
        let (session, pgrp) = (tty.session.take(), tty.pgrp.take());
        if let Some(session) = session {
            self.session_clear_tty(session);
            for signo in [SIGHUP, SIGCONT] {
                self.send_to_group(session, Siginfo::kernel(signo));
            }
        }
        if let Some(pgrp) = pgrp {
            kill_pgrp(self, pgrp, SIGHUP);
        }
        self.notify(readable(id));
        self.notify(writable(id));
    }
}

/// A process gives up its controlling terminal; with a session leader the whole session does (`disassociate_ctty`).
pub(crate) fn disassociate_ctty(kernel: &mut Kernel, tgid: Tgid, on_exit: bool) {
    let Some(group) = kernel.tasks.group_mut(tgid) else { return };
    let (leader, sid) = (group.sid == tgid, group.sid);
    let Some(id) = group.tty.take().and_then(tty_of_device) else { return };
    if !leader {
        return;
    }
    if on_exit {
        kernel.hang_up(id);
    } else if let Some(pgrp) = kernel.tty.get(id).and_then(|tty| tty.pgrp) {
        kill_pgrp(kernel, pgrp, SIGHUP);
        kill_pgrp(kernel, pgrp, SIGCONT);
    }
    if let Some(tty) = kernel.tty.get_mut(id) {
        tty.session = None;
        tty.pgrp = None;
    }
    kernel.session_clear_tty(sid);
}
