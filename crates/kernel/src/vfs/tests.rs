//! The VFS as a whole, without tasks: the kernel itself walks.
use super::*;
use crate::{Config, Tid};
use abi::{OpenFlags, S_IFDIR, S_IFIFO, S_IFMT};

fn kernel() -> Kernel {
    Kernel::new(Config::default(), &[])
}

/// A kernel, and shorthand for what tests do with paths.
struct Tree(Kernel);

impl Tree {
    fn new(nodes: &[&str]) -> Tree {
        let mut tree = Tree(kernel());
        for node in nodes {
            match (node.strip_suffix('/'), node.split_once(" -> ")) {
                (Some(dir), _) => tree.0.install_dir(dir.as_bytes(), 0o755).unwrap(),
                (_, Some((link, text))) => tree.0.install_symlink(link.as_bytes(), text.as_bytes()).unwrap(),
                _ => tree.0.install_file(node.as_bytes(), 0o644, node.as_bytes()).unwrap(),
            }
        }
        tree
    }
    fn who(&self) -> Who {
        self.0.who(Tid(0))
    }
    fn user(&self, uid: u32) -> Who {
        let mut who = self.who();
        (who.cred.fsuid, who.cred.fsgid, who.cred.cap_effective) = (uid, uid, 0);
        who
    }
    fn walk(&mut self, path: &str, how: Walk) -> Result<Path> {
        let who = self.who();
        self.0.path_at(&who, who.root, path.as_bytes(), how)
    }
    /// Where a path leads, as d_path says it.
    fn leads(&mut self, path: &str) -> Result<String> {
        let place = self.walk(path, Walk::FOLLOW)?;
        Ok(self.d_path(place))
    }
    fn d_path(&self, place: Path) -> String {
        String::from_utf8(self.0.vfs.d_path(place, self.0.vfs.root()).0).unwrap()
    }
    fn open(&mut self, path: &str, flags: OpenFlags) -> Result<FileId> {
        let who = self.who();
        match self.0.open_at(&who, who.root, path.as_bytes(), flags, 0o644, Walk::empty())? {
            Opened::Now(file) => Ok(file),
            Opened::Wait(..) => Err(Errno::EAGAIN),
        }
    }
    fn read(&mut self, path: &str) -> Result<String> {
        let file = self.open(path, OpenFlags::O_RDONLY)?;
        let mut buf = vec![0; 10000];
        let n = self.0.read_file(file, 0, &mut buf).unwrap();
        self.0.put_file(file);
        Ok(String::from_utf8_lossy(&buf[..n]).into_owned())
    }
    fn rename(&mut self, from: &str, to: &str, flags: u32) -> Result<()> {
        let who = self.who();
        self.0.rename(&who, (who.root, from.as_bytes()), (who.root, to.as_bytes()), flags)
    }
    fn unlink(&mut self, path: &str) -> Result<()> {
        let who = self.who();
        self.0.unlink(&who, who.root, path.as_bytes())
    }
    fn rmdir(&mut self, path: &str) -> Result<()> {
        let who = self.who();
        self.0.rmdir(&who, who.root, path.as_bytes())
    }
    fn mount(&mut self, path: &str) {
        self.0.mount_type("tmpfs", b"none", path.as_bytes(), MountFlags::empty(), b"").unwrap();
    }
}

#[test]
fn walks_through_links_dots_and_slashes() {
    let mut tree =
        Tree::new(&["a/b/", "a/b/file", "a/up -> ../a/b", "abs -> /a/b/file", "loop -> loop", "gone -> nowhere"]);
    for (path, place) in [
        ("/", "/"),
        ("//a///b/", "/a/b"),
        ("a/./b/../b/file", "/a/b/file"),
        ("../../a", "/a"),
        ("a/up/file", "/a/b/file"),
        ("a/up/", "/a/b"),
        ("a/up/..", "/a"),
        ("abs", "/a/b/file"),
    ] {
        assert_eq!(tree.leads(path).as_deref(), Ok(place), "{path}");
    }
    for (path, errno) in [
        ("", Errno::ENOENT),
        ("x", Errno::ENOENT),
        ("x/y", Errno::ENOENT),
        ("a/b/file/x", Errno::ENOTDIR),
        ("a/b/file/", Errno::ENOTDIR),
        ("abs/", Errno::ENOTDIR),
        ("loop", Errno::ELOOP),
        ("gone", Errno::ENOENT),
        (&"n".repeat(256), Errno::ENAMETOOLONG),
        (&"a/b/../../".repeat(500), Errno::ENAMETOOLONG),
    ] {
        assert_eq!(tree.leads(path), Err(errno), "{path}");
    }
    let link = tree.walk("a/up", Walk::empty()).unwrap();
    assert_eq!(tree.d_path(link), "/a/up");
    assert_eq!(tree.walk("abs", Walk::NO_SYMLINKS | Walk::FOLLOW), Err(Errno::ELOOP));
    assert_eq!(tree.walk("../a", Walk::BENEATH), Err(Errno::EXDEV));
    assert_eq!(tree.walk("abs", Walk::BENEATH | Walk::FOLLOW), Err(Errno::EXDEV));
}

