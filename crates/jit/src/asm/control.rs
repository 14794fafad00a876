//! Jumps and calls.
use super::*;

/// A jump whose target comes later: where its 32-bit distance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Jump(pub(crate) usize);
/// The same with a distance of 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortJump(usize);

impl Asm {
    pub(crate) fn push(&mut self, r: Reg) {
        if r.0 >= 8 {
            self.byte(0x41);
        }
        self.byte(0x50 | r.0 & 7);
    }

    pub(crate) fn pop(&mut self, r: Reg) {
        if r.0 >= 8 {
            self.byte(0x41);
        }
        self.byte(0x58 | r.0 & 7);
    }

    pub(crate) fn ret(&mut self) {
        self.byte(0xc3);
    }

    pub(crate) fn stc(&mut self) {
        self.byte(0xf9);
    }

    fn distance(&mut self, target: usize) {
        let next = self.base + self.here() + 4;
        self.dword(target.wrapping_sub(next) as u32);
    }

    /// To an address.
    pub(crate) fn jmp_to(&mut self, target: usize) {
        self.byte(0xe9);
        self.distance(target);
    }

    pub(crate) fn jcc_to(&mut self, cc: Cc, target: usize) {
        self.byte(0x0f);
        self.byte(0x80 | cc.0);
        self.distance(target);
    }

    pub(crate) fn call_to(&mut self, target: usize) {
        self.byte(0xe8);
        self.distance(target);
    }

    pub(crate) fn jmp_rm(&mut self, a: impl Into<Rm>) {
        self.op(0, false, &[0xff], 4, a.into(), false, false);
    }

    pub(crate) fn call_rm(&mut self, a: impl Into<Rm>) {
        self.op(0, false, &[0xff], 2, a.into(), false, false);
    }

    pub(crate) fn jmp(&mut self) -> Jump {
        self.byte(0xe9);
        self.dword(0);
        Jump(self.here() - 4)
    }

    pub(crate) fn jcc(&mut self, cc: Cc) -> Jump {
        self.byte(0x0f);
        self.byte(0x80 | cc.0);
        self.dword(0);
        Jump(self.here() - 4)
    }

    /// Lets the jump come here.
    pub(crate) fn bind(&mut self, jump: Jump) {
        let distance = (self.here() - (jump.0 + 4)) as u32;
        self.bytes[jump.0..jump.0 + 4].copy_from_slice(&distance.to_le_bytes());
    }

    pub(crate) fn jcc_short(&mut self, cc: Cc) -> ShortJump {
        self.byte(0x70 | cc.0);
        self.byte(0);
        ShortJump(self.here() - 1)
    }

    pub(crate) fn jmp_short(&mut self) -> ShortJump {
        self.byte(0xeb);
        self.byte(0);
        ShortJump(self.here() - 1)
    }

    pub(crate) fn bind_short(&mut self, jump: ShortJump) {
        let distance = self.here() - (jump.0 + 1);
        assert!(distance <= 127, "a short jump over {distance} bytes");
        self.bytes[jump.0] = distance as u8;
    }
}
