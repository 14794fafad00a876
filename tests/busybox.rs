//! Debian's busybox of each architecture, as shipped: its shell as init, its applets against the native run.
use crate::support::{arches, boot_image, oracle, root, run, skipped};
use kernel::vfs::cpio::Writer;
use minikern::Boot;
use std::path::Path;
use std::process::{Command, Stdio};

/// An image of nothing but a busybox and a script.
fn image(busybox: &[u8]) -> Vec<u8> {
    let mut image = Writer::new();
    for dir in ["bin", "dev", "proc", "sys", "root", "etc"] {
        image.add(dir.as_bytes(), 0o40755, 0, &[]);
    }
    image.add(b"tmp", 0o41777, 0, &[]);
    image.add(b"bin/busybox", 0o100_755, 0, busybox);
    image.add(b"bin/sh", 0o120_777, 0, b"busybox");
    image.add(b"etc/passwd", 0o100_644, 0, b"root:x:0:0:root:/root:/bin/sh\n");
    image.add(b"etc/group", 0o100_644, 0, b"root:x:0:\n");
    let script = std::fs::read(root().join("tests/busybox/applets.sh")).expect("tests/busybox/applets.sh");
    image.add(b"applets.sh", 0o100_644, 0, &script);
    image.finish()
}

const INIT: &str = "/bin/busybox mount -t proc proc /proc; /bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t tmpfs tmp /tmp; /bin/busybox mkdir /tmp/w
/bin/busybox env -i PATH=/nowhere /bin/busybox sh /applets.sh /tmp/w </dev/null 2>&1 | /bin/busybox cat";

/// A machine whose first process is busybox's shell with the script.
pub(crate) fn boot(busybox: &Path) -> Boot {
    let busybox = std::fs::read(busybox).expect("busybox");
    let mut boot = boot_image(image(&busybox), &["/bin/sh", "-c", INIT]);
    // The script has files of 2020 that are older than what it writes.
    boot.config.realtime = 1_735_689_600;
    boot
}

/// The script's output on this machine, in a directory of its own.
fn native(busybox: &Path) -> String {
    let dir = root().join("target/busybox-native");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("target/");
    let script = root().join("tests/busybox/applets.sh");
    let shell = "exec \"$0\" sh \"$1\" \"$2\" 2>&1";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", shell]).arg(busybox).arg(script).arg(&dir);
    let output = command.env_clear().env("PATH", "/nowhere").stdin(Stdio::null()).output().expect("sh runs");
    let _ = std::fs::remove_dir_all(&dir);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn applets_do_what_they_do_natively() {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        skipped("the native run of busybox needs x86-64 Linux");
        return;
    }
    let Some(ours) = oracle("busybox-x86_64") else { return };
    let want = native(&ours);
    let applets: u32 =
        want.lines().last().and_then(|l| l.strip_prefix("== ")?.split(' ').next()?.parse().ok()).unwrap_or(0);
    assert!(applets >= 80, "the native run counts {applets} applets:\n{want}");
    for arch in arches() {
        let Some(busybox) = oracle(&format!("busybox-{arch}")) else { continue };
        let ended = run(&boot(&busybox), "");
        compare(arch, &want, &ended.out);
        assert_eq!(ended.status, 0, "{arch}");
    }
}

/// Equal, or the first lines that are not.
pub(crate) fn compare(arch: &str, want: &str, got: &str) {
    if want == got {
        return;
    }
    let section = |line: usize| want.lines().take(line + 1).filter(|l| l.starts_with("== ")).last().unwrap_or("");
    let (want_lines, got_lines): (Vec<&str>, Vec<&str>) = (want.lines().collect(), got.lines().collect());
    let at = want_lines.iter().zip(&got_lines).take_while(|(a, b)| a == b).count();
    panic!(
        "{arch}: line {} of {}, section {:?}\nnatively: {:?}\nhere:     {:?}",
        at + 1,
        want_lines.len(),
        section(at),
        &want_lines[at..want_lines.len().min(at + 5)],
        &got_lines[at..got_lines.len().min(at + 5)]
    );
}
