//! The host's CPU, behind a small C program that runs in a child process.
use super::machine::State;
use iced_x86::CpuidFeature;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(super) struct Native {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    /// Else it is an Intel one, as minikern's is, or held to be like them.
    pub(super) is_amd: bool,
}

pub(super) const TEXT: usize = 64;

impl Native {
    /// The child, or why there is none.
    pub(super) fn start() -> Result<Native, String> {
        if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
            return Err("the host is not x86-64 Linux".to_owned());
        }
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/native/runner.c");
        let dir =
            std::env::temp_dir().join(format!("minikern-x86-{}-{:?}", std::process::id(), std::thread::current().id()));
        std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
        let program = dir.join("runner");
        let cc = Command::new("cc").args(["-O1", "-o"]).arg(&program).arg(&source).output();
        let built = cc.map_err(|e| format!("no cc: {e}"))?;
        if !built.status.success() {
            return Err(format!("cc: {}", String::from_utf8_lossy(&built.stderr)));
        }
        let child = Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|e| e.to_string())?;
        let _ = std::fs::remove_dir_all(&dir);
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut native = Native { child, to, from, is_amd: false };
        // CPUID's leaf 0 names the vendor.
        let leaf = native.run(&State { gpr: [0; 16], ..State::new() }, &[0x0f, 0xa2]);
        let name: Vec<u8> = [3, 2, 1].iter().flat_map(|n| (leaf.gpr[*n] as u32).to_le_bytes()).collect();
        native.is_amd = name == b"AuthenticAMD";
        Ok(native)
    }

    /// Runs `text` from this state until it traps.
    pub(super) fn run(&mut self, from: &State, text: &[u8]) -> State {
        let mut request = from.encode();
        let mut padded = [0xcc; TEXT];
        padded[..text.len()].copy_from_slice(text);
        request.extend(padded);
        self.to.write_all(&request).expect("the runner reads");
        self.to.flush().expect("the runner reads");
        let mut answer = vec![0; State::SIZE];
        if let Err(e) = self.from.read_exact(&mut answer) {
            panic!("the native runner died ({e}, {:?}) of {text:02x?}", self.child.wait());
        }
        State::decode(&answer)
    }
}

/// Whether the host's CPUID has a feature; those that are not asked for are as old as x86-64, or not in the table.
pub(super) fn host_has(feature: CpuidFeature) -> bool {
    #[cfg(target_arch = "x86_64")]
    macro_rules! detected {
        ($($feature:ident $name:tt),*) => {
            match feature {
                $(CpuidFeature::$feature => is_x86_feature_detected!($name),)*
                _ => true,
            }
        };
    }
    #[cfg(target_arch = "x86_64")]
    return detected!(
        SSE3 "sse3", SSSE3 "ssse3", SSE4_1 "sse4.1", SSE4_2 "sse4.2", POPCNT "popcnt", AVX "avx", AVX2 "avx2", FMA "fma",
        F16C "f16c", BMI1 "bmi1", BMI2 "bmi2", LZCNT "lzcnt", MOVBE "movbe", ADX "adx", AES "aes", SHA "sha",
        PCLMULQDQ "pclmulqdq", VAES "vaes", VPCLMULQDQ "vpclmulqdq", XSAVE "xsave", XSAVEC "xsavec",
        XSAVEOPT "xsaveopt", RDRAND "rdrand", RDSEED "rdseed", CMPXCHG16B "cmpxchg16b"
    );
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = feature;
        false
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
