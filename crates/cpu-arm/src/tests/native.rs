//! The other implementation: runner.c, or the host.
use super::machine::{Case, Outcome, PAGE, State};
use oracle::Runner;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static RUNNER: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| oracle::build(ARCH, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native/runner.c"), &[]));

const ARCH: &str = "aarch64";

pub(crate) struct Native(Runner);

/// A case as runner.c reads it.
fn encode(case: &Case) -> Vec<u8> {
    let state = &case.state;
    let mut words = state.x.to_vec();
    words.extend([state.sp, state.pc, state.nzcv, state.fpcr, state.fpsr]);
    words.extend(state.v);
    words.extend([case.seed, case.words.len() as u64]);
    let mut out: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
    out.extend((0..32).flat_map(|i| case.words.get(i).copied().unwrap_or(0).to_le_bytes()));
    out
}

impl Native {
    /// The other side with everything it has. Without FEAT_PAuth its instructions are no-ops, as ours are; without SVE
    /// frames are as ours.
    pub(crate) fn start() -> Option<Native> {
        Native::start_as("max,pauth=off,sve=off,sme=off")
    }

    pub(crate) fn start_as(cpu: &str) -> Option<Native> {
        Runner::start(ARCH, cpu, RUNNER.as_deref()).map(Native)
    }

    /// What becomes of the cases.
    pub(crate) fn run(&mut self, cases: &[Case]) -> Vec<Outcome> {
        let question = cases.iter().flat_map(encode).collect();
        self.0.ask(question, |runner| cases.iter().map(|_| outcome(runner)).collect())
    }
}

fn outcome(runner: &mut Runner) -> Outcome {
    let mut out = runner.words(36 + 64 + 4).into_iter();
    let mut next = || out.next().expect("the runner's answer has a fixed length");
    let mut state = State::default();
    state.x.iter_mut().for_each(|x| *x = next());
    (state.sp, state.pc, state.nzcv, state.fpcr, state.fpsr) = (next(), next(), next(), next(), next());
    state.v.iter_mut().for_each(|v| *v = next());
    let (signo, code, addr, pages) = (next(), next(), next(), next());
    let dirty: BTreeMap<_, _> = (0..pages).map(|_| (runner.words(1)[0], runner.bytes(PAGE))).collect();
    Outcome { state, signo, code, addr, dirty }
}
