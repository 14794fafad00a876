//! Terminals: `termios` bits and layout, the initial settings, ioctl numbers. asm-generic values
//! (x86, AArch64, RISC-V).

use crate::bytes::{Reader, Writer};
use serde::{Deserialize, Serialize};

/// Input modes.
pub const IGNBRK: u32 = 0o1;
pub const BRKINT: u32 = 0o2;
pub const IGNPAR: u32 = 0o4;
pub const PARMRK: u32 = 0o10;
pub const INPCK: u32 = 0o20;
pub const ISTRIP: u32 = 0o40;
pub const INLCR: u32 = 0o100;
pub const IGNCR: u32 = 0o200;
pub const ICRNL: u32 = 0o400;
pub const IUCLC: u32 = 0o1000;
pub const IXON: u32 = 0o2000;
pub const IXANY: u32 = 0o4000;
pub const IXOFF: u32 = 0o10000;
pub const IMAXBEL: u32 = 0o20000;
pub const IUTF8: u32 = 0o40000;

/// Output modes.
pub const OPOST: u32 = 0o1;
pub const OLCUC: u32 = 0o2;
pub const ONLCR: u32 = 0o4;
pub const OCRNL: u32 = 0o10;
pub const ONOCR: u32 = 0o20;
pub const ONLRET: u32 = 0o40;
pub const OFILL: u32 = 0o100;
pub const OFDEL: u32 = 0o200;
pub const NLDLY: u32 = 0o400;
pub const CRDLY: u32 = 0o3000;
pub const TABDLY: u32 = 0o14000;
pub const XTABS: u32 = 0o14000;
pub const BSDLY: u32 = 0o20000;
pub const VTDLY: u32 = 0o40000;
pub const FFDLY: u32 = 0o100000;

/// Control modes.
pub const CBAUD: u32 = 0o10017;
pub const CBAUDEX: u32 = 0o10000;
pub const CSIZE: u32 = 0o60;
pub const CS5: u32 = 0o0;
pub const CS6: u32 = 0o20;
pub const CS7: u32 = 0o40;
pub const CS8: u32 = 0o60;
pub const CSTOPB: u32 = 0o100;
pub const CREAD: u32 = 0o200;
pub const PARENB: u32 = 0o400;
pub const PARODD: u32 = 0o1000;
pub const HUPCL: u32 = 0o2000;
pub const CLOCAL: u32 = 0o4000;
pub const CRTSCTS: u32 = 0o20000000000;
pub const BOTHER: u32 = 0o10000;
pub const B0: u32 = 0o0;
pub const B9600: u32 = 0o15;
pub const B19200: u32 = 0o16;
pub const B38400: u32 = 0o17;
pub const B57600: u32 = 0o10001;
pub const B115200: u32 = 0o10002;

/// Local modes.
pub const ISIG: u32 = 0o1;
pub const ICANON: u32 = 0o2;
pub const XCASE: u32 = 0o4;
pub const ECHO: u32 = 0o10;
pub const ECHOE: u32 = 0o20;
pub const ECHOK: u32 = 0o40;
pub const ECHONL: u32 = 0o100;
pub const NOFLSH: u32 = 0o200;
pub const TOSTOP: u32 = 0o400;
pub const ECHOCTL: u32 = 0o1000;
pub const ECHOPRT: u32 = 0o2000;
pub const ECHOKE: u32 = 0o4000;
pub const FLUSHO: u32 = 0o10000;
pub const PENDIN: u32 = 0o40000;
pub const IEXTEN: u32 = 0o100000;
pub const EXTPROC: u32 = 0o200000;

/// Indices of `c_cc`.
pub const VINTR: usize = 0;
pub const VQUIT: usize = 1;
pub const VERASE: usize = 2;
pub const VKILL: usize = 3;
pub const VEOF: usize = 4;
pub const VTIME: usize = 5;
pub const VMIN: usize = 6;
pub const VSWTC: usize = 7;
pub const VSTART: usize = 8;
pub const VSTOP: usize = 9;
pub const VSUSP: usize = 10;
pub const VEOL: usize = 11;
pub const VREPRINT: usize = 12;
pub const VDISCARD: usize = 13;
pub const VWERASE: usize = 14;
pub const VLNEXT: usize = 15;
pub const VEOL2: usize = 16;
/// Control characters the kernel keeps.
pub const NCCS: usize = 19;
/// A control character that is switched off.
pub const _POSIX_VDISABLE: u8 = 0;

