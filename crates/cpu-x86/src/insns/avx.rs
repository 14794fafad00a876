//! AVX and AVX2 beyond what SSE has, FMA3, F16C.
use super::{Row, Semantics};
use crate::helpers::fp::Conversion;
use crate::lift::{fma::fma, shuffle, sse, sse_int, vmov};
use iced_x86::Mnemonic::{self, *};
use ir::{BinOp, Ty};

pub(super) const ROWS: &[Row] = &[
    (Vbroadcastss, |l| shuffle::broadcast(l, Ty::I32)),
    (Vbroadcastsd, |l| shuffle::broadcast(l, Ty::I64)),
    (Vbroadcastf128, shuffle::broadcast_lane),
    (Vbroadcasti128, shuffle::broadcast_lane),
    (Vpbroadcastb, |l| shuffle::broadcast(l, Ty::I8)),
    (Vpbroadcastw, |l| shuffle::broadcast(l, Ty::I16)),
    (Vpbroadcastd, |l| shuffle::broadcast(l, Ty::I32)),
    (Vpbroadcastq, |l| shuffle::broadcast(l, Ty::I64)),
    (Vextractf128, shuffle::extract_lane),
    (Vextracti128, shuffle::extract_lane),
    (Vinsertf128, shuffle::insert_lane),
    (Vinserti128, shuffle::insert_lane),
    (Vperm2f128, shuffle::vperm2f128),
    (Vperm2i128, shuffle::vperm2f128),
    (Vpermilps, shuffle::vpermilps),
    (Vpermilpd, shuffle::vpermilpd),
    (Vpermd, shuffle::vpermd),
    (Vpermps, shuffle::vpermd),
    (Vpermq, shuffle::vpermq),
    (Vpermpd, shuffle::vpermq),
    (Vpblendd, |l| shuffle::blend(l, Ty::I32)),
    (Vmaskmovps, |l| vmov::mov_masked(l, Ty::I32)),
    (Vmaskmovpd, |l| vmov::mov_masked(l, Ty::I64)),
    (Vpmaskmovd, |l| vmov::mov_masked(l, Ty::I32)),
    (Vpmaskmovq, |l| vmov::mov_masked(l, Ty::I64)),
    (Vgatherdps, |l| vmov::gather(l, Ty::I32, Ty::I32)),
    (Vgatherdpd, |l| vmov::gather(l, Ty::I32, Ty::I64)),
    (Vgatherqps, |l| vmov::gather(l, Ty::I64, Ty::I32)),
    (Vgatherqpd, |l| vmov::gather(l, Ty::I64, Ty::I64)),
    (Vpgatherdd, |l| vmov::gather(l, Ty::I32, Ty::I32)),
    (Vpgatherdq, |l| vmov::gather(l, Ty::I32, Ty::I64)),
    (Vpgatherqd, |l| vmov::gather(l, Ty::I64, Ty::I32)),
    (Vpgatherqq, |l| vmov::gather(l, Ty::I64, Ty::I64)),
    (Vpsllvd, |l| sse_int::shift_each(l, BinOp::Shl, Ty::I32)),
    (Vpsllvq, |l| sse_int::shift_each(l, BinOp::Shl, Ty::I64)),
    (Vpsrlvd, |l| sse_int::shift_each(l, BinOp::Shr, Ty::I32)),
    (Vpsrlvq, |l| sse_int::shift_each(l, BinOp::Shr, Ty::I64)),
    (Vpsravd, |l| sse_int::shift_each(l, BinOp::Sar, Ty::I32)),
    (Vtestps, |l| sse_int::test(l, 0x8000_0000_8000_0000)),
    (Vtestpd, |l| sse_int::test(l, 1 << 63)),
    (Vzeroupper, |l| vmov::zero_registers(l, 2)),
    (Vzeroall, |l| vmov::zero_registers(l, 0)),
    (Vcvtph2ps, |l| sse::convert_up(l, Conversion::Ph2Ps)),
    (Vcvtps2ph, sse::convert_to_half),
];

macro_rules! fma_rows {
    ($($name:ident)*) => { &[$(($name, fma)),*] };
}

#[rustfmt::skip]
pub(super) const FMA: &[(Mnemonic, Semantics)] = fma_rows![
    Vfmadd132ps Vfmadd213ps Vfmadd231ps Vfmadd132pd Vfmadd213pd Vfmadd231pd
    Vfmadd132ss Vfmadd213ss Vfmadd231ss Vfmadd132sd Vfmadd213sd Vfmadd231sd
    Vfmsub132ps Vfmsub213ps Vfmsub231ps Vfmsub132pd Vfmsub213pd Vfmsub231pd
    Vfmsub132ss Vfmsub213ss Vfmsub231ss Vfmsub132sd Vfmsub213sd Vfmsub231sd
    Vfnmadd132ps Vfnmadd213ps Vfnmadd231ps Vfnmadd132pd Vfnmadd213pd Vfnmadd231pd
    Vfnmadd132ss Vfnmadd213ss Vfnmadd231ss Vfnmadd132sd Vfnmadd213sd Vfnmadd231sd
    Vfnmsub132ps Vfnmsub213ps Vfnmsub231ps Vfnmsub132pd Vfnmsub213pd Vfnmsub231pd
    Vfnmsub132ss Vfnmsub213ss Vfnmsub231ss Vfnmsub132sd Vfnmsub213sd Vfnmsub231sd
    Vfmaddsub132ps Vfmaddsub213ps Vfmaddsub231ps Vfmaddsub132pd Vfmaddsub213pd Vfmaddsub231pd
    Vfmsubadd132ps Vfmsubadd213ps Vfmsubadd231ps Vfmsubadd132pd Vfmsubadd213pd Vfmsubadd231pd
];
