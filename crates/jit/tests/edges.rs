//! Every operation that touches memory, at every byte around every edge there is: of pages whose neighbours are not there, not to be
//! written, or code; of the addresses that a view covers; of 2^63 and of 2^64. Compiled, it stops where the interpreter stops, for
//! the same address, with the same registers and the same memory. A debug build checks every single access besides.
use arch::{Arch, Cpu, ElfIdent, Exit, Isa};
use engine::{Clock, Engine, Tiers};
use ir::{Builder, Flow, MemTy, Reg, RmwOp, Slot, Ty};
use jit::Jit;
use mmu::{AddressSpace, FrameId, FramePool, Memory, PAGE_SIZE, Perms, Pte, VIEW_ADDRESS_BITS};
use oracle::NoLinux;

/// The address at hand, and others that lead there: by so much too great or too small, and half of it by an index.
const AT: Reg = Reg(0);
const LESS: Reg = Reg(1);
const MORE: Reg = Reg(2);
const FAR_LESS: Reg = Reg(3);
const FAR_MORE: Reg = Reg(4);
const HALF: Reg = Reg(5);
const INDEX: Reg = Reg(6);
/// Four slots of data, and where what is loaded goes.
const DATA: Reg = Reg(8);
const TO: Reg = Reg(16);
/// Instructions are four bytes: the number of a row.
const LEN: u64 = 4;

/// How an operation says its address.
#[derive(Clone, Copy)]
enum Form {
    At(Reg, i32),
    Indexed(u8, i32),
}

const FORMS: [Form; 7] = [
    Form::At(AT, 0),
    Form::At(LESS, 24),
    Form::At(MORE, -1),
    Form::At(FAR_LESS, i32::MAX),
    Form::At(FAR_MORE, i32::MIN),
    Form::Indexed(0, 0),
    Form::Indexed(3, -56),
];

#[derive(Clone, Copy)]
enum Row {
    Load(MemTy, Form),
    Store(MemTy, Form),
    /// Of what a load has just given, at a distance: neighbours that one check may do for.
    Neighbours(MemTy, i32),
    Copy(MemTy, i32),
    Probe(u8),
    /// The same, and a load of the first byte: a run that only reads otherwise.
    Probed(u8),
    /// The same, and two stores there, the first byte's first or last.
    Pair(MemTy, bool),
    /// At an address that is nearly constant, or a difference.
    Near(MemTy, i32),
    Rmw(RmwOp, Ty),
    Cas(Ty),
    Cas128(bool),
    LoadEx(Ty, bool),
    StoreEx(Ty, bool),
    /// Both in one instruction, so that the store is made.
    Exclusive(Ty, bool),
}

const TYS: [Ty; 4] = [Ty::I8, Ty::I16, Ty::I32, Ty::I64];
#[rustfmt::skip]
const TYPES: [MemTy; 9] = [
    MemTy::U8, MemTy::U16, MemTy::U32, MemTy::U64, MemTy::S8, MemTy::S16, MemTy::S32, MemTy::V128, MemTy::V256,
];
#[rustfmt::skip]
const RMWS: [RmwOp; 11] = [
    RmwOp::Swap, RmwOp::Add, RmwOp::Sub, RmwOp::And, RmwOp::Or, RmwOp::Xor, RmwOp::AndNot, RmwOp::MinS, RmwOp::MinU, RmwOp::MaxS,
    RmwOp::MaxU,
];

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for ty in TYPES {
        rows.extend(FORMS.map(|form| Row::Load(ty, form)));
        rows.extend([-8, 1, 8, 4088, 4096].map(|by| Row::Neighbours(ty, by)));
        if !matches!(ty, MemTy::S8 | MemTy::S16 | MemTy::S32) {
            rows.extend(FORMS.map(|form| Row::Store(ty, form)));
            rows.extend([-8, 8, 4096].map(|by| Row::Copy(ty, by)));
        }
    }
    rows.extend([1, 2, 4, 8, 16, 32].map(Row::Probe));
    rows.extend([1, 2, 4, 8, 16, 32].map(Row::Probed));
    for ty in [MemTy::U8, MemTy::U16, MemTy::U32, MemTy::U64, MemTy::V128] {
        rows.extend([true, false].map(|up| Row::Pair(ty, up)));
    }
    rows.extend(
        [MemTy::U8, MemTy::U64].into_iter().flat_map(|ty| [0, -9, 4096, -4096, i32::MIN].map(|by| Row::Near(ty, by))),
    );
    rows.extend([true, false].map(Row::Cas128));
    for ty in TYS {
        rows.extend(RMWS.map(|op| Row::Rmw(op, ty)));
        rows.push(Row::Cas(ty));
        for pair in [false, true].into_iter().filter(|pair| !pair || ty.bytes() >= 4) {
            rows.extend([Row::LoadEx(ty, pair), Row::StoreEx(ty, pair), Row::Exclusive(ty, pair)]);
        }
    }
    rows
}

