//! N_TTY's input half: bytes that came in become lines or characters to read, echoes and signals (drivers/tty/n_tty.c).
use super::Tty;
use abi::*;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Room for what came in and was not read (`N_TTY_BUF_SIZE`).
const BUFFER: usize = 4096;

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Mark {
    /// Nothing: a character like others.
    #[default]
    None,
    /// The line ends with this character.
    Line,
    /// The line ends before this place, which is no character (^D).
    Eof,
}

/// What a terminal has received and nobody has read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LineDiscipline {
    /// Complete lines, or, outside canonical mode, everything.
    ready: VecDeque<(u8, Mark)>,
    /// Lines in `ready`, ends of file included.
    lines: usize,
    /// The line being edited.
    line: Vec<u8>,
    /// The next character is taken as it is (^V).
    literal: bool,
    /// After everything else comes end of file, for ever.
    ended: bool,
}

impl LineDiscipline {
    pub(super) fn editing(&self) -> &[u8] {
        &self.line
    }
    pub(super) fn editing_is_empty(&self) -> bool {
        self.line.is_empty()
    }
    pub(super) fn drop_editing(&mut self) {
        self.line.clear();
    }
    pub(super) fn drop_last(&mut self, len: usize) {
        self.line.truncate(self.line.len().saturating_sub(len));
    }

    /// There may be input again.
    pub(super) fn begin(&mut self) {
        self.ended = false;
    }

    /// The host has no more: an unfinished line is as good as a finished one.
    pub(super) fn end_of_input(&mut self) {
        if !self.ended && !self.line.is_empty() {
            self.commit(None);
        }
        self.ended = true;
    }

    /// The line being edited is complete; `last` ends it, or end of file does.
    fn commit(&mut self, last: Option<u8>) {
        self.ready.extend(self.line.drain(..).map(|c| (c, Mark::None)));
        self.ready.push_back(match last {
            Some(c) => (c, Mark::Line),
            None => (0, Mark::Eof),
        });
        self.lines += 1;
    }

    /// Forgets all input (`reset_buffer_flags`).
    pub(super) fn flush(&mut self) {
        *self = LineDiscipline { ended: self.ended, ..LineDiscipline::default() };
    }

    fn len(&self) -> usize {
        self.ready.len() + self.line.len()
    }

    /// Characters ready outside canonical mode.
    pub(super) fn count(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// FIONREAD: ends of file are no characters (`inq_canon`).
    pub(super) fn unread(&self) -> usize {
        self.ready.iter().filter(|(_, mark)| *mark != Mark::Eof).count()
    }

    /// Whether a read would find something (`input_available_p` with poll).
    pub(super) fn readable(&self, termios: &Termios) -> bool {
        let (min, time) = (termios.cc[VMIN], termios.cc[VTIME]);
        let wanted = if time == 0 && min != 0 { usize::from(min) } else { 1 };
        self.ended || if termios.lflag & ICANON != 0 { self.lines > 0 } else { self.ready.len() >= wanted }
    }

    /// Whether a line is complete.
    pub(super) fn has_line(&self) -> bool {
        self.lines > 0
    }

    /// One line, or as much of it as fits; 0 is end of file (`canon_copy_from_read_buf`).
    pub(super) fn read_line(&mut self, buf: &mut [u8]) -> usize {
        let mut len = 0;
        while let Some(&(c, mark)) = self.ready.front() {
            // An end of file right after what was asked for is part of it.
            if len == buf.len() && mark != Mark::Eof {
                break;
            }
            self.ready.pop_front();
            if mark != Mark::Eof {
                buf[len] = c;
                len += 1;
            }
            if mark != Mark::None {
                self.lines -= 1;
                break;
            }
        }
        len
    }

    /// Characters as they came.
    pub(super) fn read_raw(&mut self, buf: &mut [u8]) -> usize {
        let len = buf.len().min(self.ready.len());
        for (slot, (c, mark)) in buf.iter_mut().zip(self.ready.drain(..len)) {
            *slot = c;
            self.lines -= usize::from(mark != Mark::None);
        }
        len
    }

    /// ICANON was switched: what is there stays readable (`n_tty_set_termios`).
    pub(super) fn switch_mode(&mut self, canonical: bool) {
        self.literal = false;
        if canonical {
            for entry in &mut self.ready {
                entry.1 = Mark::None;
            }
            self.lines = 0;
            if let Some(last) = self.ready.back_mut() {
                last.1 = Mark::Line;
                self.lines = 1;
            }
        } else {
            self.ready.extend(self.line.drain(..).map(|c| (c, Mark::None)));
        }
    }
}

impl Tty {
    /// Whether another byte can be taken in. A line too long to finish loses what does not fit, as a reader could never
    /// make room.
    pub(super) fn has_room(&self) -> bool {
        self.ldisc.len() < BUFFER - 1 || self.local_mode(ICANON) && self.ldisc.lines == 0
    }

