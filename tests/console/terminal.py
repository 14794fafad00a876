#!/usr/bin/env python3
"""Uses minikern on a pseudo-terminal, as a person would. Usage: terminal.py MINIKERN. Says what fails; exits with their number."""
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

PROMPT = r"/ # $"


class Terminal:
    """A pseudo-terminal with minikern on it; `expect` consumes what it shows."""

    def __init__(self, *arguments):
        self.fd, self.inside = os.openpty()
        self.resize(24, 80)
        self.modes = termios.tcgetattr(self.inside)
        self.text = ""

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        inside = self.inside
        self.process = subprocess.Popen(
            [sys.argv[1], "run", *arguments], stdin=inside, stdout=inside, stderr=inside, preexec_fn=own_terminal
        )

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, seconds=30):
        limit = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            left = limit - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], f"no {pattern!r} in {self.text!r}"
            self.text += os.read(self.fd, 4096).decode(errors="replace")
        self.text = self.text[found.end():]

    def line(self, text, *patterns):
        self.type(text + "\r")
        for pattern in (*patterns, PROMPT):
            self.expect(pattern)

    def until_raw(self):
        limit = time.monotonic() + 60
        while termios.tcgetattr(self.inside) == self.modes:
            assert time.monotonic() < limit, "the terminal is never raw"
            time.sleep(0.01)

    def ends(self, status):
        ended = self.process.wait(30)
        assert ended == status, f"status {ended}, not {status}; shown: {self.text!r}"
        assert termios.tcgetattr(self.inside) == self.modes, "the terminal is not restored"


def a_shell_edits_lines_and_exits_with_its_status(terminal):
    terminal.expect(PROMPT)
    terminal.line("echo ac\x1b[Db", "\nabc\r\n")
    terminal.line("\x1b[A", "\nabc\r\n")
    terminal.line("ech\ttab", "\ntab\r\n")
    terminal.line("echo aé日\x7f\x7f\x1b[Db", "\nba\r\n")
    terminal.type("exit 5\r")
    terminal.ends(5)


def keys_signal_the_foreground_job(terminal):
    terminal.expect(PROMPT)
    for key, status in (("\x03", 130), ("\x1c", 131)):
        terminal.type("sh -c 'echo rea''dy; exec cat'\r")
        terminal.expect("ready\r\n")
        terminal.type(key)
        terminal.expect(PROMPT)
        terminal.line("echo $?", f"\n{status}\r\n")
    terminal.type("sh -c 'echo rea''dy; exec sleep 1000'\r")
    terminal.expect("ready\r\n")
    terminal.type("\x1a")
    terminal.expect("Stopped")
    terminal.expect(PROMPT)
    terminal.line("bg; jobs", "Running")
    terminal.type("fg\r")
    terminal.expect("sleep 1000'\r\n")
    terminal.type("\x03")
    terminal.expect(PROMPT)
    terminal.type("\x04")  # exits with the status of the last command
    terminal.ends(130)


def the_window_is_followed(terminal):
    terminal.expect(PROMPT)
    terminal.line("stty size", "\n24 80\r\n")
    terminal.type("sh -c 'trap \"stty size\" WINCH; echo rea''dy; while :; do :; done'\r")
    terminal.expect("ready\r\n")
    terminal.resize(50, 132)
    terminal.expect("50 132\r\n")
    terminal.type("\x03\x01x")
    terminal.ends(0)


def control_a_is_heard_by_no_guest(terminal):
    terminal.expect(PROMPT)
    terminal.line("mount -t cgroup -o freezer freezer /containers; mkdir /containers/0")
    terminal.line("sleep 1000 & echo $! > /containers/0/tasks; sh -c 'sleep 1000' & echo")
    terminal.type("\x01h")
    terminal.expect("Ctrl-A x")
    terminal.type("\x01p")
    terminal.expect("sleep\r\n")
    terminal.type("\x01f")
    terminal.expect("2 /0 RUNNING\r\n.*which")
    terminal.type("2")
    terminal.expect("/0: FR")
    terminal.line("cat /containers/0/freezer.state", "FROZEN\r\n")
    # To the guest it is the start of the line.
    terminal.line("cho in\x01ce", "\nin\r\n")
    terminal.type("\x01x")
    terminal.ends(0)


def a_signal_restores_the_terminal(terminal):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        terminal.until_raw()
        terminal.process.send_signal(number)
        terminal.ends(-number)
        terminal = Terminal()
    terminal.until_raw()
    terminal.process.send_signal(signal.SIGTSTP)
    limit = time.monotonic() + 30
    while not (stopped := os.waitpid(terminal.process.pid, os.WUNTRACED | os.WNOHANG))[0]:
        assert time.monotonic() < limit, "SIGTSTP does not stop it"
        time.sleep(0.01)
    assert os.WIFSTOPPED(stopped[1]) and termios.tcgetattr(terminal.inside) == terminal.modes, "stopped in raw mode"
    terminal.process.send_signal(signal.SIGCONT)
    terminal.until_raw()
    terminal.expect(PROMPT)
    terminal.type("exit\r")
    terminal.ends(0)


def a_paste_is_taken_whole(terminal):
    terminal.expect(PROMPT)
    terminal.type("cat > /tmp/pasted\r")
    terminal.expect("pasted\r\n")
    for start in range(0, 1000, 100):
        terminal.type("".join(f"line {n} {'é' * 20}\r" for n in range(start, start + 100)))
        terminal.expect(f"line {start + 99} ")
    terminal.type("\x04")
    terminal.expect(PROMPT)
    terminal.line("wc -lc < /tmp/pasted", r"\b1000 +49890\r\n")
    terminal.type("exit\r")
    terminal.ends(0)


SHELL_TESTS = (
    a_shell_edits_lines_and_exits_with_its_status,
    keys_signal_the_foreground_job,
    the_window_is_followed,
    control_a_is_heard_by_no_guest,
    a_signal_restores_the_terminal,
    a_paste_is_taken_whole,
)


def ways_out():
    """Programs that read no keys, and how they end: arguments, what is typed, the status."""
    busy = ("--", "sh", "-c", "while :; do :; done")
    yield busy, "\x01x", 0
    yield ("--clock", "virtual", *busy), "\x01x", 0
    yield ("--", "sleep", "1000"), "\x01x", 0
    yield ("--timeout", "0.3", *busy), "", 124
    yield ("--timeout", "0.3", "--", "sleep", "1000"), "", 124
    yield ("--", "sh", "-c", "exit 3"), "", 3
    yield ("--", "/nothing"), "", 127


def main():
    failed = 0
    cases = [(test.__name__, (), test) for test in SHELL_TESTS]
    for arguments, keys, status in ways_out():
        def leaves(terminal, keys=keys, status=status):
            if keys:
                terminal.until_raw()
            terminal.type(keys)
            terminal.ends(status)

        cases.append((f"leaves {arguments}", arguments, leaves))
    for name, arguments, test in cases:
        terminal = Terminal(*arguments)
        try:
            test(terminal)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as failure:
            failed += 1
            print(f"{name}: {failure}")
        finally:
            terminal.process.kill()
    return failed


sys.exit(main())
