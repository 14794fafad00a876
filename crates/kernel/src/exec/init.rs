//! The first program: the kernel's own execve at boot (init/main.c, run_init_process).
use crate::vfs::Walk;
use crate::{Kernel, Result, Tid};
use abi::{Errno, S_IFCHR};

/// Why no first program runs.
#[derive(Debug)]
pub enum NoInit {
    /// The paths tried, and what became of each.
    Tried(Vec<(String, Errno)>),
    /// It has no working directory.
    Directory(String, Errno),
}

impl NoInit {
    /// Whether there is no such program, rather than one that cannot run.
    pub fn missing(&self) -> bool {
        matches!(self, NoInit::Tried(tried) if tried.iter().all(|(_, errno)| *errno == Errno::ENOENT))
    }
}

impl std::fmt::Display for NoInit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoInit::Tried(tried) => {
                let tried: Vec<String> = tried.iter().map(|(path, errno)| format!("{path} ({errno:?})")).collect();
                write!(f, "no init found; tried {}", tried.join(", "))
            }
            NoInit::Directory(dir, errno) => write!(f, "working directory {dir}: {errno:?}"),
        }
    }
}

impl std::error::Error for NoInit {}

impl Kernel {
    /// Starts the first of `paths` that is a program, as task 1, on the console, with `args` behind its own name.
    pub fn start_init(
        &mut self,
        paths: &[String],
        args: &[String],
        env: &[String],
        workdir: Option<&str>,
    ) -> std::result::Result<(), NoInit> {
        // The console's number is the kernel's own (Documentation/admin-guide/devices.txt); an image need not have it.
        let console = self
            .install_dir(b"/dev", 0o755)
            .and_then(|()| self.install_node(b"/dev/console", S_IFCHR | 0o600, abi::makedev(5, 1)));
        if let Err(errno) = console {
            return Err(NoInit::Tried(vec![("/dev/console".into(), errno)]));
        }
        let envp: Vec<Vec<u8>> = env.iter().map(|text| text.clone().into_bytes()).collect();
        let mut tried = Vec::new();
        for path in paths {
            let mut argv = vec![path.clone().into_bytes()];
            argv.extend(args.iter().map(|text| text.clone().into_bytes()));
            match self.spawn_init(path.as_bytes(), argv, &envp) {
                Ok(init) => {
                    let Some(dir) = workdir else { return Ok(()) };
                    return self.init_chdir(init, dir).map_err(|errno| NoInit::Directory(dir.into(), errno));
                }
                Err(errno) => tried.push((path.clone(), errno)),
            }
        }
        Err(NoInit::Tried(tried))
    }

    fn init_chdir(&mut self, init: Tid, dir: &str) -> Result<()> {
        let who = self.who(init);
        let to = self.path_at(&who, who.root, dir.as_bytes(), Walk::FOLLOW | Walk::DIRECTORY)?;
        self.set_cwd(init, to);
        Ok(())
    }
}
