//! What the links of a VE have moved: entered into its account, and compared with what
//! it may move in a month.
//!
//! ```text
//! start ──> begin                  links as fast as is set, or held back already
//!   shim sees that it is time ──> veld account NAME ──> look
//!   veld set ──> look
//! end ──> shim counts ──> sweep ──> close
//! ```
//!
//! The kernel counts for each link from when it was made. What of a run is in the
//! account is known there, so that each entry may be made twice, by whoever comes
//! after one that was killed. Months are those of UTC.

use std::time::Duration;

use veld_config::{Over, VeId};
use veld_durable::Life;
use veld_network::{Counters, Metered as Link, meter};
use veld_protocol::event::What;
use veld_protocol::shim;
use veld_protocol::stamp::Stamp;
use veld_protocol::traffic::{Counts, Metered};
use veld_state::{Account, Month, Observed, Record};

use super::{NetPlan, rates};
use crate::error::{Error, ErrorKind, Source, chain};
use crate::outcome::Done;
use crate::set::in_force;
use crate::ve::{LOCK_PATIENCE, Ve};

/// How much of the account a host that fails may lose.
const ENTRY: Duration = Duration::from_secs(3600);
/// Within how many seconds after the turn of the month the new one begins for all VEs:
/// a thousand commands at once would be in each other's way.
const TURN: u64 = 300;

/// Sets the rates of links that were just made and that nobody uses yet, and says what
/// the shim is to look at.
pub(super) fn begin(ve: &Ve<'_>, plan: &NetPlan, warnings: &mut Vec<String>) -> Result<(), Source> {
    let (mut account, warning) = of(ve);
    warnings.extend(warning);
    account.turn(Stamp::now());
    let held = is_used_up(plan, &account);
    let nothing = Counts::default();
    // First, as a sign that there is something to take away.
    say(ve, plan, &account, &links(plan)?, [nothing, nothing])?;
    if rates::any(plan, held) {
        ve.step("limit rates");
        rates::apply(plan, held)?;
    }
    if held != account.held {
        account.held = held;
        ve.run.tell(told(plan, held));
        account.write(&ve.area.traffic())?;
    }
    Ok(())
}

/// The links of a plan that are metered, as they are now.
pub(super) fn links(plan: &NetPlan) -> Result<Vec<Link>, Source> {
    let names = rates::metered(plan).map(|interface| &interface.host_name);
    Ok(meter(names)?)
}

/// Whether a run has said what the shim is to look at, and so may have left something.
pub(super) fn is_said(ve: &Ve<'_>) -> bool {
    ve.run.file(shim::TRAFFIC).exists()
}

/// Looks at what a running VE has moved, enters it, and holds its links to what that
/// leaves to it. Its links may have been others `before`.
pub(super) fn look(
    ve: &Ve<'_>,
    plan: &NetPlan,
    started: Stamp,
    before: &[Link],
) -> Result<Option<String>, Source> {
    let (mut account, warning) = of(ve);
    let links = links(plan)?;
    let known = account.of_run(started);
    let gone = over_gone(ve, known, [before, &links]);
    let moved = gone.plus(over(&links));
    account.enter(Stamp::now(), started, moved);
    let held = is_used_up(plan, &account);
    say(ve, plan, &account, &links, [gone, moved])?;
    ve.step("limit rates");
    rates::apply(plan, held)?;
    if held != account.held {
        account.held = held;
        ve.run.tell(told(plan, held));
    }
    account.write(&ve.area.traffic())?;
    Ok(warning)
}

/// Enters what the run that has ended has moved, as its shim has counted it.
///
/// Nobody can do better where that cannot be done, so that it is in nobody's way.
pub(super) fn close(ve: &Ve<'_>) {
    let enter = || -> Result<(), Source> {
        let Ok(record) = Record::read(&ve.run.record()) else {
            return Ok(());
        };
        let Some(moved) = counted(ve)? else {
            return Ok(());
        };
        let (mut account, _) = of(ve);
        account.enter(Stamp::now(), record.started, moved);
        // A wait for the disk is longer than all else of an end.
        Ok(account.add(&ve.area.traffic())?)
    };
    if let Err(error) = enter() {
        tracing::debug!(ve = %ve.name, error = chain(&error), "traffic of the run is lost");
    }
}

/// What the run has moved: by the word of the shim that saw its end, or by the links,
/// where they outlived a shim that did not, and may have told something before.
fn counted(ve: &Ve<'_>) -> Result<Option<Counts>, Source> {
    let told = remembered(ve);
    let links = meter(ve.links(ve.id()?))?;
    let by_links = said(ve).map(|said| said.before.plus(over(&links)));
    Ok(match (told, by_links) {
        (Some(told), Some(by_links)) => Some(told.at_least(by_links)),
        (told, by_links) => told.or(by_links),
    })
}

/// Looks after the account of a running VE: what its shim calls where its time has come
/// or its traffic of the month is used up.
///
/// # Errors
/// [`ErrorKind::Locked`]; what keeps the kernel from being told.
pub fn account(ve: &Ve<'_>) -> Result<Done, Error> {
    // The shim is in the VE's group, and what it begins is too.
    let _ = ve.group().and_then(|group| group.leave());
    let lock = ve.must_exist(ve.lock_for("account", LOCK_PATIENCE)?)?;
    let Observed::Running(running) = ve.observe() else {
        let fact = "is not running";
        return Err(Error::fact(ErrorKind::NotRunning, &ve.name, fact));
    };
    let failed = |source: Source| Error::action(&ve.name, "look after the traffic", source);
    let look = || -> Result<_, Source> {
        let config = in_force(ve)?;
        let plan = NetPlan::new(&config, ve.host.config(), ve.id()?);
        look(ve, &plan, running.record.started, &[])
    };
    let warning = look().map_err(failed)?;
    drop(lock);
    Ok(Done::default().with_warnings(Vec::from_iter(warning)))
}

