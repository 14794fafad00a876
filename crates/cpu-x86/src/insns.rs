//! The instruction table: Intel's Software Developer's Manual, volume 2; one row a mnemonic.
mod integer;
mod sse;
mod sse_int;
mod system;
mod x87;

use crate::lift::Semantics;
use iced_x86::Mnemonic;

/// A mnemonic and what it does.
type Row = (Mnemonic, Semantics);

const TABLES: &[&[Row]] = &[integer::ROWS, system::CONTROL, system::SYSTEM, sse::ROWS, sse_int::ROWS, x87::ROWS];

/// More than iced knows mnemonics.
const MNEMONICS: usize = 2304;

/// The rows by mnemonic, laid out when minikern is compiled; a mnemonic with two rows does not compile.
static BY_MNEMONIC: [Option<Semantics>; MNEMONICS] = {
    let mut by = [None; MNEMONICS];
    let mut table = 0;
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            let (mnemonic, semantics) = TABLES[table][row];
            assert!(by[mnemonic as usize].is_none(), "one row a mnemonic");
            by[mnemonic as usize] = Some(semantics);
            row += 1;
        }
        table += 1;
    }
    by
};

/// What an instruction does; nothing if it is not there yet.
pub(crate) fn semantics(mnemonic: Mnemonic) -> Option<Semantics> {
    BY_MNEMONIC.get(mnemonic as usize).copied().flatten()
}
