//! Logical operations and move wide.
use super::*;
use ir::FlagKind;

/// DecodeBitMasks of the manual (J1.1.3): the immediate of a logical instruction.
pub(crate) fn bit_mask(wide: bool, n: u32, immr: u32, imms: u32) -> Option<u64> {
    let len = 31u32.checked_sub((n << 6 | (!imms & 0x3f)).leading_zeros())?;
    if len == 0 || (n == 1 && !wide) {
        return None;
    }
    let size = 1 << len;
    let (s, r) = (imms & (size - 1), immr & (size - 1));
    if s == size - 1 {
        return None;
    }
    let ones = (1u64 << (s + 1)) - 1;
    let element_mask = u64::MAX >> (64 - size);
    let element = if r == 0 { ones } else { (ones >> r | ones << (size - r)) & element_mask };
    let mut mask = element;
    let mut width = size;
    while width < 64 {
        mask |= mask << width;
        width *= 2;
    }
    Some(if wide { mask } else { mask & 0xffff_ffff })
}

/// ANDS and BICS: N and Z of the result, C and V clear.
fn set_logic_flags(b: &mut Builder, ty: Ty, result: Slot) {
    let none = b.iconst(0);
    b.set_flags(FlagKind::Result, ty, result, none);
}

pub(crate) fn immediate(b: &mut Builder, w: Word, op: BinOp) -> Option<Flow> {
    let ty = int(w.sf());
    let imm = bit_mask(w.sf(), w.at(22, 1), w.at(16, 6), w.at(10, 6))?;
    let sets_flags = w.at(29, 2) == 3;
    let d = if sets_flags { dst(b, w.rd()) } else { xsp(w.rd()) };
    if w.rn() == 31 && op == BinOp::Or {
        b.push(Op::Const { d, value: imm });
        return NEXT;
    }
    let n = xr(b, w.rn());
    bin_imm_to(b, op, ty, d, n, imm);
    if sets_flags {
        set_logic_flags(b, ty, d);
    }
    NEXT
}

pub(crate) fn shifted(b: &mut Builder, w: Word, op: BinOp) -> Option<Flow> {
    let (ty, amount) = (int(w.sf()), w.at(10, 6));
    if !w.sf() && amount >= 32 {
        return None;
    }
    let d = dst(b, w.rd());
    let m = super::shifted(b, ty, w.rm(), w.at(22, 2), amount);
    match op {
        // MOV, MVN
        BinOp::Or if w.rn() == 31 => mov_to(b, ty, d, m),
        BinOp::OrNot if w.rn() == 31 => un_to(b, UnOp::Not, ty, d, m),
        _ => {
            let n = xr(b, w.rn());
            bin_to(b, op, ty, d, n, m);
        }
    }
    if w.at(29, 2) == 3 {
        set_logic_flags(b, ty, d);
    }
    NEXT
}

/// MOVZ, MOVN.
pub(crate) fn mov_wide(b: &mut Builder, w: Word, invert: bool) -> Option<Flow> {
    let shift = half_word(w)?;
    let value = u64::from(w.at(5, 16)) << shift;
    let value = if invert { !value } else { value } & int(w.sf()).mask();
    let d = dst(b, w.rd());
    b.push(Op::Const { d, value });
    NEXT
}

pub(crate) fn movk(b: &mut Builder, w: Word) -> Option<Flow> {
    let lsb = half_word(w)?;
    let a = xr(b, w.rd());
    let d = dst(b, w.rd());
    let imm = b.iconst(w.at(5, 16).into()).into();
    b.push(Op::Insert { ty: int(w.sf()), d, a, b: imm, lsb, width: 16 });
    NEXT
}

/// The bit position `hw` names.
fn half_word(w: Word) -> Option<u8> {
    let hw = w.at(21, 2) as u8;
    (w.sf() || hw < 2).then_some(hw * 16)
}

#[cfg(test)]
mod tests {
    use super::bit_mask;

    #[test]
    fn bit_masks() {
        assert_eq!(bit_mask(true, 1, 0, 0), Some(1));
        assert_eq!(bit_mask(true, 0, 0, 0b111100), Some(0x5555_5555_5555_5555));
        assert_eq!(bit_mask(false, 0, 1, 0b111100), Some(0xaaaa_aaaa));
        assert_eq!(bit_mask(true, 1, 63, 62), Some(u64::MAX - 1));
        assert_eq!(bit_mask(false, 0, 28, 3), Some(0xf0));
        assert_eq!(bit_mask(true, 1, 0, 63), None);
        assert_eq!(bit_mask(true, 0, 0, 0b111111), None);
        assert_eq!(bit_mask(false, 1, 0, 0), None);
    }
}
