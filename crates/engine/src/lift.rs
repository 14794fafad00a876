//! From guest bytes to a block. Where a block ends depends on the code alone, never on budgets or history.
use arch::Arch;
use ir::{Block, Builder, Flow, Trap};
use mmu::{Access, Fault, FrameId, Memory, PAGE_SIZE, page_floor};

/// The most instructions of a block.
pub const MAX_INSNS: u32 = 64;
/// The most bytes of an instruction of any architecture.
pub(crate) const MAX_BYTES: usize = 16;

/// Whether the block at `from` may be linked to the one at `to`: that is in the same page, and so are all bytes of its first
/// instruction, however long.
pub fn linkable(from: u64, to: u64) -> bool {
    page_floor(from) == page_floor(to) && to % PAGE_SIZE <= PAGE_SIZE - MAX_BYTES as u64
}

/// A block and the frames its bytes are in; the second only for an instruction that crosses into the next page, which is
/// a block by itself.
pub(crate) struct Lifted {
    pub(crate) block: Block,
    pub(crate) frame: FrameId,
    pub(crate) second: Option<FrameId>,
}

/// Lifts the block at `pc`; fails if its first instruction cannot be fetched.
pub(crate) fn lift(arch: &'static Arch, mem: &mut Memory, pc: u64) -> Result<Lifted, Fault> {
    let frame = mem.space().translate(pc, Access::Execute)?;
    let offset = (pc % PAGE_SIZE) as usize;
    let page = &mem.pool().bytes(frame)[offset..];
    let mut out = Builder::new(pc);
    let mut at = 0;
    while at < page.len() && out.insns() < MAX_INSNS {
        let code = &page[at..page.len().min(at + MAX_BYTES)];
        let here = pc.wrapping_add(at as u64);
        let mark = out.mark();
        out.insn(here);
        match arch.isa.lift(here, code, &mut out) {
            Flow::Next(len) => at += len.max(1) as usize,
            Flow::End(len) => {
                at += len as usize;
                break;
            }
            Flow::Truncated if at == 0 => return lift_crossing(arch, mem, pc, frame),
            Flow::Truncated => {
                out.rewind(mark);
                break;
            }
        }
    }
    Ok(Lifted { block: checked(out.finish(pc.wrapping_add(at as u64))), frame, second: None })
}

/// Lifts the one instruction at `pc`, which goes on in the next page.
fn lift_crossing(arch: &'static Arch, mem: &mut Memory, pc: u64, frame: FrameId) -> Result<Lifted, Fault> {
    let mut buf = [0; MAX_BYTES];
    let (_, len) = mem.fetch(pc, &mut buf)?;
    let next_page = page_floor(pc).wrapping_add(PAGE_SIZE);
    let second = mem.space().translate(next_page, Access::Execute)?;
    let mut out = Builder::new(pc);
    out.insn(pc);
    let len = match arch.isa.lift(pc, &buf[..len], &mut out) {
        Flow::Next(len) | Flow::End(len) => len,
        Flow::Truncated if len < MAX_BYTES => {
            return Err(Fault { addr: pc.wrapping_add(len as u64), access: Access::Execute });
        }
        // No architecture has instructions this long.
        Flow::Truncated => {
            out.trap(Trap::Illegal, pc);
            len as u64
        }
    };
    Ok(Lifted { block: checked(out.finish(pc.wrapping_add(len))), frame, second: Some(second) })
}

/// The one instruction at `pc` in its assisted form.
pub(crate) fn lift_assisted(arch: &'static Arch, mem: &mut Memory, pc: u64) -> Result<Block, Fault> {
    let mut buf = [0; MAX_BYTES];
    let (_, len) = mem.fetch(pc, &mut buf)?;
    let mut out = Builder::new(pc);
    out.insn(pc);
    match arch.isa.lift_assisted(pc, &buf[..len], &mut out) {
        Flow::Next(len) | Flow::End(len) => Ok(checked(out.finish(pc.wrapping_add(len)))),
        Flow::Truncated => Err(Fault { addr: pc.wrapping_add(len as u64), access: Access::Execute }),
    }
}

/// In debug builds, panics on a block that breaks the IR's rules: that is a lifter's mistake, whatever the guest does.
fn checked(block: Block) -> Block {
    if cfg!(debug_assertions)
        && let Err(error) = ir::verify(&block)
    {
        panic!("lifted block at {:#x}: {error}: {:#?}", block.pc, block.ops);
    }
    block
}
