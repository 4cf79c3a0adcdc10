//! Everything at once, for as long as one likes: gateways that live long and gateways that are killed, clients of every
//! kind, rules of every kind, servers and guests that misbehave, edits, and an operator at the command line. `cargo xtask
//! soak` is this test for minutes instead of seconds.

mod arrivals;
mod court;
mod desk;
mod field;
mod line;
mod load;
mod meter;
mod plan;
mod rules;
mod storm;
mod tokens;
mod web;

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{asked, dice::Dice, in_the_end};
use arrivals::Arrivals;
use court::{Counts, Court};
use field::{Field, Kind};
use line::Era;
use meter::Meter;
use tokens::Fact;

/// The gateways that live from the beginning to the end.
const LASTING: [(&str, Kind); 2] = [("http", Kind::Http), ("stdio", Kind::Stdio(Era::Modern))];
const CHECKPOINT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_breaks_no_rule_loses_nothing_and_lets_nothing_grow() {
    // In minutes if `cargo xtask soak` asks.
    let seconds = match asked("MINUTES", 0) {
        0 => asked("SECONDS", 5),
        minutes => minutes * 60,
    };
    let seed = asked("SEED", 1);
    eprintln!("{seconds} s, seed {seed}");
    let (lasts, mut dice) = (Duration::from_secs(seconds), Dice::new(seed));
    let field = Arc::new(Field::new().await);
    let mut at_work = JoinSet::new();
    let (mut doors, mut meters) = (Vec::new(), Vec::new());
    for (name, kind) in LASTING {
        let door = field.open(kind).await;
        meters.push(Meter::of(name, door.pid()));
        field.set_to_work(&door, &mut at_work, &mut dice);
        doors.push(door);
    }
    let longest_pause = (lasts / 20).clamp(Duration::from_millis(100), Duration::from_secs(4));
    let mut others = JoinSet::new();
    others.spawn(storm::storm(field.clone(), Dice::new(dice.below(u64::MAX)), longest_pause));
    others.spawn(operate(field.clone(), Dice::new(dice.below(u64::MAX))));
    let mut verifying = tokio::spawn(async {});

    let mut court = Court::new(field.house.record().await, field.crowd.tokens.clone());
    let mut arrivals = Arrivals::new(field.house.folder());
    let (began, mut told, mut last, mut metered) = (Instant::now(), Instant::now(), Counts::default(), Instant::now());
    while began.elapsed() < lasts {
        tokio::time::sleep(Duration::from_millis(200)).await;
        court.read().await;
        arrivals.read(&field.house.server, &field.crowd.tokens);
        if let Some(ended) = at_work.try_join_next().or_else(|| others.try_join_next()) {
            ended.unwrap_or_else(|error| panic!("{error}\n{}", field.house.log()));
            let why: Vec<String> = doors.iter().map(|door| door.why()).collect();
            panic!("a gateway that was to last is gone: {why:?}\n{}", field.house.log());
        }
        if metered.elapsed() > lasts / 200 {
            meters.iter_mut().for_each(Meter::read);
            metered = Instant::now();
        }
        if told.elapsed() >= CHECKPOINT {
            checkpoint(&field, began.elapsed(), told.elapsed(), (last, court.counts), &meters).await;
            (told, last) = (Instant::now(), court.counts);
            if verifying.is_finished() {
                verifying.await.unwrap();
                let field = field.clone();
                verifying = tokio::spawn(async move { field.verify().await });
            }
        }
    }
    checkpoint(&field, began.elapsed(), told.elapsed(), (last, court.counts), &meters).await;

    // Whoever waits for an answer or for a place still gets it; then one after the other goes.
    field.crowd.end();
    let leave = async {
        while let Some(done) = at_work.join_next().await {
            done.unwrap();
        }
        while let Some(done) = others.join_next().await {
            done.unwrap();
        }
        verifying.await.unwrap();
    };
    in_the_end(leave).await;
    for door in doors {
        field.stop(&door).await;
    }
    afterwards(&field, &mut court, &mut arrivals).await;
    let grown: Vec<_> = meters.iter().map(|meter| meter.judge(lasts)).collect();
    grown.iter().for_each(|growth| eprintln!("{growth}"));
    assert!(grown.iter().all(|growth| growth.kept), "a gateway keeps growing");
    assert!(court.counts.admitted > 0 && court.counts.refused > 0, "this has shown nothing: {:?}", court.counts);
    std::fs::remove_dir_all(field.house.folder()).unwrap();
}

