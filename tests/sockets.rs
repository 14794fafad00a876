//! Sockets between architectures, one end frozen now and then; and busybox's network programs against each other.
use crate::support::{arches, boot, oracle, run, with_file};

/// RACE-21: a client and a server of different architectures, over a stream, a datagram socket and TCP. While one side is
/// frozen the other waits; after the thaw no message is lost, doubled or out of order.
#[test]
fn a_half_frozen_pair_loses_nothing() {
    for frozen in ["server", "client"] {
        for (server, client) in arches().flat_map(|a| arches().filter(move |&b| a != b).map(move |b| (a, b))) {
            let programs = [server, client].map(|arch| oracle(&format!("programs/{arch}/talkers")));
            let [Some(first), Some(second)] = programs else { return };
            let mut boot = boot(server, &["sh", "-c", &script(server, client, frozen)]);
            for (arch, path) in [(server, first), (client, second)] {
                let bytes = std::fs::read(path).expect("the program");
                boot.initramfs = with_file(boot.initramfs, format!("talk-{arch}").as_bytes(), &bytes);
            }
            let ended = run(&boot, "");
            for kind in ["unix", "tcp", "dgram"] {
                for line in ["server: 400 requests", "client: 400 answers"] {
                    let line = format!("{kind} {line}, 0 out of order\n");
                    assert_eq!(ended.out.matches(&line).count(), 1, "{server} {client} {frozen}: {}", ended.out);
                }
            }
            // The freezes met them at work.
            let count = ended.out.matches("FROZEN\n").count();
            assert!(count >= 6, "{count} freezes: {}", ended.out);
        }
    }
}

fn script(server: &str, client: &str, frozen: &str) -> String {
    let mut script = String::from(
        "mkdir -p /containers; mount -t cgroup -o freezer freezer /containers; mkdir /containers/0; f=/containers/0/freezer.state\n",
    );
    for kind in ["unix", "tcp", "dgram"] {
        script += &format!(
            "/talk-{server} server {kind} & server=$!; /talk-{client} client {kind} & client=$!
echo ${frozen} > /containers/0/tasks
for i in 1 2 3; do sleep 0.001; echo FROZEN > $f; sleep 0.02; cat $f; echo RUNNING > $f; done; wait
"
        );
    }
    script
}

/// nc, httpd and wget, telnetd and telnet of Debian's busybox, over loopback.
#[test]
fn busybox_talks_over_loopback() {
    for arch in arches() {
        let Some(busybox) = oracle(&format!("busybox-{arch}")) else { return };
        let bytes = std::fs::read(busybox).expect("busybox");
        let script = "b=/busybox; mkdir -p /www /tmp; echo page > /www/index.html; cd /tmp
echo from the client | $b nc -l -p 5000 > got & sleep 0.1; echo hello | $b nc 127.0.0.1 5000 | cat; wait; cat got
$b httpd -p 127.0.0.1:8080 -h /www; sleep 0.1; $b wget -q -O - http://127.0.0.1:8080/; $b wget -q -O - http://127.0.0.1:8080/none || echo no such page
$b nc 127.0.0.1 9 < /dev/null || echo refused
$b netstat -lnt | $b grep -c 8080; $b ifconfig lo | $b grep -c 127.0.0.1
echo end";
        let mut boot = boot(arch, &["sh", "-c", script]);
        boot.initramfs = with_file(boot.initramfs, b"busybox", &bytes);
        let out = run(&boot, "").out;
        for line in ["hello\n", "page\n", "no such page\n", "refused\n", "end\n"] {
            assert!(out.contains(line), "{arch}: no {line:?} in {out}");
        }
    }
}

/// telnetd of Debian's busybox gives whoever connects a pty: a terminal that echoes and edits lines.
#[test]
fn telnetd_works_on_a_pty() {
    for arch in arches() {
        let Some(busybox) = oracle(&format!("busybox-{arch}")) else { return };
        let bytes = std::fs::read(busybox).expect("busybox");
        let script = "b=/busybox; echo '#!/busybox sh
/busybox tty; read line; echo \"got $line\"; exit' > /login; $b chmod 755 /login
$b telnetd -F -b 127.0.0.1:2323 -l /login & t=$!; sleep 0.1
(sleep 0.3; echo typed; sleep 0.3) | $b nc 127.0.0.1 2323 | $b tr -cd 'a-z0-9/ \\n'; kill $t; wait; ls /dev/pts; echo end";
        let mut boot = boot(arch, &["sh", "-c", script]);
        boot.initramfs = with_file(boot.initramfs, b"busybox", &bytes);
        let out = run(&boot, "").out;
        assert!(out.contains("/dev/pts/0\ntyped\ngot typed\nptmx\nend\n"), "{arch}: {out}");
    }
}