#[test]
fn creation_follows_a_dangling_link_unless_exclusive() {
    let mut tree = Tree::new(&["d/", "link -> d/made", "to_dir -> d"]);
    let create = OpenFlags::O_CREAT | OpenFlags::O_WRONLY;
    assert_eq!(tree.open("link", create | OpenFlags::O_EXCL), Err(Errno::EEXIST));
    assert_eq!(tree.open("link", create | OpenFlags::O_NOFOLLOW), Err(Errno::ELOOP));
    let file = tree.open("link", create).unwrap();
    assert_eq!(tree.0.file_path(file), b"/d/made");
    assert_eq!(tree.open("to_dir", create), Err(Errno::EISDIR));
    assert_eq!(tree.open("new/", create), Err(Errno::EISDIR));
    assert_eq!(tree.open("d", OpenFlags::O_WRONLY), Err(Errno::EISDIR));
    assert_eq!(tree.open("d/made", OpenFlags::O_DIRECTORY), Err(Errno::ENOTDIR));
}

#[test]
fn an_open_file_outlives_its_name_and_then_frees_its_memory() {
    let mut tree = Tree::new(&["f"]);
    let before = tree.0.frames.usage().0;
    let file = tree.open("f", OpenFlags::O_RDWR).unwrap();
    tree.unlink("f").unwrap();
    assert_eq!(tree.leads("f"), Err(Errno::ENOENT));
    assert_eq!(tree.0.file_path(file), b"/f (deleted)");
    let mut buf = [0; 1];
    assert_eq!(tree.0.file_read(Tid(0), file, None, &mut buf), Ok(1));
    assert_eq!(tree.0.frames.usage().0, before);
    tree.0.put_file(file);
    assert_eq!(tree.0.frames.usage().0, before - 1);
}

#[test]
fn hard_links_share_and_the_last_one_frees() {
    let mut tree = Tree::new(&["f"]);
    let before = tree.0.frames.usage().0;
    let (who, old) = (tree.who(), tree.walk("f", Walk::empty()).unwrap());
    tree.0.link(&who, old, who.root, b"g").unwrap();
    assert_eq!(tree.0.link(&who, old, who.root, b"g"), Err(Errno::EEXIST));
    assert_eq!(tree.0.path_attr(old).unwrap().nlink, 2);
    tree.unlink("f").unwrap();
    assert_eq!(tree.read("g").as_deref(), Ok("f"));
    tree.unlink("g").unwrap();
    assert_eq!(tree.0.frames.usage().0, before - 1);
}

#[test]
fn renames_move_open_files_and_directories_with_them() {
    let mut tree = Tree::new(&["a/f", "b/", "full/x", "other"]);
    let file = tree.open("a/f", OpenFlags::O_RDONLY).unwrap();
    tree.rename("a", "b/c", 0).unwrap();
    assert_eq!(tree.0.file_path(file), b"/b/c/f");
    assert_eq!(tree.leads("b/c/.."), Ok("/b".into()));
    for (from, to, flags, errno) in [
        ("b", "b/c/d", 0, Errno::EINVAL),
        ("b", "full", 0, Errno::ENOTEMPTY),
        ("b", "other", 0, Errno::ENOTDIR),
        ("other", "b", 0, Errno::EISDIR),
        ("b/c/f", "other", abi::RENAME_NOREPLACE, Errno::EEXIST),
        ("other", "none", abi::RENAME_EXCHANGE, Errno::ENOENT),
        ("none", "x", 0, Errno::ENOENT),
        ("other/", "x", 0, Errno::ENOTDIR),
        ("b/.", "x", 0, Errno::EBUSY),
        ("b/c", "b", 0, Errno::ENOTEMPTY),
    ] {
        assert_eq!(tree.rename(from, to, flags), Err(errno), "{from} {to}");
    }
    tree.rename("b/c/f", "other", abi::RENAME_EXCHANGE).unwrap();
    assert_eq!((tree.0.file_path(file), tree.read("b/c/f")), (b"/other".to_vec(), Ok("other".into())));
    tree.rename("other", "b/c/f", 0).unwrap();
    assert_eq!((tree.leads("other"), tree.read("b/c/f")), (Err(Errno::ENOENT), Ok("a/f".into())));
}

