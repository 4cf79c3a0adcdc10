//! What is kept and what is not, whether it is still whole, and what toolsets remember.

use interlock::{
    call::Outcome,
    journal::{Break, Draft, Hash, JournalError, KeyValueError, Query, Sequence, Verified, kind},
    scope::{ScopeKey, canonical},
};
use interlock_glob::Glob;
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};

use super::world::{Peer, World, call, note};

/// The database, as somebody with a SQL shell has it.
async fn shell(world: &World) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite:{}", world.folder.path().join("interlock.db").display())).await.unwrap()
}

pub(super) async fn tamper(world: &World, sql: &'static str) {
    let done = sqlx::query(sql).execute(&mut shell(world).await).await.unwrap();
    assert!(done.rows_affected() > 0, "`{sql}` changed nothing");
}

async fn body_of(peer: &Peer, kind: &str) -> Value {
    let query = Query { kinds: vec![kind.to_owned()], newest_first: true, limit: 1, ..Query::default() };
    peer.journal.read(&query).await.unwrap().remove(0).body.as_ref().clone()
}

#[tokio::test]
async fn a_redacted_value_is_nowhere_and_its_commitment_can_be_checked_until_the_salt_is_erased() {
    let world = World::new();
    let mut config = world.config();
    config.redact = vec![(Glob::new("crm/*"), vec!["/password".to_owned(), "/card/number".to_owned()])];
    let peer = world.peer_with(config).await;
    let done = call("crm/login", json!({"user": "u", "password": "hunter2-canary", "card": {"number": 4111_2222}}));
    let _permit = peer.admit(&done).await;
    let result = json!({
        "content": [
            {"type": "text", "text": "{\"password\":\"hunter2-canary\",\"ok\":true}"},
            {"type": "text", "text": "Your password is hunter2-canary."},
        ],
        "structuredContent": {"password": "hunter2-canary", "ok": true},
    });
    peer.finish(&done, Outcome::Succeeded, Some(result)).await;
    let other = call("files/read", json!({"password": "of another tool"}));
    let _permit = peer.admit(&other).await;
    let past = peer.view().await.scope(ScopeKey::Global).latest("crm/*", None).await.unwrap().unwrap();
    assert_eq!(past.arguments.get("user"), Some(&json!("u")));
    assert!(past.arguments["password"]["redacted"].as_str().unwrap().starts_with("sha256:"));
    assert!(past.arguments["card"]["number"]["redacted"].is_string());
    let finished = body_of(&peer, kind::CALL_FINISHED).await;
    assert_eq!(finished["result"]["structuredContent"]["ok"], json!(true));
    assert_eq!(body_of(&peer, kind::CALL_ADMITTED).await["arguments"]["password"], json!("of another tool"));

    // The commitment is SHA-256 over the salt and the value's canonical JSON.
    let sql = "SELECT salt FROM redactions WHERE seq = 1 AND pointer = '/arguments/password'";
    let salt: Vec<u8> = sqlx::query(sql).fetch_one(&mut shell(&world).await).await.unwrap().get(0);
    let commitment = Hash::of(&[salt, canonical(&json!("hunter2-canary")).into_bytes()].concat());
    assert_eq!(past.arguments["password"]["redacted"], json!(format!("sha256:{commitment}")));
    tamper(&world, "DELETE FROM redactions").await;
    assert!(matches!(peer.journal.verify().await.unwrap(), Verified::Whole { events: 3, .. }));

    peer.close().await;
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(14).any(|window| window == b"hunter2-canary"), "{}", path.display());
        }
    }
}

/// serde_json with `raw_value` takes what is in such a text for JSON, and with `arbitrary_precision` for a number.
#[tokio::test]
async fn words_that_mean_something_to_a_parser_are_kept_as_ordinary_data() {
    let world = World::new();
    let peer = world.peer().await;
    let odd = json!({"a": {"$serde_json::private::RawValue": "{}"}, "b": {"$serde_json::private::Number": "1"}});
    let done = call("files/read", odd.clone());
    let _permit = peer.admit(&done).await;
    assert_eq!(body_of(&peer, kind::CALL_ADMITTED).await["arguments"], odd);
    assert!(matches!(peer.journal.verify().await.unwrap(), Verified::Whole { events: 1, .. }));
    // A process that knows it from the file alone.
    let other = world.peer().await;
    let past = other.view().await.scope(ScopeKey::Global).latest("files/*", None).await.unwrap().unwrap();
    assert_eq!(Value::Object(past.arguments.as_ref().clone()), odd);
}

