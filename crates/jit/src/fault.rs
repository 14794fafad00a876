//! Host faults of compiled code. An access through a window may meet a page that is not there, which the host tells by SIGSEGV, and
//! an arithmetic instruction an exception, told by SIGFPE: the handler has the thread go on at that instruction's landing, as Linux
//! does for its own accesses to user memory (arch/x86/mm/extable.c). All other faults go to whoever was there before.
#![allow(unsafe_code)]
use std::cell::Cell;
use std::ops::Range;
use std::sync::OnceLock;

/// Where an instruction that may fault is, and where it goes on then: offsets in code memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Landing {
    pub(crate) at: u32,
    pub(crate) to: u32,
}

/// The code that runs on a thread.
#[derive(Clone, Copy)]
struct Running {
    start: usize,
    len: usize,
    landings: *const [Landing],
}

const NOTHING: Running = Running { start: 0, len: 0, landings: &[] };

thread_local! {
    static RUNNING: Cell<Running> = const { Cell::new(NOTHING) };
}

impl Running {
    /// Where to go on after a fault at an address.
    fn landing(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.start).filter(|&offset| offset < self.len)?;
        // SAFETY: the landings are borrowed for as long as they are here, see `within`.
        let landings = unsafe { &*self.landings };
        let found = landings.binary_search_by_key(&offset, |landing| landing.at as usize).ok()?;
        Some(self.start + landings[found].to as usize)
    }
}

/// Does what runs code in `code`, whose landings are these, in ascending order.
pub(crate) fn within<R>(code: Range<usize>, landings: &[Landing], run: impl FnOnce() -> R) -> R {
    RUNNING.set(Running { start: code.start, len: code.len(), landings });
    let result = run();
    RUNNING.set(NOTHING);
    result
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod handler {
    use super::*;
    use libc::{SA_ONSTACK, SA_SIGINFO, SIGFPE, SIGSEGV, c_int, c_void, sigaction, siginfo_t, ucontext_t};

    /// The signals that tell of faults, and what was to be done about each before.
    const SIGNALS: [c_int; 2] = [SIGSEGV, SIGFPE];
    static BEFORE: [OnceLock<sigaction>; 2] = [const { OnceLock::new() }; 2];

    extern "C" fn fault(signal: c_int, _: *mut siginfo_t, context: *mut c_void) {
        // SAFETY: the context of this signal, which the kernel hands to nobody else (sigaction(2)).
        let context = unsafe { &mut *context.cast::<ucontext_t>() };
        let ip = &mut context.uc_mcontext.gregs[libc::REG_RIP as usize];
        if let Some(landing) = RUNNING.get().landing(*ip as usize) {
            *ip = landing as i64;
            return;
        }
        // The instruction faults once more, and whoever was there before hears of it.
        let before = SIGNALS.iter().zip(&BEFORE).find(|known| *known.0 == signal).and_then(|known| known.1.get());
        let before = before.map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: an action that was in force, or none.
        unsafe { sigaction(signal, before, std::ptr::null_mut()) };
    }

    /// Whether landings are heeded from now on.
    pub(crate) fn ready() -> bool {
        static READY: OnceLock<bool> = OnceLock::new();
        *READY.get_or_init(|| SIGNALS.iter().zip(&BEFORE).all(|(&signal, known)| heed(signal, known)))
    }

    /// Makes the handler that of a signal.
    fn heed(signal: c_int, known: &OnceLock<sigaction>) -> bool {
        // SAFETY: all zero is an action with no flags and an empty mask.
        let mut action: sigaction = unsafe { std::mem::zeroed() };
        let mut before = action;
        // SAFETY: asks for the action in force.
        let asked = unsafe { sigaction(signal, std::ptr::null(), &mut before) };
        if asked != 0 || known.set(before).is_err() {
            return false;
        }
        let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = fault;
        action.sa_sigaction = handler as usize;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        // SAFETY: the handler calls nothing but sigaction, and reads what its own thread set.
        unsafe { sigaction(signal, &action, std::ptr::null_mut()) == 0 }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod handler {
    pub(crate) fn ready() -> bool {
        false
    }
}

pub(crate) use handler::ready;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_a_landing_lands() {
        let landings = [Landing { at: 4, to: 100 }, Landing { at: 16, to: 120 }];
        within(0x1000..0x1080, &landings, || {
            let landing = |address| RUNNING.get().landing(address);
            assert_eq!(landing(0x1010), Some(0x1078));
            assert_eq!(landing(0x1004), Some(0x1064));
            assert_eq!(landing(0x1005), None);
            assert_eq!(landing(0x1010 - 0x1000), None);
            assert_eq!(landing(0x2010), None);
        });
        assert_eq!(RUNNING.get().landing(0x1010), None);
    }
}
