//! Ctrl-A, the way out of the guest's console.
use kernel::Kernel;

const CTRL_A: u8 = 1;

/// What a key means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It is the guest's.
    Guest(u8),
    /// Show this.
    Say(String),
    Nothing,
    /// End the machine.
    Exit,
}

/// Where in an escape sequence the console is.
#[derive(Debug, Default)]
pub(super) struct Escape(State);

#[derive(Debug, Default)]
enum State {
    #[default]
    Plain,
    Escaped,
    /// Choosing one of these cgroups to freeze or thaw.
    Choosing(Vec<String>),
}

const HELP: &str = "
Ctrl-A h  this help
Ctrl-A x  end the machine
Ctrl-A p  list the tasks
Ctrl-A f  freeze or thaw a cgroup
Ctrl-A c  send Ctrl-A to the guest
";

impl Escape {
    pub(super) fn key(&mut self, byte: u8, kernel: &mut Kernel) -> Action {
        match std::mem::take(&mut self.0) {
            State::Plain if byte == CTRL_A => {
                self.0 = State::Escaped;
                Action::Nothing
            }
            State::Plain => Action::Guest(byte),
            State::Escaped => match byte {
                b'x' => Action::Exit,
                b'p' => Action::Say(format!("\n{}", task_list(kernel))),
                b'c' | CTRL_A => Action::Guest(CTRL_A),
                b'f' => self.offer(kernel),
                _ => Action::Say(HELP.into()),
            },
            State::Choosing(groups) => {
                let chosen = (byte as char).to_digit(10).and_then(|n| groups.get((n as usize).checked_sub(1)?));
                match chosen {
                    Some(group) => Action::Say(cgroupfs::toggle_freezer(kernel, group)),
                    None => Action::Say("no change\n".into()),
                }
            }
        }
    }

    /// Lists the cgroups that can be frozen.
    fn offer(&mut self, kernel: &mut Kernel) -> Action {
        let groups = cgroupfs::freezer_groups(kernel);
        if groups.is_empty() {
            return Action::Say(
                "\nthere is no freezer cgroup: mount -t cgroup -o freezer freezer /containers\n".into(),
            );
        }
        let mut text = String::from("\n");
        for (n, (group, state)) in groups.iter().enumerate().take(9) {
            text += &format!("{} {group} {state}\n", n + 1);
        }
        text += "freeze or thaw which? ";
        self.0 = State::Choosing(groups.into_iter().map(|(group, _)| group).collect());
        Action::Say(text)
    }
}

/// Every task: number, architecture, state, what it waits for, name.
pub(super) fn task_list(kernel: &Kernel) -> String {
    let mut text = format!("{:>7} {:<8} {:<2} {:<24} {}\n", "TID", "ARCH", "S", "WAITS FOR", "COMMAND");
    for task in kernel.tasks.iter() {
        text += &format!(
            "{:>7} {:<8} {:<2} {:<24} {}\n",
            task.tid.0,
            task.arch().name,
            task.state_letter(),
            task.wchan(),
            String::from_utf8_lossy(&task.comm)
        );
    }
    text
}