fn lift(row: Row, out: &mut Builder) {
    match row {
        Row::Load(ty, form) => {
            let value = match form {
                Form::At(base, disp) => out.load(ty, base, disp),
                Form::Indexed(scale, disp) => out.load_x(ty, HALF, INDEX, scale, disp),
            };
            out.set_n(ty.slots(), TO, value);
        }
        Row::Store(ty, Form::At(base, disp)) => out.store(ty, DATA, base, disp),
        Row::Store(ty, Form::Indexed(scale, disp)) => out.store_x(ty, DATA, HALF, INDEX, scale, disp),
        Row::Neighbours(ty, by) => {
            let (one, other) = (out.load(ty, AT, 0), out.load(ty, AT, by));
            out.set_n(ty.slots(), TO, one);
            out.set_n(ty.slots(), TO.up(4), other);
        }
        Row::Copy(ty, by) => {
            let value = out.load(ty, AT, 0);
            out.store(ty, value, AT, by);
            out.set_n(ty.slots(), TO, value);
        }
        Row::Probe(bytes) => out.probe_write(bytes, AT, 0),
        Row::Probed(bytes) => {
            out.probe_write(bytes, AT, 0);
            let value = out.load(MemTy::U8, AT, 0);
            out.set(TO, value);
        }
        Row::Pair(ty, up) => {
            let bytes = ty.bytes();
            out.probe_write(2 * bytes, AT, 0);
            let offsets = [0, bytes.into()];
            for at in if up { offsets } else { [offsets[1], offsets[0]] } {
                out.store(ty, DATA, AT, at);
            }
        }
        Row::Near(ty, by) => {
            // What is known of the one address is known of the others, as far as it goes.
            let value = out.load(ty, AT, 0);
            let index = out.load(MemTy::U8, AT, 0);
            let base = out.add_imm(Ty::I64, AT, by.into());
            let near = out.lea(base, index, 3, -8);
            let other = out.load(ty, near, 0);
            let back = out.add_imm(Ty::I64, base, -i64::from(by));
            let again = out.load_x(ty, back, index, 0, 1);
            out.set(TO, value);
            out.set(TO.up(1), other);
            out.set(TO.up(2), again);
        }
        Row::Rmw(op, ty) => {
            let old = out.atomic(op, ty, AT, DATA);
            out.set(TO, old);
        }
        Row::Cas(ty) => {
            // It succeeds at every other address or so.
            let expect = out.load(MemTy::U8, AT, 0);
            let old = out.cas(ty, AT, expect, DATA);
            out.set(TO, old);
        }
        Row::Cas128(aligned) => {
            let expect = out.load(MemTy::V128, AT, 0);
            let old = out.cas128(aligned, AT, expect, DATA);
            out.set_n(2, TO, old);
        }
        Row::LoadEx(ty, pair) => {
            let value = out.load_ex(ty, pair, AT);
            out.set_n(1 + pair as u8, TO, value);
        }
        Row::StoreEx(ty, pair) => {
            let failed = out.store_ex(ty, pair, AT, DATA);
            out.set(TO, failed);
        }
        Row::Exclusive(ty, pair) => {
            let value = out.load_ex(ty, pair, AT);
            let failed = out.store_ex(ty, pair, AT, DATA);
            out.set_n(1 + pair as u8, TO, value);
            out.set(TO.up(2), failed);
        }
    }
}

struct EdgeIsa;

