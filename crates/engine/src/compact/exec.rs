//! The loop that executes the compact form.
use super::code::{Code, Opcode, flags_cell, unpack_cond};
use super::jumps::JumpCache;
use crate::access::{self, Leave};
use crate::alu;
use crate::context::Context;
use crate::lift::MAX_INSNS;
use crate::plain::{self, Clock};
use ir::{FLAG_A, FLAG_B, FLAG_C, FLAG_KIND, FlagCond, LazyFlags, Op, Slots};
use mmu::Memory;

/// Why the loop was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    /// On at this address: nothing is known to be there.
    Goto(u64),
    /// On at this place in the code: budget is short, or the block there is dead.
    At(u32),
    /// On where the stub at this place leads; it may be linked.
    Link(u32),
    Syscall(u64),
    /// The end of the block at this place is a trap.
    Trap(u32),
    /// An operation at this place could not complete.
    Stopped(Leave, u32),
}

/// What a run needs besides slots and memory.
pub(crate) struct Running<'a> {
    pub(crate) code: &'a [Code],
    /// Operations that are executed in plain form.
    pub(crate) ops: &'a [Op],
    pub(crate) jumps: &'a JumpCache,
    pub(crate) context: Context,
    pub(crate) clock: &'a Clock,
    pub(crate) budget: u64,
}

