//! The saved form of a frame pool: the frames in use, and of their bytes those that are not zero. Views and the marks of
//! translated code belong to the engine that runs, not to the machine.
use super::arena::{Arenas, ZEROS};
use super::{Frame, FrameId, FramePool};
use crate::PAGE_SIZE;
use crate::view::Views;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteArray, Bytes};
use std::collections::{BTreeMap, BTreeSet};

/// `B`: the bytes of a page, borrowed on the way out.
#[derive(Serialize, Deserialize)]
struct Saved<B> {
    limit: usize,
    next_space: u64,
    /// Numbers not in use.
    free: Vec<FrameId>,
    /// Frames in use: number, users, bytes unless all are zero.
    frames: Vec<(FrameId, u32, Option<B>)>,
    /// Exclusive monitors: frame, granule, owner.
    monitors: Vec<(FrameId, u8, u64)>,
}

impl Serialize for FramePool {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let numbered = self.frames.iter().enumerate().filter(|(_, frame)| frame.arena.is_some());
        let frames = numbered.map(|(number, frame)| {
            let id = FrameId(number as u32);
            let bytes = self.bytes(id);
            (id, frame.users, (*bytes != ZEROS).then(|| Bytes::new(bytes)))
        });
        Saved {
            limit: self.limit,
            next_space: self.next_space,
            free: self.free.iter().copied().collect(),
            frames: frames.collect(),
            monitors: self.monitors.iter().copied().collect(),
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for FramePool {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<FramePool, D::Error> {
        let saved = Saved::<ByteArray<{ PAGE_SIZE as usize }>>::deserialize(from)?;
        // Every number is in use or free, so the file's length bounds the table.
        let numbers = saved.frames.len() + saved.free.len();
        let used = saved.frames.len();
        let mut frames: Vec<Option<Frame>> = (0..numbers).map(|_| None).collect();
        let free = saved.free.iter().map(|&id| (id, Frame { arena: None, users: 0, code: false }));
        let mut arenas = Arenas::default();
        let full = saved.frames.into_iter().map(|(id, users, bytes)| {
            let bytes = bytes.map_or(ZEROS, ByteArray::into_array);
            // What no number is in order is refused below, before memory is asked for it.
            let arena = ((id.0 as usize) < numbers).then(|| arenas.take(id, &bytes));
            (id, Frame { arena, users, code: false })
        });
        for (id, frame) in free.chain(full) {
            match frames.get_mut(id.0 as usize) {
                Some(slot @ None) => *slot = Some(frame),
                _ => return Err(D::Error::custom(format!("frame {}: twice, or one of {numbers}", id.0))),
            }
        }
        if used > saved.limit {
            return Err(D::Error::custom(format!("{used} frames in use of {}", saved.limit)));
        }
        Ok(FramePool {
            frames: frames.into_iter().flatten().collect(),
            arenas,
            free: saved.free.into_iter().collect(),
            used,
            limit: saved.limit,
            views: Views::default(),
            dirty_code: Vec::new(),
            monitor_of: saved
                .monitors
                .iter()
                .map(|&(id, granule, owner)| (owner, (id, granule)))
                .collect::<BTreeMap<_, _>>(),
            monitors: saved.monitors.into_iter().collect(),
            runs: 0,
            trusted: BTreeSet::new(),
            next_space: saved.next_space,
        })
    }
}
