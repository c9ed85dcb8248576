//! What every store driver owes, as cases that take a driver and know nothing else of it. A driver's test calls
//! [`run_all`] with a [`Factory`] of its own.

mod accept;
mod advance;
mod expire;
mod gather;
mod gather_stories;
mod inputs;
mod lease;
mod limit;
mod list;
mod model;
mod park;
mod random;
mod reopen;
mod rerun;
mod side;
mod sqlite;
mod support;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use oncue::store::{Admin, Calendar, Shelf, Store};

/// All ports.
pub(crate) trait Driver: Store + Admin + Calendar + Shelf {}
impl<T: Store + Admin + Calendar + Shelf> Driver for T {}

/// Makes places for stores.
#[async_trait]
pub(crate) trait Factory: Send + Sync {
    /// A place where nothing is stored.
    async fn place(&self) -> Arc<dyn Place>;
}

/// Where one store lives.
#[async_trait]
pub(crate) trait Place: Send + Sync {
    /// Opens the store. The one opened before is dropped by then.
    async fn open(&self) -> Arc<dyn Driver>;
}

type Case = fn(Arc<dyn Place>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! cases {
    ($($module:ident { $($case:ident),* $(,)? })*) => {
        const CASES: &[(&str, Case)] = &[
            $($((concat!(stringify!($module), "::", stringify!($case)), |place| Box::pin($module::$case(place)))),*),*
        ];
    };
}

cases! {
    accept {
        an_event_comes_back_to_the_byte,
        a_second_event_of_one_key_is_a_duplicate,
        a_dedupe_key_is_scoped_to_source_and_application,
        a_dedupe_key_ends_at_its_moment,
        of_many_equal_events_at_once_one_is_stored,
        runs_start_leased_or_free,
        an_event_reaches_only_the_waits_that_it_fits,
        one_event_wakes_many_runs,
    }
    lease {
        a_claim_brings_all_that_a_run_needs,
        two_nodes_never_hold_one_run,
        a_stale_holder_is_refused_and_writes_nothing,
        a_lease_past_its_end_is_good_until_somebody_claims,
        a_renewed_lease_is_not_claimed,
        a_released_run_is_claimed_at_once,
        applications_take_turns,
        no_application_gets_more_than_its_share,
        a_join_frees_what_others_held,
    }
    advance {
        an_apply_writes_everything_and_keeps_the_lease,
        rows_of_one_path_replace_each_other,
        consumed_inputs_go_and_later_ones_come_back,
        a_final_status_ends_everything,
        the_word_that_a_run_ended_with_is_in_its_row,
        an_event_that_is_raised_is_accepted_with_the_rest_or_not_at_all,
        an_apply_sets_waits_and_finds_what_came_before,
        a_run_that_is_not_stored_is_not_found,
    }
    park {
        a_parked_run_sleeps_until_an_event_comes,
        an_event_that_came_first_is_found,
        an_input_that_is_there_keeps_the_lease,
        a_wait_looks_back_no_further_than_since,
        the_runs_own_event_never_counts,
        an_event_is_handed_to_a_step_once,
        a_settled_wait_is_void,
        a_final_park_ends_the_run,
        an_event_and_a_park_at_once_never_miss_each_other,
    }
    gather {
        events_of_one_key_are_gathered_until_nothing_more_comes,
        a_collection_is_closed_by_its_longest_time_whatever_comes,
        a_collection_is_closed_by_its_last_event,
        a_collection_is_closed_before_an_event_that_does_not_fit,
        an_event_after_the_end_opens_another_although_no_timer_fired,
        collections_keep_to_their_rule_application_and_key,
        a_duplicate_is_gathered_once,
        a_cancelled_collection_takes_nothing_more,
        what_is_said_when_a_collection_is_opened_holds,
        gathered_events_stay_while_the_run_lives_and_are_listed_with_it,
        an_event_and_the_end_of_a_collection_at_once_never_miss_each_other,
        a_retried_run_has_what_it_gathered,
        a_collection_that_is_raised_with_a_death_is_as_good,
        a_collection_survives_a_reopening_and_is_closed_late,
    }
    limit {
        a_rule_starts_so_many_runs_a_window_and_no_more,
        limits_keep_to_their_rule_and_key_and_not_to_the_application,
        a_duplicate_counts_for_no_limit,
        of_many_events_at_once_so_many_start_a_run,
        a_collection_counts_once_when_it_is_opened,
        a_limit_survives_a_reopening_and_goes_with_its_window,
    }
    inputs {
        a_delivery_wakes_a_parked_run,
        a_delivery_to_an_ended_or_unknown_run_is_dropped,
        timers_fire_once_and_in_order,
        a_moved_timer_fires_at_its_new_moment,
        a_settled_timer_does_not_fire,
        inputs_of_many_senders_keep_their_numbers,
    }
    side {
        contents_are_stored_once,
        the_run_behind_a_key_is_found,
        the_quarantine_keeps_the_newest,
        counts_follow_everything,
        ticks_go_on_from_where_they_were,
        what_plugins_keep_is_theirs_and_bounded,
    }
    list {
        events_are_listed_newest_first_by_page,
        events_are_found_by_each_filter,
        runs_are_found_by_each_filter,
        events_and_runs_are_found_by_their_time,
    }
    expire {
        old_events_go_with_their_ended_runs,
        an_event_that_a_live_run_may_need_stays,
        contents_go_when_nobody_needs_them,
        the_variables_of_a_pinned_closure_stay,
        old_dedupe_keys_go,
        no_more_than_a_batch_goes,
    }
    rerun {
        a_dead_run_that_is_retried_may_be_claimed_with_all_that_it_needs,
        only_the_last_run_that_is_dead_is_retried,
        a_retried_run_keeps_its_events_and_puts_its_on_failure_aside,
        of_many_retries_at_once_one_is_taken,
        a_replay_starts_a_run_for_the_stored_event_once_for_a_request,
        a_replay_is_refused_when_it_would_run_beside_another_or_lacks_something,
        a_replay_keeps_the_events_of_the_steps_that_it_takes_over,
    }
    reopen {
        everything_is_there_after_reopening,
        a_lease_of_a_lost_node_is_freed_by_join,
        a_dropped_caller_changes_nothing,
    }
}

/// Runs every case on a store of its own, and then random commands against the model.
///
/// # Panics
/// Names the cases that failed.
pub(crate) async fn run_all(factory: &dyn Factory) {
    let mut failed = Vec::new();
    for (name, case) in CASES {
        let place = factory.place().await;
        if tokio::spawn(case(place)).await.is_err() {
            failed.push(*name);
        }
    }
    assert!(failed.is_empty(), "these cases failed: {failed:#?}");
    random::tell_stories(factory);
    gather_stories::tell_stories(factory);
}
