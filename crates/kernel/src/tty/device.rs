//! Terminals as character devices: ttyS0, /dev/console and /dev/tty (drivers/tty/tty_io.c).
use super::{CONSOLE, ReadTimer, device_of_tty, readable, tty_of_device, writable};
use crate::vfs::{Block, CharDevice, DeviceFile, Io, IoError};
use crate::{Kernel, Result, SleepKind, Tid, TimerKey, WaitKey};
use abi::*;

/// A terminal opened under its own name. The handle holds its generation, and whether it is the console.
pub(crate) struct TtyDevice;
/// /dev/console: the terminal the kernel writes to. Never a controlling terminal by being opened, never hung up.
pub(crate) struct ConsoleDevice;
/// /dev/tty: the caller's controlling terminal.
pub(crate) struct CurrentTty;

/// In a handle: opened as /dev/console.
const AS_CONSOLE: u64 = 1 << 32;

impl CharDevice for ConsoleDevice {
    fn open(&self, kernel: &mut Kernel, file: &mut DeviceFile) -> Result<u64> {
        file.rdev = device_of_tty(CONSOLE);
        Ok(open(kernel, *file)? | AS_CONSOLE)
    }
    fn read(&self, _: &mut Kernel, _: DeviceFile, _: u64, _: &mut [u8]) -> Io {
        Err(Errno::EIO.into())
    }
    fn write(&self, _: &mut Kernel, _: DeviceFile, _: u64, _: &[u8]) -> Io {
        Err(Errno::EIO.into())
    }
    fn seekable(&self) -> bool {
        false
    }
}

impl CharDevice for CurrentTty {
    fn open(&self, kernel: &mut Kernel, file: &mut DeviceFile) -> Result<u64> {
        file.rdev = kernel.tasks.group_of(file.caller).tty.ok_or(Errno::ENXIO)?;
        open(kernel, *file)
    }
    fn read(&self, _: &mut Kernel, _: DeviceFile, _: u64, _: &mut [u8]) -> Io {
        Err(Errno::EIO.into())
    }
    fn write(&self, _: &mut Kernel, _: DeviceFile, _: u64, _: &[u8]) -> Io {
        Err(Errno::EIO.into())
    }
    fn seekable(&self) -> bool {
        false
    }
}

/// What every way of opening a terminal does; gives the generation.
fn open(kernel: &mut Kernel, file: DeviceFile) -> Result<u64> {
    let may_share = kernel.tasks[file.caller].cred.capable(CAP_SYS_ADMIN);
    let tty = tty_of_device(file.rdev).and_then(|id| kernel.tty.get_mut(id)).ok_or(Errno::ENXIO)?;
    if tty.exclusive && !may_share {
        return Err(Errno::EBUSY);
    }
    if let Some(pty) = &mut tty.pty {
        pty.open_slave()?;
    }
    Ok(u64::from(tty.generation))
}

/// The terminal of an open file; `None` once it was hung up.
pub(super) fn live(kernel: &Kernel, file: DeviceFile) -> Option<u32> {
    let id = tty_of_device(file.rdev)?;
    let tty = kernel.tty.get(id)?;
    (file.handle & AS_CONSOLE != 0 || file.handle as u32 == tty.generation).then_some(id)
}

impl CharDevice for TtyDevice {
    fn open(&self, kernel: &mut Kernel, file: &mut DeviceFile) -> Result<u64> {
        let generation = open(kernel, *file)?;
        if !file.flags.contains(OpenFlags::O_NOCTTY)
            && file.flags.readable()
            && let Some(id) = tty_of_device(file.rdev)
        {
            kernel.open_controlling_tty(file.caller, id);
        }
        Ok(generation)
    }

    fn read(&self, kernel: &mut Kernel, file: DeviceFile, _at: u64, buf: &mut [u8]) -> Io {
        let Some(id) = live(kernel, file) else { return Ok(0) };
        // DIFFERS FROM LINUX: /dev/console has job control here, as a shell on it is what boots.
        kernel.check_foreground(file.caller, id, SIGTTIN)?;
        if buf.is_empty() {
            return Ok(0);
        }
        kernel.tty_demand(id);
        let result = kernel.read_tty(file.caller, id, buf);
        kernel.tty_continue(id);
        result
    }

