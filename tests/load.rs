//! Many of everything: processes one after the other, threads at once, sleepers in one cgroup.
use crate::support::{arches, boot_program, default_image, oracle, run, scratch, sh, with_file};
use std::process::{Command, Stdio};

#[test]
fn a_thousand_processes_one_after_the_other() {
    for arch in arches() {
        let Some(program) = oracle(&format!("programs/{arch}/forks")) else { continue };
        let ended = run(&boot_program(&program, &[]), "");
        assert_eq!(ended.out, "statuses sum to 62252\nwaitpid(-1, &status, 0): ECHILD\n", "{arch}");
    }
}

#[test]
fn a_thousand_threads_at_once() {
    for arch in arches() {
        let Some(program) = oracle(&format!("programs/{arch}/many_threads")) else { continue };
        let ended = run(&boot_program(&program, &[]), "");
        assert_eq!(ended.out, "1000 threads, sum 499500\n", "{arch}");
    }
}

/// The machine is a process of its own, so that its memory can be told from this one's.
#[test]
fn ten_thousand_sleepers_freeze_and_thaw_within_2_gib() {
    const SCRIPT: &str = "mkdir -p /containers; mount -t cgroup -o freezer freezer /containers; mkdir /containers/0; mkfifo /said
sh -c 'echo $$ > /containers/0/tasks; exec /sleepers 10000 > /said' &
p=$!; exec 4< /said; read -r said <&4; echo $said
s=/containers/0/freezer.state
wc -l < /containers/0/tasks; echo FROZEN > $s; sleep 1; cat $s
echo RUNNING > $s; cat $s; sleep 1; kill -TERM $p; read -r said <&4; echo $said; wait $p; wc -l < /containers/0/tasks; echo end";
    for arch in arches() {
        let Some(sleepers) = oracle(&format!("programs/{arch}/sleepers")) else { continue };
        let image = with_file(default_image(), b"sleepers", &std::fs::read(sleepers).expect("the program"));
        let dir = scratch(&format!("sleepers-{arch}"));
        std::fs::write(dir.join("image"), image).expect("the image");
        let mut child = Command::new(env!("CARGO_BIN_EXE_minikern"))
            .args(["run", "-m", "2G", "--arch", arch])
            .arg(dir.join("image"))
            .args(["--", "sh", "-c", SCRIPT])
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(dir.join("out")).expect("a file"))
            .spawn()
            .expect("minikern runs");
        let status_file = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        let ended = loop {
            if let Some(ended) = child.try_wait().expect("a child") {
                break ended;
            }
            let status = std::fs::read_to_string(&status_file).unwrap_or_default();
            let now =
                status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            peak = peak.max(now.unwrap_or(0));
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        let out = std::fs::read_to_string(dir.join("out")).expect("its output");
        assert_eq!(out, "ready: 10000\n10001\nFROZEN\nRUNNING\nreaped: 10000\n0\nend\n", "{arch}");
        assert!(ended.success());
        println!("{arch}: 10,001 processes, {} MiB of host memory at most", peak >> 10);
        assert!(peak < 2 << 20, "{arch}: {peak} KiB");
    }
}

/// Without an image of programs there is still the shell: processes by the hundred in one pipeline.
#[test]
fn a_long_pipeline() {
    for arch in arches() {
        let script = format!("echo through{}", " | cat".repeat(200));
        let ended = sh(arch, &script);
        assert_eq!((ended.status, ended.out.as_str()), (0, "through\n"), "{arch}");
    }
}
