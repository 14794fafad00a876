//! What becomes of characters on their way out: output modes and echoes (drivers/tty/n_tty.c).
use super::Tty;
use abi::*;

/// `iscntrl` of the kernel: DEL and below space.
fn is_control(c: u8) -> bool {
    c < 0x20 || c == 0x7f
}

impl Tty {
    pub(super) fn input_mode(&self, mode: u32) -> bool {
        self.termios.iflag & mode != 0
    }
    pub(super) fn output_mode(&self, mode: u32) -> bool {
        self.termios.oflag & mode != 0
    }
    pub(super) fn local_mode(&self, mode: u32) -> bool {
        self.termios.lflag & mode != 0
    }

    /// Whether `c` is the control character `which`, which may be switched off.
    pub(super) fn is(&self, c: u8, which: usize) -> bool {
        c != _POSIX_VDISABLE && c == self.termios.cc[which]
    }

    /// The second and later bytes of a UTF-8 character.
    pub(super) fn is_continuation(&self, c: u8) -> bool {
        self.input_mode(IUTF8) && c & 0xc0 == 0x80
    }

    /// Whether there is room for what a program writes: always on the way to the host, which takes all.
    pub(super) fn has_output_room(&self) -> bool {
        self.pty.is_none() || self.outgoing.len() < super::pty::OUTPUT_ROOM
    }

    /// What a program writes, as far as there is room.
    pub(super) fn output(&mut self, data: &[u8]) -> usize {
        for (at, &c) in data.iter().enumerate() {
            if !self.has_output_room() {
                return at;
            }
            self.put(c);
        }
        data.len()
    }

    /// One character, post-processed if OPOST says so (`do_output_char`).
    pub(super) fn put(&mut self, c: u8) {
        if !self.output_mode(OPOST) {
            return self.outgoing.push(c);
        }
        let mut c = c;
        match c {
            b'\n' => {
                if self.output_mode(ONLRET) {
                    self.column = 0;
                }
                if self.output_mode(ONLCR) {
                    self.column = 0;
                    self.outgoing.push(b'\r');
                }
                self.canon_column = self.column;
            }
            b'\r' => {
                if self.output_mode(ONOCR) && self.column == 0 {
                    return;
                }
                if self.output_mode(OCRNL) {
                    c = b'\n';
                    if self.output_mode(ONLRET) {
                        self.column = 0;
                        self.canon_column = 0;
                    }
                } else {
                    self.column = 0;
                    self.canon_column = 0;
                }
            }
            b'\t' => {
                let spaces = 8 - self.column % 8;
                self.column += spaces;
                if self.output_mode(TABDLY) && self.termios.oflag & TABDLY == XTABS {
                    self.outgoing.extend(std::iter::repeat_n(b' ', spaces));
                    return;
                }
            }
            0x08 => self.column = self.column.saturating_sub(1),
            _ if !is_control(c) => {
                if self.output_mode(OLCUC) {
                    c = c.to_ascii_uppercase();
                }
                if !self.is_continuation(c) {
                    self.column += 1;
                }
            }
            _ => {}
        }
        self.outgoing.push(c);
    }

    /// Echoes a character that was typed; a control character as ^X if ECHOCTL says so. Where nobody reads, echoes are lost.
    pub(super) fn echo(&mut self, c: u8) {
        if !self.has_output_room() {
            return;
        }
        if self.local_mode(ECHOCTL) && is_control(c) && c != b'\t' {
            self.outgoing.extend([b'^', c ^ 0o100]);
            self.column += 2;
        } else {
            self.put(c);
        }
    }

    /// The first character of a line is about to be echoed: tabs are erased by its column.
    pub(super) fn begin_line(&mut self) {
        if self.ldisc.editing_is_empty() {
            self.canon_column = self.column;
        }
    }

    /// Erases the last character (ERASE), the last word (WERASE) or all (KILL) of the line being edited (`eraser`).
    pub(super) fn erase(&mut self, c: u8) {
        if self.ldisc.editing_is_empty() {
            return;
        }
        let echo = self.local_mode(ECHO);
        let word = self.is(c, VWERASE) && !self.is(c, VERASE);
        let kill = !word && !self.is(c, VERASE);
        if kill {
            let visually = self.local_mode(ECHOK) && self.local_mode(ECHOKE) && self.local_mode(ECHOE);
            if !echo || !visually {
                self.ldisc.drop_editing();
                if echo {
                    self.echo(c);
                    if self.local_mode(ECHOK) {
                        self.put(b'\n');
                    }
                }
                return;
            }
        }
        let mut seen_alnum = false;
        while let Some(gone) = self.last_character() {
            let first = gone[0];
            if word {
                if first.is_ascii_alphanumeric() || first == b'_' {
                    seen_alnum = true;
                } else if seen_alnum {
                    break;
                }
            }
            self.ldisc.drop_last(gone.len());
            if echo {
                self.echo_erased(c, first, kill || word);
            }
            if !kill && !word {
                break;
            }
        }
    }

    /// The bytes of the last character of the line being edited; a character that began before it is left alone.
    fn last_character(&self) -> Option<Vec<u8>> {
        let line = self.ldisc.editing();
        let start = line.iter().rposition(|&c| !self.is_continuation(c))?;
        Some(line[start..].to_vec())
    }

    fn echo_erased(&mut self, eraser: u8, c: u8, many: bool) {
        const RUB_OUT: [u8; 3] = [0x08, b' ', 0x08];
        if !many && !self.local_mode(ECHOE) {
            self.echo(eraser);
        } else if c == b'\t' {
            // Back to the column after the character before the tab: counted from the last tab, or from the line's start.
            let line = self.ldisc.editing();
            let from = line.iter().rposition(|&c| c == b'\t').map(|at| at + 1);
            let width = |&c: &u8| match c {
                _ if is_control(c) => 2 * usize::from(self.local_mode(ECHOCTL)),
                _ => usize::from(!self.is_continuation(c)),
            };
            let shown: usize = line[from.unwrap_or(0)..].iter().map(width).sum();
            let shown = if from.is_some() { shown } else { shown + self.canon_column };
            let back = 8 - shown % 8;
            for _ in 0..back {
                self.outgoing.push(0x08);
                self.column = self.column.saturating_sub(1);
            }
        } else {
            let cells = if is_control(c) { 2 * usize::from(self.local_mode(ECHOCTL)) } else { 1 };
            for _ in 0..cells {
                self.outgoing.extend(RUB_OUT);
                self.column = self.column.saturating_sub(1);
            }
        }
    }
}
