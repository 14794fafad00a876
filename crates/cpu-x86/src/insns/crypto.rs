//! AES, PCLMULQDQ, SHA.
use super::{Pair, Row};
use crate::helpers::crypto as helper;
use crate::lift::crypto;
use iced_x86::Mnemonic::*;

/// SSE forms, AVX forms, and what both do.
pub(super) const PAIRS: &[Pair] = &[
    (Aesenc, Vaesenc, |l| l.lanes(&helper::AESENC, 0)),
    (Aesenclast, Vaesenclast, |l| l.lanes(&helper::AESENCLAST, 0)),
    (Aesdec, Vaesdec, |l| l.lanes(&helper::AESDEC, 0)),
    (Aesdeclast, Vaesdeclast, |l| l.lanes(&helper::AESDECLAST, 0)),
    (Aesimc, Vaesimc, |l| l.lanes(&helper::AESIMC, 0)),
    (Aeskeygenassist, Vaeskeygenassist, |l| l.lanes_imm(&helper::AESKEYGENASSIST)),
    (Pclmulqdq, Vpclmulqdq, |l| l.lanes_imm(&helper::PCLMULQDQ)),
];

pub(super) const ROWS: &[Row] = &[
    (Sha1msg1, |l| l.lanes(&helper::SHA1MSG1, 0)),
    (Sha1msg2, |l| l.lanes(&helper::SHA1MSG2, 0)),
    (Sha1nexte, |l| l.lanes(&helper::SHA1NEXTE, 0)),
    (Sha1rnds4, |l| l.lanes_imm(&helper::SHA1RNDS4)),
    (Sha256msg1, |l| l.lanes(&helper::SHA256MSG1, 0)),
    (Sha256msg2, |l| l.lanes(&helper::SHA256MSG2, 0)),
    (Sha256rnds2, crypto::sha256rnds2),
];