/// Executes from the block at `ip` on. `left` is what is left of the budget, at least [`MAX_INSNS`]; blocks are charged to
/// it at their ends, so that when the loop stops inside a block the part of it that retired has not been.
pub(crate) fn run(on: &Running, mut ip: u32, slots: &mut Slots, mem: &mut Memory, left: &mut u64) -> Out {
    let code = on.code;
    let mut budget = *left;
    let out = loop {
        let c = &code[ip as usize];
        // Operands by slot; the indices are bytes, so none needs a check.
        macro_rules! get {
            ($s:expr) => {
                slots[$s as usize]
            };
        }
        macro_rules! set {
            ($value:expr) => {{
                get!(c.d) = $value;
                ip += 1;
            }};
        }
        macro_rules! alu {
            ($t:ty, $f:expr) => {{
                let f: fn($t, $t) -> $t = $f;
                set!(f(get!(c.a) as $t, get!(c.b) as $t) as u64)
            }};
        }
        macro_rules! alu_imm {
            ($t:ty, $f:expr) => {{
                let f: fn($t, $t) -> $t = $f;
                set!(f(get!(c.a) as $t, c.imm as $t) as u64)
            }};
        }
        macro_rules! set_flags {
            ($kind:expr, $a:expr, $b:expr) => {{
                let (a, b) = ($a, $b);
                get!(FLAG_KIND.0) = $kind;
                get!(FLAG_A.0) = a;
                get!(FLAG_B.0) = b;
            }};
        }
        macro_rules! alu_flags {
            ($t:ty, $b:expr, $f:expr) => {{
                let f: fn($t, $t) -> $t = $f;
                let (a, b) = (get!(c.a), $b);
                set_flags!(c.x as u64, a, b);
                set!(f(a as $t, b as $t) as u64)
            }};
        }
        macro_rules! load {
            ($t:ty, $addr:expr, $as:ty) => {{
                let addr: u64 = $addr;
                match mem.load(addr) {
                    Ok(bytes) => set!(<$t>::from_le_bytes(bytes) as $as as u64),
                    Err(stop) => break Out::Stopped(stop.into(), ip),
                }
            }};
        }
        macro_rules! load_vector {
            ($addr:expr) => {{
                let addr: u64 = $addr;
                match mem.load(addr) {
                    Ok(bytes) => {
                        let value = u128::from_le_bytes(bytes);
                        get!(c.d.wrapping_add(1)) = (value >> 64) as u64;
                        set!(value as u64);
                    }
                    Err(stop) => break Out::Stopped(stop.into(), ip),
                }
            }};
        }
        macro_rules! store {
            ($value:expr, $addr:expr) => {{
                let addr: u64 = $addr;
                match mem.store(addr, ($value).to_le_bytes()) {
                    Ok(()) => ip += 1,
                    Err(stop) => break Out::Stopped(stop.into(), ip),
                }
            }};
        }
        macro_rules! vector {
            () => {
                get!(c.d) as u128 | (get!(c.d.wrapping_add(1)) as u128) << 64
            };
        }
        macro_rules! at {
            () => {
                get!(c.a).wrapping_add(c.disp())
            };
        }
        macro_rules! at_x {
            () => {
                get!(c.a).wrapping_add(get!(c.b) << (c.x & 63)).wrapping_add(c.disp())
            };
        }
        // The end of a block: charge it, and go on at `to` if a block of any length still fits.
        macro_rules! end {
            ($to:expr) => {{
                ip = $to;
                budget -= c.d as u64;
                if budget < MAX_INSNS as u64 {
                    break Out::At(ip);
                }
            }};
        }
        macro_rules! branch {
            ($t:ty, $f:expr) => {{
                let f: fn($t, $t) -> bool = $f;
                let (a, b) = (get!(c.a), get!(c.b));
                if c.imm != 0 {
                    set_flags!(flags_cell(c.imm as u8), a, b);
                }
                end!(if f(a as $t, b as $t) { c.x } else { c.y })
            }};
        }
        macro_rules! branch_imm {
            ($t:ty, $f:expr) => {{
                let f: fn($t, $t) -> bool = $f;
                let (a, b) = (get!(c.a), c.disp());
                if c.b != 0 {
                    set_flags!(flags_cell(c.b), a, b);
                }
                end!(if f(a as $t, b as $t) { c.x } else { c.y })
            }};
        }
        // Shifted up, narrow values compare as the wide ones do, signed or not.
        macro_rules! branch_narrow {
            ($t:ty, $f:expr) => {{
                let f: fn($t, $t) -> bool = $f;
                let (a, b) = (get!(c.a), get!(c.b));
                if c.imm & 15 != 0 {
                    set_flags!(flags_cell(c.imm as u8), a, b);
                }
                let by = c.imm as u32 >> 8 & 31;
                end!(if f(((a as u32) << by) as $t, ((b as u32) << by) as $t) { c.x } else { c.y })
            }};
        }
        macro_rules! branch_narrow_imm {
            ($t:ty, $f:expr) => {{
                let f: fn($t, $t) -> bool = $f;
                let (a, b) = (get!(c.a), c.disp());
                if c.b & 15 != 0 {
                    set_flags!(flags_cell(c.b), a, b);
                }
                let by = 24 - ((c.b >> 4) as u32 & 1) * 8;
                end!(if f(((a as u32) << by) as $t, ((b as u32) << by) as $t) { c.x } else { c.y })
            }};
        }
        match c.op {
            Opcode::Const => set!(c.value()),
            Opcode::Mov => set!(get!(c.a)),
            Opcode::Add32 => alu!(u32, |a, b| a.wrapping_add(b)),
            Opcode::Add64 => alu!(u64, |a, b| a.wrapping_add(b)),
            Opcode::Sub32 => alu!(u32, |a, b| a.wrapping_sub(b)),
            Opcode::Sub64 => alu!(u64, |a, b| a.wrapping_sub(b)),
            Opcode::And32 => alu!(u32, |a, b| a & b),
            Opcode::And64 => alu!(u64, |a, b| a & b),
            Opcode::Or32 => alu!(u32, |a, b| a | b),
            Opcode::Or64 => alu!(u64, |a, b| a | b),
            Opcode::Xor32 => alu!(u32, |a, b| a ^ b),
            Opcode::Xor64 => alu!(u64, |a, b| a ^ b),
            Opcode::AndNot32 => alu!(u32, |a, b| a & !b),
            Opcode::AndNot64 => alu!(u64, |a, b| a & !b),
            Opcode::Shl32 => alu!(u32, |a, b| a.wrapping_shl(b)),
            Opcode::Shl64 => alu!(u64, |a, b| a.wrapping_shl(b as u32)),
            Opcode::Shr32 => alu!(u32, |a, b| a.wrapping_shr(b)),
            Opcode::Shr64 => alu!(u64, |a, b| a.wrapping_shr(b as u32)),
            Opcode::Sar32 => alu!(u32, |a, b| (a as i32).wrapping_shr(b) as u32),
            Opcode::Sar64 => alu!(u64, |a, b| (a as i64).wrapping_shr(b as u32) as u64),
            Opcode::Rotl32 => alu!(u32, |a, b| a.rotate_left(b & 31)),
            Opcode::Rotl64 => alu!(u64, |a, b| a.rotate_left(b as u32 & 63)),
            Opcode::Rotr32 => alu!(u32, |a, b| a.rotate_right(b & 31)),
            Opcode::Rotr64 => alu!(u64, |a, b| a.rotate_right(b as u32 & 63)),
            Opcode::Mul32 => alu!(u32, |a, b| a.wrapping_mul(b)),
            Opcode::Mul64 => alu!(u64, |a, b| a.wrapping_mul(b)),
            Opcode::AddI32 => alu_imm!(u32, |a, b| a.wrapping_add(b)),
            Opcode::AddI64 => alu_imm!(u64, |a, b| a.wrapping_add(b)),
            Opcode::SubI32 => alu_imm!(u32, |a, b| a.wrapping_sub(b)),
            Opcode::SubI64 => alu_imm!(u64, |a, b| a.wrapping_sub(b)),
            Opcode::AndI32 => alu_imm!(u32, |a, b| a & b),
            Opcode::AndI64 => alu_imm!(u64, |a, b| a & b),
            Opcode::OrI32 => alu_imm!(u32, |a, b| a | b),
            Opcode::OrI64 => alu_imm!(u64, |a, b| a | b),
            Opcode::XorI32 => alu_imm!(u32, |a, b| a ^ b),
            Opcode::XorI64 => alu_imm!(u64, |a, b| a ^ b),
            Opcode::ShlI32 => alu_imm!(u32, |a, b| a.wrapping_shl(b)),
            Opcode::ShlI64 => alu_imm!(u64, |a, b| a.wrapping_shl(b as u32)),
            Opcode::ShrI32 => alu_imm!(u32, |a, b| a.wrapping_shr(b)),
            Opcode::ShrI64 => alu_imm!(u64, |a, b| a.wrapping_shr(b as u32)),
            Opcode::SarI32 => alu_imm!(u32, |a, b| (a as i32).wrapping_shr(b) as u32),
            Opcode::SarI64 => alu_imm!(u64, |a, b| (a as i64).wrapping_shr(b as u32) as u64),
            Opcode::RotlI32 => alu_imm!(u32, |a, b| a.rotate_left(b & 31)),
            Opcode::RotlI64 => alu_imm!(u64, |a, b| a.rotate_left(b as u32 & 63)),
            Opcode::RotrI32 => alu_imm!(u32, |a, b| a.rotate_right(b & 31)),
            Opcode::RotrI64 => alu_imm!(u64, |a, b| a.rotate_right(b as u32 & 63)),
            Opcode::MulI32 => alu_imm!(u32, |a, b| a.wrapping_mul(b)),
            Opcode::MulI64 => alu_imm!(u64, |a, b| a.wrapping_mul(b)),
            Opcode::AddF32 => alu_flags!(u32, get!(c.b), |a, b| a.wrapping_add(b)),
            Opcode::AddF64 => alu_flags!(u64, get!(c.b), |a, b| a.wrapping_add(b)),
            Opcode::SubF32 => alu_flags!(u32, get!(c.b), |a, b| a.wrapping_sub(b)),
            Opcode::SubF64 => alu_flags!(u64, get!(c.b), |a, b| a.wrapping_sub(b)),
            Opcode::AddFI32 => alu_flags!(u32, c.disp(), |a, b| a.wrapping_add(b)),
            Opcode::AddFI64 => alu_flags!(u64, c.disp(), |a, b| a.wrapping_add(b)),
            Opcode::SubFI32 => alu_flags!(u32, c.disp(), |a, b| a.wrapping_sub(b)),
            Opcode::SubFI64 => alu_flags!(u64, c.disp(), |a, b| a.wrapping_sub(b)),
            Opcode::ZExt8 => set!(get!(c.a) as u8 as u64),
            Opcode::ZExt16 => set!(get!(c.a) as u16 as u64),
            Opcode::ZExt32 => set!(get!(c.a) as u32 as u64),
            Opcode::SExt8 => set!(get!(c.a) as i8 as u64),
            Opcode::SExt16 => set!(get!(c.a) as i16 as u64),
            Opcode::SExt32 => set!(get!(c.a) as i32 as u64),
            Opcode::SExt8To32 => set!(get!(c.a) as i8 as u32 as u64),
            Opcode::SExt16To32 => set!(get!(c.a) as i16 as u32 as u64),
            Opcode::Extract => set!(get!(c.a) >> (c.x & 63) & u64::MAX >> (c.y & 63)),
            Opcode::ExtractS => set!(((get!(c.a) << (c.x & 63)) as i64 >> (c.y & 63)) as u64),
            Opcode::Insert => {
                let field = u64::MAX >> (c.y & 63);
                set!(get!(c.a) & !(field << (c.x & 63)) | (get!(c.b) & field) << (c.x & 63))
            }
            Opcode::SkipZ => ip += if get!(c.a) == 0 { 2 } else { 1 },
            Opcode::Lea => set!(at_x!()),
            Opcode::Select => set!(if get!(c.x as u8) != 0 { get!(c.a) } else { get!(c.b) }),
            Opcode::Cmp => {
                let (cond, ty) = unpack_cond(c.x);
                set!(alu::cmp(cond, ty, get!(c.a), get!(c.b)) as u64)
            }
            Opcode::CmpI => {
                let (cond, ty) = unpack_cond(c.x);
                set!(alu::cmp(cond, ty, get!(c.a), c.disp()) as u64)
            }
            Opcode::Flags => {
                set_flags!(c.x as u64, get!(c.a), get!(c.b));
                ip += 1;
            }
            Opcode::FlagsI => {
                set_flags!(c.x as u64, get!(c.a), c.disp());
                ip += 1;
            }
            Opcode::FlagsC => {
                let carry = get!(c.d);
                set_flags!(c.x as u64, get!(c.a), get!(c.b));
                get!(FLAG_C.0) = carry;
                ip += 1;
            }
            Opcode::GetFlag => set!(LazyFlags::load(slots).test(flag_cond(c.x as u8)) as u64),
            Opcode::LoadU8 => load!(u8, at!(), u64),
            Opcode::LoadU16 => load!(u16, at!(), u64),
            Opcode::LoadU32 => load!(u32, at!(), u64),
            Opcode::LoadU64 => load!(u64, at!(), u64),
            Opcode::LoadS8 => load!(i8, at!(), i64),
            Opcode::LoadS16 => load!(i16, at!(), i64),
            Opcode::LoadS32 => load!(i32, at!(), i64),
            Opcode::LoadV128 => load_vector!(at!()),
            Opcode::LoadXU8 => load!(u8, at_x!(), u64),
            Opcode::LoadXU16 => load!(u16, at_x!(), u64),
            Opcode::LoadXU32 => load!(u32, at_x!(), u64),
            Opcode::LoadXU64 => load!(u64, at_x!(), u64),
            Opcode::LoadXS8 => load!(i8, at_x!(), i64),
            Opcode::LoadXS16 => load!(i16, at_x!(), i64),
            Opcode::LoadXS32 => load!(i32, at_x!(), i64),
            Opcode::LoadXV128 => load_vector!(at_x!()),
            Opcode::Store8 => store!(get!(c.d) as u8, at!()),
            Opcode::Store16 => store!(get!(c.d) as u16, at!()),
            Opcode::Store32 => store!(get!(c.d) as u32, at!()),
            Opcode::Store64 => store!(get!(c.d), at!()),
            Opcode::StoreV128 => store!(vector!(), at!()),
            Opcode::StoreX8 => store!(get!(c.d) as u8, at_x!()),
            Opcode::StoreX16 => store!(get!(c.d) as u16, at_x!()),
            Opcode::StoreX32 => store!(get!(c.d) as u32, at_x!()),
            Opcode::StoreX64 => store!(get!(c.d), at_x!()),
            Opcode::StoreXV128 => store!(vector!(), at_x!()),
            Opcode::CheckAligned => match access::check_aligned(get!(c.a), c.x as u64) {
                Ok(()) => ip += 1,
                Err(leave) => break Out::Stopped(leave, ip),
            },
            Opcode::Time => set!(on.clock.at(on.budget - budget + c.x as u64)),
            Opcode::Plain => match plain::exec(&on.ops[c.x as usize], slots, mem, on.clock, 0) {
                Ok(()) => ip += 1,
                Err(leave) => break Out::Stopped(leave, ip),
            },
            Opcode::ExitIf => {
                if get!(c.a) != 0 {
                    end!(c.x);
                } else {
                    ip += 1;
                }
            }
            Opcode::Jump => end!(c.x),
            Opcode::Branch => end!(if get!(c.a) != 0 { c.x } else { c.y }),
            Opcode::BranchFlag => end!(if LazyFlags::load(slots).test(flag_cond(c.b)) { c.x } else { c.y }),
            Opcode::Eq32 => branch!(u32, |a, b| a == b),
            Opcode::Ne32 => branch!(u32, |a, b| a != b),
            Opcode::LtS32 => branch!(i32, |a, b| a < b),
            Opcode::LeS32 => branch!(i32, |a, b| a <= b),
            Opcode::GtS32 => branch!(i32, |a, b| a > b),
            Opcode::GeS32 => branch!(i32, |a, b| a >= b),
            Opcode::LtU32 => branch!(u32, |a, b| a < b),
            Opcode::LeU32 => branch!(u32, |a, b| a <= b),
            Opcode::GtU32 => branch!(u32, |a, b| a > b),
            Opcode::GeU32 => branch!(u32, |a, b| a >= b),
            Opcode::TestZ32 => branch!(u32, |a, b| a & b == 0),
            Opcode::TestNz32 => branch!(u32, |a, b| a & b != 0),
            Opcode::Eq64 => branch!(u64, |a, b| a == b),
            Opcode::Ne64 => branch!(u64, |a, b| a != b),
            Opcode::LtS64 => branch!(i64, |a, b| a < b),
            Opcode::LeS64 => branch!(i64, |a, b| a <= b),
            Opcode::GtS64 => branch!(i64, |a, b| a > b),
            Opcode::GeS64 => branch!(i64, |a, b| a >= b),
            Opcode::LtU64 => branch!(u64, |a, b| a < b),
            Opcode::LeU64 => branch!(u64, |a, b| a <= b),
            Opcode::GtU64 => branch!(u64, |a, b| a > b),
            Opcode::GeU64 => branch!(u64, |a, b| a >= b),
            Opcode::TestZ64 => branch!(u64, |a, b| a & b == 0),
            Opcode::TestNz64 => branch!(u64, |a, b| a & b != 0),
            Opcode::EqI32 => branch_imm!(u32, |a, b| a == b),
            Opcode::NeI32 => branch_imm!(u32, |a, b| a != b),
            Opcode::LtSI32 => branch_imm!(i32, |a, b| a < b),
            Opcode::LeSI32 => branch_imm!(i32, |a, b| a <= b),
            Opcode::GtSI32 => branch_imm!(i32, |a, b| a > b),
            Opcode::GeSI32 => branch_imm!(i32, |a, b| a >= b),
            Opcode::LtUI32 => branch_imm!(u32, |a, b| a < b),
            Opcode::LeUI32 => branch_imm!(u32, |a, b| a <= b),
            Opcode::GtUI32 => branch_imm!(u32, |a, b| a > b),
            Opcode::GeUI32 => branch_imm!(u32, |a, b| a >= b),
            Opcode::TestZI32 => branch_imm!(u32, |a, b| a & b == 0),
            Opcode::TestNzI32 => branch_imm!(u32, |a, b| a & b != 0),
            Opcode::EqI64 => branch_imm!(u64, |a, b| a == b),
            Opcode::NeI64 => branch_imm!(u64, |a, b| a != b),
            Opcode::LtSI64 => branch_imm!(i64, |a, b| a < b),
            Opcode::LeSI64 => branch_imm!(i64, |a, b| a <= b),
            Opcode::GtSI64 => branch_imm!(i64, |a, b| a > b),
            Opcode::GeSI64 => branch_imm!(i64, |a, b| a >= b),
            Opcode::LtUI64 => branch_imm!(u64, |a, b| a < b),
            Opcode::LeUI64 => branch_imm!(u64, |a, b| a <= b),
            Opcode::GtUI64 => branch_imm!(u64, |a, b| a > b),
            Opcode::GeUI64 => branch_imm!(u64, |a, b| a >= b),
            Opcode::TestZI64 => branch_imm!(u64, |a, b| a & b == 0),
            Opcode::TestNzI64 => branch_imm!(u64, |a, b| a & b != 0),
            Opcode::EqN => branch_narrow!(u32, |a, b| a == b),
            Opcode::NeN => branch_narrow!(u32, |a, b| a != b),
            Opcode::LtSN => branch_narrow!(i32, |a, b| a < b),
            Opcode::LeSN => branch_narrow!(i32, |a, b| a <= b),
            Opcode::GtSN => branch_narrow!(i32, |a, b| a > b),
            Opcode::GeSN => branch_narrow!(i32, |a, b| a >= b),
            Opcode::LtUN => branch_narrow!(u32, |a, b| a < b),
            Opcode::LeUN => branch_narrow!(u32, |a, b| a <= b),
            Opcode::GtUN => branch_narrow!(u32, |a, b| a > b),
            Opcode::GeUN => branch_narrow!(u32, |a, b| a >= b),
            Opcode::TestZN => branch_narrow!(u32, |a, b| a & b == 0),
            Opcode::TestNzN => branch_narrow!(u32, |a, b| a & b != 0),
            Opcode::EqIN => branch_narrow_imm!(u32, |a, b| a == b),
            Opcode::NeIN => branch_narrow_imm!(u32, |a, b| a != b),
            Opcode::LtSIN => branch_narrow_imm!(i32, |a, b| a < b),
            Opcode::LeSIN => branch_narrow_imm!(i32, |a, b| a <= b),
            Opcode::GtSIN => branch_narrow_imm!(i32, |a, b| a > b),
            Opcode::GeSIN => branch_narrow_imm!(i32, |a, b| a >= b),
            Opcode::LtUIN => branch_narrow_imm!(u32, |a, b| a < b),
            Opcode::LeUIN => branch_narrow_imm!(u32, |a, b| a <= b),
            Opcode::GtUIN => branch_narrow_imm!(u32, |a, b| a > b),
            Opcode::GeUIN => branch_narrow_imm!(u32, |a, b| a >= b),
            Opcode::TestZIN => branch_narrow_imm!(u32, |a, b| a & b == 0),
            Opcode::TestNzIN => branch_narrow_imm!(u32, |a, b| a & b != 0),
            Opcode::JumpReg => {
                budget -= c.d as u64;
                let pc = get!(c.a);
                match on.jumps.find(pc, on.context) {
                    Some(entry) if budget >= MAX_INSNS as u64 => ip = entry,
                    _ => break Out::Goto(pc),
                }
            }
            Opcode::Stub => match on.jumps.find(c.value(), on.context) {
                Some(entry) if c.a == 0 => ip = entry,
                _ if c.a == 0 => break Out::Goto(c.value()),
                _ => break Out::Link(ip),
            },
            Opcode::Syscall => {
                budget -= c.d as u64;
                break Out::Syscall(c.value());
            }
            Opcode::Trap => break Out::Trap(ip),
            Opcode::Dead => break Out::At(ip),
        }
    };
    *left = budget;
    out
}

/// The flag condition of a number.
fn flag_cond(number: u8) -> FlagCond {
    const CONDS: [FlagCond; 20] = [
        FlagCond::Eq,
        FlagCond::Ne,
        FlagCond::Carry,
        FlagCond::NoCarry,
        FlagCond::Sign,
        FlagCond::NoSign,
        FlagCond::Overflow,
        FlagCond::NoOverflow,
        FlagCond::Parity,
        FlagCond::NoParity,
        FlagCond::CarryOrZero,
        FlagCond::NoCarryNorZero,
        FlagCond::CarryNotZero,
        FlagCond::NoCarryOrZero,
        FlagCond::Lt,
        FlagCond::Ge,
        FlagCond::Le,
        FlagCond::Gt,
        FlagCond::Adjust,
        FlagCond::Always,
    ];
    CONDS[number as usize % CONDS.len()]
}
