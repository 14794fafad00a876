//! Pseudo-terminals: a terminal whose other side is a file, the master, instead of the host (drivers/tty/pty.c, pty(7)).
//!
//! Master and slave are one [`Tty`]: what the slave writes waits in `outgoing` for the master to read, and what the master
//! writes is input like any other.
use super::device::wait;
use super::{OBJECT, PTY, PTY_INDEX_BITS, Tty, UNIX98_PTY_SLAVE_MAJOR, writable};
use crate::signal::kill_pgrp;
use crate::vfs::{CharDevice, DeviceFile, FileId, Io, IoError, MountId, Opened, Path, Walk, Who};
use crate::{Kernel, Result, WaitKey};
use abi::*;
use serde::{Deserialize, Serialize};

/// Bytes that may wait for the master, and for the line discipline of the slave: a flip buffer (`pty_common_install`), with
/// a line discipline's own behind it for the first.
pub(super) const OUTPUT_ROOM: usize = 8192 + 4096;
const INPUT_ROOM: usize = 8192;
/// Echoes behind that (N_TTY_BUF_SIZE of `echo_buf`).
pub(super) const ECHO_ROOM: usize = 4096;
/// kernel.pty.max.
const PTY_MAX: usize = 4096;
/// What tells a master's wait keys from its slave's.
const MASTER: u64 = OBJECT | 1 << 61;

/// The half of a terminal that makes it a pty.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pty {
    /// Its devpts and number there; the mount that devpts was found through, for TIOCGPTPEER.
    instance: u32,
    index: u32,
    mount: MountId,
    /// TIOCSPTLCK: the slave cannot be opened yet.
    locked: bool,
    master_open: bool,
    /// Open files of the slave, hung-up ones included.
    slaves: u32,
    /// The slave was open, and is no more (TTY_OTHER_CLOSED).
    slave_closed: bool,
    /// TIOCPKT, and what the next read is told.
    packet: bool,
    status: u8,
}

impl Pty {
    pub(super) fn open_slave(&mut self) -> Result<()> {
        if self.locked || !self.master_open {
            return Err(Errno::EIO);
        }
        self.slaves = self.slaves.saturating_add(1);
        self.slave_closed = false;
        Ok(())
    }
}

/// What a slave begins with: no hang-up on close, as there is no line (`unix98_pty_init`).
pub(super) fn initial_termios() -> Termios {
    Termios { cflag: B38400 | CS8 | CREAD, ..Termios::default() }
}

fn master_readable(id: u32) -> WaitKey {
    WaitKey::Readable(MASTER | u64::from(id))
}

fn master_writable(id: u32) -> WaitKey {
    WaitKey::Writable(MASTER | u64::from(id))
}

impl Tty {
    /// Stops or starts output.
    pub(super) fn set_stopped(&mut self, stopped: bool) {
        if self.stopped != stopped {
            self.stopped = stopped;
            if let Some(pty) = self.pty.as_mut().filter(|pty| pty.packet) {
                let (gone, told) = if stopped { (TIOCPKT_START, TIOCPKT_STOP) } else { (TIOCPKT_STOP, TIOCPKT_START) };
                pty.status = pty.status & !gone | told;
            }
        }
    }

    /// Tells a master in packet mode what happened.
    pub(super) fn tell_packet(&mut self, what: u8) {
        if let Some(pty) = self.pty.as_mut().filter(|pty| pty.packet) {
            pty.status |= what;
        }
    }

