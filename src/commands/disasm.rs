//! `minikern disasm`: guest instructions, the IR they are lifted to, and the host code that the JIT makes of it.
use super::Failure;
use crate::ARCHES;
use crate::args::DisasmArgs;
use anyhow::{Context, Result};
use arch::{Arch, Flow};
use engine::{Compiler, How};
use goblin::elf::Elf;
use goblin::elf::program_header::{PF_X, PT_LOAD};
use goblin::elf::section_header::SHT_PROGBITS;
use goblin::elf::sym::STT_FUNC;
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};
use jit::Jit;
use std::io::Write;

/// Most instructions of a block shown with its IR; the engine's own bound is its own business.
const BLOCK: u32 = 64;

pub fn disasm(args: DisasmArgs) -> Result<u8> {
    let shown = args.elf.display();
    let bytes =
        std::fs::read(&args.elf).map_err(|error| Failure::error(Failure::NOT_FOUND, format!("{shown}: {error}")))?;
    let elf =
        Elf::parse(&bytes).map_err(|error| Failure::error(Failure::NOT_EXECUTABLE, format!("{shown}: {error}")))?;
    let arch = ARCHES.iter().find(|arch| arch.elf.machine == elf.header.e_machine).ok_or_else(|| {
        Failure::error(Failure::NOT_EXECUTABLE, format!("{shown}: unsupported ELF machine {}", elf.header.e_machine))
    })?;
    let mut host = match args.host {
        true => Some(Jit::new(jit::DEFAULT_ROOM).context("--host: this host has no templates")?),
        false => None,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (start, end) in ranges(&elf, args.what.as_deref()).with_context(|| format!("{shown}"))? {
        let code = code_at(&elf, &bytes, start, end).with_context(|| format!("{shown}: no code at {start:#x}"))?;
        if args.ir || args.host {
            blocks(&mut out, arch, start, code, host.as_mut(), args.window)?;
        } else {
            instructions(&mut out, arch, start, code)?;
        }
    }
    out.flush()?;
    Ok(0)
}

/// The address ranges to show: a symbol's, the one given, or all that is code.
fn ranges(elf: &Elf<'_>, what: Option<&str>) -> Result<Vec<(u64, u64)>> {
    let Some(what) = what else {
        // A segment may begin with the file's headers; sections tell code from them, where there are sections.
        let code =
            elf.section_headers.iter().filter(|section| section.is_executable() && section.sh_type == SHT_PROGBITS);
        let sections: Vec<_> =
            code.map(|section| (section.sh_addr, section.sh_addr.saturating_add(section.sh_size))).collect();
        if !sections.is_empty() {
            return Ok(sections);
        }
        let text = elf.program_headers.iter().filter(|ph| ph.p_type == PT_LOAD && ph.p_flags & PF_X != 0);
        return Ok(text.map(|ph| (ph.p_vaddr, ph.p_vaddr.saturating_add(ph.p_filesz))).collect());
    };
    if let Some((start, end)) = what.split_once("..") {
        let number = |text: &str| {
            let digits = text.strip_prefix("0x").unwrap_or(text);
            u64::from_str_radix(digits, 16)
                .map_err(|_| Failure::error(Failure::USAGE, format!("{text}: not an address")))
        };
        return match (number(start)?, number(end)?) {
            (start, end) if start < end => Ok(vec![(start, end)]),
            _ => Err(Failure::error(Failure::USAGE, format!("{what}: an empty range"))),
        };
    }
    let symbol = elf.syms.iter().find(|sym| sym.st_type() == STT_FUNC && elf.strtab.get_at(sym.st_name) == Some(what));
    let symbol = symbol.ok_or_else(|| Failure::error(Failure::USAGE, format!("{what}: no such function")))?;
    Ok(vec![(symbol.st_value, symbol.st_value.saturating_add(symbol.st_size.max(1)))])
}

/// The file's bytes behind an address range.
fn code_at<'a>(elf: &Elf<'_>, bytes: &'a [u8], start: u64, end: u64) -> Option<&'a [u8]> {
    let holds =
        |p: &&goblin::elf::ProgramHeader| p.p_type == PT_LOAD && p.p_vaddr <= start && start - p.p_vaddr < p.p_filesz;
    let ph = elf.program_headers.iter().find(holds)?;
    let skip = start - ph.p_vaddr;
    let len = end.checked_sub(start)?.min(ph.p_filesz - skip);
    let at = usize::try_from(ph.p_offset.checked_add(skip)?).ok()?;
    bytes.get(at..at.checked_add(len as usize)?)
}

fn line(out: &mut impl Write, arch: &Arch, pc: u64, code: &[u8]) -> std::io::Result<usize> {
    let (len, text) = arch.isa.disassemble(pc, &code[..code.len().min(16)]);
    let len = len.clamp(1, code.len());
    let hex: String = code[..len].iter().map(|b| format!("{b:02x}")).collect();
    writeln!(out, "{pc:>12x}:  {hex:<24} {text}")?;
    Ok(len)
}

fn instructions(out: &mut impl Write, arch: &Arch, start: u64, code: &[u8]) -> std::io::Result<()> {
    let mut at = 0;
    while at < code.len() {
        at += line(out, arch, start.wrapping_add(at as u64), &code[at..])?;
    }
    Ok(())
}

fn blocks(
    out: &mut impl Write,
    arch: &Arch,
    start: u64,
    code: &[u8],
    mut host: Option<&mut Jit>,
    windowed: bool,
) -> std::io::Result<()> {
    let (mut at, mut number) = (0, 0);
    let how = How { chain: true, windowed };
    while at < code.len() {
        let mut builder = ir::Builder::new(start.wrapping_add(at as u64));
        loop {
            let pc = start.wrapping_add(at as u64);
            builder.insn(pc);
            let flow = arch.isa.lift(pc, &code[at..code.len().min(at + 16)], &mut builder);
            at += line(out, arch, pc, &code[at..])?;
            if !matches!(flow, Flow::Next(_)) || at >= code.len() || builder.insns() == BLOCK {
                break;
            }
        }
        let mut block = builder.finish(start.wrapping_add(at as u64));
        if host.is_some() {
            ir::optimise(&mut block);
        }
        for text in ir::text::print(&block, &|slot| arch.isa.slot_name(slot)).lines() {
            writeln!(out, "{:14}| {text}", "")?;
        }
        if let Some(jit) = host.as_deref_mut() {
            jit.compile(arch.isa, number, &block, how);
            host_code(out, jit.code(number, windowed))?;
            number += 1;
        }
    }
    Ok(())
}

/// The code of a block, and where it is.
fn host_code(out: &mut impl Write, code: Option<(u64, &[u8])>) -> std::io::Result<()> {
    let Some((at, bytes)) = code else { return writeln!(out, "{:14}> no room", "") };
    let mut decoder = Decoder::with_ip(64, bytes, at, DecoderOptions::NONE);
    let mut formatter = IntelFormatter::new();
    while decoder.can_decode() {
        let (offset, insn) = (decoder.position(), decoder.decode());
        let mut text = String::new();
        formatter.format(&insn, &mut text);
        let hex: String = bytes[offset..offset + insn.len()].iter().map(|b| format!("{b:02x}")).collect();
        writeln!(out, "{:14}> {:x}  {hex:<22} {text}", "", insn.ip())?;
    }
    Ok(())
}