#[test]
fn removing_directories() {
    let mut tree = Tree::new(&["d/e/", "f"]);
    for (path, errno) in [
        ("d", Errno::ENOTEMPTY),
        ("f", Errno::ENOTDIR),
        ("d/.", Errno::EINVAL),
        ("d/e/..", Errno::ENOTEMPTY),
        ("/", Errno::EBUSY),
        ("x", Errno::ENOENT),
    ] {
        assert_eq!(tree.rmdir(path), Err(errno), "{path}");
    }
    assert_eq!(tree.unlink("d"), Err(Errno::EISDIR));
    assert_eq!(tree.unlink("f/"), Err(Errno::ENOTDIR));
    let dir = tree.walk("d/e", Walk::FOLLOW).unwrap();
    tree.0.vfs.path_get(dir);
    tree.rmdir("d/e/").unwrap();
    let who = tree.who();
    let made = tree.0.make_node(&who, dir, b"x", NewNode::File, 0o644);
    assert_eq!(made, Err(Errno::ENOENT));
    assert_eq!(tree.d_path(dir), "/d/e (deleted)");
    tree.0.path_put(dir);
}

#[test]
fn mounts_stack_hide_and_come_off() {
    let mut tree = Tree::new(&["m/below", "elsewhere/"]);
    let under = tree.0.vfs.mounts.len();
    tree.mount("m");
    assert_eq!(tree.leads("m/below"), Err(Errno::ENOENT));
    tree.0.install_file(b"/m/above", 0o644, &b"above"[..]).unwrap();
    assert_eq!(tree.leads("m/above/..").err(), Some(Errno::ENOTDIR));
    assert_eq!(tree.leads("m/.."), Ok("/".into()));
    assert_eq!(tree.rmdir("m"), Err(Errno::EBUSY));
    tree.mount("m");
    assert_eq!(tree.leads("m/above"), Err(Errno::ENOENT));
    let top = tree.walk("m", Walk::FOLLOW).unwrap();
    tree.0.unmount(top, false).unwrap();
    assert_eq!(tree.read("m/above").as_deref(), Ok("above"));

    let file = tree.open("m/above", OpenFlags::O_RDONLY).unwrap();
    let top = tree.walk("m", Walk::FOLLOW).unwrap();
    assert_eq!(tree.0.unmount(top, false), Err(Errno::EBUSY));
    tree.0.unmount(top, true).unwrap();
    assert_eq!(tree.read("m/below").as_deref(), Ok("m/below"));
    let mut buf = [0; 5];
    assert_eq!(tree.0.file_read(Tid(0), file, None, &mut buf), Ok(5));
    tree.0.put_file(file);
    assert_eq!(tree.0.vfs.mounts.len(), under);
    let root = tree.0.vfs.root();
    assert_eq!(tree.0.unmount(root, false), Err(Errno::EINVAL));
}

#[test]
fn bind_mounts_share_files_and_have_their_own_flags() {
    let mut tree = Tree::new(&["a/f", "b/"]);
    let (from, on) = (tree.walk("a", Walk::FOLLOW).unwrap(), tree.walk("b", Walk::FOLLOW).unwrap());
    tree.0.bind_mount(from, on, false).unwrap();
    assert_eq!(tree.read("b/f").as_deref(), Ok("a/f"));
    assert_eq!(tree.leads("b/f"), Ok("/b/f".into()));
    let top = tree.walk("b", Walk::FOLLOW).unwrap();
    tree.0.remount(top, MountFlags::MS_BIND | MountFlags::MS_RDONLY, b"").unwrap();
    assert_eq!(tree.open("b/f", OpenFlags::O_WRONLY), Err(Errno::EROFS));
    assert_eq!(tree.unlink("b/f"), Err(Errno::EROFS));
    assert!(tree.open("a/f", OpenFlags::O_WRONLY).is_ok());
    assert_eq!(tree.rename("a/f", "b/g", 0), Err(Errno::EXDEV));
    let text = String::from_utf8(tree.0.vfs.proc_mounts(tree.0.vfs.root())).unwrap();
    assert_eq!(text, "rootfs / rootfs rw 0 0\nrootfs /b rootfs ro 0 0\n");
}

