//! The engine on a toy instruction set: budgets, faults, page crossings, self-modifying code, exclusives.
mod toy;

use arch::Exit;
use engine::Engine;
use ir::{Access, Fault, Trap};
use mmu::{PAGE_SIZE, Perms, Pte};
use toy::*;

fn fault(addr: u64, access: Access) -> Exit {
    Exit::Trap(Trap::Fault(Fault { addr, access }))
}

/// Sums 10 + 9 + ... into r1, stores it at DATA, and calls the system.
fn sum() -> Vec<T> {
    vec![
        T::Const(0, 10),
        T::Const(3, DATA),
        T::Add(1, 0),
        T::AddImm(0, -1),
        T::Store64(1, 3),
        T::Branch(0, -12),
        T::Syscall,
    ]
}

#[test]
fn a_system_call_retires_and_leaves_pc_behind_it() {
    let mut m = Machine::new(&sum());
    let run = m.run(1000);
    assert_eq!((run.exit, run.ticks), (Exit::Syscall, 2 + 40 + 1));
    assert_eq!(m.cpu.slots[1], 55);
    assert_eq!(m.page(DATA)[0], 55);
    assert_eq!(m.cpu.pc, CODE + assemble(&sum()).len() as u64);
}

#[test]
fn steps_of_any_size_make_the_same_run() {
    let whole = {
        let mut m = Machine::new(&sum());
        m.run(1000);
        (m.state(), m.page(DATA), m.ticks)
    };
    for budget in 1..50 {
        let mut m = Machine::new(&sum());
        loop {
            let run = m.run(budget);
            match run.exit {
                Exit::Budget => assert_eq!(run.ticks, budget),
                exit => {
                    assert_eq!(exit, Exit::Syscall);
                    break;
                }
            }
        }
        assert_eq!((m.state(), m.page(DATA), m.ticks), whole, "budget {budget}");
    }
}

#[test]
fn a_fault_leaves_pc_and_registers_before_the_instruction() {
    let mut m = Machine::new(&[T::Const(1, 0x999000), T::AddImm(2, 5), T::Load64(2, 1), T::AddImm(2, 1)]);
    let run = m.run(100);
    assert_eq!((run.exit, run.ticks), (fault(0x999000, Access::Read), 2));
    assert_eq!((m.cpu.pc, m.cpu.slots[2]), (CODE + 13, 5));
    m.map(0x999000, RW);
    assert_eq!(m.run(2).exit, Exit::Budget);
    assert_eq!(m.cpu.slots[2], 1);
}

#[test]
fn traps_do_not_retire() {
    let mut m = Machine::new(&[T::Nop, T::TrapIf(0), T::AddImm(0, 1), T::TrapIf(0)]);
    let run = m.run(100);
    assert_eq!((run.exit, run.ticks, m.cpu.pc), (Exit::Trap(Trap::Breakpoint), 3, CODE + 6));
    assert_eq!((m.run(1).exit, m.run(0).exit), (Exit::Trap(Trap::Breakpoint), Exit::Budget));
    let mut m = Machine::with_code(&[1, 0xff]);
    let run = m.run(100);
    assert_eq!((run.exit, run.ticks, m.cpu.pc), (Exit::Trap(Trap::Illegal), 1, CODE + 1));
}

#[test]
fn time_is_exact_inside_a_block() {
    let mut m = Machine::new(&[T::Nop, T::Time(0), T::Nop, T::Nop, T::Time(1), T::Syscall]);
    m.run(3);
    m.run(100);
    assert_eq!((m.cpu.slots[0], m.cpu.slots[1]), (1001, 1004));
}

#[test]
fn code_that_stores_into_itself_runs_what_it_stored() {
    // Overwrites the immediate of the instruction right behind the store, in the same block.
    let program = [T::Const(1, 7), T::Const(2, CODE + 25), T::Store8(1, 2), T::AddImm(0, 1), T::Syscall];
    let mut m = Machine::new(&program);
    for i in 1..4 {
        m.cpu.pc = CODE;
        m.cpu.slots[0] = 0;
        let run = m.run(100);
        assert_eq!((run.exit, run.ticks, m.cpu.slots[0]), (Exit::Syscall, 5, 7), "round {i}");
    }
    assert!(m.engine.stats().code_writes >= 1 && m.engine.stats().dropped >= 1);
}

#[test]
fn a_helper_that_stores_to_code_runs_once() {
    let mut m = Machine::new(&[T::Const(2, CODE + 0x800), T::Poke(1, 2), T::AddImm(3, 1), T::Syscall]);
    m.cpu.slots[1] = 0x1234;
    assert_eq!(m.run(100).ticks, 4);
    assert_eq!(m.cpu.slots[3], 1);
    assert_eq!(m.page(CODE)[0x800..0x802], [0x34, 0x12]);
}

