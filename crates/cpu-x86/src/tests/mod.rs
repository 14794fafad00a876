//! Tests of instructions: against the host's CPU, against lines of expected state, and over any bytes at all.
mod amd;
mod any_bytes;
mod encode;
mod generate;
mod host;
mod machine;
mod native;
mod record;
mod sweep;
mod vectors;
mod xsave;