/// The account as it would be if it were looked after now; nothing where it cannot be
/// read. Of one that runs: when it was started, and what went over the links that it
/// has.
pub(crate) fn account_now(ve: &Ve<'_>, run: Option<(Stamp, Counters)>) -> Option<Account> {
    let mut account = Account::read(&ve.area.traffic()).ok()?;
    let now = Stamp::now();
    match run {
        Some((started, links)) => {
            let gone = said(ve).map(|said| said.before).unwrap_or_default();
            account.enter(now, started, gone.plus(counts(links)));
        }
        None => account.turn(now),
    }
    Some(account)
}

/// What went over the links that a VE has.
pub(crate) fn moved(ve: &Ve<'_>, id: VeId) -> Result<Counters, Source> {
    let links = meter(ve.links(id))?;
    Ok(links
        .iter()
        .fold(Counters::default(), |all, link| all + link.counters))
}

/// The account; an empty one, with a warning, where it is damaged.
fn of(ve: &Ve<'_>) -> (Account, Option<String>) {
    match Account::read(&ve.area.traffic()) {
        Ok(account) => (account, None),
        Err(failure) => {
            let warning = format!("{}: its traffic is counted anew", chain(&failure));
            (Account::default(), Some(warning))
        }
    }
}

fn is_used_up(plan: &NetPlan, account: &Account) -> bool {
    let limit = plan.network.traffic.limit;
    limit.is_some_and(|limit| account.this_month.bytes() >= limit.get())
}

fn told(plan: &NetPlan, held: bool) -> What<'static> {
    let traffic = &plan.network.traffic;
    let limit = traffic.limit.unwrap_or_default().get();
    match traffic.over {
        _ if !held => What::TrafficRestored,
        Over::Slow => What::TrafficSlowed(limit),
        Over::Cut => What::TrafficCut(limit),
    }
}

fn over(links: &[Link]) -> Counts {
    let all = links.iter().map(|link| counts(link.counters));
    all.fold(Counts::default(), Counts::plus)
}

fn counts(counters: Counters) -> Counts {
    Counts {
        received_bytes: counters.received_bytes,
        received_packets: counters.received_packets,
        sent_bytes: counters.sent_bytes,
        sent_packets: counters.sent_packets,
    }
}

/// What the shim was last told.
fn said(ve: &Ve<'_>) -> Option<Metered> {
    let text = std::fs::read_to_string(ve.run.file(shim::TRAFFIC)).ok()?;
    text.parse().ok()
}

/// What went over links of this run that are gone: as was said of some, and with those
/// that were among the links `before` and are not any more.
///
/// Where the VE itself has taken one away, that is what was not over those that are
/// there `now`, of what is known and of what its shim remembers.
fn over_gone(ve: &Ve<'_>, known: Counts, [before, now]: [&[Link]; 2]) -> Counts {
    let Some(said) = said(ve) else {
        return Counts::default();
    };
    let among = |links: &[Link], number| links.iter().any(|link| link.number == number);
    let is_gone = |number| !among(now, number) && said.links().contains(&number);
    let taken: Vec<Link> = before
        .iter()
        .filter(|link| is_gone(link.number))
        .copied()
        .collect();
    let gone = said.before.plus(over(&taken));
    let mut links = said.links().iter();
    if !links.any(|number| !among(now, *number) && !among(before, *number)) {
        return gone;
    }
    let remembered = remembered(ve).unwrap_or_default().at_least(known);
    gone.at_least(remembered.since(over(now)))
}

/// What the run had moved when its shim last told it.
fn remembered(ve: &Ve<'_>) -> Option<Counts> {
    let text = std::fs::read_to_string(ve.run.file(shim::COUNTS)).ok()?;
    text.parse().ok()
}

/// Says to the shim which links to look at, and when to call. Of this run there is what
/// went over links that are gone, and over all.
fn say(
    ve: &Ve<'_>,
    plan: &NetPlan,
    account: &Account,
    links: &[Link],
    [gone, moved]: [Counts; 2],
) -> Result<(), Source> {
    let numbers = links.iter().map(|link| link.number);
    let mut metered = Metered::new(numbers, gone, due(Stamp::now(), plan.id));
    metered.most = plan.network.traffic.limit.and_then(|limit| {
        let left = limit.get().checked_sub(account.this_month.bytes())?;
        (left > 0).then(|| moved.bytes().saturating_add(left))
    });
    let path = ve.run.file(shim::TRAFFIC);
    let text = metered.to_string();
    Ok(veld_durable::replace(
        &path,
        text.as_bytes(),
        Life::Volatile,
    )?)
}

/// When the account is looked after next, whatever is moved until then.
fn due(now: Stamp, id: VeId) -> Stamp {
    let turn = Month::end(now).later_by(Duration::from_secs(u64::from(id.get()) % TURN));
    now.later_by(ENTRY).min(turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_looked_after_each_hour_and_soon_after_the_turn_of_a_month() {
        let id = |number| VeId::new(number).unwrap();
        let at = |seconds| Stamp { seconds, nanos: 0 };
        // 2026-12-01, 00:00 UTC.
        let turn = 1_796_083_200;
        assert_eq!(due(at(turn - 86_400), id(101)), at(turn - 86_400 + 3600));
        assert_eq!(due(at(turn - 10), id(101)), at(turn + 101));
        assert_eq!(due(at(turn - 10), id(301)), at(turn + 1));
        assert_eq!(due(at(turn), id(101)), at(turn + 3600));
    }
}
