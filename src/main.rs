//! The minikern command: parse, run, print one error, exit.
use clap::Parser;
use minikern::args::{Args, Command};
use minikern::commands::{self, Failure};
use minikern::console;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse_from(minikern::args::qemu_spellings(std::env::args_os()));
    // The panic hook has reported a panic; what is left is the exit code.
    let code = std::panic::catch_unwind(|| run(args)).unwrap_or(Failure::INTERNAL);
    ExitCode::from(code)
}

fn run(args: Args) -> u8 {
    let done = match args.command {
        Command::Run(args) => commands::run(args),
        Command::Exec(args) => commands::exec(args),
        Command::Image(args) => commands::image(args),
        Command::Arch => commands::arch(),
        Command::Disasm(args) => commands::disasm(args),
    };
    done.unwrap_or_else(|error| {
        let code = Failure::code_of(&error);
        if code != Failure::READER_GONE {
            console::say(&format!("minikern: {error:#}\n"));
        }
        code
    })
}
