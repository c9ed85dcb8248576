//! What is known of the ticks of schedules.

use oncue_rules::ids::RuleName;
use oncue_rules::time::Timestamp;

use super::ask::Ask;
use super::fault::Stop;
use super::tx::Tx;
use super::writer::Verb;

/// [`crate::store::Calendar::ticked`].
pub(super) struct Ticked {
    pub(super) rules: Vec<RuleName>,
    pub(super) now: Timestamp,
}

/// [`crate::store::Calendar::tick`].
pub(super) struct Tick {
    pub(super) rule: RuleName,
    pub(super) until: Timestamp,
}

impl Verb for Ticked {
    type Answer = Vec<Timestamp>;
    const DOING: &'static str = "reading schedules";

    fn weight(&self) -> usize {
        self.rules.iter().map(|rule| 256 + rule.as_str().len()).sum()
    }

    fn run(&self, tx: &Tx<'_>) -> Result<Vec<Timestamp>, Stop> {
        let ticked = self.rules.iter().map(|rule| {
            tx.sql
                .change("INSERT OR IGNORE INTO schedules (rule, until) VALUES (?1, ?2)", (rule.as_str(), self.now.0))?;
            let until =
                tx.sql.first("SELECT until FROM schedules WHERE rule = ?1", [rule.as_str()], |row| Ok(row.get(0)?))?;
            Ok(until.map_or(self.now, Timestamp))
        });
        ticked.collect()
    }
}

impl Verb for Tick {
    type Answer = ();
    const DOING: &'static str = "noting a tick";

    fn run(&self, tx: &Tx<'_>) -> Result<(), Stop> {
        tx.sql.change(
            "INSERT INTO schedules (rule, until) VALUES (?1, ?2)
             ON CONFLICT (rule) DO UPDATE SET until = max(until, excluded.until)",
            (self.rule.as_str(), self.until.0),
        )?;
        Ok(())
    }
}