#[test]
fn others_writes_to_code_are_seen_at_the_next_run() {
    let mut m = Machine::new(&[T::AddImm(0, 1), T::Jump(-5)]);
    m.run(10);
    assert_eq!(m.cpu.slots[0], 5);
    let frame = m.space.pte(CODE).unwrap().frame;
    m.pool.write(frame, 2, &[10], None);
    m.run(10);
    assert_eq!(m.cpu.slots[0], 55);
}

#[test]
fn an_instruction_may_cross_a_page() {
    let mut code = vec![1; PAGE_SIZE as usize - 4];
    T::Const(5, 0x1122_3344_5566_7788).encode(&mut code);
    T::Syscall.encode(&mut code);
    for budget in [1, 3, 10_000] {
        let mut m = Machine::with_code(&code);
        while m.run(budget).exit == Exit::Budget {}
        assert_eq!((m.cpu.slots[5], m.ticks), (0x1122_3344_5566_7788, PAGE_SIZE - 4 + 2));
        // A write to either half is seen.
        for (page, offset, byte) in [(CODE, 0xffe, 0x99), (CODE + PAGE_SIZE, 5, 0x77)] {
            let frame = m.space.pte(page).unwrap().frame;
            m.pool.write(frame, offset, &[byte], None);
        }
        m.cpu.pc = CODE + PAGE_SIZE - 4;
        assert_eq!(m.run(10).exit, Exit::Syscall);
        assert_eq!(m.cpu.slots[5], 0x7722_3344_5566_7799);
    }
}

#[test]
fn a_missing_second_page_faults_at_its_first_byte() {
    let mut code = vec![1; PAGE_SIZE as usize - 4];
    T::Const(5, 77).encode(&mut code);
    let mut m = Machine::with_code(&code[..PAGE_SIZE as usize]);
    let run = m.run(100_000);
    assert_eq!(
        (run.exit, run.ticks, m.cpu.pc),
        (fault(CODE + PAGE_SIZE, Access::Execute), PAGE_SIZE - 4, CODE + PAGE_SIZE - 4)
    );
    let frame = m.map(CODE + PAGE_SIZE, RX);
    m.pool.write(frame, 0, &code[PAGE_SIZE as usize..], None);
    m.run(1);
    assert_eq!(m.cpu.slots[5], 77);
    // Another frame there is another instruction.
    let frame = m.map(CODE + PAGE_SIZE, RX);
    m.pool.write(frame, 0, &[1], None);
    m.cpu.pc = CODE + PAGE_SIZE - 4;
    m.run(1);
    assert_eq!(m.cpu.slots[5], (1 << 16) + 77);
}

#[test]
fn the_second_page_of_an_instruction_is_looked_up_every_time() {
    let mut code = vec![1; PAGE_SIZE as usize - 4];
    T::Const(5, 0x1122_3344_5566_7788).encode(&mut code);
    T::Syscall.encode(&mut code);
    let second = CODE + PAGE_SIZE;
    for engine in [Some(Engine::new()), compiling(1)].into_iter().flatten() {
        let mut m = Machine::with_engine(&code, engine);
        let run = |m: &mut Machine| {
            m.cpu.pc = second - 40;
            m.run(1000).exit
        };
        // Often enough for the block in front to be linked to it.
        (0..4).for_each(|_| assert_eq!(run(&mut m), Exit::Syscall));
        m.space.protect(&mut m.pool, second, second + PAGE_SIZE, |_| RW);
        assert_eq!(run(&mut m), fault(second, Access::Execute));
        m.space.protect(&mut m.pool, second, second + PAGE_SIZE, |_| RWX);
        assert_eq!(run(&mut m), Exit::Syscall);
    }
}

#[test]
fn a_load_whose_pages_are_no_neighbours_does_without_guesses() {
    let Some(engine) = compiling(1) else { return };
    let program = [
        T::Const(1, DATA),
        T::Const(5, CODE ^ DATA),
        T::Const(0, 2000),
        T::Load8(3, 1),
        T::Add(6, 3),
        T::Xor(1, 5),
        T::AddImm(0, -1),
        T::Branch(0, -15),
        T::Syscall,
    ];
    let mut m = Machine::with_engine(&assemble(&program), engine);
    m.pool.write(m.space.pte(DATA).unwrap().frame, 0, &[5], None);
    let run = m.run(100_000);
    let sum = 1000 * (5 + u64::from(m.page(CODE)[0]));
    assert_eq!((run.exit, run.ticks, m.cpu.slots[6]), (Exit::Syscall, 3 + 5 * 2000 + 1, sum));
    let compiler = m.engine.stats().compiler.unwrap();
    // Once by guesses and once without, and what was begun in the middle; and then nothing more.
    assert!((3..8).contains(&compiler.compiled), "{compiler:?}");
}