#[tokio::test]
async fn nor_does_the_beginning_of_one_stay_where_prose_was_cut() {
    let world = World::new();
    let mut config = world.config();
    config.redact = vec![(Glob::new("crm/*"), vec!["/token".to_owned(), "/other".to_owned()])];
    let peer = world.peer_with(config).await;
    let (token, other) = ("0f1e2d3c".repeat(20), format!("{}ffff", "0f1e2d3c".repeat(3)));
    let cut = |number: usize| token[..number].to_owned();
    let body = json!({
        "tool": "crm/pay", "arguments": {"token": token, "other": other},
        "question": {
            "reason": format!("the token is \"{}…", cut(78)),
            "preview": format!("{} and {} and {}… and whole {token}.", cut(159), cut(9), cut(5)),
        },
        "refused": [{"policy": "p", "code": "c", "reason": format!("{}, {}ff… 0f1…", cut(40), cut(24))}],
        "policies": [{"policy": "p", "fault": format!("trap at {}", cut(100)), "micros": 7}],
    });
    let (actor, kind, subject) = ("a".to_owned(), kind::APPROVAL_ASKED.to_owned(), "q".to_owned());
    peer.journal.append(vec![Draft { actor, kind, subject, body }]).await.unwrap();
    let kept = body_of(&peer, kind::APPROVAL_ASKED).await;
    assert_eq!(kept["question"]["reason"], json!("the token is (redacted)…"));
    let preview = "(redacted) and (redacted) and (redacted)… and whole (redacted).";
    assert_eq!(kept["question"]["preview"], json!(preview));
    assert_eq!(kept["refused"][0]["reason"], json!("(redacted), (redacted)… (redacted)…"));
    assert_eq!(kept["policies"][0]["fault"], json!("trap at (redacted)"));
}

#[tokio::test]
async fn nor_does_one_that_is_shown_without_what_would_hide_or_in_other_digits() {
    let world = World::new();
    let mut config = world.config();
    config.redact = vec![(Glob::new("crm/*"), vec!["/key".to_owned(), "/mark".to_owned(), "/sum".to_owned()])];
    let peer = world.peer_with(config).await;
    let arguments =
        json!({"key": "-----BEGIN KEY-----\nMIIEvQ\nAAoIBA\n", "mark": "ab\u{202e}cd\u{200b}ef", "sum": 1.5e21});
    let body = json!({
        "tool": "crm/pay", "arguments": arguments,
        "question": {"reason": "1500000000000000000000 is too much", "preview": "key -----BEGIN KEY----- MIIEvQ AAoIBA , mark ab cd ef"},
        "policies": [{"policy": "p", "fault": "at ab\\u{202e}cd\\u{200b}ef, key -----BEGIN KEY----- MIIE…"}],
    });
    let refused =
        |tool: &str| json!({"tool": tool, "arguments": {"key": "canary-1"}, "refused": [{"reason": "No canary-1."}]});
    let (actor, subject) = ("a".to_owned(), "q".to_owned());
    let draft =
        |kind: &str, body| Draft { actor: actor.clone(), kind: kind.to_owned(), subject: subject.clone(), body };
    // By a name that leads nowhere, whatever the patterns say of tools.
    let drafts = vec![draft(kind::APPROVAL_ASKED, body), draft(kind::CALL_REFUSED, refused("crm__pya"))];
    peer.journal.append(drafts).await.unwrap();
    let kept = body_of(&peer, kind::APPROVAL_ASKED).await;
    assert_eq!(
        kept["question"],
        json!({"reason": "(redacted) is too much", "preview": "key (redacted), mark (redacted)"})
    );
    assert_eq!(kept["policies"][0]["fault"], json!("at (redacted), key (redacted)…"));
    let kept = body_of(&peer, kind::CALL_REFUSED).await;
    assert!(!kept.to_string().contains("canary"), "{kept}");
}

