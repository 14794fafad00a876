#!/usr/bin/env python3
"""Types at an interactive `sh` on a pseudo-terminal: editing, history, completion, job control.

Usage: terminal.py TOOLS [NAME-PART]. Prints one line for a failure and "N passed, N failed" at the end.
"""
import os
import pty
import re
import select
import signal
import sys
import tempfile
import time


class Failure(Exception):
    pass


class Terminal:
    """A shell on a terminal of its own; `expect` consumes what it prints."""

    def __init__(self, tools, size=None):
        self.directory = tempfile.mkdtemp()
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.directory)
            environment = {"PATH": tools, "HOME": "/root", "TERM": "linux", "PS1": "$ "}
            os.execve(tools + "/sh", ["sh"], environment)
        self.expect(r"\$ ")

    def type(self, text):
        os.write(self.fd, text.encode())

    def line(self, text):
        self.type(text + "\r")

    def expect(self, pattern, seconds=10):
        limit = time.time() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            left = limit - time.time()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise Failure(f"no {pattern!r} in {self.text!r}")
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                data = b""
            if not data:
                raise Failure(f"ended before {pattern!r}: {self.text!r}")
            self.text += data.decode(errors="replace")

    def prompt(self):
        self.expect(r"\$ ")

    def run(self, command, pattern):
        """Types a command and expects its output, not its echo, before the next prompt."""
        self.line(command)
        self.expect(r"\r\n" + pattern)
        self.prompt()

    def status(self, wanted):
        self.run("echo status $?", f"status {wanted}\r\n")

    def end(self):
        """The exit status of the shell; it must end by itself."""
        limit = time.time() + 10
        while time.time() < limit:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    os.read(self.fd, 4096)
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise Failure("the shell does not end")

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


def test_prompt_and_command(t):
    t.run("echo hel''lo", "hello\r\n")
    t.run("tty", r"/dev/pts/\d+\r\n")
    t.run("echo $-", r"\w*m\w*i\r\n|i\w*m\w*\r\n")


def test_end_of_file_ends(t):
    t.line("(exit 5)")
    t.prompt()
    t.type("\x04")
    assert t.end() == 5


def test_exit_status(t):
    t.line("exit 7")
    assert t.end() == 7


def test_editing(t):
    t.type("echo ac\x1b[Db\r")
    t.expect("\r\nabc\r\n")
    t.type("cho x\x01e\r")
    t.expect("\r\nx\r\n")
    t.type("echo abcd\x7f\x7fX\r")
    t.expect("\r\nabX\r\n")
    t.type("garbage\x15echo clean\r")
    t.expect("\r\nclean\r\n")
    t.type("echo one two\x17three\r")
    t.expect("\r\none three\r\n")
    t.type("echo keep lost\x1b[D\x1b[D\x1b[D\x1b[D\x0b\r")
    t.expect("\r\nkeep\r\n")
    t.type("echo abc\x1b[H\x1b[3~\x04\x04ls -d /\x0b\r")
    t.expect("\r\n/\r\n")
    t.type("echo end\x1b[1~\x1b[4~ing\r")
    t.expect("\r\nending\r\n")


def test_history(t):
    t.run("echo first", "first\r\n")
    t.run("echo second", "second\r\n")
    t.type("\x1b[A\x1b[A\r")
    t.expect("\r\nfirst\r\n")
    t.type("\x1b[A\x1b[A\x1b[B\r")
    t.expect("\r\nfirst\r\n")
    t.type("draft\x1b[A\x1b[B\x15echo back\r")
    t.expect("\r\nback\r\n")


def test_long_line(t):
    word = "abcdefghij" * 30
    t.line("echo " + word + " | wc -c")
    t.expect(r"\r\n *301\r\n")
    t.type("echo " + "x" * 100 + "\x01\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C" + "y\r")
    t.expect("\r\nyx{100}\r\n")


def test_completion(t):
    t.line("mkdir sub; echo found >unique-name; touch pair-1 pair-2; cat uni\t")
    t.prompt()
    t.line("cat uni\t")
    t.expect("\r\nfound\r\n")
    t.line("ls -d su\t.")
    t.expect(r"\r\nsub/\.\r\n")
    t.type("ls pa\t\t\t")
    t.expect("pair-1 +pair-2")
    t.type("1\r")
    t.expect("\r\npair-1\r\n")
    t.line("hexdu\t -C </dev/null; echo done")
    t.expect("\r\ndone\r\n")


def test_interrupt_line(t):
    t.type("echo not run\x03")
    t.prompt()
    t.status(130)


def test_interrupt_command(t):
    t.line("sleep 100")
    time.sleep(0.3)
    t.type("\x03")
    t.prompt()
    t.status(130)


def test_interrupt_loop(t):
    t.line("while :; do sleep 0.05; done")
    time.sleep(0.4)
    t.type("\x03")
    t.prompt()
    t.line("while :; do :; done")
    time.sleep(0.3)
    t.type("\x03")
    t.prompt()
    t.run("echo alive", "alive\r\n")


def test_interrupt_list(t):
    t.line("sleep 100; echo not this")
    time.sleep(0.3)
    t.type("\x03")
    t.expect(r"\^C\r\n(\r\n)?\$ ")
    t.run("echo 1", "1\r\n")


