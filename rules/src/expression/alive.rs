//! Expressions that are in use, so that rules that say the same share what it compiles to: that takes far more room than its
//! text, and a set of rules says few different things.

use std::hash::BuildHasher as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::Compiled;
use super::rewrite::Rewritten;

static ALIVE: LazyLock<Mutex<Alive>> = LazyLock::new(Mutex::default);

/// So many are kept before those that are gone are looked for.
const FEW: usize = 1_024;

#[derive(Default)]
struct Alive {
    table: HashTable<(u64, Weak<Compiled>)>,
    hasher: RandomState,
    /// How many there may be before those that are gone are taken out.
    most: usize,
}

/// The one that has this text and meaning; made where there is none.
pub(super) fn shared<E>(
    text: &str,
    rewritten: Rewritten,
    make: impl FnOnce(Rewritten) -> Result<Compiled, E>,
) -> Result<Arc<Compiled>, E> {
    let (hash, known) = {
        let alive = ALIVE.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = alive.hasher.hash_one(text);
        let known = alive.table.iter_hash(hash).filter(|(other, _)| *other == hash).find_map(|(_, known)| {
            known.upgrade().filter(|known| &*known.text == text && known.rewritten.code == rewritten.code)
        });
        (hash, known)
    };
    if let Some(known) = known {
        return Ok(known);
    }
    let compiled = Arc::new(make(rewritten)?);
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner).add(hash, &compiled);
    Ok(compiled)
}

impl Alive {
    fn add(&mut self, hash: u64, made: &Arc<Compiled>) {
        if self.table.len() >= self.most.max(FEW) {
            self.table.retain(|(_, known)| known.strong_count() > 0);
            self.most = self.table.len() * 2;
            self.table.shrink_to(self.most, |(hash, _)| *hash);
        }
        self.table.insert_unique(hash, (hash, Arc::downgrade(made)), |(hash, _)| *hash);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Expression, Names};
    use super::*;

    #[test]
    fn expressions_that_say_the_same_are_one() {
        let compile = |text: &str| Expression::compile(text, &Names::rule()).unwrap();
        let (one, same, other) = (compile("event.id + '~1'"), compile("event.id + '~1'"), compile("event.id + '~2'"));
        assert!(Arc::ptr_eq(&one.0, &same.0));
        assert!(!Arc::ptr_eq(&one.0, &other.0));
    }

    #[test]
    fn an_expression_that_is_alive_is_checked_against_the_names_all_the_same() {
        let names = Names::rule().with_root("item");
        let _alive = Expression::compile("item.alive", &names).unwrap();
        assert!(Expression::compile("item.alive", &Names::rule()).is_err());
    }

    #[test]
    fn what_nobody_uses_any_more_is_forgotten() {
        for n in 0..3 * FEW {
            drop(Expression::compile(&format!("event.n == 'forgotten {n}'"), &Names::rule()).unwrap());
        }
        let alive = ALIVE.lock().unwrap();
        let gone = alive.table.iter().filter(|(_, known)| known.strong_count() == 0).count();
        assert!(gone <= alive.most.max(FEW), "{gone}");
    }
}
