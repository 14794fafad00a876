//! Guest images: made, listed and booted; refused where they are damaged or hostile.
use crate::support::command::{fails, minikern, program_file, text};
use crate::support::{arches, default_image, scratch};
use kernel::vfs::cpio::{Entry, Writer};
use std::io::Write;
use std::path::Path;

/// The default image is small, and has a shell for every architecture.
#[test]
fn the_default_image_is_small_and_whole() {
    let file = std::fs::metadata(crate::support::root().join("guest/default.img")).expect("the image").len();
    assert!(file <= 3 << 19, "{file} bytes: more than 1.5 MiB");
    for arch in arches() {
        let ended = crate::support::sh(arch, "uname -m");
        assert_eq!((ended.status, ended.out.trim_end()), (0, arch));
    }
}

#[test]
fn an_image_goes_round() {
    let dir = scratch("cli-image");
    let tree = dir.join("tree");
    std::fs::create_dir_all(tree.join("bin")).expect("a directory");
    let arch = arches().next().expect("an architecture");
    let program = program_file(arch, &dir);
    std::fs::copy(&program, tree.join("bin/box")).expect("a copy");
    std::fs::write(tree.join("hello"), "from the image\n").expect("a file");
    std::os::unix::fs::symlink("box", tree.join("bin/sh")).expect("a link");
    std::os::unix::fs::symlink("box", tree.join("bin/cat")).expect("a link");
    std::fs::set_permissions(tree.join("bin/box"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("a mode");
    for name in ["plain.img", "small.img.gz"] {
        let image = dir.join(name);
        let ran = minikern(&["image", "create", text(&tree), "-o", text(&image)], "");
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
        let listed = minikern(&["image", "list", text(&image)], "").out;
        let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(4)).collect();
        assert_eq!(names, ["bin", "bin/box", "bin/cat", "bin/sh", "hello"], "{listed}");
        let ran = minikern(&["run", text(&image), "--", "/bin/sh", "-c", "/bin/cat /hello"], "");
        assert_eq!((ran.code, ran.out.as_str()), (0, "from the image\n"), "{}", ran.err);
    }
    let ran = minikern(&["run", text(&tree), "--", "/bin/cat", "/hello"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "from the image\n"), "a directory is an image: {}", ran.err);
}

/// An archive of one entry.
fn archive(name: &[u8], mode: u32, data: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.add(name, mode, 0, data);
    writer.finish()
}

#[test]
fn a_missing_init_names_what_was_tried() {
    let dir = scratch("cli-init");
    let image = dir.join("image");
    std::fs::write(&image, archive(b"file", 0o100_644, b"text")).expect("an image");
    fails(&["run", text(&image)], 127, &["/init", "/sbin/init", "/bin/init", "/bin/sh", "ENOENT"]);
    fails(&["run", text(&image), "--", "/no/such/program"], 127, &["/no/such/program"]);
    std::fs::write(&image, archive(b"init", 0o100_755, b"\x7fELF\x02\x01\x01")).expect("an image");
    fails(&["run", text(&image)], 126, &["/init", "ENOEXEC"]);
}

#[test]
fn bad_images_are_refused_in_one_line() {
    let dir = scratch("cli-images");
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        std::fs::write(&path, bytes).expect("a file");
        text(&path).to_string()
    };
    let good = default_image();
    fails(&["run", &file("cut", &good[..good.len() / 2])], 125, &["cut", "ends inside"]);
    fails(&["run", &file("header", &good[..50])], 125, &["header", "ends inside"]);
    fails(&["run", &file("no-end", &archive(b"f", 0o100_644, b"x")[..116])], 125, &["no-end"]);
    fails(&["run", &file("magic", b"what is this, then?")], 125, &["magic", "77686174"]);
    fails(&["run", &file("empty", b"")], 125, &["empty", "not a cpio archive"]);
    fails(&["run", text(&dir.join("nothing"))], 125, &["nothing"]);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&good).expect("memory");
    let mut gz = gz.finish().expect("memory");
    fails(&["run", &file("cut.gz", &gz[..gz.len() / 2])], 125, &["cut.gz"]);
    let middle = gz.len() / 2;
    gz[middle..middle + 64].fill(0xa5);
    fails(&["run", &file("corrupt.gz", &gz)], 125, &["corrupt.gz"]);
    fails(&["run", &file("corrupt.zst", b"\x28\xb5\x2f\xfd and then nonsense")], 125, &["corrupt.zst"]);
    // 64 MiB of zeroes in a few KiB: more than the guest's memory.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(b"070701").expect("memory");
    bomb.write_all(&vec![b'0'; 64 << 20]).expect("memory");
    fails(&["run", "-m", "32M", &file("bomb.gz", &bomb.finish().expect("memory"))], 125, &["bomb.gz", "--memory"]);
    // A size that the archive does not hold.
    let mut huge = archive(b"huge", 0o100_644, b"x");
    huge[54..62].copy_from_slice(b"FFFFFFFF");
    fails(&["run", &file("huge", &huge)], 125, &["huge", "ends inside"]);
    let mut number = archive(b"number", 0o100_644, b"x");
    number[54..62].copy_from_slice(b"-1 hello");
    fails(&["run", &file("number", &number)], 125, &["number"]);
    let full = archive(b"big", 0o100_644, &vec![7; 6 << 20]);
    fails(&["run", "-m", "4M", &file("full", &full)], 125, &["full"]);
}

#[test]
fn names_stay_inside_the_guest() {
    let dir = scratch("cli-names");
    let outside = dir.join("outside");
    let mut extra = Writer::new();
    extra.add(b"../../../../../../../../up", 0o100_644, 0, b"up\n");
    extra.add(b"a/../../b/./c", 0o100_644, 0, b"c\n");
    extra.add(text(&outside).as_bytes(), 0o100_644, 0, b"absolute\n");
    extra.add(b"twice", 0o100_644, 0, b"first\n");
    extra.add(b"twice", 0o100_644, 0, b"second\n");
    extra.add(b"link", 0o120_777, 0, b"/twice");
    let device = Entry {
        ino: 9,
        mode: 0o020_666,
        uid: 1,
        gid: 2,
        nlink: 1,
        mtime: 0,
        dev: (0, 0),
        rdev: (1, 3),
        name: b"null",
        data: b"",
    };
    extra.entry(&device);
    let image = dir.join("image");
    std::fs::write(&image, [default_image(), extra.finish()].concat()).expect("an image");
    let script = format!("cat /up /b/c {} /twice /link; cat /null; echo end", text(&outside));
    let ran = minikern(&["run", text(&image), "--", "sh", "-c", &script], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "up\nc\nabsolute\nsecond\nsecond\nend\n"), "{}", ran.err);
    assert!(!outside.exists() && !Path::new("/up").exists(), "nothing of the host's was touched");
}
