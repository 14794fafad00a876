//! execve: finding out what a file is, building its address space, and starting it.
mod elf;
mod init;
mod script;
mod stack;

pub use init::NoInit;
pub(crate) use stack::{MAX_ARG_STRLEN, Strings};

use crate::mm::Mm;
use crate::vfs::FileId;
use crate::{Kernel, Result, Tid};
use abi::Errno;
use arch::Arch;
use serde::{Deserialize, Serialize};

/// How much of a file is looked at to tell its format (BINPRM_BUF_SIZE).
const HEAD: usize = 256;
/// How often a script's interpreter may be a script (exec_binprm).
const MAX_SCRIPT_DEPTH: usize = 5;

/// A program ready to start: its memory is built, the old one still there.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) arch: &'static Arch,
    pub(crate) mm: Mm,
    pub(crate) entry: u64,
    pub(crate) sp: u64,
    /// What the task is called afterwards: the last part of the path given.
    pub(crate) comm: Vec<u8>,
    /// Owner to become, for set-user-id and set-group-id files.
    pub(crate) setuid: Option<u32>,
    pub(crate) setgid: Option<u32>,
}

/// A file that was found to be a program, and what scripts made of the arguments.
struct Program {
    file: FileId,
    path: Vec<u8>,
    argv: Vec<Vec<u8>>,
}

impl Kernel {
    /// Opens what `path` names and follows `#!` lines to a program. Uses of files that are not kept are given back.
    fn find_program(&mut self, tid: Tid, file: FileId, path: Vec<u8>, argv: Vec<Vec<u8>>) -> Result<Program> {
        let mut program = Program { file, path, argv };
        for _ in 0..MAX_SCRIPT_DEPTH {
            let mut head = [0; HEAD];
            let read = self.read_file(program.file, 0, &mut head);
            let head = match read {
                Ok(len) => &head[..len],
                Err(errno) => {
                    self.put_file(program.file);
                    return Err(errno);
                }
            };
            let Some(line) = script::parse(head) else { return Ok(program) };
            self.put_file(program.file);
            let script::Line { interpreter, argument } = line?;
            // argv[0] is replaced by: interpreter, its one argument, the script's path.
            let mut argv = vec![interpreter.clone()];
            argv.extend(argument);
            argv.push(std::mem::take(&mut program.path));
            argv.extend(program.argv.drain(..).skip(1));
            let file = self.open_exec(tid, abi::AT_FDCWD, &interpreter, 0)?;
            program = Program { file, path: interpreter, argv };
        }
        self.put_file(program.file);
        Err(Errno::ELOOP)
    }

    /// Everything of execve that can fail: the image, built beside the old one.
    pub(crate) fn load_program(
        &mut self,
        tid: Tid,
        file: FileId,
        path: Vec<u8>,
        argv: Vec<Vec<u8>>,
        envp: &[Vec<u8>],
    ) -> Result<Image> {
        let exec_path = path.clone();
        let program = self.find_program(tid, file, path, argv)?;
        let comm = comm_of(&exec_path);
        let loaded = self.load_elf(tid, &program, &exec_path, envp, comm);
        self.put_file(program.file);
        loaded
    }

    /// Gives back an image that is not to run after all.
    pub(crate) fn discard_mm(&mut self, mm: Mm) {
        let id = self.mms.insert(mm);
        self.drop_mm(id);
    }
}

/// The last part of a path, at most 15 bytes (TASK_COMM_LEN).
fn comm_of(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    name[..name.len().min(15)].to_vec()
}