/// Each recursive bind of everything doubles what there is.
#[test]
fn mounts_are_limited() {
    let mut tree = Tree::new(&["b/"]);
    let (root, on) = (tree.0.vfs.root(), tree.walk("b", Walk::FOLLOW).unwrap());
    let under = tree.0.vfs.mounts.len();
    let full = (0..20).find_map(|_| tree.0.bind_mount(root, on, true).err());
    assert_eq!(full, Some(Errno::ENOSPC));
    while let Ok(top) = tree.walk("b", Walk::FOLLOW)
        && tree.0.unmount(top, true).is_ok()
    {}
    assert_eq!(tree.0.vfs.mounts.len(), under);
}

#[test]
fn others_are_kept_out() {
    let mut tree = Tree::new(&["open/f", "shut/f", "sticky/f"]);
    let set = |tree: &mut Tree, path: &str, mode| {
        let place = tree.walk(path, Walk::FOLLOW).unwrap();
        tree.0.set_path_attr(place, &SetAttr { mode: Some(mode), ..SetAttr::default() }).unwrap();
    };
    set(&mut tree, "open", 0o777);
    set(&mut tree, "shut", 0o700);
    set(&mut tree, "sticky", 0o1777);
    let user = tree.user(1000);
    let root = user.root;
    assert_eq!(tree.0.path_at(&user, root, b"shut/f", Walk::FOLLOW), Err(Errno::EACCES));
    let open = |tree: &mut Tree, path: &[u8], flags| tree.0.open_at(&user, root, path, flags, 0o600, Walk::empty());
    assert_eq!(open(&mut tree, b"open/f", OpenFlags::O_WRONLY).err(), Some(Errno::EACCES));
    let made = open(&mut tree, b"open/mine", OpenFlags::O_CREAT | OpenFlags::O_RDWR);
    assert!(made.is_ok());
    let mine = tree.walk("open/mine", Walk::FOLLOW).unwrap();
    assert_eq!(tree.0.path_attr(mine).unwrap().uid, 1000);
    assert_eq!(tree.0.unlink(&user, root, b"sticky/f"), Err(Errno::EPERM));
    assert_eq!(tree.0.unlink(&user, root, b"open/f"), Ok(()));
}

#[test]
fn a_fifo_opens_once_both_ends_are_there() {
    let mut tree = Tree::new(&[]);
    let who = tree.who();
    tree.0.mknod(&who, who.root, b"p", S_IFIFO | 0o600, 0).unwrap();
    assert_eq!(tree.open("p", OpenFlags::O_RDONLY), Err(Errno::EAGAIN));
    assert_eq!(tree.open("p", OpenFlags::O_WRONLY | OpenFlags::O_NONBLOCK), Err(Errno::ENXIO));
    let reader = tree.open("p", OpenFlags::O_RDONLY | OpenFlags::O_NONBLOCK).unwrap();
    let writer = tree.open("p", OpenFlags::O_WRONLY).unwrap();
    let mut buf = [0; 8];
    assert!(matches!(tree.0.file_read(Tid(0), reader, None, &mut buf), Err(IoError::Block(_))));
    assert_eq!(tree.0.file_write(Tid(0), writer, None, b"hello", 5), Ok(5));
    tree.0.put_file(writer);
    assert_eq!(tree.0.file_read(Tid(0), reader, None, &mut buf), Ok(5));
    assert_eq!(tree.0.file_read(Tid(0), reader, None, &mut buf), Ok(0));
    tree.0.put_file(reader);
    assert!(tree.0.vfs.pipes.is_empty() && tree.0.vfs.fifos.is_empty());
}

#[test]
fn anonymous_pipes_show_their_number_and_leave_nothing() {
    let mut tree = Tree::new(&[]);
    let before = (tree.0.vfs.dentries.len(), tree.0.vfs.in_use.len());
    let (reader, writer) = tree.0.new_pipe(Tid(0), OpenFlags::empty()).unwrap();
    let path = String::from_utf8(tree.0.file_path(reader)).unwrap();
    assert!(path.starts_with("pipe:[") && path.ends_with(']'), "{path}");
    assert_eq!(tree.0.file_attr(writer).unwrap().mode & S_IFMT, S_IFIFO);
    tree.0.put_file(reader);
    assert_eq!(tree.0.file_write(Tid(0), writer, None, b"x", 1), Err(Errno::EPIPE.into()));
    tree.0.put_file(writer);
    assert_eq!((tree.0.vfs.dentries.len(), tree.0.vfs.in_use.len()), before);
}