/// Line discipline of an ordinary terminal.
pub const N_TTY: u8 = 0;

/// Actions of TCFLSH and TCXONC.
pub const TCIFLUSH: u32 = 0;
pub const TCOFLUSH: u32 = 1;
pub const TCIOFLUSH: u32 = 2;
pub const TCOOFF: u32 = 0;
pub const TCOON: u32 = 1;
pub const TCIOFF: u32 = 2;
pub const TCION: u32 = 3;

/// What a read in packet mode begins with: data, or what happened at the other end.
pub const TIOCPKT_DATA: u8 = 0;
pub const TIOCPKT_FLUSHREAD: u8 = 1;
pub const TIOCPKT_FLUSHWRITE: u8 = 2;
pub const TIOCPKT_STOP: u8 = 4;
pub const TIOCPKT_START: u8 = 8;
pub const TIOCPKT_NOSTOP: u8 = 16;
pub const TIOCPKT_DOSTOP: u8 = 32;
pub const TIOCPKT_IOCTL: u8 = 64;

/// ioctl requests.
pub const TCGETS: u32 = 0x5401;
pub const TCSETS: u32 = 0x5402;
pub const TCSETSW: u32 = 0x5403;
pub const TCSETSF: u32 = 0x5404;
pub const TCGETA: u32 = 0x5405;
pub const TCSETA: u32 = 0x5406;
pub const TCSETAW: u32 = 0x5407;
pub const TCSETAF: u32 = 0x5408;
pub const TCSBRK: u32 = 0x5409;
pub const TCXONC: u32 = 0x540a;
pub const TCFLSH: u32 = 0x540b;
pub const TIOCEXCL: u32 = 0x540c;
pub const TIOCNXCL: u32 = 0x540d;
pub const TIOCSCTTY: u32 = 0x540e;
pub const TIOCGPGRP: u32 = 0x540f;
pub const TIOCSPGRP: u32 = 0x5410;
pub const TIOCOUTQ: u32 = 0x5411;
pub const TIOCSTI: u32 = 0x5412;
pub const TIOCGWINSZ: u32 = 0x5413;
pub const TIOCSWINSZ: u32 = 0x5414;
pub const TIOCMGET: u32 = 0x5415;
pub const TIOCMBIS: u32 = 0x5416;
pub const TIOCMBIC: u32 = 0x5417;
pub const TIOCMSET: u32 = 0x5418;
pub const TIOCGSOFTCAR: u32 = 0x5419;
pub const TIOCSSOFTCAR: u32 = 0x541a;
pub const FIONREAD: u32 = 0x541b;
pub const TIOCINQ: u32 = 0x541b;
pub const TIOCLINUX: u32 = 0x541c;
pub const TIOCCONS: u32 = 0x541d;
pub const TIOCGSERIAL: u32 = 0x541e;
pub const TIOCSSERIAL: u32 = 0x541f;
pub const TIOCPKT: u32 = 0x5420;
pub const FIONBIO: u32 = 0x5421;
pub const TIOCNOTTY: u32 = 0x5422;
pub const TIOCSETD: u32 = 0x5423;
pub const TIOCGETD: u32 = 0x5424;
pub const TCSBRKP: u32 = 0x5425;
pub const TIOCSBRK: u32 = 0x5427;
pub const TIOCCBRK: u32 = 0x5428;
pub const TIOCGSID: u32 = 0x5429;
pub const TCGETS2: u32 = 0x802c_542a;
pub const TCSETS2: u32 = 0x402c_542b;
pub const TCSETSW2: u32 = 0x402c_542c;
pub const TCSETSF2: u32 = 0x402c_542d;
pub const TIOCGPTN: u32 = 0x8004_5430;
pub const TIOCSPTLCK: u32 = 0x4004_5431;
pub const TIOCGDEV: u32 = 0x8004_5432;
pub const TIOCSIG: u32 = 0x4004_5436;
pub const TIOCVHANGUP: u32 = 0x5437;
pub const TIOCGPKT: u32 = 0x8004_5438;
pub const TIOCGPTLCK: u32 = 0x8004_5439;
pub const TIOCGEXCL: u32 = 0x8004_5440;
pub const TIOCGPTPEER: u32 = 0x5441;
pub const FIONCLEX: u32 = 0x5450;
pub const FIOCLEX: u32 = 0x5451;
pub const FIOASYNC: u32 = 0x5452;
pub const FIOQSIZE: u32 = 0x5460;

