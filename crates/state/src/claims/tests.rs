//! What is one VE's is nobody else's, however many ask at a time.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const ALWAYS: fn(&str) -> bool = |_| true;

fn claims() -> (tempfile::TempDir, Claims) {
    let dir = tempfile::tempdir().unwrap();
    let claims = Claims::new(dir.path().join("addresses"));
    (dir, claims)
}

#[test]
fn what_one_has_no_other_gets_until_it_is_given_back() {
    let (_dir, claims) = claims();
    let claim = |name| claims.claim("10.0.0.7", name, ALWAYS).unwrap();
    assert_eq!(claim("db1"), Claim::New);
    assert_eq!(claim("db1"), Claim::Own);
    assert_eq!(claim("web1"), Claim::Held("db1".to_owned()));
    claims.release("10.0.0.7", "web1").unwrap();
    assert_eq!(claims.holder("10.0.0.7").as_deref(), Some("db1"));
    claims.release("10.0.0.7", "db1").unwrap();
    claims.release("10.0.0.7", "db1").unwrap();
    assert_eq!(claims.holder("10.0.0.7"), None);
    assert_eq!(claim("web1"), Claim::New);
    claims.keep().unwrap();
}

#[test]
fn who_has_no_use_for_it_loses_it() {
    let (_dir, claims) = claims();
    assert_eq!(claims.claim("fd77::5", "gone", ALWAYS).unwrap(), Claim::New);
    let asked = AtomicUsize::new(0);
    let claim = claims.claim("fd77::5", "web1", |holder| {
        assert_eq!(holder, "gone");
        asked.fetch_add(1, Ordering::Relaxed);
        false
    });
    assert_eq!(claim.unwrap(), Claim::New);
    assert_eq!(asked.into_inner(), 1);
    assert_eq!(claims.holder("fd77::5").as_deref(), Some("web1"));
}

#[test]
fn all_or_none_are_claimed() {
    let (_dir, claims) = claims();
    let keys = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
    let used = |_: &str, _: &str| true;
    let all = |those: &[&str], name| claims.claim_all(&keys(those), name, used).unwrap();
    assert_eq!(all(&["a", "b"], "one"), None);
    assert_eq!(all(&["b", "c"], "one"), None);
    let held = Some(("b".to_owned(), "one".to_owned()));
    assert_eq!(all(&["d", "b", "e"], "two"), held);
    for free in ["d", "e"] {
        assert_eq!(claims.holder(free), None, "{free}");
    }
    // What it had before stays, whatever else is refused.
    assert_eq!(all(&["d"], "two"), None);
    assert_eq!(all(&["d", "a"], "two"), Some(("a".into(), "one".into())));
    assert_eq!(claims.holder("d").as_deref(), Some("two"));
}

#[test]
fn all_of_one_name_is_given_back_but_what_is_kept() {
    let (_dir, claims) = claims();
    claims.release_all_of("one", |_| false).unwrap();
    for (key, name) in [("a", "one"), ("b", "two"), ("c", "one"), ("d", "one")] {
        assert_eq!(claims.claim(key, name, ALWAYS).unwrap(), Claim::New);
    }
    claims.release_all_of("one", |key| key == "d").unwrap();
    let holders = ["a", "b", "c", "d"].map(|key| claims.holder(key));
    let [one, two] = ["one", "two"].map(|name| Some(name.to_owned()));
    assert_eq!(holders, [None, two, None, one]);
}

#[test]
fn of_twenty_at_once_each_gets_another() {
    let (_dir, claims) = claims();
    let barrier = Barrier::new(20);
    let taken: BTreeSet<usize> = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..20)
            .map(|taker| {
                let (claims, barrier) = (&claims, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let name = format!("ve{taker}");
                    let is_free = |key: &usize| {
                        claims.claim(&key.to_string(), &name, ALWAYS).unwrap() == Claim::New
                    };
                    (0..20).find(is_free).unwrap()
                })
            })
            .collect();
        takers
            .into_iter()
            .map(|taker| taker.join().unwrap())
            .collect()
    });
    assert_eq!(taken.len(), 20);
}

/// What stands for nothing is taken over by one of those who want it, and never by
/// two: none removes what another has just made.
#[test]
fn of_twenty_heirs_at_once_one_inherits() {
    for round in 0..20 {
        let (_dir, claims) = claims();
        assert_eq!(claims.claim("a", "gone", ALWAYS).unwrap(), Claim::New);
        let barrier = Barrier::new(20);
        let heirs = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for heir in 0..20 {
                let (claims, barrier, heirs) = (&claims, &barrier, &heirs);
                scope.spawn(move || {
                    barrier.wait();
                    let claim = claims.claim("a", &format!("ve{heir}"), |name| name != "gone");
                    if claim.unwrap() == Claim::New {
                        heirs.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(heirs.into_inner(), 1, "round {round}");
    }
}

#[test]
fn only_what_can_name_a_file_is_claimed() {
    let (_dir, claims) = claims();
    for wrong in ["", ".", "..", ".x", "a/b", &"x".repeat(256)] {
        let failure = claims.claim(wrong, "web1", ALWAYS).unwrap_err();
        assert_eq!(failure.errno(), Some(Errno::INVAL.raw_os_error()));
        assert_eq!(failure.to_string(), format!("cannot claim \"{wrong}\""));
    }
}

#[test]
fn a_claim_is_passed_on_by_who_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let claims = Claims::new(dir.path().join("claims"));
    let free = |_: &str| false;
    assert_eq!(claims.claim("10.0.0.1", "a", free).unwrap(), Claim::New);
    assert_eq!(claims.claim("10.0.0.2", "c", free).unwrap(), Claim::New);
    symlink("lost", dir.path().join("claims/.10.0.0.1.new")).unwrap();
    for key in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] {
        claims.pass(key, "a", "b").unwrap();
    }
    assert_eq!(claims.holder("10.0.0.1").as_deref(), Some("b"));
    assert_eq!(claims.holder("10.0.0.2").as_deref(), Some("c"));
    assert_eq!(claims.holder("10.0.0.3"), None);
    assert_eq!(
        std::fs::read_dir(dir.path().join("claims"))
            .unwrap()
            .count(),
        2
    );
}
