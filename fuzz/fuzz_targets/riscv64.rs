#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| minikern_fuzz::code("riscv64", input));
