//! When the operations of a block use which slots, told before it is translated: what is needed last is what a register is
//! taken from.
use ir::{Block, Op, Slot, Term, Use};

/// A slot is used: where, how, and when next.
#[derive(Clone, Copy, Debug)]
struct Touch {
    /// The operation; the end of the block is one more.
    at: u16,
    /// Whether its value is read, before it may be written.
    reads: bool,
    /// The next touch of the same slot.
    next: u16,
}

const NONE: u16 = u16::MAX;

/// For each slot, its next touch.
pub(crate) type Heads = [u16; 256];

pub(crate) struct Plan {
    touches: Vec<Touch>,
    /// The first touches in the block.
    pub(crate) first: Heads,
    /// How many operations there are.
    len: u16,
    /// Behind the end comes the start again.
    pub(crate) round: bool,
}

/// What a slot's value is used for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is read after so many operations.
    Read(u16),
    /// It is overwritten after so many.
    Write(u16),
    /// Neither, in this block; its end is so far.
    End(u16),
}

impl Plan {
    /// No block is longer than an engine makes it, which is far below what fits.
    pub(crate) fn of(block: &Block, round: bool) -> Plan {
        let len = block.ops.len() as u16;
        let mut plan = Plan { touches: Vec::with_capacity(3 * block.ops.len()), first: [NONE; 256], len, round };
        let mut term = block.term;
        term.operands(|s| plan.touch(len, *s, Use::Read));
        for (at, op) in block.ops.iter().enumerate().rev() {
            let mut copy = *op;
            // What a comparison for the branch compares may have to last until the end.
            let last = at + 1 == block.ops.len() && matches!(op, Op::Cmp { .. } | Op::CmpImm { .. });
            if last && matches!(block.term, Term::Branch { .. }) {
                copy.operands(|access, s, _| {
                    if access == Use::Read {
                        plan.touch(len, *s, access);
                    }
                });
            }
            copy.operands(|access, s, n| (0..n).for_each(|i| plan.touch(at as u16, s.up(i), access)));
        }
        plan
    }

    /// Notes a touch that no noted one comes before.
    fn touch(&mut self, at: u16, s: Slot, access: Use) {
        let (reads, next) = (access == Use::Read, self.first[s.0 as usize]);
        if let Some(same) = self.touches.get_mut(next as usize).filter(|touch| touch.at == at) {
            same.reads |= reads;
            return;
        }
        self.first[s.0 as usize] = self.touches.len() as u16;
        self.touches.push(Touch { at, reads, next });
    }

    /// The touch that comes next behind the operation at `now`; `heads` move on to it.
    fn ahead(&self, heads: &mut Heads, s: Slot, now: u16) -> Option<Touch> {
        let head = &mut heads[s.0 as usize];
        loop {
            let touch = *self.touches.get(*head as usize)?;
            if touch.at > now {
                return Some(touch);
            }
            *head = touch.next;
        }
    }

    /// What comes next for a slot behind the operation at `now`, perhaps in the next round.
    pub(crate) fn next(&self, heads: &mut Heads, s: Slot, now: u16) -> Next {
        let told = |touch: Touch, far: u16| if touch.reads { Next::Read(far) } else { Next::Write(far) };
        if let Some(touch) = self.ahead(heads, s, now) {
            return told(touch, touch.at - now);
        }
        match self.touches.get(self.first[s.0 as usize] as usize) {
            Some(&touch) if self.round && !s.is_temp() => told(touch, self.len - now + 1 + touch.at),
            _ => Next::End(self.len.saturating_sub(now) + 1),
        }
    }

    /// Whether the value that the operation at `now` leaves is read exactly once, as far as operations say what they read.
    pub(crate) fn read_once(&self, heads: &mut Heads, s: Slot, now: u16) -> bool {
        let Some(touch) = self.ahead(heads, s, now) else { return false };
        touch.reads && self.touches.get(touch.next as usize).is_none_or(|next| !next.reads)
    }
}
