//! Messages over every cross-thread kind, in both park modes and under foreign
//! executors, with a watch on stalls. Scaled by `NEXUS_PROOF`.
//!
//! The last line says how much was done: seconds, cases, failures, seed.

use crate::kinds::{Bytes, Channel, FanIn, Threaded, Typed};
use crate::sides::{SIDES, Side};
use crate::transfer::{Pulse, transfer, with_senders, without_stall};
use nexus_async_rt::channel::{Mpsc, Spsc};
use nexus_testkit::{scaled, seeded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

const STALL: Duration = Duration::from_secs(2);

/// Numbers that a seed repeats (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

struct Soak<'a> {
    dice: Dice,
    pulse: &'a Pulse,
    messages: u64,
    cases: u64,
    failures: u64,
}

impl Soak<'_> {
    fn case(&mut self, what: &str, run: impl FnOnce(&Pulse, u64)) {
        self.cases += 1;
        let (pulse, messages) = (self.pulse, self.messages);
        if catch_unwind(AssertUnwindSafe(|| run(pulse, messages))).is_err() {
            eprintln!("soak: failed: {what}, case {}", self.cases);
            self.failures += 1;
        }
    }

    fn sides(&mut self) -> (Side, Side) {
        let mut side = || SIDES[self.dice.below(SIDES.len() as u64) as usize];
        (side(), side())
    }

    fn capacity(&mut self) -> usize {
        [1, 2, 3, 8, 64, 1000][self.dice.below(6) as usize]
    }

    fn one_producer<C: Threaded>(&mut self, name: &str) {
        let (sides, capacity) = (self.sides(), self.capacity());
        let what = format!("{name}, {sides:?}, capacity {capacity}");
        self.case(&what, |pulse, messages| {
            let (tx, rx) = C::channel(capacity);
            transfer::<C>(pulse, vec![tx], rx, sides, messages);
        });
    }

    fn many_producers<C: Threaded + FanIn + Channel<Sender: Clone>>(&mut self, name: &str) {
        let (sides, capacity) = (self.sides(), self.capacity());
        let producers = 2 + self.dice.below(3) as usize;
        let what = format!("{name}, {producers} producers, {sides:?}, capacity {capacity}");
        self.case(&what, |pulse, messages| {
            let (senders, rx) = with_senders::<C>(capacity, producers);
            transfer::<C>(pulse, senders, rx, sides, messages / producers as u64);
        });
    }

    fn round(&mut self) {
        self.one_producer::<Typed<Spsc>>("spsc");
        self.one_producer::<Typed<Mpsc>>("mpsc");
        self.one_producer::<Bytes<Spsc>>("spsc_bytes");
        self.one_producer::<Bytes<Mpsc>>("mpsc_bytes");
        self.many_producers::<Typed<Mpsc>>("mpsc");
        self.many_producers::<Bytes<Mpsc>>("mpsc_bytes");
    }
}

fn soak(seed: u64, rounds: u64, messages: u64) {
    let start = Instant::now();
    println!("soak: seed {seed}");
    let (cases, failures) = without_stall("the soak", STALL, |pulse| {
        let mut soak = Soak {
            dice: Dice(seed.max(1)),
            pulse,
            messages,
            cases: 0,
            failures: 0,
        };
        for _ in 0..rounds {
            soak.round();
        }
        (soak.cases, soak.failures)
    });
    let seconds = start.elapsed().as_secs();
    println!("soak: {seconds} s, {cases} cases, {failures} failures, seed {seed}");
    println!("cases: {cases}");
    assert_eq!(failures, 0);
}

#[test]
fn every_kind_a_little() {
    seeded(|seed| soak(seed, 2, 200));
}

#[test]
#[ignore = "stress: minutes, scaled by NEXUS_PROOF"]
fn stress_every_kind_for_long() {
    seeded(|seed| soak(seed, scaled(10) as u64, 20_000));
}
