use super::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::Wake;

/// Writes its number down when it is woken.
struct Note(u64, Arc<Mutex<Vec<u64>>>);

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// The wheel and a map do the same, on a clock that jumps.
fn compare(seed: u64, steps: usize) {
    let mut random = Random(seed);
    let timers = Timers::new();
    let woken: Arc<Mutex<Vec<u64>>> = Arc::default();
    let mut alive: BTreeMap<(u64, u64), Pin<Box<Entry>>> = BTreeMap::new();
    let (mut now, mut number) = (0_u64, 0_u64);
    for step in 0..steps {
        let scale = 1 << random.below(45);
        match random.below(10) {
            0..=4 => {
                // Now and then in the past, often in the same microsecond.
                let deadline = (now + random.below(scale)).saturating_sub(random.below(2000));
                let time = timers.clock.at(deadline);
                let entry = Box::pin(Entry::new(Some(time)));
                entry.arm(&Waker::from(Arc::new(Note(number, woken.clone()))));
                timers.stage(entry.as_ref());
                alive.insert((deadline, number), entry);
                number += 1;
            }
            5..=6 if !alive.is_empty() => {
                let nth = random.below(alive.len() as u64) as usize;
                let key = *alive.keys().nth(nth).unwrap();
                assert_eq!(alive.remove(&key).unwrap().phase(), Phase::Waiting);
            }
            7 => {
                // As the loop does: sleep until the wheel wants to be asked.
                let next = timers.next_deadline(EXACT);
                let first = alive.first_key_value().map(|(key, _)| key.0);
                assert_eq!(next.is_none(), first.is_none());
                if let (Some(next), Some(first)) = (next, first) {
                    assert!(next <= first, "seed {seed}, step {step}: overslept");
                    assert!(next == first || alive.len() > EXACT);
                    now = now.max(next);
                }
            }
            _ => now += random.below(scale),
        }
        let fired = timers.fire(now).count;
        let later = alive.split_off(&(now + 1, 0));
        let expected: Vec<_> = alive.keys().map(|key| key.1).collect();
        let noted = std::mem::take(&mut *woken.lock().unwrap());
        assert_eq!(noted, expected, "seed {seed}, step {step}");
        assert_eq!(fired, expected.len() as u64);
        assert!(alive.values().all(|entry| entry.phase() == Phase::Fired));
        alive = later;
        assert_eq!(timers.is_empty(), alive.is_empty());
    }
    while timers.abandon().is_some() {}
    assert!(timers.is_empty());
    assert!(
        alive
            .values()
            .all(|entry| entry.phase() == Phase::Abandoned)
    );
}

#[test]
fn the_wheel_is_a_map() {
    for seed in 1..=nexus_testkit::scaled(20) as u64 {
        compare(seed, 500);
    }
}

#[test]
fn a_jump_is_exact_however_many_there_are() {
    let timers = Timers::new();
    timers.clock.pause();
    assert!(!timers.jump(), "there is none");
    let hours = 3 * 3_600_000_000_000_u64;
    let entries: Vec<_> = (0..100_u64)
        .map(|number| {
            let time = timers.clock.at(hours + number * 7919 % 100);
            let entry = Box::pin(Entry::new(Some(time)));
            timers.stage(entry.as_ref());
            entry
        })
        .collect();
    for next in 0..100 {
        assert!(timers.jump());
        assert_eq!(timers.clock.now(), timers.clock.at(hours + next));
        assert_eq!(timers.fire(hours + next).count, 1);
    }
    assert!(!timers.jump() && timers.is_empty());
    drop(entries);
}

#[test]
fn many_in_one_slot_are_sorted() {
    let timers = Timers::new();
    let woken: Arc<Mutex<Vec<u64>>> = Arc::default();
    let entries: Vec<_> = (0..1000_u64)
        .map(|number| {
            let time = timers.clock.at(70_000 + number * 7919 % 1000);
            let entry = Box::pin(Entry::new(Some(time)));
            entry.arm(&Waker::from(Arc::new(Note(number, woken.clone()))));
            timers.stage(entry.as_ref());
            entry
        })
        .collect();
    assert_eq!(
        timers.next_deadline(EXACT),
        Some(64_000),
        "to be spread first"
    );
    assert_eq!(timers.next_deadline(usize::MAX), Some(70_000));
    assert_eq!(timers.fire(69_999).count, 0);
    assert_eq!(timers.next_deadline(EXACT), Some(70_000));
    assert_eq!(timers.fire(1_000_000).count, 1000);
    let order = woken.lock().unwrap();
    assert!(order.is_sorted_by_key(|number| number * 7919 % 1000));
    drop(entries);
}