    /// Takes one byte in; gives the signal it stands for.
    pub(super) fn receive(&mut self, c: u8) -> Option<u8> {
        let mut c = if self.input_mode(ISTRIP) { c & 0x7f } else { c };
        if self.input_mode(IUCLC) && self.local_mode(IEXTEN) {
            c = c.to_ascii_lowercase();
        }
        if std::mem::take(&mut self.ldisc.literal) {
            self.take_in(c);
            return None;
        }
        if self.input_mode(IXON) {
            if self.is(c, VSTART) {
                self.set_stopped(false);
                return None;
            }
            if self.is(c, VSTOP) {
                self.set_stopped(true);
                return None;
            }
        }
        if self.local_mode(ISIG)
            && let Some(signo) = [(VINTR, SIGINT), (VQUIT, SIGQUIT), (VSUSP, SIGTSTP)]
                .iter()
                .find_map(|&(which, signo)| self.is(c, which).then_some(signo))
        {
            self.signal_character(c);
            return Some(signo);
        }
        if self.stopped && self.input_mode(IXON) && self.input_mode(IXANY) {
            self.set_stopped(false);
        }
        match c {
            b'\r' if self.input_mode(IGNCR) => return None,
            b'\r' if self.input_mode(ICRNL) => c = b'\n',
            b'\n' if self.input_mode(INLCR) => c = b'\r',
            _ => {}
        }
        if !self.local_mode(ICANON) || !self.edit(c) {
            self.take_in(c);
        }
        None
    }

