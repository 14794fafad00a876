//! The terminal's ioctls (tty_io.c, tty_ioctl.c, n_tty.c, tty_jobctrl.c).
use super::device::live;
use super::{Tty, device_of_tty, shown_device, writable};
use crate::vfs::{DeviceFile, IoError};
use crate::{Kernel, Tid};
use abi::*;

type IoctlResult = std::result::Result<u64, IoError>;

pub(super) fn ioctl(kernel: &mut Kernel, file: DeviceFile, cmd: u32, arg: u64) -> IoctlResult {
    let id = live(kernel, file).ok_or(if cmd == TIOCSPGRP { Errno::ENOTTY } else { Errno::EIO })?;
    // What changes the terminal is not for background jobs.
    if matches!(
        cmd,
        TCSETS | TCSETSW | TCSETSF | TCSETS2 | TCSETSW2 | TCSETSF2 | TCXONC | TCFLSH | TCSBRK | TCSBRKP | TIOCSETD
    ) {
        kernel.check_foreground(file.caller, id, SIGTTOU)?;
    }
    tty_ioctl(kernel, file, id, cmd, arg, false)
}

/// What a terminal and the master of a pty answer alike, about the terminal.
pub(super) fn tty_ioctl(
    kernel: &mut Kernel,
    file: DeviceFile,
    id: u32,
    cmd: u32,
    arg: u64,
    from_master: bool,
) -> IoctlResult {
    let caller = file.caller;
    let tty = kernel.tty.get_mut(id).ok_or(Errno::EIO)?;
    let done = |()| 0;
    match cmd {
        TCGETS => {
            let value = tty.termios.encode();
            put(kernel, caller, arg, &value)
        }
        TCGETS2 => {
            let value = tty.termios.encode2();
            put(kernel, caller, arg, &value)
        }
        TCSETS | TCSETSW | TCSETSF => {
            let mut raw = [0; 36];
            kernel.user(caller).read(arg, &mut raw)?;
            set_termios(kernel, id, |old| old.decode(&raw), cmd == TCSETSF)
        }
        TCSETS2 | TCSETSW2 | TCSETSF2 => {
            let mut raw = [0; 44];
            kernel.user(caller).read(arg, &mut raw)?;
            set_termios(kernel, id, |_| Termios::decode2(&raw), cmd == TCSETSF2)
        }
        TCXONC => flow_control(kernel, id, arg as u32),
        TCFLSH => match arg as u32 {
            TCIFLUSH | TCIOFLUSH => {
                tty.ldisc.flush();
                tty.incoming.clear();
                tty.tell_packet(TIOCPKT_FLUSHREAD);
                kernel.tty_master_event(id, true);
                Ok(0)
            }
            TCOFLUSH => Ok(0),
            _ => Err(Errno::EINVAL.into()),
        },
        TCSBRK | TCSBRKP | TIOCSBRK | TIOCCBRK => Ok(0),
        TIOCOUTQ => kernel.user(caller).write_u32(arg, 0).map(done).map_err(Into::into),
        FIONREAD => {
            let count = tty.ldisc.unread() as u32;
            kernel.user(caller).write_u32(arg, count).map(done).map_err(Into::into)
        }
        TIOCGWINSZ => {
            let value = tty.winsize.encode();
            put(kernel, caller, arg, &value)
        }
        TIOCSWINSZ => {
            let mut raw = [0; 8];
            kernel.user(caller).read(arg, &mut raw)?;
            kernel.set_winsize(id, Winsize::decode(&raw));
            Ok(0)
        }
        TIOCGPGRP => {
            let pgrp = kernel.foreground(caller, id, from_master)?;
            let pgrp = kernel.pid_vnr(caller, Tid(pgrp));
            kernel.user(caller).write_u32(arg, pgrp).map(done).map_err(Into::into)
        }
        TIOCSPGRP => {
            let pgrp = kernel.user(caller).read_u32(arg)?;
            kernel.set_foreground(caller, id, pgrp as i32).map(done)
        }
        TIOCGSID => {
            let sid = kernel.tty_session(caller, id, from_master)?;
            let sid = kernel.pid_vnr(caller, Tid(sid));
            kernel.user(caller).write_u32(arg, sid).map(done).map_err(Into::into)
        }
        TIOCSCTTY => kernel.acquire_tty(caller, id, arg == 1, file.flags.readable()).map(done).map_err(Into::into),
        TIOCNOTTY => kernel.release_tty(caller, id).map(done).map_err(Into::into),
        TIOCEXCL | TIOCNXCL => {
            tty.exclusive = cmd == TIOCEXCL;
            Ok(0)
        }
        TIOCGEXCL => {
            let exclusive = u32::from(tty.exclusive);
            kernel.user(caller).write_u32(arg, exclusive).map(done).map_err(Into::into)
        }
        TIOCGDEV => {
            kernel.user(caller).write_u32(arg, shown_device(device_of_tty(id)) as u32).map(done).map_err(Into::into)
        }
        TIOCGETD => kernel.user(caller).write_u32(arg, N_TTY.into()).map(done).map_err(Into::into),
        TIOCSETD => match kernel.user(caller).read_u32(arg)? {
            line if line == u32::from(N_TTY) => Ok(0),
            _ => Err(Errno::EINVAL.into()),
        },
        TIOCVHANGUP => {
            if !kernel.tasks[caller].cred.capable(CAP_SYS_ADMIN) {
                return Err(Errno::EPERM.into());
            }
            kernel.hang_up(id);
            Ok(0)
        }
        // dev.tty.legacy_tiocsti is off.
        TIOCSTI => Err(Errno::EIO.into()),
        _ => Err(Errno::ENOTTY.into()),
    }
}

fn put(kernel: &mut Kernel, caller: Tid, arg: u64, data: &[u8]) -> IoctlResult {
    kernel.user(caller).write(arg, data)?;
    Ok(0)
}

/// `tty_set_termios` and `n_tty_set_termios`.
fn set_termios(kernel: &mut Kernel, id: u32, new: impl FnOnce(&Termios) -> Termios, flush: bool) -> IoctlResult {
    let tty = kernel.tty.get_mut(id).ok_or(Errno::EIO)?;
    if flush {
        tty.ldisc.flush();
    }
    tty.set_termios(new(&tty.termios));
    kernel.tty_continue(id);
    kernel.tty_master_event(id, false);
    // Who waits looks at the new modes.
    kernel.notify(super::readable(id));
    kernel.notify(writable(id));
    Ok(0)
}

/// TCXONC. What TCIOFF and TCION send, nobody on the host's side reads.
fn flow_control(kernel: &mut Kernel, id: u32, action: u32) -> IoctlResult {
    let tty = kernel.tty.get_mut(id).ok_or(Errno::EIO)?;
    match action {
        TCOOFF => tty.tco_stopped = true,
        TCOON => {
            tty.tco_stopped = false;
            tty.set_stopped(false);
            kernel.notify(writable(id));
            kernel.tty_master_event(id, false);
        }
        TCIOFF | TCION => {}
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(0)
}

impl Tty {
    fn set_termios(&mut self, new: Termios) {
        let mut new = Termios { line: N_TTY, ..new };
        if self.pty.is_some() {
            new.cflag = new.cflag & !(CSIZE | PARENB) | CS8 | CREAD;
        }
        let old = std::mem::replace(&mut self.termios, new);
        self.tell_packet_modes(&old);
        if (old.lflag ^ new.lflag) & ICANON != 0 {
            self.ldisc.switch_mode(new.lflag & ICANON != 0);
        }
        if new.iflag & IXON == 0 {
            self.set_stopped(false);
        }
    }
}
