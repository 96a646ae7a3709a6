//! Direct delivery to one listener. Each listener has a lane of its own, in which events are delivered side by side: a listener
//! that is broken, slow or away holds up no other listener, and a slow event holds up no other event.

use super::{
    claim::{claim, settle},
    pace::Pace,
    row::Model,
};
use crate::{
    Fault, Listener,
    db::Db,
    delivery::{handle::call_listener, plan::RetryPlan},
    jobs::{Beat, CancellationToken},
};
use tokio::task::JoinSet;

/// Delivers the events of an outbox to one listener.
#[derive(Clone)]
pub(super) struct Lane {
    pub(super) db: Db,
    pub(super) listener: Listener,
    /// How many events the listener handles at the same time.
    pub(super) at_once: usize,
    pub(super) plan: RetryPlan,
    pub(super) stop: CancellationToken,
}

type Ended = (Model, Result<(), Fault>);

impl Lane {
    /// Delivers events until jobs are to end and the deliveries that were begun have ended.
    pub(super) async fn run(self, beat: Beat) {
        let mut commits = self.db.hook().commits.subscribe();
        let mut under_way: JoinSet<Ended> = JoinSet::new();
        let mut pace = Pace::full();
        loop {
            let is_stopping = self.stop.is_cancelled();
            if is_stopping && under_way.is_empty() {
                return;
            }
            let room = if is_stopping { 0 } else { pace.window(self.at_once).saturating_sub(under_way.len()) };
            if room > 0 {
                match claim(&self.db, self.listener.name(), room as u64).await {
                    Ok(rows) => {
                        beat.succeeded();
                        rows.into_iter().for_each(|row| self.begin(&mut under_way, row));
                    }
                    Err(_) => {
                        // a fault was logged where it was made
                        beat.failed();
                        pace.missed();
                    }
                }
            }
            tokio::select! {
                Some(ended) = under_way.join_next() => {
                    let ended = std::iter::once(ended).chain(std::iter::from_fn(|| under_way.try_join_next()));
                    let ended: Vec<Ended> = ended.filter_map(Result::ok).collect();
                    pace.learn(ended.iter().map(|(_, outcome)| outcome));
                    if settle(&self.db, &self.plan, self.listener.name(), ended).await.is_err() {
                        beat.failed();
                        pace.missed();
                    }
                }
                Ok(()) = commits.changed() => {}
                () = tokio::time::sleep(pace.pause()) => {}
                () = self.stop.cancelled(), if !is_stopping => {}
            }
        }
    }

    fn begin(&self, under_way: &mut JoinSet<Ended>, row: Model) {
        let listener = self.listener.clone();
        under_way.spawn(async move {
            let outcome = match row.envelope() {
                Ok(event) => call_listener(&listener, &event).await,
                Err(fault) => Err(fault),
            };
            (row, outcome)
        });
    }
}
