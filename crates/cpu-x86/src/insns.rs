//! The instruction table: Intel's Software Developer's Manual, volume 2; one row a mnemonic.
mod avx;
mod crypto;
mod integer;
mod sse;
mod sse4;
mod sse_int;
mod system;
mod x87;

use crate::lift::Semantics;
use iced_x86::Mnemonic;

/// A mnemonic and what it does.
type Row = (Mnemonic, Semantics);
/// Two mnemonics, the SSE form's and the AVX form's, and what both do.
type Pair = (Mnemonic, Mnemonic, Semantics);

const TABLES: &[&[Row]] = &[
    integer::ROWS,
    system::CONTROL,
    system::SYSTEM,
    sse::ROWS,
    sse_int::ROWS,
    sse4::ROWS,
    avx::ROWS,
    avx::FMA,
    crypto::ROWS,
    x87::ROWS,
];
const PAIRS: &[&[Pair]] = &[sse::PAIRS, sse_int::PAIRS, sse4::PAIRS, crypto::PAIRS];

/// More than iced knows mnemonics.
const MNEMONICS: usize = 2304;

type ByMnemonic = [Option<Semantics>; MNEMONICS];

/// The rows by mnemonic, laid out when minikern is compiled; a mnemonic with two rows does not compile.
static BY_MNEMONIC: ByMnemonic = {
    let mut by = [None; MNEMONICS];
    let mut table = 0;
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            let (mnemonic, semantics) = TABLES[table][row];
            by = with(by, mnemonic, semantics);
            row += 1;
        }
        table += 1;
    }
    table = 0;
    while table < PAIRS.len() {
        let mut row = 0;
        while row < PAIRS[table].len() {
            let (sse, avx, semantics) = PAIRS[table][row];
            by = with(with(by, sse, semantics), avx, semantics);
            row += 1;
        }
        table += 1;
    }
    by
};

const fn with(mut by: ByMnemonic, mnemonic: Mnemonic, semantics: Semantics) -> ByMnemonic {
    assert!(by[mnemonic as usize].is_none(), "one row a mnemonic");
    by[mnemonic as usize] = Some(semantics);
    by
}

/// What an instruction does; nothing if it is not there yet.
pub(crate) fn semantics(mnemonic: Mnemonic) -> Option<Semantics> {
    BY_MNEMONIC.get(mnemonic as usize).copied().flatten()
}

/// The tables by name, with the mnemonics of their rows.
#[cfg(test)]
pub(crate) fn tables() -> Vec<(&'static str, Vec<Mnemonic>)> {
    let of = |rows: &[Row], pairs: &[Pair]| {
        let single = rows.iter().map(|(mnemonic, _)| *mnemonic);
        single.chain(pairs.iter().flat_map(|(sse, avx, _)| [*sse, *avx])).collect()
    };
    vec![
        ("integer", of(integer::ROWS, &[])),
        ("control", of(system::CONTROL, &[])),
        ("system", of(system::SYSTEM, &[])),
        ("sse", of(sse::ROWS, sse::PAIRS)),
        ("sse_int", of(sse_int::ROWS, sse_int::PAIRS)),
        ("sse4", of(sse4::ROWS, sse4::PAIRS)),
        ("avx", of(avx::ROWS, &[])),
        ("fma", of(avx::FMA, &[])),
        ("crypto", of(crypto::ROWS, crypto::PAIRS)),
        ("x87", of(x87::ROWS, &[])),
    ]
}