#[test]
fn a_loop_across_a_page_stays_in_compiled_code() {
    let mut code = vec![1; PAGE_SIZE as usize - 7];
    for t in [T::AddImm(0, -1), T::Const(5, 0x1122_3344_5566_7788), T::Branch(0, -16), T::Syscall] {
        t.encode(&mut code);
    }
    let Some(engine) = compiling(1) else { return };
    let mut m = Machine::with_engine(&code, engine);
    (m.cpu.pc, m.cpu.slots[0]) = (CODE + PAGE_SIZE - 7, 100);
    let run = m.run(1000);
    assert_eq!((run.exit, run.ticks), (Exit::Syscall, 301));
    let entered = m.engine.stats().compiler.unwrap().entered;
    assert!(entered < 10, "entered {entered} times");
}

#[test]
fn revoked_execute_permission_faults_and_remapping_changes_the_code() {
    let mut m = Machine::new(&[T::AddImm(0, 1), T::Jump(-5)]);
    m.run(200);
    m.space.protect(&mut m.pool, CODE, CODE + PAGE_SIZE, |p| Perms { execute: false, ..p });
    assert_eq!(m.run(10).exit, fault(CODE, Access::Execute));
    let frame = m.map(CODE, RX);
    m.pool.write(frame, 0, &assemble(&[T::AddImm(1, 1), T::Jump(-5)]), None);
    m.run(200);
    assert_eq!((m.cpu.slots[0], m.cpu.slots[1]), (100, 100));
}

#[test]
fn spaces_share_translations() {
    let mut m = Machine::new(&sum());
    m.run(1000);
    let lifted = m.engine.stats().lifted;
    let mut other = m.pool.new_space();
    let frame = m.pool.share(m.space.pte(CODE).unwrap().frame);
    other.map(&mut m.pool, CODE, Pte { frame, perms: RX });
    std::mem::swap(&mut m.space, &mut other);
    m.map(DATA, RW);
    m.cpu.pc = CODE;
    m.cpu.slots[1] = 0;
    assert_eq!(m.run(1000).exit, Exit::Syscall);
    assert_eq!((m.cpu.slots[1], m.engine.stats().lifted), (55, lifted));
}

#[test]
fn exclusives_fail_after_another_tasks_store_and_succeed_otherwise() {
    let program = [
        T::Const(1, DATA + 8),
        T::LoadEx(2, 1),
        T::Nop,
        T::AddImm(6, 9),
        T::StoreEx(5, 1),
        T::StoreEx(7, 1),
        T::Syscall,
    ];
    // Preempted in between, with and without a foreign store.
    for foreign in [false, true] {
        let mut m = Machine::new(&program);
        m.run(3);
        if foreign {
            let frame = m.space.pte(DATA).unwrap().frame;
            m.pool.write(frame, 16, &[1], Some(2));
        }
        assert_eq!(m.run(100).exit, Exit::Syscall);
        assert_eq!((m.cpu.slots[5], m.cpu.slots[7]), (foreign as u64, 1), "the second store always fails");
        assert_eq!(m.page(DATA)[8], if foreign { 0 } else { 9 });
    }
    let mut m = Machine::new(&[T::LoadEx(2, 1)]);
    m.cpu.slots[1] = DATA + 1;
    assert_eq!(m.run(1).exit, Exit::Trap(Trap::Alignment { addr: DATA + 1 }));
}

#[test]
fn code_memory_that_is_full_is_emptied_and_execution_goes_on() {
    const BLOCKS: usize = 24_000;
    let mut program: Vec<T> = (0..BLOCKS).flat_map(|_| [T::AddImm(1, 1), T::Jump(0)]).collect();
    program.extend([T::Const(2, CODE), T::JumpReg(2)]);
    let Some(engine) = compiling(1) else { return };
    let mut m = Machine::with_engine(&assemble(&program), engine);
    let round = 2 * BLOCKS as u64 + 2;
    let run = m.run(3 * round + 5);
    assert_eq!((run.exit, run.ticks), (Exit::Budget, 3 * round + 5));
    assert_eq!(m.cpu.slots[1], 3 * BLOCKS as u64 + 3);
    let compiler = m.engine.stats().compiler.expect("it compiles");
    assert!(compiler.flushes > 1 && compiler.bytes <= compiler.room, "{compiler:?}");
}