#[test]
fn images_stay_inside_the_root() {
    let mut writer = cpio::Writer::new();
    writer.add(b"/etc/passwd", 0o644, 5, b"old");
    writer.add(b"../../etc/passwd", 0o600, 9, b"new");
    writer.add(b"out", abi::S_IFLNK | 0o777, 0, b"/etc");
    writer.add(b"out/shadow", 0o644, 0, b"s");
    writer.add(b"etc", S_IFDIR | 0o711, 7, b"");
    writer.add(b"x", S_IFDIR | 0o755, 0, b"");
    writer.add(b"x", 0o644, 0, b"file now");
    let mut tree = Tree::new(&[]);
    tree.0.unpack_initramfs(&writer.finish()).unwrap();
    assert_eq!(tree.read("etc/passwd").as_deref(), Ok("new"));
    assert_eq!(tree.read("etc/shadow").as_deref(), Ok("s"));
    assert_eq!(tree.read("x").as_deref(), Ok("file now"));
    let etc = tree.walk("etc", Walk::FOLLOW).unwrap();
    let attr = tree.0.path_attr(etc).unwrap();
    assert_eq!((attr.mode, attr.mtime.sec), (S_IFDIR | 0o711, 7));
}

#[test]
fn hard_links_in_images_share_an_inode_wherever_the_data_is() {
    let entry = |name, data| cpio::Entry {
        ino: 7,
        mode: 0o100755,
        uid: 0,
        gid: 0,
        nlink: 2,
        mtime: 0,
        dev: (0, 1),
        rdev: (0, 0),
        name,
        data,
    };
    for (first, second) in [(&b"data"[..], &b""[..]), (b"", b"data")] {
        let mut writer = cpio::Writer::new();
        writer.entry(&entry(b"a", first));
        writer.entry(&entry(b"b", second));
        let mut tree = Tree::new(&[]);
        tree.0.unpack_initramfs(&writer.finish()).unwrap();
        assert_eq!((tree.read("a").as_deref(), tree.read("b").as_deref()), (Ok("data"), Ok("data")));
        let (a, b) = (tree.walk("a", Walk::empty()).unwrap(), tree.walk("b", Walk::empty()).unwrap());
        assert_eq!(tree.0.vfs.inode(a), tree.0.vfs.inode(b));
    }
}

#[test]
fn an_image_larger_than_memory_names_the_entry() {
    let mut writer = cpio::Writer::new();
    writer.add(b"small", 0o644, 0, b"x");
    writer.add(b"big", 0o644, 0, &vec![1; 1 << 20]);
    let mut kernel = Kernel::new(Config { memory: 64 << 10, ..Config::default() }, &[]);
    let error = kernel.unpack_initramfs(&writer.finish()).unwrap_err();
    assert_eq!(error.to_string(), "big: does not fit in the guest's memory");
}

#[test]
fn cached_names_do_not_pile_up() {
    let mut tree = Tree::new(&["d/"]);
    for i in 0..20000 {
        let name = format!("d/{i}");
        let file = tree.open(&name, OpenFlags::O_CREAT | OpenFlags::O_WRONLY).unwrap();
        tree.0.put_file(file);
        tree.0.vfs.shrink_dentries();
    }
    assert!(tree.0.vfs.dentries.len() < 10000, "{}", tree.0.vfs.dentries.len());
    assert_eq!(tree.leads("d/777"), Ok("/d/777".into()));
}

#[test]
fn a_running_program_cannot_be_written_nor_an_open_one_run() {
    let mut tree = Tree::new(&[]);
    tree.0.install_file(b"/prog", 0o755, &b"#!"[..]).unwrap();
    let root = tree.0.vfs.root();
    let file = tree.open("prog", OpenFlags::O_WRONLY).unwrap();
    let _ = root;
    assert_eq!(tree.0.open_exec(Tid(0), abi::AT_FDCWD, b"/prog", 0), Err(Errno::ETXTBSY));
    tree.0.put_file(file);
    let program = tree.0.open_exec(Tid(0), abi::AT_FDCWD, b"/prog", 0).unwrap();
    assert_eq!(tree.open("prog", OpenFlags::O_WRONLY), Err(Errno::ETXTBSY));
    tree.0.put_file(program);
    assert!(tree.open("prog", OpenFlags::O_WRONLY).is_ok());
}