impl Isa for EdgeIsa {
    fn lift(&self, pc: u64, code: &[u8], out: &mut Builder) -> Flow {
        let Some(number) = code.first_chunk() else { return Flow::Truncated };
        lift(rows()[u32::from_le_bytes(*number) as usize], out);
        out.syscall(pc + LEN);
        Flow::End(LEN)
    }
    fn disassemble(&self, _: u64, _: &[u8]) -> (usize, String) {
        (LEN as usize, String::new())
    }
    fn slot_name(&self, _: Slot) -> Option<String> {
        None
    }
    fn canonical(&self, cpu: &Cpu) -> Vec<u64> {
        cpu.slots[..32].to_vec()
    }
    fn hot_slots(&self) -> &'static [Reg] {
        &[AT, MORE, INDEX, DATA, TO]
    }
}

static EDGES: Arch = Arch {
    name: "edges",
    elf: ElfIdent { machine: 0, is_64: true, big_endian: false },
    task_size: 1 << 63,
    isa: &EdgeIsa,
    abi: &NoLinux,
};

const RW: Perms = Perms { read: true, write: true, execute: false };
const RO: Perms = Perms { read: true, write: false, execute: false };
const WO: Perms = Perms { read: false, write: true, execute: false };
const RX: Perms = Perms { read: true, write: false, execute: true };
const CODE: u64 = 0x40_0000;
const PAGE: u64 = 0x1000_0000;
const END_OF_VIEW: u64 = 1 << VIEW_ADDRESS_BITS;
/// The pages that are there; edges are at both ends of each.
const PAGES: [u64; 5] = [0, PAGE, END_OF_VIEW - PAGE_SIZE, 1 << 63, 0u64.wrapping_sub(PAGE_SIZE)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Neighbours {
    Missing,
    ReadOnly,
    WriteOnly,
    Writable,
    Code,
}

/// A CPU, its memory and what runs it.
struct World {
    engine: Engine,
    rows: Vec<Row>,
    cpu: Cpu,
    space: AddressSpace,
    pool: FramePool,
    frames: Vec<FrameId>,
    code: Vec<FrameId>,
}

impl World {
    fn new(engine: Engine, neighbours: Neighbours) -> World {
        let mut pool = FramePool::new(64);
        let mut space = pool.new_space();
        let (mut frames, mut code) = (Vec::new(), Vec::new());
        let mut map = |pool: &mut FramePool, at, perms| {
            let frame = pool.alloc().expect("a frame");
            space.map(pool, at, Pte { frame, perms });
            frame
        };
        for page in PAGES {
            frames.push(map(&mut pool, page, RW));
            for next in [page.wrapping_sub(PAGE_SIZE), page.wrapping_add(PAGE_SIZE)] {
                if neighbours != Neighbours::Missing && !PAGES.contains(&next) {
                    let perms = match neighbours {
                        Neighbours::ReadOnly => RO,
                        Neighbours::WriteOnly => WO,
                        _ => RW,
                    };
                    frames.push(map(&mut pool, next, perms));
                    code.extend((neighbours == Neighbours::Code).then_some(frames[frames.len() - 1]));
                }
            }
        }
        for (n, &frame) in frames.iter().enumerate() {
            let bytes: Vec<u8> = (0..PAGE_SIZE).map(|i| (i as u8).wrapping_mul(29).wrapping_add(n as u8)).collect();
            pool.write(frame, 0, &bytes, None);
        }
        let text: Vec<u8> = (0..rows().len() as u32).flat_map(u32::to_le_bytes).collect();
        for (n, text) in text.chunks(PAGE_SIZE as usize).enumerate() {
            let frame = map(&mut pool, CODE + n as u64 * PAGE_SIZE, RX);
            pool.write(frame, 0, text, None);
        }
        World { engine, rows: rows(), cpu: Cpu::new(&EDGES), space, pool, frames, code }
    }

    /// Runs a row at an address; gives the exit, the pc and the registers.
    fn run(&mut self, row: usize, at: u64) -> (Exit, u64, u64, &[u64]) {
        for &frame in &self.code {
            self.pool.mark_code(frame);
        }
        self.cpu.pc = CODE + LEN * row as u64;
        self.cpu.slots[..32].fill(0x5555);
        let index = if at & 1 == 0 { 0x1234_5678 } else { u64::MAX };
        for (r, value) in [
            (AT, at),
            (LESS, at.wrapping_sub(24)),
            (MORE, at.wrapping_add(1)),
            (FAR_LESS, at.wrapping_sub(i32::MAX as u64)),
            (FAR_MORE, at.wrapping_add(1 << 31)),
        ] {
            self.cpu.set(r, value);
        }
        for (n, word) in [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, at ^ 0x55aa, !at].into_iter().enumerate() {
            self.cpu.set(DATA.up(n as u8), word);
        }
        if let Row::Load(_, Form::Indexed(scale, disp)) | Row::Store(_, Form::Indexed(scale, disp)) = self.rows[row] {
            self.cpu.set(INDEX, index);
            self.cpu.set(HALF, at.wrapping_sub(index << scale).wrapping_sub(disp as u64));
        }
        let mut mem = Memory::new(&mut self.space, &mut self.pool, 1, u64::MAX);
        let run = self.engine.run(&mut self.cpu, &mut mem, Clock { now: 0, carry: 0, share: 1 }, 1);
        (run.exit, run.ticks, self.cpu.pc, &self.cpu.slots[..32])
    }

    fn pages(&self) -> Vec<&[u8; PAGE_SIZE as usize]> {
        self.frames.iter().map(|&frame| self.pool.bytes(frame)).collect()
    }
}

/// How memory is accessed.
#[derive(Clone, Copy)]
enum By {
    Table,
    TableOnOldHost,
    Window,
}

fn compare(neighbours: Neighbours, by: By) {
    let jit = Jit::new(0).expect("these tests are for a host with templates");
    let compiler = Box::new(match by {
        By::Table => jit,
        By::TableOnOldHost => jit.baseline(),
        By::Window => jit.with_patience(u32::MAX).with_windows_after(0),
    });
    let mut compiled = World::new(Engine::with_tiers(Tiers::Compiler { compiler, threshold: 1 }), neighbours);
    let mut interpreted = World::new(Engine::new(), neighbours);
    let mut exits = [0; 2];
    for edge in PAGES.into_iter().flat_map(|page| [page, page.wrapping_add(PAGE_SIZE)]) {
        for at in (-41i64..=9).map(|by| edge.wrapping_add(by as u64)) {
            for row in 0..compiled.rows.len() {
                let (a, b) = (compiled.run(row, at), interpreted.run(row, at));
                assert!(a == b, "row {row} at {at:#x}, neighbours {neighbours:?}: {a:x?} against {b:x?}");
                exits[matches!(a.0, Exit::Trap(_)) as usize] += 1;
            }
            assert!(compiled.pages() == interpreted.pages(), "memory, at {at:#x}, neighbours {neighbours:?}");
        }
    }
    let retired = compiled.engine.stats().compiler.expect("a compiler").retired;
    assert!(exits[0] > 50_000 && (neighbours == Neighbours::Writable || exits[1] > 5000), "{exits:?}");
    assert!(retired > 50_000, "only {retired} instructions ran compiled");
}

#[test]
fn at_the_edge_of_nothing() {
    compare(Neighbours::Missing, By::Table);
    compare(Neighbours::Missing, By::Window);
    compare(Neighbours::Missing, By::TableOnOldHost);
}

#[test]
fn at_the_edge_of_what_is_not_to_be_written() {
    compare(Neighbours::ReadOnly, By::Table);
    compare(Neighbours::ReadOnly, By::Window);
}

#[test]
fn at_the_edge_of_what_is_not_to_be_read() {
    compare(Neighbours::WriteOnly, By::Table);
    compare(Neighbours::WriteOnly, By::Window);
}

#[test]
fn at_the_edge_of_more_of_the_same() {
    compare(Neighbours::Writable, By::Table);
    compare(Neighbours::Writable, By::Window);
    compare(Neighbours::Writable, By::TableOnOldHost);
}

#[test]
fn at_the_edge_of_code() {
    compare(Neighbours::Code, By::Table);
    compare(Neighbours::Code, By::Window);
}
