//! Trees of a million tokens: what came and went leaves nothing behind, and no
//! depth or width costs stack. A binary of its own: its allocator counts the
//! bytes of each thread.

#[path = "counting/bytes.rs"]
mod bytes;

use bytes::alive;
use nexus_async_rt::CancellationToken;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

const MILLION: usize = 1_000_000;

/// Far less than one frame for each of a million tokens.
const STACK: usize = 64 << 10;

/// What a few tokens may take, not what a thousandth of a million would.
const FEW: isize = 4096;

/// Runs `f` on a thread with a small stack; afterwards nothing is left.
#[track_caller]
fn on_a_small_stack(f: fn()) {
    let left = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            let before = alive();
            f();
            alive() - before
        })
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(left, 0, "bytes are left");
}

/// Runs `round` a million times; it must not leave anything, round by round.
#[track_caller]
fn flat(mut round: impl FnMut()) {
    round();
    let before = alive();
    for _ in 0..MILLION {
        round();
        debug_assert!(alive() - before < FEW);
    }
    assert!(alive() - before < FEW, "{} bytes", alive() - before);
}

/// A million tokens, each the child of the one before.
fn chain() -> Vec<CancellationToken> {
    let mut tokens = Vec::with_capacity(MILLION);
    tokens.push(CancellationToken::new());
    while let Some(last) = tokens.last()
        && tokens.len() < MILLION
    {
        let child = last.child();
        tokens.push(child);
    }
    tokens
}

/// A million children of one token.
fn fan(root: &CancellationToken) -> Vec<CancellationToken> {
    (0..MILLION).map(|_| root.child()).collect()
}

/// Half a million tokens below each other, of which only a leaf beside each is
/// held.
fn comb() -> (CancellationToken, Vec<CancellationToken>) {
    let root = CancellationToken::new();
    let mut spine = root.clone();
    let leaves = (0..MILLION / 2)
        .map(|_| {
            spine = spine.child();
            spine.child()
        })
        .collect();
    (root, leaves)
}

fn all_cancelled(tokens: &[CancellationToken]) -> bool {
    tokens.iter().all(CancellationToken::is_cancelled)
}

#[test]
fn u63_children_that_came_and_went_leave_nothing() {
    on_a_small_stack(|| {
        let root = CancellationToken::new();
        flat(|| drop(root.child()));
        flat(|| drop(root.child().child()));
        // Each generation holds the next alone.
        let mut last = root.child();
        flat(|| last = last.child());
        root.cancel();
        assert!(last.is_cancelled());
    });
}

#[test]
fn u64_futures_that_came_and_went_leave_nothing() {
    on_a_small_stack(|| {
        let token = CancellationToken::new();
        let mut cx = Context::from_waker(Waker::noop());
        flat(|| {
            let mut waiting = pin!(token.cancelled());
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
        });
        let mut tree = token.child();
        flat(|| {
            tree = tree.child();
            let mut waiting = pin!(tree.clone().cancelled_owned());
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
        });
    });
}

#[test]
fn u65_a_chain_of_a_million_is_cancelled_at_its_top() {
    on_a_small_stack(|| {
        let tokens = chain();
        tokens[MILLION / 2].cancel();
        assert!(!tokens[MILLION / 2 - 1].is_cancelled());
        assert!(all_cancelled(&tokens[MILLION / 2..]));
        tokens[0].cancel();
        assert!(all_cancelled(&tokens));
    });
}

#[test]
fn u65_a_chain_of_a_million_is_dropped_from_its_top() {
    on_a_small_stack(|| {
        drop(chain());
    });
}

#[test]
fn u65_a_chain_of_a_million_is_dropped_from_its_end() {
    on_a_small_stack(|| {
        let mut tokens = chain();
        while tokens.pop().is_some() {}
    });
}

#[test]
fn a_fan_of_a_million_is_cancelled() {
    on_a_small_stack(|| {
        let root = CancellationToken::new();
        let tokens = fan(&root);
        root.cancel();
        assert!(all_cancelled(&tokens));
    });
}

#[test]
fn a_fan_of_a_million_is_dropped_before_its_root_and_after_it() {
    on_a_small_stack(|| {
        let root = CancellationToken::new();
        drop(fan(&root));
        let tokens = fan(&root);
        drop(root);
        drop(tokens);
    });
}

#[test]
fn a_comb_of_a_million_without_handles_on_its_spine() {
    on_a_small_stack(|| {
        let (root, leaves) = comb();
        root.cancel();
        assert!(all_cancelled(&leaves));
        let (root, mut leaves) = comb();
        drop(root);
        while leaves.pop().is_some() {}
        let (root, leaves) = comb();
        drop(leaves);
        drop(root);
    });
}

#[test]
fn a_million_waiters_are_woken() {
    on_a_small_stack(|| {
        let token = CancellationToken::new();
        let mut waiters: Vec<_> = (0..MILLION).map(|_| token.cancelled()).collect();
        let mut cx = Context::from_waker(Waker::noop());
        // SAFETY: the vector does not move them until they are dropped.
        let mut pinned = waiters
            .iter_mut()
            .map(|waiter| unsafe { Pin::new_unchecked(waiter) });
        assert!(pinned.all(|waiter| waiter.poll(&mut cx).is_pending()));
        token.cancel();
        // SAFETY: as above.
        let mut pinned = waiters
            .iter_mut()
            .map(|waiter| unsafe { Pin::new_unchecked(waiter) });
        assert!(pinned.all(|waiter| waiter.poll(&mut cx).is_ready()));
    });
}