    /// A character that means a signal: everything in the queue goes, unless NOFLSH.
    fn signal_character(&mut self, c: u8) {
        if !self.local_mode(NOFLSH) {
            self.ldisc.flush();
            self.tell_packet(TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
        }
        if self.input_mode(IXON) {
            self.set_stopped(false);
        }
        if self.local_mode(ECHO) {
            self.echo(c);
        }
    }

    /// An ordinary character.
    fn take_in(&mut self, c: u8) {
        if self.local_mode(ICANON) && self.ldisc.len() >= BUFFER - 1 {
            // No room but for the end of the line.
            if self.input_mode(IMAXBEL) {
                self.put(0x07);
            }
            return;
        }
        if self.local_mode(ECHO) {
            self.begin_line();
            if c == b'\n' {
                self.put(c);
            } else {
                self.echo(c);
            }
        }
        if c == 0xff && self.input_mode(PARMRK) {
            self.queue(c);
        }
        self.queue(c);
    }

    fn queue(&mut self, c: u8) {
        if self.local_mode(ICANON) {
            self.ldisc.line.push(c);
        } else {
            self.ldisc.ready.push_back((c, Mark::None));
        }
    }

    /// The characters of canonical mode; false if `c` is none of them (`n_tty_receive_char_canon`).
    fn edit(&mut self, c: u8) -> bool {
        let (echo, extended) = (self.local_mode(ECHO), self.local_mode(IEXTEN));
        if self.is(c, VERASE) || self.is(c, VKILL) || extended && self.is(c, VWERASE) {
            self.erase(c);
        } else if extended && self.is(c, VLNEXT) {
            self.ldisc.literal = true;
            if echo && self.local_mode(ECHOCTL) {
                self.outgoing.extend([b'^', 0x08]);
            }
        } else if extended && echo && self.is(c, VREPRINT) {
            self.echo(c);
            self.put(b'\n');
            for c in self.ldisc.line.clone() {
                self.echo(c);
            }
        } else if c == b'\n' {
            if echo || self.local_mode(ECHONL) {
                self.put(c);
            }
            self.ldisc.commit(Some(c));
        } else if self.is(c, VEOF) {
            self.ldisc.commit(None);
        } else if self.is(c, VEOL) || extended && self.is(c, VEOL2) {
            if echo {
                self.begin_line();
                self.echo(c);
            }
            self.ldisc.commit(Some(c));
        } else {
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types `input` at a fresh terminal: what is echoed, then what each read of 100 bytes gives.
    fn type_in(tty: &mut Tty, input: &[u8]) -> (String, Vec<String>) {
        tty.incoming.extend(input);
        let signals = tty.process_input();
        let mut reads: Vec<String> = signals.iter().map(|&signo| signal_name(signo)).collect();
        let mut buf = [0; 100];
        while tty.ldisc.has_line() {
            let len = tty.ldisc.read_line(&mut buf);
            reads.push(String::from_utf8_lossy(&buf[..len]).into_owned());
        }
        (String::from_utf8(std::mem::take(&mut tty.outgoing)).expect("text"), reads)
    }

    /// Echoes as a pty of Linux 6.1 gives them for the same bytes (`script`, stty sane).
    #[test]
    fn canonical_lines() {
        let check = |input: &[u8], echo: &str, reads: &[&str]| {
            let mut tty = Tty::default();
            assert_eq!(type_in(&mut tty, input), (echo.into(), reads.iter().map(|&s| s.into()).collect()), "{input:?}");
        };
        check(b"ls\n", "ls\r\n", &["ls\n"]);
        check(b"ls\r", "ls\r\n", &["ls\n"]);
        check(b"lx\x7fs\n", "lx\x08 \x08s\r\n", &["ls\n"]);
        check(b"\x7f\n", "\r\n", &["\n"]);
        check(b"one two\x17x\n", "one two\x08 \x08\x08 \x08\x08 \x08x\r\n", &["one x\n"]);
        check(b"abc\x15d\n", "abc\x08 \x08\x08 \x08\x08 \x08d\r\n", &["d\n"]);
        check(b"a\x01\x7fb\n", "a^A\x08 \x08\x08 \x08b\r\n", &["ab\n"]);
        check(b"\x16\x03\n", "^\x08^C\r\n", &["\x03\n"]);
        check(b"ab\x04cd\n", "abcd\r\n", &["ab", "cd\n"]);
        check(b"\x04", "", &[""]);
        check(b"a\x12b\n", "a^R\r\nab\r\n", &["ab\n"]);
        check(b"a\t\x7fb\n", "a\t\x08\x08\x08\x08\x08\x08\x08b\r\n", &["ab\n"]);
        check(b"lost\x03x\n", "lost^Cx\r\n", &["SIGINT", "x\n"]);
        check(b"\x1a\x1c", "^Z^\\", &["SIGTSTP", "SIGQUIT"]);
        check(b"two\nlines\n", "two\r\nlines\r\n", &["two\n", "lines\n"]);
    }

    #[test]
    fn kill_without_echoke_starts_a_new_line() {
        let mut tty = Tty::default();
        tty.termios.lflag &= !ECHOKE;
        assert_eq!(type_in(&mut tty, b"abc\x15d\n").0, "abc^U\r\nd\r\n");
    }

    #[test]
    fn no_flush_keeps_the_line() {
        let mut tty = Tty::default();
        tty.termios.lflag |= NOFLSH;
        assert_eq!(type_in(&mut tty, b"kept\x03\n").1, ["SIGINT", "kept\n"]);
    }

    #[test]
    fn without_echo_only_echonl_shows() {
        let mut tty = Tty::default();
        tty.termios.lflag = tty.termios.lflag & !ECHO | ECHONL;
        assert_eq!(type_in(&mut tty, b"secret\n"), ("\r\n".into(), vec!["secret\n".into()]));
    }

    #[test]
    fn a_read_shorter_than_the_line_takes_the_rest_later() {
        let mut tty = Tty::default();
        tty.incoming.extend(b"abcdef\ngh\x04i");
        tty.process_input();
        let mut buf = [0; 4];
        assert_eq!((tty.ldisc.read_line(&mut buf), &buf[..]), (4, &b"abcd"[..]));
        assert_eq!((tty.ldisc.read_line(&mut buf), &buf[..3]), (3, &b"ef\n"[..]));
        // The end of file after what exactly fills the buffer goes with it.
        assert_eq!((tty.ldisc.read_line(&mut buf[..2]), &buf[..2]), (2, &b"gh"[..]));
        assert!(!tty.ldisc.has_line() && tty.ldisc.editing() == b"i");
    }

    #[test]
    fn raw_mode_hands_over_what_comes() {
        let mut tty = Tty::default();
        (tty.termios.iflag, tty.termios.lflag) = (0, 0);
        tty.incoming.extend(b"\x03\r\x7f\x04");
        assert_eq!(tty.process_input(), []);
        assert!(tty.outgoing.is_empty());
        let mut buf = [0; 10];
        assert_eq!((tty.ldisc.read_raw(&mut buf), &buf[..4]), (4, &b"\x03\r\x7f\x04"[..]));
    }

    #[test]
    fn switching_modes_keeps_what_was_typed() {
        let mut tty = Tty::default();
        type_in(&mut tty, b"half");
        tty.termios.lflag &= !ICANON;
        tty.ldisc.switch_mode(false);
        assert_eq!(tty.ldisc.count(), 4);
        tty.termios.lflag |= ICANON;
        tty.ldisc.switch_mode(true);
        assert_eq!(type_in(&mut tty, b"").1, ["half"]);
    }

    #[test]
    fn input_waits_for_room_and_long_lines_are_cut() {
        let mut tty = Tty::default();
        tty.set_echo_off();
        tty.incoming.extend(b"x\n".repeat(3000));
        tty.process_input();
        assert_eq!((tty.ldisc.len(), tty.incoming.len()), (BUFFER - 1, 6000 - BUFFER + 1));
        tty.ldisc.flush();
        tty.incoming.clear();
        tty.incoming.extend([b'y'; 5000]);
        tty.incoming.extend(b"\n");
        tty.process_input();
        let mut buf = [0; 5000];
        assert_eq!(tty.ldisc.read_line(&mut buf), BUFFER);
    }

    #[test]
    fn end_of_input_ends_the_last_line() {
        let mut tty = Tty { eof: true, ..Tty::default() };
        assert_eq!(type_in(&mut tty, b"exit").1, ["exit"]);
        assert!(tty.ldisc.ended());
    }

    #[test]
    fn stop_and_start() {
        let mut tty = Tty::default();
        type_in(&mut tty, b"\x13");
        assert!(tty.is_stopped());
        assert_eq!(type_in(&mut tty, b"\x11ok\n").1, ["ok\n"]);
        assert!(!tty.is_stopped());
    }

    impl Tty {
        fn set_echo_off(&mut self) {
            self.termios.lflag &= !ECHO;
        }
    }
}