/// `struct termios2`, of which `struct termios` is the first 36 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Termios {
    pub iflag: u32,
    pub oflag: u32,
    pub cflag: u32,
    pub lflag: u32,
    pub line: u8,
    pub cc: [u8; NCCS],
    pub ispeed: u32,
    pub ospeed: u32,
}

impl Default for Termios {
    /// `tty_std_termios` with `INIT_C_CC`: cooked, echoing, 38400 baud.
    fn default() -> Self {
        let mut cc = [_POSIX_VDISABLE; NCCS];
        for (at, byte) in [
            (VINTR, 0x03),
            (VQUIT, 0x1c),
            (VERASE, 0x7f),
            (VKILL, 0x15),
            (VEOF, 0x04),
            (VMIN, 1),
            (VSTART, 0x11),
            (VSTOP, 0x13),
            (VSUSP, 0x1a),
            (VREPRINT, 0x12),
            (VDISCARD, 0x0f),
            (VWERASE, 0x17),
            (VLNEXT, 0x16),
        ] {
            cc[at] = byte;
        }
        Termios {
            iflag: ICRNL | IXON,
            oflag: OPOST | ONLCR,
            cflag: B38400 | CS8 | CREAD | HUPCL,
            lflag: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
            line: N_TTY,
            cc,
            ispeed: 38400,
            ospeed: 38400,
        }
    }
}

impl Termios {
    /// `struct termios2` (TCGETS2).
    pub fn encode2(&self) -> [u8; 44] {
        Writer::new().bytes(&self.encode()).u32(self.ispeed).u32(self.ospeed).done()
    }

    /// The kernel's `struct termios` (TCGETS); libc's is larger.
    pub fn encode(&self) -> [u8; 36] {
        Writer::new()
            .u32(self.iflag)
            .u32(self.oflag)
            .u32(self.cflag)
            .u32(self.lflag)
            .u8(self.line)
            .bytes(&self.cc)
            .done()
    }

    /// TCSETS: everything but the speeds, which the structure does not have.
    pub fn decode(&self, data: &[u8; 36]) -> Termios {
        let mut r = Reader::new(data);
        Termios { iflag: r.u32(), oflag: r.u32(), cflag: r.u32(), lflag: r.u32(), line: r.u8(), cc: r.array(), ..*self }
    }

    /// TCSETS2.
    pub fn decode2(data: &[u8; 44]) -> Termios {
        let mut r = Reader::new(data);
        let base = Termios::default().decode(&r.array());
        Termios { ispeed: r.u32(), ospeed: r.u32(), ..base }
    }
}

/// `struct winsize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Winsize {
    pub row: u16,
    pub col: u16,
    pub xpixel: u16,
    pub ypixel: u16,
}

impl Winsize {
    pub fn encode(&self) -> [u8; 8] {
        Writer::new().u16(self.row).u16(self.col).u16(self.xpixel).u16(self.ypixel).done()
    }

    pub fn decode(data: &[u8; 8]) -> Winsize {
        let mut r = Reader::new(data);
        Winsize { row: r.u16(), col: r.u16(), xpixel: r.u16(), ypixel: r.u16() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// offsetof on asm/termbits.h of linux-libc-dev 6.1, gcc 12: c_line 16, c_cc 17, speeds 36 and 40;
    /// sizes 36 and 44.
    #[test]
    fn layout() {
        let data = Termios::default().encode2();
        assert_eq!(data[..4], 0x500_u32.to_le_bytes());
        assert_eq!(data[8..12], 0x4bf_u32.to_le_bytes());
        assert_eq!(data[12..16], 0x8a3b_u32.to_le_bytes(), "stty -g of a fresh Linux console");
        assert_eq!((data[16], data[17], data[17 + VEOF]), (0, 3, 4));
        assert_eq!(data[36..40], 38400_u32.to_le_bytes());
        assert_eq!(Termios::decode2(&data), Termios::default());
    }

    #[test]
    fn short_form_keeps_the_speeds() {
        let old = Termios { ispeed: 9600, ospeed: 9600, ..Termios::default() };
        let raw = Termios { lflag: 0, ..Termios::default() };
        assert_eq!(old.decode(&raw.encode()), Termios { lflag: 0, ..old });
    }

    #[test]
    fn window() {
        let size = Winsize { row: 24, col: 80, xpixel: 1, ypixel: 2 };
        assert_eq!(size.encode(), [24, 0, 80, 0, 1, 0, 2, 0]);
        assert_eq!(Winsize::decode(&size.encode()), size);
    }
}