    /// The same of new modes (`pty_set_termios`).
    pub(super) fn tell_packet_modes(&mut self, old: &Termios) {
        let flow = |modes: &Termios| {
            modes.iflag & IXON != 0 && modes.cc[VSTOP] == b'S' & 0x1f && modes.cc[VSTART] == b'Q' & 0x1f
        };
        let (was, is) = (flow(old), flow(&self.termios));
        let external = (old.lflag | self.termios.lflag) & EXTPROC != 0;
        let Some(pty) = self.pty.as_mut().filter(|pty| pty.packet) else { return };
        if was != is {
            pty.status &= !(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
            pty.status |= if is { TIOCPKT_DOSTOP } else { TIOCPKT_NOSTOP };
        }
        if external {
            pty.status |= TIOCPKT_IOCTL;
        }
    }

    fn pty(&mut self) -> Option<&mut Pty> {
        self.pty.as_mut()
    }
}

/// /dev/ptmx: each open makes a pty. The handle is the instance of devpts and its mount before, the pty's number after.
pub(crate) struct PtmxDevice;

impl CharDevice for PtmxDevice {
    fn open(&self, kernel: &mut Kernel, file: &mut DeviceFile) -> Result<u64> {
        let (instance, mount) = (file.handle as u32, MountId((file.handle >> 32) as u32));
        let count = kernel.tty.table.values().filter(|tty| tty.pty.is_some()).count();
        let number = |index: u32| PTY | instance << PTY_INDEX_BITS | index;
        let most = kernel.tty.instances.get(&instance).ok_or(Errno::ENODEV)?.max();
        let free = (0..most.min(PTY_MAX as u32)).find(|&index| kernel.tty.get(number(index)).is_none());
        let index = free.filter(|_| count < PTY_MAX).ok_or(Errno::ENOSPC)?;
        kernel.add_pts_node(file.caller, instance, index)?;
        let pty = Pty {
            instance,
            index,
            mount,
            locked: true,
            master_open: true,
            slaves: 0,
            slave_closed: false,
            packet: false,
            status: 0,
        };
        let winsize = Winsize { row: 0, col: 0, xpixel: 0, ypixel: 0 };
        let tty = Tty { pty: Some(pty), termios: initial_termios(), winsize, ..Tty::default() };
        kernel.tty.table.insert(number(index), tty);
        Ok(number(index).into())
    }

    /// The master is gone: the slave hangs up and loses its name.
    fn release(&self, kernel: &mut Kernel, file: DeviceFile) {
        let id = file.handle as u32;
        let Some(pty) = kernel.tty.get_mut(id).and_then(Tty::pty) else { return };
        pty.master_open = false;
        let (instance, index) = (pty.instance, pty.index);
        kernel.remove_pts_node(instance, index);
        kernel.hang_up(id);
        kernel.drop_pty(id);
    }

    fn read(&self, kernel: &mut Kernel, file: DeviceFile, _at: u64, buf: &mut [u8]) -> Io {
        let id = file.handle as u32;
        let tty = kernel.tty.get_mut(id).ok_or(Errno::EIO)?;
        let pty = tty.pty.as_mut().ok_or(Errno::EIO)?;
        let Some((first, rest)) = buf.split_first_mut() else { return Ok(0) };
        if pty.packet && pty.status != 0 {
            *first = std::mem::take(&mut pty.status);
            return Ok(1);
        }
        if tty.outgoing.is_empty() {
            return Err(if pty.slave_closed { Errno::EIO.into() } else { wait(master_readable(id), "wait_woken") });
        }
        let room = if pty.packet {
            *first = TIOCPKT_DATA;
            rest
        } else {
            buf
        };
        let len = room.len().min(tty.outgoing.len());
        room[..len].copy_from_slice(&tty.outgoing[..len]);
        tty.outgoing.drain(..len);
        let told = usize::from(pty.packet);
        kernel.notify(writable(id));
        Ok(len + told)
    }

    fn write(&self, kernel: &mut Kernel, file: DeviceFile, _at: u64, data: &[u8]) -> Io {
        let id = file.handle as u32;
        let tty = kernel.tty.get_mut(id).ok_or(Errno::EIO)?;
        let room = INPUT_ROOM.saturating_sub(tty.incoming.len());
        if room == 0 && !data.is_empty() {
            return Err(wait(master_writable(id), "wait_woken"));
        }
        let len = data.len().min(room);
        tty.incoming.extend(&data[..len]);
        kernel.tty_process(id);
        Ok(len)
    }