#[tokio::test]
async fn what_policies_say_of_a_redacted_value_does_not_repeat_it() {
    let world = World::new();
    let mut config = world.config();
    let mirror = world.folder.path().join("mirror");
    config.mirror_dir = Some(mirror.clone());
    config.redact = vec![(Glob::new("crm/*"), vec!["/card".to_owned(), "/count".to_owned()])];
    let peer = world.peer_with(config).await;
    let arguments = json!({"card": {"number": "canary-4111", "pin": 90817}, "count": 7, "customer": "canary-4111"});
    let body = json!({
        "binding": "7", "call": "7", "tool": "crm/pay", "arguments": arguments, "session": "canary session",
        "question": {
            "reason": "7 payments in 17 minutes by canary-4111", "preview": "pay with {\"number\":\"canary-4111\"}",
            "roles": ["clerk"], "quorum": 7,
        },
        "refused": [{
            "policy": "7", "code": "7", "reason": "pin 90817", "unlocks": [{"call": "crm/x"}],
            "seen": {"deep": ["canary-4111", 90817, 7, 8]},
        }],
        "policies": [{"policy": "p", "fault": "trap at canary-4111", "micros": 7}],
        "scopes": ["/card/number = \"canary-4111\""],
    });
    let (actor, kind, subject) = ("a".to_owned(), kind::APPROVAL_ASKED.to_owned(), "q".to_owned());
    let mut draft = Draft { actor, kind, subject, body };
    peer.journal.append(vec![draft.clone()]).await.unwrap();
    let kept = body_of(&peer, kind::APPROVAL_ASKED).await;
    assert_eq!(kept["question"]["reason"], json!("(redacted) payments in 17 minutes by (redacted)"));
    assert_eq!(kept["question"]["preview"], json!("pay with {\"number\":(redacted)}"));
    assert_eq!((&kept["question"]["roles"], &kept["question"]["quorum"]), (&json!(["clerk"]), &json!(7)));
    let seen = json!({"deep": ["(redacted)", "(redacted)", "(redacted)", 8]});
    let refused = json!({"policy": "7", "code": "7", "reason": "pin (redacted)", "unlocks": [{"call": "crm/x"}],
        "seen": seen});
    assert_eq!(kept["refused"], json!([refused]));
    assert_eq!(kept["policies"], json!([{"policy": "p", "fault": "trap at (redacted)", "micros": 7}]));
    assert_eq!(kept["scopes"], json!(["/card/number = (redacted)"]));
    // Names stay, and so does what the pointers leave: scopes go on to find it.
    assert_eq!((&kept["binding"], &kept["arguments"]["customer"]), (&json!("7"), &json!("canary-4111")));

    // Where the pointers reach every place, it is nowhere.
    draft.body["arguments"] = json!({"card": "hunter2-canary"});
    draft.body["question"] = json!({"reason": "hunter2-canary!", "preview": "pay with hunter2-canary"});
    peer.journal.append(vec![draft]).await.unwrap();
    peer.close().await;
    for folder in [world.folder.path(), mirror.as_path()] {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
        {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(14).any(|window| window == b"hunter2-canary"), "{}", path.display());
        }
    }
    assert!(std::fs::read_dir(&mirror).unwrap().count() > 1, "there is no mirror");
}

#[tokio::test]
async fn what_is_too_large_is_kept_as_digest_length_and_beginning() {
    let world = World::new();
    let mut config = world.config();
    config.max_body_bytes = 2000;
    let peer = world.peer_with(config).await;
    let arguments = json!({"customer": "c1", "text": "ä".repeat(3000)});
    let done = call("a/b", arguments.clone());
    let _permit = peer.admit(&done).await;
    let result = json!({"content": [{"type": "text", "text": "x".repeat(3000)}]});
    peer.finish(&done, Outcome::Succeeded, Some(result.clone())).await;
    let admitted = body_of(&peer, kind::CALL_ADMITTED).await;
    let cut = &admitted["arguments"]["truncated"];
    assert_eq!(cut["sha256"], json!(Hash::of(canonical(&arguments).as_bytes()).to_string()));
    assert_eq!(cut["bytes"], json!(canonical(&arguments).len()));
    let first = cut["first_kib"].as_str().unwrap();
    assert!(canonical(&arguments).starts_with(first) && (1021..=1024).contains(&first.len()));
    assert_eq!(
        body_of(&peer, kind::CALL_FINISHED).await["result"]["truncated"]["bytes"],
        json!(canonical(&result).len())
    );
    // Scopes can still tell it apart, and nobody is shown half a result.
    for peer in [&peer, &world.peer().await] {
        let scope = ScopeKey::Argument { pointer: "/customer".to_owned(), value: "\"c1\"".to_owned() };
        let past = peer.view().await.scope(scope).latest("a/b", Some("succeeded")).await.unwrap().unwrap();
        assert_eq!((&past.id, &past.result), (&done.id, &None));
    }
}