    fn write(&self, kernel: &mut Kernel, file: DeviceFile, _at: u64, data: &[u8]) -> Io {
        let id = live(kernel, file).ok_or(Errno::EIO)?;
        let tty = kernel.tty.get(id).ok_or(Errno::EIO)?;
        if tty.local_mode(TOSTOP) {
            kernel.check_foreground(file.caller, id, SIGTTOU)?;
        }
        let tty = kernel.tty.get_mut(id).ok_or(Errno::EIO)?;
        if tty.is_stopped() || !data.is_empty() && !tty.has_output_room() {
            return Err(wait(writable(id), "n_tty_write"));
        }
        let written = tty.output(data);
        kernel.tty_master_event(id, false);
        Ok(written)
    }

    fn release(&self, kernel: &mut Kernel, file: DeviceFile) {
        if let Some(id) = tty_of_device(file.rdev) {
            kernel.close_pty_slave(id);
        }
    }

    fn poll(&self, kernel: &mut Kernel, file: DeviceFile) -> (PollEvents, Vec<WaitKey>) {
        let (input, output) =
            (PollEvents::POLLIN | PollEvents::POLLRDNORM, PollEvents::POLLOUT | PollEvents::POLLWRNORM);
        if let Some(id) = live(kernel, file) {
            kernel.tty_demand(id);
        }
        let Some((id, tty)) = live(kernel, file).and_then(|id| Some((id, kernel.tty.get(id)?))) else {
            return (input | output | PollEvents::POLLERR | PollEvents::POLLHUP, Vec::new());
        };
        let mut events = PollEvents::empty();
        if tty.ldisc.readable(&tty.termios) {
            events |= input;
        }
        if !tty.is_stopped() && tty.has_output_room() {
            events |= output;
        }
        (events, vec![readable(id), writable(id)])
    }

    fn ioctl(&self, kernel: &mut Kernel, file: DeviceFile, cmd: u32, arg: u64) -> std::result::Result<u64, IoError> {
        super::ioctl::ioctl(kernel, file, cmd, arg)
    }

    fn seekable(&self) -> bool {
        false
    }
}

pub(super) fn wait(on: WaitKey, wchan: &'static str) -> IoError {
    IoError::Block(Block { on, kind: SleepKind::Interruptible, wchan, freezable: false })
}

impl Kernel {
    /// `n_tty_read`.
    fn read_tty(&mut self, caller: Tid, id: u32, buf: &mut [u8]) -> Io {
        let now = self.clock.now;
        let reader = (caller, self.tasks[caller].stime);
        let tty = self.tty.get_mut(id).ok_or(Errno::EIO)?;
        if tty.local_mode(ICANON) {
            if tty.ldisc.has_line() {
                return Ok(tty.ldisc.read_line(buf));
            }
            return if tty.ldisc.ended() { Ok(0) } else { Err(wait(readable(id), "wait_woken")) };
        }
        let (min, tenths) = (usize::from(tty.termios.cc[VMIN]), u64::from(tty.termios.cc[VTIME]));
        let (count, ended) = (tty.ldisc.count(), tty.ldisc.ended());
        let enough = count >= min.max(1).min(buf.len());
        let timer = tty.timer.take();
        if enough || ended || min == 0 && tenths == 0 {
            self.stop_read_timer(id, timer);
            return Ok(self.tty.get_mut(id).ok_or(Errno::EIO)?.ldisc.read_raw(buf));
        }
        // VTIME alone counts from the call; with VMIN, from the latest character, once there is one.
        if tenths == 0 || min > 0 && count == 0 {
            self.stop_read_timer(id, timer);
            return Err(wait(readable(id), "wait_woken"));
        }
        let timer = match timer {
            Some(timer) if timer.reader == reader && timer.seen == count => timer,
            stale => {
                self.stop_read_timer(id, stale);
                let timer = ReadTimer { reader, seen: count, deadline: now.saturating_add(tenths * 100_000_000) };
                self.clock.arm(timer.deadline, TimerKey::Tty(id));
                timer
            }
        };
        let tty = self.tty.get_mut(id).ok_or(Errno::EIO)?;
        if timer.deadline <= now {
            return Ok(tty.ldisc.read_raw(buf));
        }
        tty.timer = Some(timer);
        Err(wait(readable(id), "wait_woken"))
    }

    fn stop_read_timer(&mut self, id: u32, timer: Option<ReadTimer>) {
        if let Some(timer) = timer {
            self.clock.disarm(timer.deadline, TimerKey::Tty(id));
        }
    }

    /// VTIME's timer ran out.
    pub(crate) fn tty_timer_expired(&mut self, id: u32) {
        self.notify(readable(id));
    }
}