/// Whatever was left open is closed by the next start; then everybody's records agree, and the chain is whole.
async fn afterwards(field: &Field, court: &mut Court, arrivals: &mut Arrivals) {
    let tokens = &field.crowd.tokens;
    let last = field.open(Kind::Stdio(Era::Legacy)).await;
    court.read().await;
    arrivals.read(&field.house.server, tokens);
    court.close();
    let (open, unknown) = court.left();
    assert!(open.is_empty(), "open after everything is over: {open:?}");
    let listed = field.house.json(&["calls", "list", "--unknown", "--limit", "10000"]).await;
    let mut listed: Vec<_> = listed.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    listed.sort_unstable();
    assert_eq!(listed, unknown.iter().map(|call| call.id.as_str()).collect::<Vec<_>>());
    let status = field.house.json(&["status"]).await;
    let told = status["calls_of_unknown_outcome"].as_array().unwrap().iter().map(|id| id.as_str().unwrap());
    assert_eq!(told.collect::<BTreeSet<_>>(), listed.iter().copied().collect());
    assert_eq!(status["calls_running"], 0);
    field.stop(&last).await;
    tokens.compare();
    field.verify().await;

    eprintln!(
        "{} events; {} calls made, {} admitted, {} arrived, {} succeeded, {} unknown to the end\nwhat clients heard: {:?}\n\
         the command line:\n{}",
        court.seq(),
        tokens.made(),
        tokens.number(Fact::Admitted),
        tokens.number(Fact::Arrived),
        tokens.number(Fact::Succeeded),
        unknown.len(),
        field.crowd.heard(),
        field.times.told(),
    );
}

/// The operator's day.
async fn operate(field: Arc<Field>, mut dice: Dice) {
    // One more round after the end: someone may wait for an answer.
    loop {
        let over = field.crowd.is_over() && field.crowd.is_idle();
        field.round(&mut dice).await;
        if over {
            return;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// One line about the time since the last one.
async fn checkpoint(field: &Field, since: Duration, span: Duration, (before, now): (Counts, Counts), meters: &[Meter]) {
    let tally = &field.tally;
    let of = |counter: &std::sync::atomic::AtomicUsize| counter.load(Ordering::Relaxed);
    let bytes = |name: &str| std::fs::metadata(field.house.folder().join(name)).map_or(0, |file| file.len()) >> 20;
    let (middle, hundredth) = field.crowd.took();
    let held: Vec<String> = meters.iter().map(ToString::to_string).collect();
    eprintln!(
        "{:>5.1} min: {:.1} calls/s (plain ones {middle} ms, 1 % over {hundredth} ms), {} refused, {} held, {} signed, {} unknown; in all {} starts, {} kills, {} stops, {} \
         edits, {} spoilt, {} visits; {}; journal {} MiB + {} MiB",
        since.as_secs_f64() / 60.0,
        (now.admitted - before.admitted) as f64 / span.as_secs_f64(),
        now.refused - before.refused,
        now.held - before.held,
        now.signed - before.signed,
        now.unknown - before.unknown,
        of(&tally.starts),
        of(&tally.kills),
        of(&tally.stops),
        field.plan.read().await.edits,
        of(&tally.spoilt),
        of(&tally.visits),
        held.join(", "),
        bytes("interlock.db"),
        bytes("interlock.db-wal"),
    );
}
