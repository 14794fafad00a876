//! Conditions on flags as comparisons of what the flags were set from.
use crate::{BinOp, Cond, FlagCond, FlagKind, Op, Slot, Ty};

/// What is known of the flags at a point of a block.
#[derive(Clone, Copy)]
pub(super) struct KnownFlags {
    pub(super) kind: FlagKind,
    pub(super) ty: Ty,
    /// Where the operands of the setting still are.
    pub(super) a: Slot,
    pub(super) b: Slot,
    /// `b`, where that is a constant.
    pub(super) b_value: Option<u64>,
    /// Where the result of the addition or subtraction is, if it is anywhere.
    pub(super) result: Option<Slot>,
}

/// The other side of a comparison.
#[derive(Clone, Copy)]
pub(super) enum Against {
    Slot(Slot),
    Imm(i32),
}

impl KnownFlags {
    /// The comparison that is true when `cond` holds.
    pub(super) fn comparison(&self, cond: FlagCond) -> Option<(Cond, Slot, Against)> {
        match self.kind {
            FlagKind::Sub | FlagKind::SubArm => {
                if let Some(cond) = of_difference(cond, self.kind == FlagKind::SubArm) {
                    let imm = self.b_value.and_then(|b| as_imm(self.ty, b));
                    return Some((cond, self.a, imm.map_or(Against::Slot(self.b), Against::Imm)));
                }
                let cond = of_sign(cond)?;
                Some((cond, self.result?, Against::Imm(0)))
            }
            FlagKind::Add | FlagKind::Inc | FlagKind::Dec | FlagKind::Shl | FlagKind::Shr | FlagKind::Sar => {
                let cond = of_sign(cond)?;
                Some((cond, self.result?, Against::Imm(0)))
            }
            FlagKind::Result => {
                let none = self.b_value == Some(0);
                let cond = match of_sign(cond) {
                    Some(cond) => cond,
                    None if none => of_result(cond)?,
                    None => return None,
                };
                Some((cond, self.a, Against::Imm(0)))
            }
            FlagKind::Bits | FlagKind::Adc | FlagKind::Sbb => None,
        }
    }
}

impl KnownFlags {
    /// By how much a shift set them, if that is known.
    fn shift(&self) -> Option<i32> {
        self.b_value.filter(|by| (1..u64::from(self.ty.bits())).contains(by)).map(|by| by as i32)
    }

    /// Where this operation leaves what the flags were set from, if it computes just that.
    pub(super) fn result_of(&self, op: &Op) -> Option<Slot> {
        let (wanted, imm) = match self.kind {
            FlagKind::Add => (BinOp::Add, self.b_value.and_then(|b| as_imm(self.ty, b))),
            FlagKind::Sub | FlagKind::SubArm => (BinOp::Sub, self.b_value.and_then(|b| as_imm(self.ty, b))),
            FlagKind::Inc => (BinOp::Add, Some(1)),
            FlagKind::Dec => (BinOp::Sub, Some(1)),
            FlagKind::Shl => (BinOp::Shl, self.shift()),
            FlagKind::Shr => (BinOp::Shr, self.shift()),
            FlagKind::Sar => (BinOp::Sar, self.shift()),
            _ => return None,
        };
        match *op {
            Op::Bin { op, ty, d, a, b } => {
                (op == wanted && ty == self.ty && a == self.a && self.kind.reads_b() && b == self.b).then_some(d)
            }
            Op::BinImm { op, ty, d, a, imm: by } => {
                (op == wanted && ty == self.ty && a == self.a && imm == Some(by)).then_some(d)
            }
            _ => None,
        }
    }
}

/// The constant as an immediate that sign-extends to it in width `ty`.
pub(super) fn as_imm(ty: Ty, value: u64) -> Option<i32> {
    let imm = value as u32 as i32;
    (imm as i64 as u64 & ty.mask() == value & ty.mask()).then_some(imm)
}

/// After a - b. On ARM CARRY is "no borrow".
fn of_difference(cond: FlagCond, arm: bool) -> Option<Cond> {
    Some(match cond {
        FlagCond::Eq => Cond::Eq,
        FlagCond::Ne => Cond::Ne,
        FlagCond::Lt => Cond::LtS,
        FlagCond::Ge => Cond::GeS,
        FlagCond::Le => Cond::LeS,
        FlagCond::Gt => Cond::GtS,
        FlagCond::Carry => {
            if arm {
                Cond::GeU
            } else {
                Cond::LtU
            }
        }
        FlagCond::NoCarry => {
            if arm {
                Cond::LtU
            } else {
                Cond::GeU
            }
        }
        FlagCond::CarryOrZero if !arm => Cond::LeU,
        FlagCond::NoCarryNorZero if !arm => Cond::GtU,
        FlagCond::CarryNotZero if arm => Cond::GtU,
        FlagCond::NoCarryOrZero if arm => Cond::LeU,
        _ => return None,
    })
}

/// Of a result against 0, from ZERO and SIGN alone.
fn of_sign(cond: FlagCond) -> Option<Cond> {
    Some(match cond {
        FlagCond::Eq => Cond::Eq,
        FlagCond::Ne => Cond::Ne,
        FlagCond::Sign => Cond::LtS,
        FlagCond::NoSign => Cond::GeS,
        _ => return None,
    })
}

/// Of a result against 0, when CARRY and OVERFLOW are clear.
fn of_result(cond: FlagCond) -> Option<Cond> {
    Some(match cond {
        FlagCond::Lt => Cond::LtS,
        FlagCond::Ge => Cond::GeS,
        FlagCond::Le => Cond::LeS,
        FlagCond::Gt => Cond::GtS,
        FlagCond::CarryOrZero => Cond::Eq,
        FlagCond::NoCarryNorZero => Cond::Ne,
        _ => return None,
    })
}
