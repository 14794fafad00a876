//! Sockets that only messages in each other's queues still refer to (net/unix/garbage.c).
use super::Net;
use crate::Kernel;
use crate::vfs::{FileId, FileKind};
use std::collections::{BTreeMap, BTreeSet};

impl Net {
    /// The files in the queues of a socket and of the connections that wait at it.
    fn files_of(&self, id: u64) -> Vec<FileId> {
        let Some(socket) = self.sockets.get(&id) else { return Vec::new() };
        let waiting = socket.pending.iter().filter_map(|id| self.sockets.get(id));
        let queues = std::iter::once(socket).chain(waiting).map(|socket| &socket.queue);
        queues.flatten().flat_map(|message| message.rights.iter().copied()).collect()
    }
}

impl Kernel {
    /// A descriptor of a socket was closed while messages refer to files: what can be reached from no descriptor any more is
    /// dropped.
    pub(crate) fn unix_gc(&mut self) {
        if self.net.in_flight == 0 || self.net.putting {
            return;
        }
        let mut in_flight: BTreeMap<FileId, u32> = BTreeMap::new();
        for socket in self.net.sockets.values() {
            for &file in socket.queue.iter().flat_map(|message| &message.rights) {
                *in_flight.entry(file).or_default() += 1;
            }
        }
        let socket_of = |kernel: &Kernel, file: FileId| match kernel.vfs.file(file).kind {
            FileKind::Socket(id) => Some(id),
            _ => None,
        };
        let candidates: BTreeSet<u64> = in_flight
            .iter()
            .filter(|&(&file, &count)| self.vfs.file(file).uses() == count)
            .filter_map(|(&file, _)| socket_of(self, file))
            .collect();
        if candidates.is_empty() {
            return;
        }
        let held = self.net.sockets.iter().filter(|(id, socket)| socket.file.is_some() && !candidates.contains(id));
        let mut todo: Vec<u64> = held.map(|(&id, _)| id).collect();
        let mut reached = BTreeSet::new();
        while let Some(id) = todo.pop() {
            for file in self.net.files_of(id) {
                todo.extend(socket_of(self, file).filter(|&id| reached.insert(id)));
            }
        }
        for id in candidates.difference(&reached) {
            let with = self.net.sockets.get(id).map(|socket| socket.pending.clone()).unwrap_or_default();
            for id in std::iter::once(*id).chain(with) {
                if let Some(socket) = self.net.sockets.get_mut(&id) {
                    let queue = std::mem::take(&mut socket.queue);
                    self.drop_messages(queue);
                }
            }
        }
    }
}
