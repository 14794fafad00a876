//! How guest code is run: by the interpreter or by the JIT.
use anyhow::{Result, bail};
use engine::{Engine, Tiers};
use jit::Jit;

/// Whether to compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JitMode {
    /// What runs often is compiled, where the host has templates; elsewhere all is interpreted.
    Auto,
    /// All is compiled before it runs.
    On,
    /// All is interpreted.
    Off,
}

#[derive(Clone, Copy, Debug)]
pub struct JitOptions {
    pub mode: JitMode,
    /// Bytes of code memory.
    pub room: usize,
}

/// Who does not say gets what MINIKERN_JIT says (auto, on or off), so that any test can be run both ways.
impl Default for JitOptions {
    fn default() -> JitOptions {
        let mode = match std::env::var("MINIKERN_JIT").as_deref() {
            Ok("on") => JitMode::On,
            Ok("auto") => JitMode::Auto,
            _ => JitMode::Off,
        };
        JitOptions { mode, room: jit::DEFAULT_ROOM }
    }
}

/// In which execution a block is compiled: before that, compiling costs more than it saves.
const THRESHOLD: u32 = 8;

impl JitOptions {
    /// An engine of this kind. `On` fails where the host has no templates.
    pub fn engine(&self) -> Result<Engine> {
        let threshold = match self.mode {
            JitMode::Off => return Ok(Engine::new()),
            JitMode::On => 1,
            JitMode::Auto => THRESHOLD,
        };
        match Jit::new(self.room) {
            Some(jit) => Ok(Engine::with_tiers(Tiers::Compiler { compiler: Box::new(jit), threshold })),
            None if self.mode == JitMode::Auto => Ok(Engine::new()),
            None => bail!("--jit on: this host has no templates, or gives no memory to execute"),
        }
    }
}
