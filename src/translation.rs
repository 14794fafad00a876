//! How guest code is run: by the interpreter or by the JIT.
use anyhow::{Result, bail};
use engine::{Engine, Tiers};
use jit::Jit;
use std::env::VarError;

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
    /// Without one, MINIKERN_JIT (auto, on or off) says, so that any test can be run every way; without that, `Auto`.
    pub mode: Option<JitMode>,
    /// Bytes of code memory.
    pub room: usize,
}

impl Default for JitOptions {
    fn default() -> JitOptions {
        JitOptions { mode: None, room: jit::DEFAULT_ROOM }
    }
}

/// In which execution a block is compiled: before that, compiling costs more than it saves.
const THRESHOLD: u32 = 8;

impl JitOptions {
    /// The mode in the end; fails if MINIKERN_JIT is asked and is no mode.
    pub fn chosen(&self) -> Result<JitMode> {
        if let Some(mode) = self.mode {
            return Ok(mode);
        }
        match std::env::var("MINIKERN_JIT").as_deref() {
            Ok("on") => Ok(JitMode::On),
            Ok("off") => Ok(JitMode::Off),
            Ok("auto") | Err(VarError::NotPresent) => Ok(JitMode::Auto),
            other => bail!("MINIKERN_JIT is {other:?}: it has to be auto, on or off"),
        }
    }

    /// An engine of this kind. `On` fails where the host has no templates.
    pub fn engine(&self) -> Result<Engine> {
        let mode = self.chosen()?;
        let threshold = match mode {
            JitMode::Off => return Ok(Engine::new()),
            JitMode::On => 1,
            JitMode::Auto => THRESHOLD,
        };
        let jit = Jit::new(self.room).map(|jit| match mode {
            // All there is, soon enough for tests to meet it.
            JitMode::On => jit.with_windows_after(100_000),
            _ => jit,
        });
        match jit {
            Some(jit) => Ok(Engine::with_tiers(Tiers::Compiler { compiler: Box::new(jit), threshold })),
            None if mode == JitMode::Auto => Ok(Engine::new()),
            None => bail!("--jit on: this host has no templates, or gives no memory to execute"),
        }
    }
}
