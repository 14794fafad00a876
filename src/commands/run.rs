//! `minikern run`: boots an image, or goes on with a saved machine.
use super::driver::Driver;
use crate::args::{ClockArg, RunArgs};
use crate::{Boot, console, image};
use anyhow::Result;
use kernel::vfs::ImageError;

/// Paths tried as the first program, in order.
const INIT: [&str; 4] = ["/init", "/sbin/init", "/bin/init", "/bin/sh"];

pub fn run(args: RunArgs) -> Result<u8> {
    let terminal = console::stdin_is_terminal();
    let clock = args.machine.clock.unwrap_or(if terminal { ClockArg::Host } else { ClockArg::Virtual });
    if let Some(file) = &args.resume {
        return Driver::resume(file, &args.machine, clock, terminal)?.with_swap(args.swap)?.run();
    }
    if let Some(arch) = &args.arch {
        super::known_arch(arch)?;
    }
    let initramfs = image::load(args.image.as_deref(), args.machine.memory)?;
    let mut init: Vec<String> = Vec::new();
    let mut rest = Vec::new();
    if let Some((program, arguments)) = args.command.split_first() {
        init.extend(candidates(program, args.arch.as_deref()));
        rest = arguments.to_vec();
    } else {
        if let Some(arch) = &args.arch {
            init.extend(["init", "sh"].map(|name| format!("/{arch}/bin/{name}")));
        }
        init.extend(INIT.map(String::from));
    }
    let path = match &args.arch {
        Some(arch) => format!("/{arch}/bin:{}", default_path()),
        None => default_path(),
    };
    let mut env = vec![format!("PATH={path}"), "HOME=/".into(), "TERM=linux".into()];
    super::set_env(&mut env, &args.machine.env);
    let boot = Boot {
        config: super::config(&args.machine, clock, args.append.trim().to_string())?,
        initramfs,
        init,
        args: rest,
        env,
        workdir: args.machine.workdir.clone(),
        mount_usual: false,
    };
    let driver = Driver::boot(&boot, &args.machine, clock, terminal, |_| Ok(())).map_err(|error| match &args.image {
        Some(image) if error.is::<ImageError>() => error.context(image.display().to_string()),
        _ => error,
    });
    driver?.with_swap(args.swap)?.run()
}

/// Where a command without a slash is looked for: the preferred architecture's programs, then everyone's.
fn candidates(program: &str, arch: Option<&str>) -> Vec<String> {
    if program.contains('/') {
        return vec![program.to_string()];
    }
    let everyone = default_path();
    let dirs = arch.map(|arch| format!("/{arch}/bin")).into_iter().chain(everyone.split(':').map(String::from));
    dirs.map(|dir| format!("{dir}/{program}")).collect()
}

fn default_path() -> String {
    let own: Vec<String> = crate::ARCHES.iter().map(|arch| format!("/{}/bin", arch.name)).collect();
    format!("/sbin:/bin:/usr/sbin:/usr/bin:{}", own.join(":"))
}