    fn poll(&self, kernel: &mut Kernel, file: DeviceFile) -> (PollEvents, Vec<WaitKey>) {
        let id = file.handle as u32;
        let Some((tty, pty)) = kernel.tty.get(id).and_then(|tty| Some((tty, tty.pty.as_ref()?))) else {
            return (PollEvents::POLLERR | PollEvents::POLLHUP, Vec::new());
        };
        let told = pty.packet && pty.status != 0;
        let mut events = PollEvents::empty();
        events.set(PollEvents::POLLIN | PollEvents::POLLRDNORM, told || !tty.outgoing.is_empty());
        events.set(PollEvents::POLLPRI, told);
        events.set(PollEvents::POLLHUP, pty.slave_closed);
        events.set(PollEvents::POLLOUT | PollEvents::POLLWRNORM, tty.incoming.len() < INPUT_ROOM);
        (events, vec![master_readable(id), master_writable(id)])
    }

    fn ioctl(&self, kernel: &mut Kernel, file: DeviceFile, cmd: u32, arg: u64) -> std::result::Result<u64, IoError> {
        let (id, caller) = (file.handle as u32, file.caller);
        let tty = kernel.tty.get_mut(id).ok_or(Errno::EIO)?;
        let waiting = tty.outgoing.len() as u32;
        let pty = tty.pty.as_mut().ok_or(Errno::EIO)?;
        let answer = match cmd {
            TIOCGPTN => pty.index,
            TIOCGPTLCK => pty.locked.into(),
            TIOCGPKT => pty.packet.into(),
            FIONREAD => waiting,
            TIOCSPTLCK => {
                let locked = kernel.user(caller).read_u32(arg)? != 0;
                if let Some(pty) = kernel.tty.get_mut(id).and_then(Tty::pty) {
                    pty.locked = locked;
                }
                return Ok(0);
            }
            TIOCPKT => {
                let packet = kernel.user(caller).read_u32(arg)? != 0;
                if let Some(pty) = kernel.tty.get_mut(id).and_then(Tty::pty) {
                    pty.status = if packet && !pty.packet { 0 } else { pty.status };
                    pty.packet = packet;
                }
                return Ok(0);
            }
            TIOCGPTPEER => return Ok(kernel.open_pty_peer(file, id, arg)?),
            TIOCSIG => return Ok(kernel.signal_pty(id, arg)?),
            TCFLSH => return Ok(kernel.flush_master(id, arg as u32)?),
            // The master's own output is never stopped.
            TCXONC => return Ok(0),
            _ => return super::ioctl::tty_ioctl(kernel, file, id, cmd, arg, true),
        };
        kernel.user(caller).write_u32(arg, answer)?;
        Ok(0)
    }

    fn seekable(&self) -> bool {
        false
    }
}

impl Kernel {
    /// Something may have happened that the master of a pty sees; `taken`: there is room again for what it writes.
    pub(super) fn tty_master_event(&mut self, id: u32, taken: bool) {
        let Some(tty) = self.tty.get(id) else { return };
        let Some(pty) = &tty.pty else { return };
        if !tty.outgoing.is_empty() || pty.status != 0 || pty.slave_closed {
            self.notify(master_readable(id));
        }
        if taken {
            self.notify(master_writable(id));
        }
    }

    /// A file of a slave is closed.
    pub(super) fn close_pty_slave(&mut self, id: u32) {
        let Some(pty) = self.tty.get_mut(id).and_then(Tty::pty) else { return };
        pty.slaves = pty.slaves.saturating_sub(1);
        if pty.slaves == 0 {
            pty.slave_closed = true;
            self.notify(master_readable(id));
            self.notify(master_writable(id));
            self.drop_pty(id);
        }
    }

    /// Forgets a pty that neither side has open.
    fn drop_pty(&mut self, id: u32) {
        let gone = |tty: &Tty| tty.pty.as_ref().is_some_and(|pty| !pty.master_open && pty.slaves == 0);
        if self.tty.get(id).is_some_and(gone) {
            self.tty.table.remove(&id);
            for key in [OBJECT, MASTER] {
                self.forget_key(key | u64::from(id));
            }
        }
    }

    /// The number by which the slave is known here whose node is at `place`; EIO for a node elsewhere.
    pub(crate) fn pty_slave(&mut self, place: Path, rdev: u64) -> Result<u64> {
        let instance = self.devpts_at(place).ok_or(Errno::EIO)?;
        let id = PTY | instance << PTY_INDEX_BITS | minor(rdev) & ((1 << PTY_INDEX_BITS) - 1);
        let open = self.tty.get(id).is_some_and(|tty| tty.pty.as_ref().is_some_and(|pty| pty.master_open));
        if open { Ok(makedev(UNIX98_PTY_SLAVE_MAJOR, id & !PTY)) } else { Err(Errno::EIO) }
    }