#[tokio::test]
async fn verification_names_the_first_break() {
    let breaks: [(&'static str, u64, Break); 7] = [
        ("UPDATE events SET body = '{\"x\":1}' WHERE seq = 3", 3, Break::Changed),
        ("UPDATE events SET body = '{' WHERE seq = 3", 3, Break::Changed),
        ("UPDATE events SET body = '{ }' WHERE seq = 3", 3, Break::Changed),
        ("UPDATE events SET actor = 'nobody' WHERE seq = 2", 2, Break::Changed),
        ("DELETE FROM events WHERE seq = 2", 2, Break::Missing),
        ("DELETE FROM events WHERE seq >= 4", 4, Break::Missing),
        ("UPDATE head SET seq = 4", 5, Break::WrongEnd),
    ];
    for (sql, seq, what) in breaks {
        let world = World::new();
        let peer = world.peer().await;
        for text in ["a", "b", "c", "d", "e"] {
            peer.journal.append(vec![note(text)]).await.unwrap();
        }
        let whole = peer.journal.verify().await.unwrap();
        assert!(matches!(whole, Verified::Whole { events: 5, first: Sequence(1), last: Sequence(5), .. }));
        tamper(&world, sql).await;
        let found = peer.journal.verify().await.unwrap();
        assert_eq!(found, Verified::Broken { seq: Sequence(seq), what }, "after `{sql}`");
    }
}

#[tokio::test]
async fn other_text_of_the_same_value_is_a_change() {
    for sql in [
        "UPDATE events SET body = '{\"n\":5.0}' WHERE seq = 1",
        "UPDATE events SET body = '{\"n\":6,\"n\":5}' WHERE seq = 1",
    ] {
        let world = World::new();
        let peer = world.peer().await;
        peer.journal.append(vec![Draft { body: json!({"n": 5}), ..note("a") }]).await.unwrap();
        assert!(matches!(peer.journal.verify().await.unwrap(), Verified::Whole { .. }));
        tamper(&world, sql).await;
        let found = peer.journal.verify().await.unwrap();
        assert_eq!(found, Verified::Broken { seq: Sequence(1), what: Break::Changed }, "after `{sql}`");
    }
}

#[tokio::test]
async fn a_journal_that_ends_before_its_mirror_has_lost_events() {
    let world = World::new();
    let mut config = world.config();
    config.mirror_dir = Some(world.folder.path().join("mirror"));
    let peer = world.peer_with(config.clone()).await;
    peer.journal.append(vec![note("a"), note("b"), note("c")]).await.unwrap();
    peer.close().await;
    let peer = world.peer_with(config.clone()).await;
    assert!(matches!(peer.journal.verify().await.unwrap(), Verified::Whole { events: 3, .. }));
    peer.close().await;
    tamper(&world, "DELETE FROM events WHERE seq = 3").await;
    tamper(&world, "UPDATE head SET seq = 2, hash = (SELECT hash FROM events WHERE seq = 2)").await;
    let peer = world.peer_with(config).await;
    let found = peer.journal.verify().await.unwrap();
    assert_eq!(found, Verified::Broken { seq: Sequence(3), what: Break::Lost });
}

#[tokio::test]
async fn a_rewritten_event_with_a_hash_of_its_own_breaks_the_chain_after_it() {
    let world = World::new();
    let peer = world.peer().await;
    peer.journal.append(vec![note("a"), note("b")]).await.unwrap();
    let mut event = peer.journal.read(&Query::default()).await.unwrap().remove(0);
    event.actor = "forger".to_owned();
    let hash = event.expected_hash().0.to_vec();
    sqlx::query("UPDATE events SET actor = 'forger', hash = ?1 WHERE seq = 1")
        .bind(hash)
        .execute(&mut shell(&world).await)
        .await
        .unwrap();
    let found = peer.journal.verify().await.unwrap();
    assert_eq!(found, Verified::Broken { seq: Sequence(2), what: Break::Changed });
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let world = World::new();
    world.peer().await.close().await;
    sqlx::query("PRAGMA user_version = 99").execute(&mut shell(&world).await).await.unwrap();
    let clock: std::sync::Arc<dyn interlock::clock::Clock> = world.clock.clone();
    let opened = interlock::journal::Journal::open(world.config(), clock, interlock::tasks::Tasks::new()).await;
    assert!(matches!(opened, Err(JournalError::Newer { found: 99, .. })), "{opened:?}");
}

#[tokio::test]
async fn an_audit_finds_a_call_by_everything_that_is_known_of_it() {
    let world = World::new();
    let peer = world.peer().await;
    let one = call("a/b", json!({}));
    let mut two = call("c/d", json!({}));
    two.caller.principal = "bob".to_owned();
    two.session = "t".to_owned();
    let _permits = (peer.admit(&one).await, peer.admit(&two).await);
    world.clock.advance(std::time::Duration::from_secs(60));
    peer.finish(&one, Outcome::Failed, None).await;
    let asked = json!({"call": two.id});
    let (actor, kind, subject) = ("bob".to_owned(), kind::APPROVAL_ASKED.to_owned(), "q".to_owned());
    peer.journal.append(vec![Draft { actor, kind, subject, body: asked }]).await.unwrap();
    let base = Query::default;
    let text = |text: &str| Some(text.to_owned());
    let at = |seconds: u64| Some(interlock::clock::Timestamp(1_767_603_600_000 + seconds * 1000));
    let cases: Vec<(Query, Vec<u64>)> = vec![
        (base(), vec![1, 2, 3, 4]),
        (Query { newest_first: true, limit: 2, ..base() }, vec![4, 3]),
        (Query { after: Sequence(1), before: Some(Sequence(4)), ..base() }, vec![2, 3]),
        (Query { kinds: vec!["call.*".to_owned()], ..base() }, vec![1, 2, 3]),
        (Query { kinds: vec!["call.finished".to_owned(), "approval.*".to_owned()], ..base() }, vec![3, 4]),
        (Query { subject: text(one.id.as_str()), ..base() }, vec![1, 3]),
        (Query { call: text(two.id.as_str()), ..base() }, vec![2, 4]),
        (Query { tool: text("a/*"), ..base() }, vec![1, 3]),
        (Query { tool: text("**"), ..base() }, vec![1, 2, 3]),
        (Query { tool: text("*"), ..base() }, vec![]),
        (Query { principal: text("alice"), ..base() }, vec![1, 3]),
        (Query { session: text("t"), ..base() }, vec![2]),
        (Query { since: at(60), ..base() }, vec![3, 4]),
        (Query { until: at(60), ..base() }, vec![1, 2]),
        (Query { outcome: Some(Outcome::Failed), ..base() }, vec![1, 3]),
        (Query { outcome: Some(Outcome::Unknown), ..base() }, vec![]),
    ];
    for (query, expected) in cases {
        let found: Vec<_> = peer.journal.read(&query).await.unwrap().iter().map(|event| event.seq.0).collect();
        assert_eq!(found, expected, "{query:?}");
    }
}

#[tokio::test]
async fn a_toolset_remembers_across_processes_and_within_its_limits() {
    let world = World::new();
    let (one, two) = (world.peer().await.journal.store_for("sim"), world.peer().await.journal.store_for("sim"));
    assert_eq!(one.get("k").await.unwrap(), None);
    one.set("k", "v").await.unwrap();
    one.set("k", "w").await.unwrap();
    assert_eq!(two.get("k").await.unwrap().as_deref(), Some("w"));
    let adding = async |store: &interlock::journal::KeyValue| {
        for _ in 0..20 {
            store.increment("n", 2).await.unwrap();
        }
    };
    tokio::join!(adding(&one), adding(&two));
    assert_eq!(one.increment("n", -80).await.unwrap(), 0);
    for key in ["p/2", "p/1", "q", "p%"] {
        two.set(key, "").await.unwrap();
    }
    assert_eq!(one.list("p", 9).await.unwrap(), ["p%", "p/1", "p/2"]);
    assert_eq!(one.list("p/", 1).await.unwrap(), ["p/1"]);
    assert!(two.delete("k").await.unwrap());
    assert!(!one.delete("k").await.unwrap());
    assert!(matches!(one.increment("q", 1).await, Err(KeyValueError::NotACounter(_))));
    one.set("max", &i64::MAX.to_string()).await.unwrap();
    assert!(matches!(one.increment("max", 1).await, Err(KeyValueError::Overflow(_))));
    assert!(matches!(one.set(&"k".repeat(513), "").await, Err(KeyValueError::KeyTooLong)));
    assert!(matches!(one.set("k", &"v".repeat(65_537)).await, Err(KeyValueError::ValueTooLong)));
    let other = world.peer().await.journal.store_for("other");
    assert_eq!(other.list("", 9).await.unwrap(), Vec::<String>::new());
}
