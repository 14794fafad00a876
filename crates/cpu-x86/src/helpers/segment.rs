//! The descriptors that user space can see, and what may be done with a selector (SDM volume 3, 3.4 and 5).
use super::{get, put};
use crate::regs::{CPUNODE, USER_CS, USER_DS, USER32_CS};
use ir::{CallArgs, Helper, Slots};

/// What is asked about a selector.
#[derive(Clone, Copy)]
#[repr(u16)]
pub(crate) enum Question {
    /// May DS, ES, FS or GS hold it?
    Data,
    /// May SS?
    Stack,
    /// May a far jump or call go to it? Only to 64-bit code.
    Code,
    /// May a far return?
    Return,
    /// VERR.
    Readable,
    /// VERW.
    Writable,
    /// LAR: the answer is the access rights, and whether there are any.
    Rights,
    /// LSL: the limit.
    Limit,
}

impl Question {
    const ALL: [Question; 8] = {
        use Question::*;
        [Data, Stack, Code, Return, Readable, Writable, Rights, Limit]
    };
}

/// Selector of a segment of the GDT, access rights as LAR gives them, limit.
const DESCRIPTORS: [(u16, u64, u64); 4] = [
    (USER32_CS, 0xcf_fb00, 0xffff_ffff),
    (USER_DS, 0xcf_f300, 0xffff_ffff),
    (USER_CS, 0xaf_fb00, 0xffff_ffff),
    // Its limit is the CPU's number.
    (CPUNODE, 0x40_f500, 0),
];

/// a = selector, imm = a [`Question`]: 1 or 0, or a value and 1 or 0.
pub(crate) static ASK: Helper = Helper::pure("segment_ask", 2, [1, 0, 0], ask);

/// Whether DS, ES, FS and GS may hold a selector.
pub(crate) fn is_data(selector: u64) -> bool {
    let selector = selector & 0xffff;
    selector < 4 || find(selector).is_some()
}

fn find(selector: u64) -> Option<&'static (u16, u64, u64)> {
    // Bit 2 asks for the local table, which is empty.
    DESCRIPTORS.iter().find(|(n, ..)| u64::from(*n) == selector | 3)
}

fn ask(slots: &mut Slots, at: CallArgs) {
    let selector = get(slots, at.a, 0) & 0xffff;
    let (found, rpl) = (find(selector), selector & 3);
    let is = |n: u16| found.is_some_and(|d| d.0 == n);
    let answer = match Question::ALL.get(usize::from(at.imm)) {
        Some(Question::Data) => is_data(selector),
        Some(Question::Stack) => is(USER_DS) && rpl == 3,
        Some(Question::Code) => is(USER_CS),
        Some(Question::Return) => is(USER_CS) && rpl == 3,
        Some(Question::Readable) => found.is_some(),
        Some(Question::Writable) => is(USER_DS),
        Some(Question::Rights) => return put_value(slots, at, found.map(|d| d.1)),
        Some(Question::Limit) => return put_value(slots, at, found.map(|d| d.2)),
        None => false,
    };
    put_value(slots, at, Some(answer.into()));
}

fn put_value(slots: &mut Slots, at: CallArgs, value: Option<u64>) {
    put(slots, at.d, 0, value.unwrap_or(0));
    put(slots, at.d, 1, value.is_some().into());
}