def test_stop_and_continue(t):
    t.line("sleep 100")
    time.sleep(0.3)
    t.type("\x1a")
    t.expect(r"\[1\]\+ +Stopped +sleep 100\r\n")
    t.prompt()
    t.status(148)
    t.run("jobs", r"\[1\]\+ +Stopped +sleep 100\r\n")
    t.run("bg", r"\[1\] sleep 100 &\r\n")
    t.run("jobs", r"\[1\]\+ +Running +sleep 100 &\r\n")
    t.line("fg")
    t.expect("\r\nsleep 100\r\n")
    time.sleep(0.2)
    t.type("\x03")
    t.prompt()
    t.status(130)
    t.line("jobs")
    t.expect(r"jobs\r\n\$ ")


def test_background(t):
    t.line("sleep 0.3 &")
    t.expect(r"\[1\] \d+\r\n")
    t.prompt()
    time.sleep(0.6)
    t.line("")
    t.expect(r"\[1\]\+ +Done +sleep 0.3\r\n")
    t.prompt()
    t.line("sleep 100 & sleep 200 &")
    t.expect(r"\[2\] \d+\r\n")
    t.prompt()
    t.run("jobs", r"\[1\]- +Running +sleep 100 &\r\n\[2\]\+ +Running +sleep 200 &\r\n")
    t.line("kill %1; sleep 0.2")
    t.expect(r"\[1\][ +-] +Terminated +sleep 100\r\n")
    t.line("kill -9 %2; wait %2; echo waited $?")
    t.expect("\r\nwaited 137\r\n")


def test_pipeline_is_one_job(t):
    t.line("sleep 100 | cat")
    time.sleep(0.3)
    t.type("\x1a")
    t.expect(r"\[1\]\+ +Stopped +sleep 100 \| cat\r\n")
    t.prompt()
    t.line("kill %1; wait; echo over")
    t.expect("\r\nover\r\n")


def test_background_read_stops(t):
    t.line("cat &")
    t.expect(r"\[1\] \d+\r\n")
    t.prompt()
    time.sleep(0.3)
    t.line("")
    t.expect(r"\[1\]\+ +Stopped +cat\r\n")
    t.prompt()
    t.line("fg")
    t.expect("\r\ncat\r\n")
    t.type("typed\r\x04")
    t.expect("typed\r\ntyped\r\n")
    t.prompt()
    t.status(0)


def test_stopped_jobs_warn_at_exit(t):
    t.line("sleep 100")
    time.sleep(0.3)
    t.type("\x1a")
    t.expect("Stopped")
    t.prompt()
    t.type("\x04")
    t.expect("stopped jobs")
    t.prompt()
    t.line("kill -9 %1")
    t.prompt()
    t.type("\x04")
    t.end()


def test_errors_return_to_the_prompt(t):
    t.run("no-such-thing", "sh: no-such-thing: not found\r\n")
    t.status(127)
    t.run("echo ${unset?msg}", "sh: unset: msg\r\n")
    t.run("fi", ".*unexpected.*\r\n")
    t.run("echo $((1/0))", ".*division by zero\r\n")
    t.run("f() { echo ${1?none}; }; f", "sh: 1: none\r\n")
    t.run("echo alive", "alive\r\n")


def test_continuation(t):
    t.line("for i in 1 2")
    t.expect("> ")
    t.line("do echo n$i")
    t.expect("> ")
    t.line("done")
    t.expect("\r\nn1\r\nn2\r\n")
    t.prompt()
    t.line('echo "a')
    t.expect("> ")
    t.line('b"')
    t.expect("\r\na\r\nb\r\n")
    t.prompt()
    t.line("cat <<E")
    t.expect("> ")
    t.line("body")
    t.expect("> ")
    t.line("E")
    t.expect("\r\nbody\r\n")
    t.prompt()
    t.line("while :; do")
    t.expect("> ")
    t.type("\x03")
    t.prompt()
    t.run("echo free", "free\r\n")


def test_terminal_modes_are_restored(t):
    t.run("stty -a | grep -c -w icanon", "1\r\n")
    t.line("stty -echo; read x; stty echo; echo got-$x")
    time.sleep(0.2)
    t.line("hidden")
    t.expect("got-hidden\r\n")
    t.prompt()
    t.run("stty cols 40 rows 10; stty size", "10 40\r\n")


def test_trap_on_interrupt(t):
    t.line("trap 'echo trapped' INT")
    t.prompt()
    t.line("sleep 0.5; kill -INT $$; echo after")
    t.expect("trapped\r\n")
    t.prompt()


def test_signals_of_children(t):
    t.run("sh -c 'kill -SEGV $$'", "Segmentation fault.*\r\n")
    t.status(139)


def main():
    tools = sys.argv[1]
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_") or part not in name:
            continue
        try:
            terminal = Terminal(tools)
            try:
                test(terminal)
                passed += 1
            finally:
                terminal.close()
        except (Failure, AssertionError, OSError) as error:
            failed += 1
            print(f"FAILED: terminal: {name[5:]}: {error}")
    print(f"{passed} passed, {failed} failed")


main()