    /// The devpts that a ptmx node stands for: its own, or that at `pts` beside it (`devpts_mntget`).
    pub(crate) fn devpts_of_ptmx(&mut self, who: &Who, place: Path) -> Result<u64> {
        let at = match self.devpts_at(place) {
            Some(_) => place,
            None => {
                let dir = self.vfs.directory_of(place).ok_or(Errno::ENODEV)?;
                let pts = self.path_at(who, dir, b"pts", Walk::DIRECTORY).map_err(|_| Errno::ENODEV)?;
                if !self.vfs.is_mount_root(pts) {
                    return Err(Errno::ENODEV);
                }
                pts
            }
        };
        let instance = self.devpts_at(at).ok_or(Errno::ENODEV)?;
        Ok(u64::from(instance) | u64::from(at.mount.0) << 32)
    }

    /// TIOCGPTPEER: opens the slave, wherever its devpts shows (`ptm_open_peer`).
    fn open_pty_peer(&mut self, file: DeviceFile, id: u32, flags: u64) -> Result<u64> {
        let flags = self.tasks[file.caller].arch().abi.open_flags().decode(flags as u32);
        let pty = self.tty.get(id).and_then(|tty| tty.pty.as_ref()).ok_or(Errno::EIO)?;
        let (mount, name, instance) = (pty.mount, pty.index.to_string(), pty.instance);
        let root = self.vfs.root_of(mount).ok_or(Errno::ENODEV)?;
        if self.devpts_at(root) != Some(instance) {
            return Err(Errno::ENODEV);
        }
        self.want_fd(file.caller)?;
        let who = self.who(file.caller);
        let place = self.path_at(&who, root, name.as_bytes(), Walk::empty())?;
        let peer: FileId = match self.open_place(&who, place, flags, true)? {
            Opened::Now(peer) => peer,
            Opened::Wait(..) => return Err(Errno::EIO),
        };
        Ok(self.install_fd(file.caller, peer, 0, flags.contains(OpenFlags::O_CLOEXEC))? as u64)
    }

    /// TIOCSIG: a signal to the foreground of the slave (`pty_signal`).
    fn signal_pty(&mut self, id: u32, signo: u64) -> Result<u64> {
        let signo = u8::try_from(signo).ok().filter(|signo| [SIGINT, SIGQUIT, SIGTSTP].contains(signo));
        let signo = signo.ok_or(Errno::EINVAL)?;
        if let Some(pgrp) = self.tty.get(id).and_then(|tty| tty.pgrp) {
            kill_pgrp(self, pgrp, signo);
        }
        Ok(0)
    }

    /// TCFLSH of a master: its input is what the slave wrote, its output what the slave has not taken in.
    fn flush_master(&mut self, id: u32, which: u32) -> Result<u64> {
        let tty = self.tty.get_mut(id).ok_or(Errno::EIO)?;
        if !matches!(which, TCIFLUSH | TCOFLUSH | TCIOFLUSH) {
            return Err(Errno::EINVAL);
        }
        if which != TCOFLUSH {
            tty.outgoing.clear();
            self.notify(writable(id));
        }
        if which != TCIFLUSH {
            self.tty.get_mut(id).ok_or(Errno::EIO)?.incoming.clear();
            self.notify(master_writable(id));
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes_nobody_reads_are_lost() {
        let pty = Pty {
            instance: 0,
            index: 0,
            mount: MountId(0),
            locked: false,
            master_open: true,
            slaves: 0,
            slave_closed: false,
            packet: false,
            status: 0,
        };
        let mut tty = Tty { pty: Some(pty), ..Tty::default() };
        // Lines that are killed again leave room for more input, and their echoes.
        for _ in 0..20_000 {
            tty.incoming.extend(b"ab\x15");
            tty.process_input();
        }
        assert_eq!(tty.outgoing.len(), OUTPUT_ROOM + ECHO_ROOM);
    }
}
