//! Backoff, to the nanosecond.

use crate::time::paused::with_paused;
use nexus_async_rt::time::{Backoff, BackoffBuilder, Exhausted};
use nexus_async_rt::{now, timeout};
use nexus_testkit::{panic_of, scaled};
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// What `count` waits take, in milliseconds.
async fn waits(backoff: &mut Backoff, count: usize) -> Vec<u128> {
    let mut seen = Vec::new();
    for attempt in 0..count {
        let begin = now();
        backoff.wait(attempt).await.unwrap();
        seen.push((now() - begin).as_millis());
    }
    seen
}

#[test]
fn it_doubles_up_to_the_longest_wait() {
    with_paused(|rt| {
        rt.block_on(async {
            let mut backoff = Backoff::builder()
                .initial(10 * MS)
                .max_delay(100 * MS)
                .build();
            assert_eq!(backoff.next_delay(), 10 * MS);
            let seen = waits(&mut backoff, 7).await;
            assert_eq!(seen, [10, 20, 40, 80, 100, 100, 100]);
            assert_eq!((backoff.retries(), backoff.next_delay()), (7, 100 * MS));
            backoff.reset();
            assert_eq!((backoff.retries(), backoff.next_delay()), (0, 10 * MS));
            assert_eq!(waits(&mut backoff, 2).await, [10, 20]);
        });
    });
}

#[test]
fn by_default_it_never_gives_up() {
    with_paused(|rt| {
        rt.block_on(async {
            let mut backoff = Backoff::builder().build();
            let seen = waits(&mut backoff, 1000).await;
            let first = [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000];
            assert_eq!(seen[..10], first);
            assert_eq!(seen[999], 30000);
        });
    });
}

#[test]
fn it_gives_up_after_so_many_retries() {
    with_paused(|rt| {
        rt.block_on(async {
            let mut backoff = Backoff::builder().initial(MS).max_retries(3).build();
            assert_eq!(waits(&mut backoff, 3).await, [1, 2, 4]);
            let begin = now();
            let given_up = backoff.wait("refused").await.unwrap_err();
            assert_eq!(now(), begin);
            assert_eq!(*given_up.get_ref(), "refused");
            assert_eq!((given_up.retries(), given_up.is_deadline()), (3, false));
            assert_eq!(given_up.into_inner(), "refused");
            assert!(backoff.wait("again").await.is_err());
            backoff.reset();
            assert_eq!(waits(&mut backoff, 1).await, [1]);
            let mut never = Backoff::builder().max_retries(0).build();
            assert_eq!(never.wait(1).await.unwrap_err().retries(), 0);
        });
    });
}

#[test]
fn the_last_wait_ends_at_the_deadline() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let mut backoff = Backoff::builder()
                .initial(10 * MS)
                .deadline(begin + 50 * MS)
                .build();
            assert_eq!(waits(&mut backoff, 3).await, [10, 20, 20]);
            let given_up = backoff.wait(()).await.unwrap_err();
            assert_eq!((given_up.retries(), given_up.is_deadline()), (3, true));
            assert_eq!(now(), begin + 50 * MS);
            // The deadline outlives a reset.
            backoff.reset();
            assert!(backoff.wait(()).await.unwrap_err().is_deadline());
        });
    });
}

#[test]
fn jitter_shortens_each_wait_by_its_share_at_most() {
    with_paused(|rt| {
        rt.block_on(async {
            let share = |jitter| {
                Backoff::builder()
                    .initial(1000 * MS)
                    .max_delay(1000 * MS)
                    .jitter(jitter)
            };
            let count = scaled(1000);
            let mut backoff = share(0.25).build();
            let seen = waits(&mut backoff, count).await;
            assert!(seen.iter().all(|wait| (750..=1000).contains(wait)));
            // All of the share is used.
            assert!(seen.iter().any(|wait| *wait < 775));
            assert!(seen.iter().any(|wait| *wait > 975));
            let mut whole = share(1.0).build();
            assert!(waits(&mut whole, count).await.iter().any(|wait| *wait < 50));
        });
    });
}

#[test]
fn a_seed_makes_jitter_repeatable() {
    with_paused(|rt| {
        rt.block_on(async {
            let build = |builder: BackoffBuilder| builder.jitter(0.5).build();
            let mut sequences = Vec::new();
            for seed in [1, 1, 2] {
                let mut backoff = build(Backoff::builder().seed(seed));
                sequences.push(waits(&mut backoff, 20).await);
            }
            assert_eq!(sequences[0], sequences[1]);
            assert_ne!(sequences[0], sequences[2]);
            // Without one, two that begin together do not go together.
            let mut one = build(Backoff::builder());
            let mut other = build(Backoff::builder());
            assert_ne!(waits(&mut one, 20).await, waits(&mut other, 20).await);
        });
    });
}

#[test]
fn a_dropped_wait_counts() {
    with_paused(|rt| {
        rt.block_on(async {
            let mut backoff = Backoff::builder().initial(10 * MS).max_retries(2).build();
            assert!(timeout(MS, backoff.wait(1)).await.is_err());
            assert_eq!(backoff.retries(), 1);
            assert_eq!(waits(&mut backoff, 1).await, [20]);
            assert_eq!(backoff.wait(3).await.unwrap_err().into_inner(), 3);
        });
    });
}

#[test]
fn the_longest_wait_is_never() {
    with_paused(|rt| {
        rt.block_on(async {
            for jitter in [0.0, 1.0] {
                let mut backoff = Backoff::builder()
                    .initial(Duration::MAX)
                    .max_delay(Duration::MAX)
                    .jitter(jitter * 1e-9)
                    .build();
                assert!(timeout(1000 * MS, backoff.wait(())).await.is_err());
                assert!(timeout(1000 * MS, backoff.wait(())).await.is_err());
            }
        });
    });
}

#[test]
fn nonsense_is_refused() {
    for share in [-0.1, 1.1, f64::NAN] {
        let message = panic_of(|| Backoff::builder().jitter(share));
        assert!(message.contains(&format!("jitter is {share}")), "{message}");
    }
    let message = panic_of(|| Backoff::builder().initial(Duration::ZERO).build());
    assert!(message.contains("initial is 0ns"), "{message}");
    let message = panic_of(|| Backoff::builder().initial(2 * MS).max_delay(MS).build());
    assert!(
        message.contains("2ms") && message.contains("1ms"),
        "{message}"
    );
}

#[test]
fn what_it_gives_up_with_is_an_error() {
    /// An error with a cause of its own.
    #[derive(Debug)]
    struct Refused(io::Error);
    impl fmt::Display for Refused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("refused")
        }
    }
    impl Error for Refused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    async fn give_up(mut backoff: Backoff) -> Exhausted<Refused> {
        loop {
            if let Err(given_up) = backoff
                .wait(Refused(io::Error::other("nobody listens")))
                .await
            {
                return given_up;
            }
        }
    }
    with_paused(|rt| {
        rt.block_on(async {
            let error = give_up(Backoff::builder().max_retries(5).build()).await;
            let error: Box<dyn Error> = Box::new(error);
            assert_eq!(
                error.to_string(),
                "gave up after 5 retries, the limit: refused"
            );
            // A chain of causes names each once.
            assert_eq!(error.source().unwrap().to_string(), "nobody listens");
            let until = Backoff::builder().deadline(now()).build();
            let error = give_up(until).await;
            assert_eq!(
                error.to_string(),
                "gave up after 0 retries, at the deadline: refused"
            );
        });
    });
}
