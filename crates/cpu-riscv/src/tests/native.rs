//! The other implementation: runner.c, or the host.
use super::machine::{Case, Outcome, State};
use oracle::Runner;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static RUNNER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native/runner.c");
    oracle::build(ARCH, &source, &["-fno-stack-protector", "-Wl,--no-relax"])
});

const ARCH: &str = "riscv64";

pub(crate) struct Native(Runner);

impl Native {
    pub(crate) fn start() -> Option<Native> {
        Runner::start(ARCH, "rv64,zba=true,zbb=true,zbs=true", RUNNER.as_deref()).map(Native)
    }

    /// What becomes of the cases.
    pub(crate) fn run(&mut self, cases: &[Case]) -> Vec<Outcome> {
        let question = cases.iter().flat_map(encode).collect();
        self.0.ask(question, |runner| cases.iter().map(|_| outcome(runner)).collect())
    }
}

fn outcome(runner: &mut Runner) -> Outcome {
    let mut out = runner.words(65 + 4).into_iter();
    let mut next = || out.next().expect("the runner's answer has a fixed length");
    let mut state = State { pc: next(), ..State::default() };
    state.x[0] = 0;
    state.x[1..].iter_mut().for_each(|x| *x = next());
    state.fcsr = next() & 0xffff_ffff;
    state.f.iter_mut().for_each(|f| *f = next());
    let (signo, code, addr, count) = (next(), next(), next(), next());
    let changed = runner.words(2 * count as usize).as_chunks().0.iter().map(|&[at, word]| (at, word)).collect();
    Outcome { state, signo, code, addr, changed }
}

/// `struct in` of runner.c.
fn encode(case: &Case) -> Vec<u8> {
    let State { pc, x, fcsr, f } = &case.state;
    let mut code = case.code();
    let words = [*pc].into_iter().chain(x[1..].iter().copied()).chain([*fcsr]).chain(f.iter().copied());
    let words = words.chain([case.seed, code.len() as u64]);
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    code.resize(128, 0);
    bytes.extend(code);
    bytes
}
