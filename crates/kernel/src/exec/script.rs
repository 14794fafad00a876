//! `#!` lines (fs/binfmt_script.c).
use abi::{Errno, Result};

/// What a `#!` line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) interpreter: Vec<u8>,
    /// All of the rest of the line, as one argument.
    pub(super) argument: Option<Vec<u8>>,
}

/// The line at the head of a file; `None` if it is no script. A line cut short within its interpreter is ENOEXEC.
pub(super) fn parse(head: &[u8]) -> Option<Result<Line>> {
    let rest = head.strip_prefix(b"#!")?;
    let line = match rest.iter().position(|&b| b == b'\n') {
        Some(end) => &rest[..end],
        // No newline in sight: the interpreter's name at least must be whole.
        None if rest.trim_ascii_start().iter().any(|b| matches!(b, b' ' | b'\t' | 0)) || head.len() < super::HEAD => {
            rest
        }
        None => return Some(Err(Errno::ENOEXEC)),
    };
    let line = line.split(|&b| b == 0).next().unwrap_or(line).trim_ascii();
    let end = line.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(line.len());
    let (interpreter, argument) = (line[..end].to_vec(), line[end..].trim_ascii());
    if interpreter.is_empty() {
        return Some(Err(Errno::ENOEXEC));
    }
    Some(Ok(Line { interpreter, argument: (!argument.is_empty()).then(|| argument.to_vec()) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_give_one_argument() {
        let line = |interpreter: &[u8], argument: Option<&[u8]>| {
            Some(Ok(Line { interpreter: interpreter.to_vec(), argument: argument.map(<[u8]>::to_vec) }))
        };
        assert_eq!(parse(b"#!/bin/sh\necho"), line(b"/bin/sh", None));
        assert_eq!(parse(b"#! /bin/sh -e -x \n"), line(b"/bin/sh", Some(b"-e -x")));
        assert_eq!(parse(b"#!/bin/sh"), line(b"/bin/sh", None));
        assert_eq!(parse(b"#!\n"), Some(Err(Errno::ENOEXEC)));
        assert_eq!(parse(b"\x7fELF"), None);
        let mut long = b"#!/".to_vec();
        long.resize(256, b'x');
        assert_eq!(parse(&long), Some(Err(Errno::ENOEXEC)));
    }
}
