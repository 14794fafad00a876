//! The first program: the kernel's own execve at boot (init/main.c, run_init_process).
use crate::vfs::Walk;
use crate::{Kernel, Result, Tid};
use abi::{Errno, S_IFCHR};

/// Why no first program runs: the paths tried, and what became of each.
#[derive(Debug)]
pub struct NoInit(pub Vec<(String, Errno)>);

impl std::fmt::Display for NoInit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no init found; tried")?;
        for (i, (path, errno)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma} {path} ({errno:?})")?;
        }
        Ok(())
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
            return Err(NoInit(vec![("/dev/console".into(), errno)]));
        }
        let envp: Vec<Vec<u8>> = env.iter().map(|text| text.clone().into_bytes()).collect();
        let mut tried = Vec::new();
        for path in paths {
            let mut argv = vec![path.clone().into_bytes()];
            argv.extend(args.iter().map(|text| text.clone().into_bytes()));
            match self.spawn_init(path.as_bytes(), argv, &envp) {
                Ok(init) => {
                    let Some(dir) = workdir else { return Ok(()) };
                    return self.init_chdir(init, dir).map_err(|errno| NoInit(vec![(dir.into(), errno)]));
                }
                Err(errno) => tried.push((path.clone(), errno)),
            }
        }
        Err(NoInit(tried))
    }

    fn init_chdir(&mut self, init: Tid, dir: &str) -> Result<()> {
        let who = self.who(init);
        let to = self.path_at(&who, who.root, dir.as_bytes(), Walk::FOLLOW | Walk::DIRECTORY)?;
        self.set_cwd(init, to);
        Ok(())
    }
}
