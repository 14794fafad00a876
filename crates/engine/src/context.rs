//! Numbers for spaces as they are executable now, which is what an address alone leaves open.
use rustc_hash::FxHashMap;

/// Such a number; 0 is none.
pub(crate) type Context = u32;

/// Space, its executable generation, architecture, whether code for windows is run.
pub(crate) type Key = (u64, u64, usize, bool);

/// More of them, and all are forgotten; what is asked for again gets another number.
const MOST: usize = 1 << 12;

#[derive(Default)]
pub(crate) struct Contexts {
    known: FxHashMap<Key, Context>,
    last: Context,
}

impl Contexts {
    /// The number of a context: no other's since numbers began. `None` if there are no more; they begin anew then, and who
    /// remembers any has to forget it.
    pub(crate) fn number(&mut self, key: Key) -> Option<Context> {
        if let Some(&number) = self.known.get(&key) {
            return Some(number);
        }
        if self.known.len() >= MOST {
            self.known.clear();
        }
        let Some(next) = self.last.checked_add(1) else {
            *self = Contexts::default();
            return None;
        };
        self.last = next;
        self.known.insert(key, next);
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_number_is_used_twice_before_numbers_begin_anew() {
        let mut contexts = Contexts::default();
        let mut number = |space| contexts.number((space, 1, 0, false));
        let first = number(0);
        assert_eq!(number(0), first);
        let numbers: BTreeSet<_> = (0..3 * MOST as u64).map(&mut number).collect();
        assert_eq!(numbers.len(), 3 * MOST);
        assert!(!numbers.contains(&Some(0)) && !numbers.contains(&number(0)), "forgotten, and not 0 again");
        contexts.last = Context::MAX - 1;
        assert_eq!(contexts.number((0, 2, 0, false)), Some(Context::MAX));
        assert_eq!((contexts.number((0, 3, 0, false)), contexts.number((0, 3, 0, false))), (None, Some(1)));
    }
}
