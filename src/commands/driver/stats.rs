//! What `--stats` and `--perf-map` tell of the engine.
use engine::{Engine, Stats};
use std::fmt::Write;
use std::io;

/// The engine's counts, for a reader.
pub(super) fn text(stats: &Stats) -> String {
    let mut out = String::new();
    let mut line = |what: &str, value: String| writeln!(out, "{what:<24}{value}").expect("strings take all");
    let share = |part: u64| format!("{part} ({:.1} %)", 100.0 * part as f64 / stats.retired.max(1) as f64);
    line("instructions", stats.retired.to_string());
    if let Some(compiler) = &stats.compiler {
        line("  compiled", share(compiler.retired));
        line("  interpreted", share(stats.retired.saturating_sub(compiler.retired)));
        line("  with a window", share(stats.windowed));
    }
    line("blocks lifted", stats.lifted.to_string());
    line("blocks dropped", format!("{} (their code was written or freed)", stats.dropped));
    line("stores to code", stats.code_writes.to_string());
    line("flushes", stats.flushes.to_string());
    if let Some(c) = &stats.compiler {
        line("blocks compiled", format!("{} of {} instructions", c.compiled, c.insns));
        line("host code", format!("{} of {} KiB", c.bytes.div_ceil(1024), c.room / 1024));
        line("  flushes", c.flushes.to_string());
        line("  entries", c.entered.to_string());
        line("slow memory accesses", c.slow_accesses.to_string());
    }
    out
}

/// Names compiled code where Linux perf looks for names.
pub(super) fn perf_map(engine: &Engine) -> io::Result<()> {
    let mut map = String::new();
    for (arch, pc, at, bytes) in engine.native_code() {
        writeln!(map, "{at:x} {:x} {arch}:{pc:#x}", bytes.len()).expect("strings take all");
    }
    std::fs::write(format!("/tmp/perf-{}.map", std::process::id()), map)
}
