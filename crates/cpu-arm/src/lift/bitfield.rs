//! SBFM, BFM, UBFM (with their aliases: shifts by constants, extensions, BFI, UBFX ...) and EXTR.
use super::*;

/// immr and imms, if the encoding is allocated: N must equal sf, and both lie within the width.
fn fields(w: Word) -> Option<(u8, u8, u8)> {
    let (bits, immr, imms) = (if w.sf() { 64 } else { 32 }, w.at(16, 6) as u8, w.at(10, 6) as u8);
    (w.bit(22) == w.sf() && immr < bits && imms < bits).then_some((bits, immr, imms))
}

pub(crate) fn bfm(b: &mut Builder, w: Word, signed: bool) -> Option<Flow> {
    let (bits, immr, imms) = fields(w)?;
    let ty = int(w.sf());
    let n = xr(b, w.rn());
    let d = dst(b, w.rd());
    if imms >= immr {
        let (lsb, width) = (immr, imms - immr + 1);
        let from = match width {
            8 => Some(Ty::I8),
            16 => Some(Ty::I16),
            32 if w.sf() => Some(Ty::I32),
            _ => None,
        };
        if lsb + width == bits {
            let op = if signed { BinOp::Sar } else { BinOp::Shr };
            bin_imm_to(b, op, ty, d, n, lsb.into());
        } else if let (0, Some(from)) = (lsb, from) {
            b.push(Op::Ext { signed, from, to: ty, d, a: n });
        } else {
            b.push(Op::Extract { signed, ty, d, a: n, lsb, width });
        }
        return NEXT;
    }
    let (lsb, width) = (bits - immr, imms + 1);
    let field = if lsb + width == bits { n } else { b.extract(signed, ty, n, 0, width).into() };
    bin_imm_to(b, BinOp::Shl, ty, d, field, lsb.into());
    NEXT
}

/// BFM: BFI and BFXIL.
pub(crate) fn insert(b: &mut Builder, w: Word) -> Option<Flow> {
    let (bits, immr, imms) = fields(w)?;
    let ty = int(w.sf());
    let n = xr(b, w.rn());
    let old = xr(b, w.rd());
    let d = dst(b, w.rd());
    let (field, lsb, width) = if imms >= immr {
        let width = imms - immr + 1;
        let field = if immr == 0 { n } else { b.extract(false, ty, n, immr, width).into() };
        (field, 0, width)
    } else {
        (n, bits - immr, imms + 1)
    };
    b.push(Op::Insert { ty, d, a: old, b: field, lsb, width });
    NEXT
}

pub(crate) fn extr(b: &mut Builder, w: Word) -> Option<Flow> {
    let amount = w.at(10, 6) as u8;
    if w.bit(22) != w.sf() || (!w.sf() && amount >= 32) {
        return None;
    }
    let (hi, lo) = (xr(b, w.rn()), xr(b, w.rm()));
    let d = dst(b, w.rd());
    b.push(Op::Funnel { ty: int(w.sf()), d, hi, lo, amount });
    NEXT
}
