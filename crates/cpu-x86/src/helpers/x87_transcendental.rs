//! The x87's transcendental functions.
use super::x87::F80Bits;
use softfloat::Env;

pub(crate) fn exp2_minus_1(_: &mut Env, a: F80Bits) -> F80Bits {
    a
}
pub(crate) fn y_log2_x(_: &mut Env, y: F80Bits, _: F80Bits) -> F80Bits {
    y
}
pub(crate) fn y_log2_x_plus_1(_: &mut Env, y: F80Bits, _: F80Bits) -> F80Bits {
    y
}
pub(crate) fn atan2(_: &mut Env, y: F80Bits, _: F80Bits) -> F80Bits {
    y
}
pub(crate) fn tan(_: &mut Env, a: F80Bits) -> Option<F80Bits> {
    Some(a)
}
pub(crate) fn sin(_: &mut Env, a: F80Bits) -> Option<F80Bits> {
    Some(a)
}
pub(crate) fn cos(_: &mut Env, a: F80Bits) -> Option<F80Bits> {
    Some(a)
}
