//! The minikern command: parse, run, print one error, exit.
use clap::Parser;
use minikern::args::{Args, Command};
use minikern::commands::{self, Failure};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse_from(minikern::args::qemu_spellings(std::env::args_os()));
    let done = match args.command {
        Command::Run(args) => commands::run(args),
        Command::Exec(args) => commands::exec(args),
        Command::Image(args) => commands::image(args),
        Command::Arch => commands::arch(),
        Command::Disasm(args) => commands::disasm(args),
    };
    let code = done.unwrap_or_else(|error| {
        eprintln!("minikern: {error:#}");
        Failure::code_of(&error)
    });
    ExitCode::from(code)
}
