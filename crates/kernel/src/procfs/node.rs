//! The inodes of procfs: their numbers say what they are.
use super::Place;
use crate::vfs::Ino;
use crate::{NsId, Tid};

/// One inode. Indices are into the tables of the module that owns the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Root,
    RootEntry(u32),
    SysDir(u32),
    Sysctl(u32),
    /// /proc/PID, or /proc/PID/task/TID.
    Process(Place),
    ProcessEntry(Place, u32),
    /// A link in fd.
    Fd(Place, u32),
    FdInfo(Place, u32),
    /// A link in ns.
    Ns(Place, u32),
}

const TAG: u32 = 56;
const THREAD: u64 = 1 << 55;
const TID: u32 = 24;
const INDEX: u64 = (1 << TID) - 1;

impl Node {
    pub(super) fn ino(self) -> Ino {
        let whose = |place: Place| u64::from(place.tid.0) << TID | if place.thread { THREAD } else { 0 };
        let (tag, rest) = match self {
            Node::Root => (1, 0),
            Node::RootEntry(at) => (2, u64::from(at)),
            Node::SysDir(at) => (3, u64::from(at)),
            Node::Sysctl(at) => (4, u64::from(at)),
            Node::Process(place) => (5, whose(place)),
            Node::ProcessEntry(place, at) => (6, whose(place) | u64::from(at)),
            Node::Fd(place, fd) => (7, whose(place) | u64::from(fd) & INDEX),
            Node::FdInfo(place, fd) => (8, whose(place) | u64::from(fd) & INDEX),
            Node::Ns(place, at) => (9, whose(place) | u64::from(at)),
        };
        Ino(tag << TAG | rest)
    }

    /// The inode of a number in the instance of a pid namespace; one that is none is the root.
    pub(super) fn of(ino: Ino, ns: NsId) -> Node {
        let index = (ino.0 & INDEX) as u32;
        let tid = (ino.0 & (THREAD - 1)) >> TID;
        let place = Place { tid: Tid(tid as u32), thread: ino.0 & THREAD != 0, ns };
        match ino.0 >> TAG {
            2 => Node::RootEntry(index),
            3 => Node::SysDir(index),
            4 => Node::Sysctl(index),
            5 => Node::Process(place),
            6 => Node::ProcessEntry(place, index),
            7 => Node::Fd(place, index),
            8 => Node::FdInfo(place, index),
            9 => Node::Ns(place, index),
            _ => Node::Root,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_both_ways() {
        let places = [
            Place { tid: Tid(1), thread: false, ns: NsId::PID },
            Place { tid: Tid(4_194_303), thread: true, ns: NsId::PID },
            Place { tid: Tid(77), thread: true, ns: NsId::PID },
        ];
        for place in places {
            for node in
                [Node::Process(place), Node::ProcessEntry(place, 40), Node::Fd(place, 1 << 20), Node::FdInfo(place, 3)]
            {
                assert_eq!(Node::of(node.ino(), NsId::PID), node);
            }
        }
        for node in [Node::Root, Node::RootEntry(7), Node::SysDir(2), Node::Sysctl(9)] {
            assert_eq!(Node::of(node.ino(), NsId::PID), node);
        }
    }
}
