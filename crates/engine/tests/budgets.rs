//! Random programs, many of which store into themselves: however a run is cut into budgets, it is the same run.
mod toy;

use arch::Exit;
use engine::Engine;
use mmu::PAGE_SIZE;
use proptest::prelude::*;
use toy::*;

fn instruction() -> impl Strategy<Value = T> {
    let r = 0u8..8;
    let pair = (0u8..8, 0u8..8);
    prop_oneof![
        Just(T::Nop),
        (r.clone(), any::<i8>()).prop_map(|(r, imm)| T::AddImm(r, imm)),
        pair.clone().prop_map(|(r, s)| T::Add(r, s)),
        pair.clone().prop_map(|(r, s)| T::Sub(r, s)),
        pair.clone().prop_map(|(r, s)| T::Mul(r, s)),
        pair.clone().prop_map(|(r, s)| T::Xor(r, s)),
        (r.clone(), 0u8..64).prop_map(|(r, n)| T::ShrImm(r, n)),
        // Registers 8 to 11 hold addresses: data, the end of data, code, a hole.
        (r.clone(), 8u8..12).prop_map(|(r, s)| T::Load64(r, s)),
        (r.clone(), 8u8..11).prop_map(|(r, s)| T::Load8(r, s)),
        (r.clone(), 8u8..10).prop_map(|(r, s)| T::Store64(r, s)),
        (r.clone(), 8u8..11).prop_map(|(r, s)| T::Store8(r, s)),
        (r.clone(), 8u8..9).prop_map(|(r, s)| T::Poke(r, s)),
        (r.clone(), -40i8..40).prop_map(|(r, by)| T::Branch(r, by)),
        pair.prop_map(|(r, s)| T::Cmp(r, s)),
        (-40i8..40).prop_map(T::BranchNe),
        (-40i8..40).prop_map(T::BranchLt),
        (-40i8..40).prop_map(T::Jump),
        r.clone().prop_map(T::Time),
        (8u8..11, 0i8..6).prop_map(|(r, imm)| T::AddImm(r, imm)),
        (r.clone(), 8u8..9).prop_map(|(r, s)| T::LoadEx(r, s)),
        (r, 8u8..9).prop_map(|(r, s)| T::StoreEx(r, s)),
    ]
}

/// Everything a guest could tell two runs apart by.
type Outcome = (Exit, u64, Vec<u64>, Vec<[u8; PAGE_SIZE as usize]>);

fn outcome(engine: Engine, program: &[T], at: u64, total: u64, budgets: &[u64]) -> Outcome {
    let mut code = vec![1; at as usize];
    code.extend(assemble(program));
    let mut m = Machine::with_engine(&code, engine);
    if code.len() as u64 <= PAGE_SIZE {
        m.map(CODE + PAGE_SIZE, RWX);
    }
    m.cpu.pc = CODE + at;
    for (r, value) in [(8, DATA), (9, DATA + PAGE_SIZE - 4), (10, CODE + at + 20), (11, DATA + 2 * PAGE_SIZE)] {
        m.cpu.slots[r] = value;
    }
    let mut budgets = budgets.iter().cycle();
    let exit = loop {
        let budget = budgets.next().copied().unwrap_or(1).min(total - m.ticks);
        let run = m.run(budget);
        if run.exit != Exit::Budget || m.ticks == total {
            break run.exit;
        }
        assert_eq!(run.ticks, budget);
    };
    let pages = [CODE, CODE + PAGE_SIZE, DATA, DATA + PAGE_SIZE].map(|page| m.page(page)).to_vec();
    (exit, m.ticks, m.state(), pages)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_run_is_the_same_however_it_is_cut(
        program in prop::collection::vec(instruction(), 1..40),
        at in prop_oneof![Just(0), PAGE_SIZE - 60..PAGE_SIZE],
        budgets in prop::collection::vec(1u64..200, 1..4),
    ) {
        let whole = outcome(Engine::new(), &program, at, 3000, &[3000]);
        prop_assert_eq!(&outcome(Engine::new(), &program, at, 3000, &[1]), &whole, "one at a time");
        prop_assert_eq!(&outcome(Engine::new(), &program, at, 3000, &budgets), &whole, "cut");
        for (threshold, budgets) in [(1, &[3000][..]), (1, &budgets), (3, &budgets)] {
            if let Some(engine) = compiling(threshold) {
                prop_assert_eq!(&outcome(engine, &program, at, 3000, budgets), &whole, "compiled, {}", threshold);
            }
        }
    }
}
